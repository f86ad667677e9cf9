//! How soon those who were given nothing, or nothing but a code, hear of each other; and what a daemon
//! costs that is ready for both. It takes network namespaces, and so root.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use simulation::daemons::{
    Bridge, Daemon, Homes, Place, Programs, Scratch, eventually, link_up, may_make_namespaces,
    may_translate, text_of,
};

use crate::{
    Failure, idle,
    table::{Row, Section},
};

pub(crate) async fn measure() -> Result<Section, Failure> {
    if !may_make_namespaces() {
        return Err("network namespaces take root and iproute2".into());
    }
    let mut rows = vec![limited("two fresh daemons on one bridge, start to first message", LAN)?];
    rows.push(match may_translate() {
        true => limited("a code accepted behind two NATs, to first message received", NATS)?,
        false => Row::plain("a code accepted behind two NATs", "–"),
    });
    let idle = idle_default().await?;
    rows.extend([idle.resident_row(14.0), idle.core_row(), idle.disk_row()]);
    Ok(Section::new("Reach, and an idle daemon with QUIC and discovery, a neighbour by each", rows))
}

/// A meeting of strangers, how often it is tried, and how long the slowest may take.
struct Meeting {
    meet: fn() -> Result<Duration, Failure>,
    tries: usize,
    limit_s: f64,
}

const LAN: Meeting = Meeting { meet: meet_on_a_bridge, tries: 5, limit_s: 2.0 };
const NATS: Meeting = Meeting { meet: meet_through_nats, tries: 3, limit_s: 5.0 };

fn limited(what: &str, meeting: Meeting) -> Result<Row, Failure> {
    let mut slowest_s: f64 = 0.0;
    for _ in 0..meeting.tries {
        slowest_s = slowest_s.max((meeting.meet)()?.as_secs_f64());
    }
    let (limit_s, what) = (meeting.limit_s, format!("{what}, slowest of {}", meeting.tries));
    let limit = format!("≤ {limit_s:.0} s");
    Ok(Row::limited(what, format!("{slowest_s:.2} s"), limit, slowest_s <= limit_s))
}

/// From the start of a second daemon until it knows that the first one has its message.
fn meet_on_a_bridge() -> Result<Duration, Failure> {
    let lab = Lan::new(2)?;
    let first = lab.start(0, &[])?;
    // What the first one says while it is alone is over: the second one has to find it.
    std::thread::sleep(Duration::from_secs(5));
    let begin = Instant::now();
    let second = lab.start(1, &[])?;
    second.send_and_wait(first.address(), "hello", 30).map_err(|failure| failure.text)?;
    Ok(begin.elapsed())
}

fn meet_through_nats() -> Result<Duration, Failure> {
    Ok(Homes::new()?.meet_by_code("hello")?.first_message)
}

/// A default daemon with one neighbour that it discovered and one over QUIC.
async fn idle_default() -> Result<idle::Idle, Failure> {
    let lab = Lan::new(3)?;
    let (watched, found) = (lab.start(0, &[])?, lab.start(1, &[])?);
    let quiet = lab.start(2, &["--no-mdns", "--no-multicast", "--tcp-listen", "127.0.0.1:0"])?;
    let way = || {
        let uri = text_of(&quiet.qpc(&["whoami"]).ok()?["iroh"]);
        uri.contains("addr=").then_some(uri)
    };
    let way = eventually(PATIENCE, way).ok_or("no QUIC endpoint")?;
    watched.qpc(&["links", "add", &way]).map_err(|failure| failure.text)?;
    for neighbour in [&found, &quiet] {
        watched.send_and_wait(neighbour.address(), "hello", 30).map_err(|failure| failure.text)?;
    }
    link_up(&quiet).filter(|row| row["path"] == "direct").ok_or("the link is not one over QUIC")?;
    idle::observe(&watched).await
}

/// Hosts on one bridge, on which daemons run that are told nothing.
struct Lan {
    bridge: Bridge,
    scratch: Scratch,
    programs: Programs,
}

impl Lan {
    fn new(hosts: u8) -> Result<Self, Failure> {
        Ok(Self {
            bridge: Bridge::new(hosts)?,
            scratch: Scratch::new()?,
            programs: Programs::find(),
        })
    }

    fn start(&self, host: usize, flags: &[&str]) -> Result<Daemon, Failure> {
        let place = Place {
            folder: self.scratch.path().join(host.to_string()),
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            namespace: Some(self.bridge.host(host).into()),
        };
        Ok(Daemon::start_with(&self.programs, place, flags)?)
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

//! Two people at home, each behind a router, who share nothing but a relay that one of them named.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Daemon, Nats, Place, Programs, Scratch, eventually, text_of};

/// A daemon in each of two homes behind NATs, and one in the middle that serves a relay and is
/// nobody's neighbour. Everything is gone when dropped.
#[derive(Debug)]
pub struct Homes {
    /// Those who want to meet.
    pub homes: [Daemon; 2],
    /// The one in the middle.
    pub relay: Daemon,
    nats: Nats,
    _scratch: Scratch,
}

/// How long a first meeting took.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    /// From `qpc accept` until the guest knew that its first message had been received.
    pub first_message: Duration,
}

impl Homes {
    /// Starts the three and waits until both homes can be reached through the relay.
    ///
    /// # Errors
    ///
    /// Namespaces cannot be made, a daemon does not start, or does not get to the relay.
    pub fn new() -> Result<Self, String> {
        let scratch = Scratch::new().map_err(|error| error.to_string())?;
        let nats = Nats::new()?;
        let programs = Programs::find();
        let start = |name: &str, namespace: &str, flags: &[&str]| {
            let place = Place {
                folder: scratch.path().join(name),
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4_242)),
                namespace: Some(namespace.into()),
            };
            let listen = place.listen.to_string();
            let flags = [&["--no-mdns", "--no-multicast", "--tcp-listen", &listen], flags].concat();
            Daemon::start_with(&programs, place, &flags).map_err(|error| format!("{name}: {error}"))
        };
        let serve = format!("{}:{RELAY_PORT}", Ipv4Addr::from(Nats::MIDDLE));
        let relay = start("relay", nats.middle(), &["--no-iroh", "--serve-iroh-relay", &serve])?;
        let url = Self::relay_url();
        let flags = ["--iroh-relay", &url];
        let homes = [start("home0", nats.home(0), &flags)?, start("home1", nats.home(1), &flags)?];
        let lab = Self { homes, relay, nats, _scratch: scratch };
        for home in &lab.homes {
            way_to(home).ok_or("a home does not get to the relay")?;
        }
        Ok(lab)
    }

    /// From now on no UDP passes the routers, so that there is no direct way.
    ///
    /// # Errors
    ///
    /// What `nft` says.
    pub fn stop_udp(&self) -> Result<(), String> {
        self.nats.stop_udp()
    }

    /// Where the relay is found from both homes.
    pub fn relay_url() -> String {
        format!("http://{}:{RELAY_PORT}", Ipv4Addr::from(Nats::MIDDLE))
    }

    /// The second home gives a code, the first one accepts it and says `text`; both names are
    /// those that the other one suggested.
    ///
    /// # Errors
    ///
    /// What `qpc` says when a step fails; the message has half a minute.
    pub fn meet_by_code(&self, text: &str) -> Result<Meeting, String> {
        let [guest, inviter] = &self.homes;
        let say = |step: &str, failure: super::Failure| format!("{step}: {}", failure.text);
        let invite =
            inviter.qpc(&["invite", "--name", "Inga"]).map_err(|failure| say("invite", failure))?;
        let code = text_of(&invite["code"]);
        let begin = Instant::now();
        guest.qpc(&["accept", &code, "--as", "Gast"]).map_err(|failure| say("accept", failure))?;
        guest.send_and_wait("Inga", text, 30).map_err(|failure| say("send", failure))?;
        Ok(Meeting { first_message: begin.elapsed() })
    }
}

/// The way to a daemon as it is told to others, once it leads through a relay.
fn way_to(daemon: &Daemon) -> Option<String> {
    let uri = || {
        let uri = text_of(&daemon.qpc(&["whoami"]).ok()?["iroh"]);
        uri.contains("relay=").then_some(uri)
    };
    eventually(Duration::from_secs(20), uri)
}

/// The row of the link to a neighbour that is up.
pub fn link_up(daemon: &Daemon) -> Option<Value> {
    let rows = daemon.qpc(&["links", "list"]).ok()?;
    let rows = rows["links"].as_array()?.clone();
    rows.into_iter().find(|row| row["state"] == "up")
}

const RELAY_PORT: u16 = 3_340;

//! Messages end to end: how many a second, how many bits, and how fast what was kept for an
//! absent node reaches it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Seek as _},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use api::{DaemonProxy, InboxOptions, MessagesProxy, SendOptions, framing};
use futures_core::Stream as _;
use simulation::daemons::{Daemon, Scratch};

use crate::{
    Failure,
    line::{await_route, join, start},
    peers::{Peers, figure},
    table::{Row, Section},
};

/// One measured stream of messages.
#[derive(Clone, Copy)]
struct Stream {
    count: usize,
    len: usize,
    durable: bool,
    signed: bool,
}

pub(crate) async fn measure(peers: &Peers) -> Result<Section, Failure> {
    let small = Stream { count: 50_000, len: 100, durable: true, signed: false };
    let large = Stream { count: 4_000, len: 64 << 10, durable: false, signed: false };
    let sessions = run(3, small).await?;
    let signed = run(3, Stream { count: 20_000, signed: true, ..small }).await?;
    let direct = large_stream(2, large).await;
    let relayed = large_stream(3, large).await;
    let kept = large_stream(3, Stream { count: 2_000, durable: true, ..large }).await;
    let (dtn_small, dtn_large) =
        (peers.dtn7(&["direct", "20000", "100"]), peers.dtn7(&["direct", "2000", "65536"]));
    let per_s = |figure: f64| format!("{figure:.0}/s");
    let gbits = |figure: f64| {
        if figure > 0.0 { format!("{figure:.2} Gbit/s") } else { "did not end".to_owned() }
    };
    Ok(Section::new(
        "Messages end to end, received",
        vec![
            Row::limited(
                "100 B through one relay, durable at each step, in sessions",
                per_s(sessions),
                "≥ 15,000/s",
                sessions >= 15_000.0,
            )
            .beside(format!(
                "dtn7 {}, direct, in memory, neither encrypted nor signed",
                figure(&dtn_small, "per_s", 0, "/s")
            )),
            Row::limited("the same, signed", per_s(signed), "≥ 5,000/s", signed >= 5_000.0),
            Row::limited("64 kB, direct", gbits(direct), "≥ 2.5 Gbit/s", direct >= 2.5).beside(
                format!("dtn7 {}, not encrypted", figure(&dtn_large, "gbit_per_s", 2, " Gbit/s")),
            ),
            Row::limited("64 kB through one relay", gbits(relayed), "≥ 1.3 Gbit/s", relayed >= 1.3),
            Row::limited(
                "64 kB through one relay and durable",
                gbits(kept),
                "≥ 0.5 Gbit/s",
                kept >= 0.5,
            ),
        ],
    ))
}

fn gbit(stream: Stream, per_s: f64) -> f64 {
    per_s * stream.len as f64 * 8.0 / 1e9
}

/// Messages received a second over a line of so many daemons.
async fn run(daemons: usize, stream: Stream) -> Result<f64, Failure> {
    let scratch = Scratch::new()?;
    let daemons = line(&scratch, daemons).await?;
    let (first, last) = (&daemons[0], &daemons[daemons.len() - 1]);
    let sender = api::connect(&first.socket()).await?;
    let (messages, status) = (MessagesProxy::new(&sender).await?, DaemonProxy::new(&sender).await?);
    // The session and its first receipts are not what is measured.
    let id = messages.send(last.address(), b"warm", SendOptions::default()).await?;
    messages.wait(&id, 30_000).await?;
    let before = status.status().await?.messages_received;
    let taking = take_everything(last);
    let payloads = payloads_of(stream)?;
    let options = SendOptions {
        durable: Some(stream.durable),
        signed: Some(stream.signed),
        ..SendOptions::default()
    };
    let started = Instant::now();
    let sending = messages.send_many(last.address(), OwnedFd::from(payloads).into(), options);
    let receiving = async {
        let (mut received, mut grew) = (0, Instant::now());
        while received < stream.count as u64 && grew.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let Ok(now) = status.status().await else { break };
            if now.messages_received - before > received {
                (received, grew) = (now.messages_received - before, Instant::now());
            }
        }
        (received, grew)
    };
    let measured = async { tokio::join!(sending, receiving) };
    let (sent, (received, last_at)) = tokio::select! {
        measured = measured => measured,
        taken = taking => return Err(taken.err().unwrap_or_else(|| "the recipient is gone".into())),
    };
    sent?;
    if received < stream.count as u64 {
        eprintln!("only {received} of {} received", stream.count);
    }
    Ok(received as f64 / last_at.duration_since(started).as_secs_f64())
}

/// Gbit/s of a stream of large messages; 0 when it does not come to an end.
async fn large_stream(nodes: usize, stream: Stream) -> f64 {
    match tokio::time::timeout(LARGE_WAIT, run(nodes, stream)).await {
        Ok(Ok(per_s)) => gbit(stream, per_s),
        Ok(Err(error)) => {
            eprintln!("{error}");
            0.0
        }
        Err(_) => 0.0,
    }
}

/// Longest a stream of large messages may take: 4,000 × 64 kB at 0.14 Gbit/s.
const LARGE_WAIT: Duration = Duration::from_secs(15);

/// An application that takes what arrives, so that the inbox never fills. It goes by the signals
/// and leaves the payloads alone: how fast a client reads them is not what is measured. Signals are
/// dropped for a slow client, so when none comes it looks into the inbox. Signals have their own
/// connection: unread ones would hold up the answers behind them.
async fn take_everything(daemon: &Daemon) -> Result<(), Failure> {
    let signals = api::connect(&daemon.socket()).await?;
    let announced = MessagesProxy::new(&signals).await?;
    let mut arrivals = std::pin::pin!(announced.receive_message_received().await?);
    let connection = api::connect(&daemon.socket()).await?;
    let messages = MessagesProxy::new(&connection).await?;
    let mut untaken = 0;
    loop {
        let next = std::future::poll_fn(|cx| arrivals.as_mut().poll_next(cx));
        match tokio::time::timeout(SILENCE, next).await {
            Ok(None) => return Ok(()),
            Ok(Some(arrival)) => {
                untaken += 1;
                if untaken == TAKE_EVERY {
                    untaken = 0;
                    match messages.take(arrival.args()?.id()).await {
                        // Taken by the look into the inbox, and its signal came late.
                        Ok(()) | Err(api::Error::UnknownMessage(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(_) => {
                let options = InboxOptions { limit: Some(TAKE_EVERY), ..InboxOptions::default() };
                if let Some(last) = messages.inbox(options).await?.last() {
                    messages.take(&last.id).await?;
                }
            }
        }
    }
}

/// No signal for this long: some may have been dropped.
const SILENCE: Duration = Duration::from_millis(250);

/// Far fewer than an inbox holds, even of the largest messages.
const TAKE_EVERY: u32 = 64;

/// The stream's payloads, written down before the clock starts: making them up is not measured.
fn payloads_of(stream: Stream) -> io::Result<File> {
    let file = rustix::fs::memfd_create("payloads", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut out = io::BufWriter::new(File::from(file));
    let mut payload = vec![0x61; stream.len];
    for number in 0..stream.count as u32 {
        payload[..4].copy_from_slice(&number.to_le_bytes());
        framing::write_item(&mut out, &payload)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Daemons in a line that know each other.
async fn line(scratch: &Scratch, count: usize) -> Result<Vec<Daemon>, Failure> {
    let daemons = start(scratch, count)?;
    for pair in daemons.windows(2) {
        join(&pair[1], &pair[0]).await?;
    }
    await_route(&daemons[0], daemons[count - 1].address()).await?;
    await_route(&daemons[count - 1], daemons[0].address()).await?;
    Ok(daemons)
}

const KEPT: usize = 10_000;

pub(crate) async fn measure_absent(peers: &Peers) -> Result<Section, Failure> {
    let scratch = Scratch::new()?;
    let mut daemons = line(&scratch, 3).await?;
    let to = daemons[2].address().to_owned();
    let connection = api::connect(&daemons[0].socket()).await?;
    let messages = MessagesProxy::new(&connection).await?;
    let id = messages.send(&to, b"warm", SendOptions::default()).await?;
    messages.wait(&id, 30_000).await?;
    daemons[2].stop();
    let stream = Stream { count: KEPT, len: 100, durable: true, signed: false };
    let payloads = OwnedFd::from(payloads_of(stream)?);
    messages.send_many(&to, payloads.into(), SendOptions::default()).await?;
    until_in_custody(&daemons[0]).await?;
    // The relay alone has to deliver, and it comes back from a crash.
    daemons[0].stop();
    daemons[1].kill();
    daemons[1].switch_on()?;
    daemons[2].switch_on()?;
    let started = Instant::now();
    let (seconds, shown) = until_shown(&daemons[2], started).await?;
    let distinct: BTreeSet<&Vec<u8>> = shown.iter().collect();
    let twice = shown.len() - distinct.len();
    let lost = (KEPT + 1).saturating_sub(distinct.len());
    let peer = peers.dtn7(&["absent", "200"]);
    Ok(Section::new(
        "Kept for an absent node, relay killed and restarted",
        vec![
            Row::limited(
                format!("{KEPT} messages of 100 B, from the node's return to the last"),
                format!("{seconds:.2} s, {lost} lost, {twice} twice"),
                "≤ 2 s, none lost, none twice",
                seconds <= 2.0 && lost == 0 && twice == 0,
            )
            .beside(format!("dtn7 {} for 200, not restarted", figure(&peer, "seconds", 2, " s"))),
        ],
    ))
}

async fn until_in_custody(sender: &Daemon) -> Result<(), Failure> {
    let connection = api::connect(&sender.socket()).await?;
    let status = DaemonProxy::new(&connection).await?;
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if status.status().await?.outbox_in_custody as usize >= KEPT {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let now = status.status().await?;
    Err(format!("the relay has {} of {} in custody", now.outbox_in_custody, now.outbox).into())
}

/// When the last message was delivered, and every payload of the inbox.
async fn until_shown(daemon: &Daemon, started: Instant) -> Result<(f64, Vec<Vec<u8>>), Failure> {
    let connection = api::connect(&daemon.socket()).await?;
    let status = DaemonProxy::new(&connection).await?;
    let (mut delivered, mut at) = (0, started);
    while delivered < KEPT as u64 && at.elapsed() < Duration::from_secs(30) {
        let now = status.status().await?.messages_delivered;
        if now > delivered {
            (delivered, at) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Time for a second copy to show up, if there were one.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let messages = MessagesProxy::new(&connection).await?;
    let descriptor = messages.inbox_fd(InboxOptions::default()).await?;
    let payloads =
        tokio::task::spawn_blocking(move || read_inbox(OwnedFd::from(descriptor))).await??;
    Ok((at.duration_since(started).as_secs_f64(), payloads))
}

fn read_inbox(descriptor: OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut input = io::BufReader::new(File::from(descriptor));
    let mut payloads = Vec::new();
    while let Some(item) = framing::read_item(&mut input)? {
        let Some((_, payload)) = framing::InboxHeader::split(&item) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        payloads.push(payload.to_vec());
    }
    Ok(payloads)
}

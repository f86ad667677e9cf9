//! A QUIC link beside the bare iroh it is made of: one machine, one process, a thread and a
//! runtime for each end, as two daemons have.

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use iroh::{
    Endpoint, EndpointAddr, RelayMode, TransportAddr,
    endpoint::{Connection, RecvStream, SendStream, presets},
};
use mesh::{LinkId, MeshIdentity};
use transports::{
    Flow, LinkConfig, LinkEvent, SendState, TransportManager,
    iroh::{ALPN, IrohConfig},
};

use crate::{
    Failure,
    primitives::median,
    table::{Row, Section},
};

/// What is sent in one stream.
const BULK_LEN: usize = 1 << 30;
/// What is handed over at a time.
const CHUNK_LEN: usize = 64 << 10;
/// Round trips of a run.
const ROUNDS: usize = 20_000;
/// Bytes of a round trip, each way.
const ROUND_LEN: usize = 64;
/// Runs of each, in turn: what the machine does beside it hits both.
const RUNS: usize = 3;

pub(crate) fn measure() -> Result<Section, Failure> {
    let (mut bulk, mut round) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..RUNS {
        for (which, ends) in
            [bare as fn() -> Result<Figures, Failure>, ours].into_iter().enumerate()
        {
            let Figures { mib_per_s, rtt_us } = ends()?;
            bulk[which].push(mib_per_s);
            round[which].push(rtt_us);
        }
    }
    let [bare_bulk, our_bulk] = bulk.map(median);
    let [bare_round, our_round] = round.map(median);
    let (share, times) = (our_bulk / bare_bulk, our_round / bare_round);
    Ok(Section::new(
        "A QUIC link beside bare iroh",
        vec![
            Row::limited(
                format!("1 GiB in one stream, median of {RUNS}"),
                format!("{our_bulk:.0} MiB/s, {share:.2} of bare iroh"),
                "≥ 0.9",
                share >= 0.9,
            )
            .beside(format!("iroh {bare_bulk:.0} MiB/s")),
            Row::limited(
                format!("round trip of {ROUND_LEN} B, p50 of {ROUNDS}, median of {RUNS}"),
                format!("{our_round:.1} µs, {times:.2} × bare iroh"),
                "≤ 1.2",
                times <= 1.2,
            )
            .beside(format!("iroh {bare_round:.1} µs")),
        ],
    ))
}

struct Figures {
    mib_per_s: f64,
    rtt_us: f64,
}

impl Figures {
    fn of(bulk: Duration, mut rounds: Vec<f64>) -> Self {
        rounds.sort_unstable_by(f64::total_cmp);
        let rtt_us = rounds.get(rounds.len() / 2).copied().unwrap_or(f64::NAN);
        Self { mib_per_s: (BULK_LEN >> 20) as f64 / bulk.as_secs_f64(), rtt_us }
    }
}

/// Runs the far end on a thread of its own, the near end on this one; where the far end is
/// reached goes from there to here.
fn both_ends<A: Send + 'static, F>(
    far: impl FnOnce(mpsc::SyncSender<A>) -> F + Send + 'static,
    near: impl AsyncFnOnce(A) -> Result<Figures, Failure>,
) -> Result<Figures, Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(far(tell)));
        done.map_err(|error| error.to_string())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let at = told.recv()?;
    let figures = runtime.block_on(near(at))?;
    thread.join().map_err(|_| "the far end panicked")??;
    Ok(figures)
}

fn bare() -> Result<Figures, Failure> {
    both_ends(bare_far, bare_near)
}

async fn endpoint() -> Result<Endpoint, Failure> {
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")?
        .alpns(vec![ALPN.to_vec()]);
    Ok(builder.bind().await?)
}

async fn bare_far(tell: mpsc::SyncSender<EndpointAddr>) -> Result<(), Failure> {
    let endpoint = endpoint().await?;
    let at = endpoint.bound_sockets().into_iter().map(TransportAddr::Ip);
    tell.send(EndpointAddr::from_parts(endpoint.id(), at))?;
    let connection = endpoint.accept().await.ok_or("closed")?.await?;
    let (mut send, mut recv) = connection.accept_bi().await?;
    let mut buffer = vec![0; 256 << 10];
    for _ in 0..ROUNDS {
        recv.read_exact(&mut buffer[..ROUND_LEN]).await?;
        send.write_all(&buffer[..ROUND_LEN]).await?;
    }
    let mut len = 0;
    while len < BULK_LEN {
        len += recv.read(&mut buffer).await?.ok_or("cut off")?;
    }
    send.write_all(&[1]).await?;
    // The last word is read before the connection goes.
    connection.closed().await;
    Ok(())
}

async fn bare_near(at: EndpointAddr) -> Result<Figures, Failure> {
    let endpoint = endpoint().await?;
    let connection: Connection = endpoint.connect(at, ALPN).await?;
    let (mut send, mut recv): (SendStream, RecvStream) = connection.open_bi().await?;
    let mut buffer = [0; ROUND_LEN];
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        send.write_all(&buffer).await?;
        recv.read_exact(&mut buffer).await?;
        rounds.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let chunk = vec![0x61; CHUNK_LEN];
    let begin = Instant::now();
    for _ in 0..BULK_LEN / CHUNK_LEN {
        send.write_all(&chunk).await?;
    }
    recv.read_exact(&mut buffer[..1]).await?;
    let bulk = begin.elapsed();
    connection.close(0_u8.into(), b"");
    endpoint.close().await;
    Ok(Figures::of(bulk, rounds))
}

fn ours() -> Result<Figures, Failure> {
    both_ends(our_far, our_near)
}

/// A manager with an endpoint, bound.
async fn manager(seed: u8) -> Result<(TransportManager, String), Failure> {
    let mut manager =
        TransportManager::new(LinkConfig::new(MeshIdentity::from_seeds([seed; 32], None)));
    let bind = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    manager.listen_iroh(IrohConfig { secret: [seed; 32].into(), bind, relays: Vec::new() })?;
    loop {
        match manager.iroh() {
            Some(info) if !info.addresses.is_empty() => {
                let uri = info.uri();
                return Ok((manager, uri));
            }
            _ => {
                let _ = manager.next().await;
            }
        }
    }
}

async fn our_far(tell: mpsc::SyncSender<String>) -> Result<(), Failure> {
    let (mut manager, uri) = manager(2).await?;
    tell.send(uri)?;
    let (mut rounds, mut len) = (0, 0);
    loop {
        match manager.next().await {
            LinkEvent::Readable(link) => {
                let mut echo = None;
                manager.recv(link, |frame| {
                    if rounds < ROUNDS {
                        rounds += 1;
                        echo = Some(frame.to_vec());
                    } else {
                        len += frame.len();
                    }
                    Flow::Continue
                });
                if len >= BULK_LEN {
                    len = 0;
                    echo = Some(vec![1]);
                }
                give(&mut manager, link, &mut echo);
            }
            LinkEvent::Writable(link) => give(&mut manager, link, &mut None),
            LinkEvent::Down { .. } => return Ok(()),
            _ => {}
        }
    }
}

fn give(manager: &mut TransportManager, link: LinkId, frame: &mut Option<Vec<u8>>) {
    manager.send(link, |buf| frame.take().map(|frame| buf.extend_from_slice(&frame)).is_some());
}

async fn our_near(uri: String) -> Result<Figures, Failure> {
    let (mut manager, _) = manager(1).await?;
    manager.add(&uri)?;
    let link = loop {
        if let LinkEvent::Up { up, .. } = manager.next().await {
            break up.link;
        }
    };
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        give(&mut manager, link, &mut Some(vec![0; ROUND_LEN]));
        await_frame(&mut manager, link).await;
        rounds.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let chunk = vec![0x61; CHUNK_LEN];
    let mut left = BULK_LEN / CHUNK_LEN;
    let begin = Instant::now();
    while flood(&mut manager, link, &chunk, &mut left) != SendState::Idle {
        while manager.next().await != LinkEvent::Writable(link) {}
    }
    await_frame(&mut manager, link).await;
    let bulk = begin.elapsed();
    manager.shutdown(Duration::from_secs(1)).await;
    Ok(Figures::of(bulk, rounds))
}

fn flood(
    manager: &mut TransportManager,
    link: LinkId,
    chunk: &[u8],
    left: &mut usize,
) -> SendState {
    manager.send(link, |buf| {
        let more = *left > 0;
        if more {
            *left -= 1;
            buf.extend_from_slice(chunk);
        }
        more
    })
}

async fn await_frame(manager: &mut TransportManager, link: LinkId) {
    loop {
        match manager.next().await {
            LinkEvent::Readable(readable)
                if readable == link && manager.recv(link, |_| Flow::Continue) > 0 =>
            {
                return;
            }
            LinkEvent::Writable(writable) => give(manager, writable, &mut None),
            _ => {}
        }
    }
}

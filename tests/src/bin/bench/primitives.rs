//! What a signature, a key exchange, a hop and a disk write cost here: no figure of ours can be
//! better than what it is made of.

use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Instant,
};

use mesh::crypto::{Mode, kem, rng::NodeRng, sign};
use simulation::daemons::Scratch;

use crate::{
    Failure,
    table::{Row, Section},
};

pub(crate) fn measure() -> Result<Section, Failure> {
    let mut rng = NodeRng::from_seed([7; 32]);
    let key = sign::SigningKey::from_seed(&[1; 32]);
    let (digest, public) = ([2; 32], key.public());
    let signature = key.sign(Mode::Real, &digest);
    let x25519 = kem::X25519Key::from_seed([3; 32]);
    let other = kem::X25519Key::from_seed([4; 32]).public();
    let xwing = kem::XWingKey::from_seed(Mode::Real, [5; 32]);
    let xwing_public = xwing.public();
    let micros = |each: f64| format!("{:.1} µs", each * 1e6);
    let verify = time(2_000, || {
        let held = sign::verify(Mode::Real, &public, &digest, &signature);
        assert!(held.is_ok(), "our own signature");
    });
    let signing = time(4_000, || {
        std::hint::black_box(key.sign(Mode::Real, &digest));
    });
    let agree = time(2_000, || {
        std::hint::black_box(x25519.agree(&other)).expect("an honest key");
    });
    let encapsulate = time(500, || {
        std::hint::black_box(kem::encapsulate_xwing(Mode::Real, &xwing_public, &mut rng))
            .expect("an honest key");
    });
    let rows = vec![
        Row::plain("Ed25519 verify", micros(verify)),
        Row::plain("Ed25519 verify in batches of 512", micros(batch_verify_s())),
        Row::plain("Ed25519 sign", micros(signing)),
        Row::plain("X25519", micros(agree)),
        Row::plain("X-Wing encapsulate (X25519 twice, ML-KEM-768 once)", micros(encapsulate)),
        Row::plain("six-hop raw TCP echo of 100 B, p50", micros(six_hop_echo()?)),
        Row::plain("append 200 B and `fdatasync`, p50", micros(fdatasync()?)),
    ];
    Ok(Section::new("Primitives, one core", rows))
}

/// CPU-seconds for each of 4,096 distinct signatures, verified in the batches of an announce frame.
pub(crate) fn batch_verify_s() -> f64 {
    let mut rng = NodeRng::from_seed([8; 32]);
    let signed: Vec<_> = (0..4_096_u32)
        .map(|n| {
            let mut seed = [9; 32];
            seed[..4].copy_from_slice(&n.to_le_bytes());
            let key = sign::SigningKey::from_seed(&seed);
            (key.public(), seed, key.sign(Mode::Real, &seed))
        })
        .collect();
    let started = thread_cpu_s();
    for part in signed.chunks(512) {
        let mut batch = sign::Batch::new(Mode::Real);
        for (key, digest, signature) in part {
            batch.push(key, digest, signature);
        }
        assert!(batch.verify(&mut rng).into_iter().all(|holds| holds), "our own signatures");
    }
    (thread_cpu_s() - started) / signed.len() as f64
}

/// CPU time of this thread: what others do on the machine does not count, as it does not for the
/// daemon it is compared with.
fn thread_cpu_s() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedstat.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
    nanos.unwrap_or(0) as f64 / 1e9
}

/// Seconds for each of `count` calls, after a tenth as many to warm up.
fn time(count: u32, mut call: impl FnMut()) -> f64 {
    (0..count / 10).for_each(|_| call());
    let started = Instant::now();
    (0..count).for_each(|_| call());
    started.elapsed().as_secs_f64() / f64::from(count)
}

/// The median of what `sample` returns.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds for 100 B over six TCP connections in a row and back, each end a blocking thread.
fn six_hop_echo() -> io::Result<f64> {
    let mut next = spawn_echo()?;
    for _ in 1..6 {
        next = spawn_relay(next)?;
    }
    let mut stream = connect(next)?;
    let mut buffer = [0; 100];
    let mut samples = Vec::with_capacity(2_000);
    for _ in 0..2_000 {
        let started = Instant::now();
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
        samples.push(started.elapsed().as_secs_f64());
    }
    Ok(median(samples))
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn spawn_echo() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut buffer = [0; 100];
        while stream.read_exact(&mut buffer).is_ok() {
            stream.write_all(&buffer)?;
        }
        io::Result::Ok(())
    });
    Ok(port)
}

fn spawn_relay(next: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let mut out = connect(next)?;
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut buffer = [0; 100];
        while stream.read_exact(&mut buffer).is_ok() {
            out.write_all(&buffer)?;
            out.read_exact(&mut buffer)?;
            stream.write_all(&buffer)?;
        }
        io::Result::Ok(())
    });
    Ok(port)
}

fn fdatasync() -> io::Result<f64> {
    let scratch = Scratch::new()?;
    let path = scratch.path().join("log");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut samples = Vec::with_capacity(300);
    for _ in 0..300 {
        let started = Instant::now();
        file.write_all(&[0; 200])?;
        file.sync_data()?;
        samples.push(started.elapsed().as_secs_f64());
    }
    Ok(median(samples))
}

//! The whole country's appointments in one daemon, and a fresh one that gets them from it over TCP.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use fapp::{
    UnixSeconds,
    announce::{Draft, Profile},
    plz::Plz,
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet},
};
use mesh::{MeshIdentity, crypto::rng::NodeRng, wire::VERSION};
use simulation::daemons::{Daemon, Place, Programs, Scratch, free_loopback_address, http};

use crate::{
    Failure,
    idle::{cpu_seconds, resident_bytes},
    ingest::Feeder,
    table::{Row, Section},
};

const COUNTRY: usize = 50_000;
/// Announces in a frame: 64 of them are below its 16 KiB.
const PER_FRAME: usize = 64;
/// What a frame to the program beside a node begins with, and one with announces.
const BESIDE: u8 = 0x60;
const OBJECTS: u8 = 5;

pub(crate) async fn measure() -> Result<Section, Failure> {
    let scratch = Scratch::new()?;
    let (full, full_page) = start(&scratch, "full", "")?;
    let idle = resident_bytes(&full)?;
    let mut feeder = Feeder::connect(&full, 0).await?;
    let (frames, data) = country()?;
    for frame in &frames {
        feeder.send(frame).await;
    }
    let patience = Instant::now() + Duration::from_secs(300);
    while known(full_page)? < COUNTRY {
        if Instant::now() > patience {
            return Err(format!("{} of {COUNTRY} announces arrived", known(full_page)?).into());
        }
        feeder.read(Duration::from_secs(1)).await;
    }
    drop(feeder);
    let kept = resident_bytes(&full)?.saturating_sub(idle);

    let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", full.place().listen);
    let (fresh, page) = start(&scratch, "fresh", &peers)?;
    let began = Instant::now();
    while known(page)? < COUNTRY {
        if Instant::now() > patience + Duration::from_secs(300) {
            return Err(format!("{} of {COUNTRY} announces arrived", known(page)?).into());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let took = began.elapsed().as_secs_f64();
    Ok(Section::new(
        "Appointments: a country of 50,000 practices with five slots each",
        vec![
            Row::plain("its announces", format!("{:.1} MB", data as f64 / 1e6)),
            Row::plain(
                "memory that a daemon grows by",
                format!("{:.1} MiB", kept as f64 / 1_048_576.0),
            ),
            Row::limited(
                "a fresh daemon has all of them, over TCP, verified and on its disk",
                format!("{took:.1} s"),
                "≤ 20 s",
                took <= 20.0,
            ),
            Row::plain("CPU time that took it", format!("{:.1} s", cpu_seconds(&fresh)?)),
        ],
    ))
}

fn start(scratch: &Scratch, name: &str, peers: &str) -> Result<(Daemon, SocketAddr), Failure> {
    let folder = scratch.path().join(name);
    fs::create_dir_all(&folder)?;
    let page = free_loopback_address()?;
    fs::write(folder.join("qpcd.toml"), format!("[web]\nlisten = [\"{page}\"]\n{peers}"))?;
    let listen = free_loopback_address()?;
    let daemon = Daemon::start(&Programs::find(), Place { folder, listen, namespace: None })?;
    Ok((daemon, page))
}

/// Announces that a daemon has, as a visitor of its page gets them.
fn known(page: SocketAddr) -> Result<usize, Failure> {
    let mut count = 0;
    for region in 1..100 {
        let answer = http(page, "GET", &format!("/v1/region/{region:02}"), &[], &[])?;
        let mut rest = &answer.body[..];
        while let [low, high, _, announce @ ..] = rest {
            let len = usize::from(u16::from_le_bytes([*low, *high]));
            rest = announce.get(len..).ok_or("a region's data ends too soon")?;
            count += 1;
        }
    }
    Ok(count)
}

/// Frames with every announce, and the bytes of these.
fn country() -> Result<(Vec<Vec<u8>>, usize), Failure> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let codes: Vec<Plz> = Plz::all().collect();
    let mut rng = NodeRng::from_seed([11; 32]);
    let mut objects = Vec::with_capacity(COUNTRY);
    for number in 0..COUNTRY as u32 {
        let mut root = [9; 32];
        root[..4].copy_from_slice(&number.to_le_bytes());
        let identity = MeshIdentity::from_seeds([1; 32], Some(root));
        let profile = Profile {
            fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
            modalitaeten: Modalitaet::Praxis.into(),
            kostentraeger: Kostentraeger::Gkv.into(),
            ..Profile::default()
        };
        let plz = codes[rng.below(codes.len() as u64) as usize];
        let made = UnixSeconds(now - rng.below(6 * 86_400));
        let mut draft = Draft::new(plz, profile, made, 1);
        draft.mailboxes = vec![mesh::Address::from_bytes(rng.array())];
        draft.sub_key = rng.array();
        let day = now - now % 86_400;
        let at = |n: u64, rng: &mut NodeRng| day + n * 86_400 + 3_600 * (7 + rng.below(9));
        draft.slots = (2..=6).map(|n| Slot::new(UnixSeconds(at(n, &mut rng)), 50)).collect();
        draft.expires = UnixSeconds(now + 8 * 86_400);
        objects.push(draft.sign(&identity)?.bytes());
    }
    let data = objects.iter().map(Vec::len).sum();
    let frame = |part: &[Vec<u8>]| {
        let mut frame = vec![VERSION, BESIDE, OBJECTS];
        for object in part {
            // 230 bytes each.
            frame.extend_from_slice(&(object.len() as u16).to_le_bytes());
            frame.extend_from_slice(object);
        }
        frame
    };
    Ok((objects.chunks(PER_FRAME).map(frame).collect(), data))
}

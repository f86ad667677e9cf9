//! Targets outside the core: what the daemon reads from its disk, its clients, its configuration and
//! the packets of discovery. `daemon/tests/all/decoders.rs` runs them on the stable compiler.

use std::{
    collections::BTreeMap,
    io::{self, Cursor},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use api::framing;
use daemon::{
    config::{Config, Sources},
    identity::backup,
    paths::Paths,
    store::{Disk, Store},
};
use mesh::{Instant, radio::AirClass};
use transports::{
    NetworkKey,
    discovery::datagram::Datagram,
    lora::{
        Region, RnodeTarget, Stamp, Verdict, book,
        kiss::{Decoder, encode_into},
        rnode::{Pace, Rnode},
    },
    tcp::TcpTarget,
};

/// A target: its name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this file.
pub const ALL: &[Target] = &[
    ("store_log", store_log),
    ("backup_file", backup_file),
    ("configuration", configuration),
    ("api_framing", api_framing),
    ("discovery", discovery),
    ("link_text", link_text),
    ("kiss", kiss),
    ("rnode", rnode),
    ("airtime", airtime),
];

const OWNER: [u8; 16] = [7; 16];

/// Segments in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<u32, Vec<u8>>>>);

impl Memory {
    fn with<T>(&self, use_it: impl FnOnce(&mut BTreeMap<u32, Vec<u8>>) -> T) -> T {
        use_it(&mut self.0.lock().expect("one thread"))
    }
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<u32>> {
        Ok(self.with(|segments| segments.keys().copied().collect()))
    }

    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        self.with(|segments| segments.get(&segment).cloned())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, segment: u32) -> io::Result<()> {
        self.with(|segments| segments.insert(segment, Vec::new()));
        Ok(())
    }

    fn append(&mut self, segment: u32, bytes: &[u8]) -> io::Result<()> {
        self.with(|segments| segments.entry(segment).or_default().extend_from_slice(bytes));
        Ok(())
    }

    fn sync(&mut self, _segment: u32) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, segment: u32, len: u64) -> io::Result<()> {
        self.with(|segments| segments.entry(segment).or_default().truncate(len as usize));
        Ok(())
    }

    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.with(|segments| segments.remove(&segment));
        Ok(())
    }

    fn keep_copy(&mut self, segment: u32) -> io::Result<String> {
        Ok(format!("copy of {segment}"))
    }

    fn reserve(&mut self, _hold: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Two segments of any bytes, and a file of key slots: the store opens on what holds, or says whose
/// it is; what it gave once it gives again.
pub fn store_log(data: &[u8]) {
    let (first, second) = data.split_at(data.len() / 2);
    let disk = Memory::default();
    disk.with(|segments| {
        // The first with a header that holds, so that more than headers is read.
        let mut header = b"QPCLOG\x01\n\x01\0\0\0".to_vec();
        header.extend_from_slice(&OWNER);
        let crc = crc32(&header);
        header.extend_from_slice(&crc.to_le_bytes());
        header.extend_from_slice(first);
        segments.insert(1, header);
        segments.insert(2, second.to_vec());
    });
    let Ok(dir) = tempfile::tempdir() else { return };
    let keys = dir.path().join("keys");
    let opened = |disk: &Memory, keys: &Path| Store::open_on(disk.clone(), keys, OWNER);
    let Ok((store, found)) = opened(&disk, &keys) else { return };
    drop(store);
    let (_, again) = opened(&disk, &keys).expect("what was cleaned opens");
    assert_eq!(again.log.damage, [], "damage is moved away once");
    let plain = |rows: &[mesh::Record]| {
        let rows = rows.iter().filter(|row| !row.table.is_secret());
        rows.map(|row| (row.table, row.key.clone(), row.value.clone())).collect::<Vec<_>>()
    };
    let (mut before, mut after) = (plain(&found.rows), plain(&again.rows));
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 }
        })
    })
}

/// Backups. Those that ask for much memory are refused or slow: they are cut down first.
pub fn backup_file(data: &[u8]) {
    let mut file = data.to_vec();
    // Magic 8, memory in KiB u32, passes u32.
    if let Some(costs) = file.get_mut(8..16) {
        let memory = u32::from_le_bytes([costs[0], costs[1], costs[2], costs[3]]);
        if (65..=256 << 10).contains(&memory) {
            costs[..4].copy_from_slice(&64_u32.to_le_bytes());
        }
    }
    assert!(backup::import(&file, "a passphrase").is_err(), "nobody made this backup");
}

/// A configuration file: read, or every problem in it named.
pub fn configuration(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let file = dir.path().join("qpcd.toml");
    if std::fs::write(&file, data).is_err() {
        return;
    }
    let paths = Paths {
        config: file.clone(),
        data_dir: dir.path().join("data"),
        socket: dir.path().join("socket"),
    };
    let sources = Sources { file: Some(file), ..Sources::default() };
    match Config::load(&paths, &sources) {
        Ok(config) => assert!(config.show().count() > 0),
        Err(problems) => assert!(!problems.is_empty(), "refused without a word"),
    }
}

/// What passes between daemon and clients through descriptors.
pub fn api_framing(data: &[u8]) {
    let mut input = Cursor::new(data);
    let mut out = Vec::new();
    while let Ok(Some(item)) = framing::read_item(&mut input) {
        framing::write_item(&mut out, &item).expect("what was read can be written");
        if let Some((header, rest)) = framing::InboxHeader::split(&item) {
            assert_eq!(header.to_bytes().len() + rest.len(), item.len());
        }
    }
    assert!(data.starts_with(&out), "an item has one form");
}

/// Packets of the own multicast group.
pub fn discovery(data: &[u8]) {
    if let Ok(datagram) = Datagram::decode(data) {
        assert_eq!(datagram.encode(), data);
    }
}

/// Texts that name links and networks.
pub fn link_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(target) = TcpTarget::parse(text) {
        let again = target.to_string();
        assert_eq!(TcpTarget::parse(&again).ok(), Some(target), "{again}");
    }
    let _ = NetworkKey::parse(text);
    if let Ok(target) = RnodeTarget::parse(text) {
        let again = target.to_string();
        assert_eq!(RnodeTarget::parse(&again).ok(), Some(target), "{again}");
    }
}

/// What a serial line brings: whatever comes out goes in again and comes out the same.
pub fn kiss(data: &[u8]) {
    let mut decoder = Decoder::new();
    for &byte in data {
        let Some(frame) = decoder.push(byte) else { continue };
        let mut line = Vec::new();
        encode_into(frame.command, frame.payload, &mut line);
        let mut again = Decoder::new();
        let found = line.iter().filter(|byte| again.push(**byte).is_some()).count();
        assert_eq!(found, 1);
    }
}

/// A modem that says anything at any time: two bytes of milliseconds and one of a length before
/// each piece.
pub fn rnode(data: &[u8]) {
    let settings = Region::Eu868.defaults();
    let mut now = Instant::from_secs(1);
    let mut rnode = Rnode::new(now, Pace::SERIAL, settings, 1_000);
    let mut rest = data;
    while let [low, high, len, more @ ..] = rest {
        let (piece, after) = more.split_at(usize::from(*len).min(more.len()));
        rest = after;
        now += Duration::from_millis(u64::from(u16::from_le_bytes([*low, *high])));
        if rnode.poll_timeout().is_some_and(|due| due <= now) {
            rnode.handle_timeout(now);
        }
        rnode.handle_bytes(now, piece);
        if rnode.is_free() {
            rnode.send(now, &[*len], Duration::from_millis(50)).expect("it is free");
            assert!(!rnode.is_free());
        }
        let mut out = Vec::new();
        while rnode.poll_write(&mut out) {}
        while rnode.poll_event().is_some() {}
        assert!(!rnode.is_failed() || rnode.poll_timeout().is_none());
    }
}

/// The record of air time: damaged ones are used up, good ones are written as they were read.
pub fn airtime(data: &[u8]) {
    let stamp = Stamp {
        machine_start: [1; 16],
        since_start: Duration::from_secs(10_000),
        unix_secs: Some(1_800_000_000),
    };
    let (mut ledger, lost) = book::restore(data, Instant::ZERO, &stamp);
    ledger.open("EU868/P", 360_000_000);
    let verdict = ledger.ask(Instant::ZERO, "EU868/P", AirClass::Control, 1_000);
    assert!(lost.is_none() || matches!(verdict, Verdict::At(_)));
    let (_, bytes) = book::encode(&mut ledger, Instant::ZERO, &stamp);
    assert_eq!(book::restore(&bytes, Instant::ZERO, &stamp).1, None);
}

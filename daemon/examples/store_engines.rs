//! The store's append log beside redb, for the rows this daemon writes: small and large, inserted
//! and later deleted, in synced batches. See `specs/decisions/0001-store-engine.md`.
//!
//! `cargo run --release -p quicprochat-daemon --example store_engines [DIRECTORY]`

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use daemon::store::Store;
use mesh::{Record, Table};
use redb::{Database, ReadableDatabase, TableDefinition};

/// Rows of `len` bytes, `total` of them in batches of `batch`; `live` stay.
struct Load {
    len: usize,
    batch: u64,
    total: u64,
    live: u64,
}

const LOADS: &[Load] = &[
    Load { len: 200, batch: 10, total: 5_000, live: 1_000 },
    Load { len: 200, batch: 100, total: 100_000, live: 1_000 },
    Load { len: 200, batch: 1_000, total: 300_000, live: 5_000 },
    Load { len: 65_536, batch: 16, total: 4_000, live: 64 },
];

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("store-engines-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    println!("| engine | row | batch | µs per row operation | MB/s |");
    println!("|---|---|---|---|---|");
    for (n, load) in LOADS.iter().enumerate() {
        report("append log", load, append_log(&dir.join(format!("log{n}")), load)?);
        report("redb", load, redb(&dir.join(format!("redb{n}")), load, false)?);
        report("redb, 2PC", load, redb(&dir.join(format!("redb2{n}")), load, true)?);
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn report(engine: &str, load: &Load, took: Duration) {
    let per_row = took.as_secs_f64() * 1e6 / (2 * load.total) as f64;
    let rate = (load.total * load.len as u64) as f64 / 1e6 / took.as_secs_f64();
    println!("| {engine} | {} B | {} | {per_row:.2} | {rate:.0} |", load.len, load.batch);
}

fn append_log(dir: &Path, load: &Load) -> Result<Duration, Box<dyn Error>> {
    let (mut store, _) = Store::open(dir, [1; 16])?;
    let value = vec![7; load.len];
    let record = |key, value| Record { table: Table::Custody, key, value };
    let started = Instant::now();
    for first in (0..load.total).step_by(load.batch as usize) {
        let mut records = Vec::with_capacity(2 * load.batch as usize);
        for n in first..first + load.batch {
            records.push(record(key(n).to_vec(), Some(value.clone())));
            if n >= load.live {
                records.push(record(key(n - load.live).to_vec(), None));
            }
        }
        store.commit(&records)?;
        while store.clean()? {}
    }
    Ok(started.elapsed())
}

fn redb(path: &Path, load: &Load, two_phase: bool) -> Result<Duration, Box<dyn Error>> {
    let db = Database::builder().set_cache_size(4 << 20).create(path)?;
    let value = vec![7; load.len];
    let started = Instant::now();
    for first in (0..load.total).step_by(load.batch as usize) {
        let mut transaction = db.begin_write()?;
        transaction.set_two_phase_commit(two_phase);
        transaction.set_quick_repair(two_phase);
        {
            let mut rows = transaction.open_table(ROWS)?;
            for n in first..first + load.batch {
                rows.insert(&key(n)[..], &value[..])?;
                if n >= load.live {
                    rows.remove(&key(n - load.live)[..])?;
                }
            }
        }
        transaction.commit()?;
    }
    let took = started.elapsed();
    // The last commit is there.
    db.begin_read()?.open_table(ROWS)?;
    Ok(took)
}

/// Sixteen bytes without an order, as digests are.
fn key(n: u64) -> [u8; 16] {
    let mut key = [0; 16];
    let mut x = n.wrapping_add(1);
    for half in key.chunks_exact_mut(8) {
        x = (x ^ x >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        half.copy_from_slice(&x.to_le_bytes());
    }
    key
}

//! What a daemon costs that has nothing to do.

use std::{fs, time::Duration};

use simulation::daemons::{Daemon, Scratch};

use crate::{
    Failure,
    line::{await_route, join, start},
    peers::{Peers, figure},
    table::{Row, Section},
};

const SECONDS: u64 = 60;

pub(crate) async fn measure(peers: &Peers) -> Result<Section, Failure> {
    let scratch = Scratch::new()?;
    let daemons = start(&scratch, 3)?;
    join(&daemons[0], &daemons[1]).await?;
    join(&daemons[2], &daemons[1]).await?;
    await_route(&daemons[0], daemons[2].address()).await?;
    let idle = observe(&daemons[1]).await?;
    let seconds = "20";
    let (rns, dtn7) = (peers.reticulum(&["idle", seconds]), peers.dtn7(&["idle", seconds]));
    let mb = |answer: &serde_json::Value| {
        answer["resident_bytes"]
            .as_f64()
            .map_or_else(|| "–".into(), |b| format!("{:.1} MB", b / 1e6))
    };
    Ok(Section::new(
        "An idle daemon with two neighbours",
        vec![
            idle.resident_row(10.0).beside(format!("Reticulum {}, dtn7 {}", mb(&rns), mb(&dtn7))),
            idle.core_row().beside(format!(
                "Reticulum {}, dtn7 {}",
                figure(&rns, "cpu_percent", 2, " %"),
                figure(&dtn7, "cpu_percent", 2, " %")
            )),
            idle.disk_row(),
        ],
    ))
}

/// What a daemon costs while nothing happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    resident_mb: f64,
    percent_of_core: f64,
    written_bytes: u64,
}

/// Watches a daemon for a minute, once whatever follows a start has settled.
pub(crate) async fn observe(daemon: &Daemon) -> Result<Idle, Failure> {
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = (cpu_seconds(daemon)?, written_bytes(daemon)?);
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    Ok(Idle {
        resident_mb: resident_bytes(daemon)? as f64 / 1e6,
        percent_of_core: 100.0 * (cpu_seconds(daemon)? - before.0) / SECONDS as f64,
        written_bytes: written_bytes(daemon)? - before.1,
    })
}

impl Idle {
    pub(crate) fn resident_row(&self, limit_mb: f64) -> Row {
        let (mb, limit) = (self.resident_mb, format!("≤ {limit_mb:.0} MB"));
        Row::limited("resident", format!("{mb:.1} MB"), limit, mb <= limit_mb)
    }

    pub(crate) fn core_row(&self) -> Row {
        let percent = self.percent_of_core;
        Row::limited("of a core", format!("{percent:.2} %"), "≤ 0.2 %", percent <= 0.2)
    }

    pub(crate) fn disk_row(&self) -> Row {
        let written = self.written_bytes;
        let what = format!("written to disk in {SECONDS} s");
        Row::limited(what, format!("{written} B"), "0 B", written == 0)
    }
}

/// CPU time of a daemon.
pub(crate) fn cpu_seconds(daemon: &Daemon) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid(daemon)?))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such process")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// Memory of a daemon.
pub(crate) fn resident_bytes(daemon: &Daemon) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid(daemon)?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1_024)
}

fn written_bytes(daemon: &Daemon) -> Result<u64, Failure> {
    let io = fs::read_to_string(format!("/proc/{}/io", pid(daemon)?))?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    Ok(line.ok_or("no write_bytes")?.trim().parse()?)
}

fn pid(daemon: &Daemon) -> Result<u32, Failure> {
    Ok(daemon.pid().ok_or("the daemon does not run")?)
}

/// Linux on every architecture we know of.
const TICKS_PER_SECOND: f64 = 100.0;

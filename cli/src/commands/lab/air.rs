//! `lab air`: an air behind a socket, and what is seen of it.

use std::{cell::RefCell, os::unix::net::UnixStream, path::Path, time::Duration};

use tokio::{net::UnixListener, time::sleep};
use transports::lora::air::{
    Loss,
    map::Map,
    server::{Happening, Report, serve},
};

use super::map;
use crate::{
    commands::demo::interrupted,
    failure::{Exit, Failure, Stop},
    show::{Console, json, text},
};

/// Runs an air until interrupted.
pub(super) async fn run(
    socket: &Path,
    map: Option<&Path>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let map = map.map_or_else(|| Ok(Map::default()), map::read)?;
    let listener = listen(socket)?;
    let _socket = Socket(socket);
    console.note(format_args!("The air is at {}; Ctrl-C ends.", socket.display()));
    let closed = RefCell::new(None);
    let mut observe = |report: &Report<'_>| {
        if closed.borrow().is_none() {
            *closed.borrow_mut() = tell(report, console).err();
        }
    };
    let unread = async {
        while closed.borrow().is_none() {
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        ended = serve(listener, &map, &mut observe) => {
            ended.map_err(|error| Failure::failed(format!("the air broke down: {error}")))?;
        }
        () = interrupted() => {}
        () = unread => {}
    }
    closed.into_inner().map_or(Ok(Exit::Ok), Err)
}

/// Listens at a path, and takes it over from who is not there any more.
fn listen(path: &Path) -> Result<UnixListener, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    match UnixListener::bind(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err(Failure::failed(format!("{} is in use", path.display()))
                    .hint("Another air listens there; choose another socket"));
            }
            let found = std::fs::symlink_metadata(path).map_err(failed)?;
            if !std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) {
                return Err(Failure::failed(format!("{} is no socket", path.display())));
            }
            std::fs::remove_file(path).map_err(failed)?;
            UnixListener::bind(path).map_err(failed)
        }
        bound => bound.map_err(failed),
    }
}

/// The socket's file goes with the air.
struct Socket<'a>(&'a Path);

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

fn tell(report: &Report<'_>, console: &mut Console) -> Result<(), Stop> {
    if console.json() {
        console.document(&json::Document::from(json::AirEvent::from(report)))?;
    } else {
        let at_s = report.at_us as f64 / 1e6;
        let radio = text::one_line(report.radio);
        console.line(format_args!("{at_s:>10.3}  {radio:<12} {}", sentence(&report.what)))?;
    }
    Ok(console.flush()?)
}

fn sentence(what: &Happening<'_>) -> String {
    match what {
        Happening::Attached(radio) => format!("is on the air, number {}", radio.0),
        Happening::Detached => "is gone".to_owned(),
        Happening::Tuned(None) => "does not listen".to_owned(),
        Happening::Tuned(Some(settings)) => format!(
            "listens at {:.3} MHz, {} kHz, SF{}",
            f64::from(settings.frequency_hz) / 1e6,
            f64::from(settings.bandwidth_hz) / 1e3,
            settings.spreading_factor
        ),
        Happening::Transmits { frame, air_us } => {
            format!("transmits {} bytes, {:.1} ms", frame.len(), *air_us as f64 / 1e3)
        }
        Happening::Heard { from, signal, .. } => format!(
            "hears {}: {} dBm, {:.1} dB",
            text::one_line(from),
            signal.rssi_dbm,
            f64::from(signal.snr_quarter_db) / 4.0
        ),
        Happening::Lost { from, why } => {
            format!("loses a frame of {}: {}", text::one_line(from), reason(*why))
        }
    }
}

/// Why a frame was lost, in words.
pub(super) const fn reason(why: Loss) -> &'static str {
    match why {
        Loss::Collision => "collision",
        Loss::Detuned => "oscillators too far apart",
        Loss::Faded => "faded",
        Loss::HalfDuplex => "was transmitting",
        Loss::Occupied => "was receiving another",
        Loss::Retuned => "was switched over",
    }
}

/// Between two looks whether anybody still reads what is told.
const LOOK: Duration = Duration::from_millis(200);

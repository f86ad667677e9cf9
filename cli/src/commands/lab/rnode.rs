//! `lab rnode`: a virtual modem for one host at a time.

use transports::lora::air::{attach::Attachment, line::HostLine, wire::Attach};

use crate::{
    args::{ModemLine, Rnode},
    commands::{as_document, demo::interrupted},
    failure::{Exit, Failure, Stop},
    show::{Console, json},
};

/// Runs a modem until interrupted, or until the air is gone.
pub(super) async fn run(rnode: &Rnode, console: &mut Console) -> Result<Exit, Stop> {
    let wish = Attach { name: rnode.name.clone(), at: rnode.at };
    let air = Attachment::connect(&rnode.air, wish).await.map_err(|error| {
        Failure::failed(format!("no radio at {}: {error}", rnode.air.display()))
            .hint("Start the air first: qpc lab air --listen SOCKET")
    })?;
    let (line, uri) = open(&rnode.line).await?;
    let radio = air.radio();
    if !as_document(console, || json::Rnode { radio, uri: uri.clone() })? {
        console.line(format_args!("{uri}"))?;
        console.note(format_args!("Radio {radio} waits for a host; Ctrl-C ends."));
    }
    console.flush()?;
    tokio::select! {
        ended = air.run(line) => {
            ended.map_err(|error| Failure::failed(format!("the modem stopped: {error}")))?;
        }
        () = interrupted() => {}
    }
    Ok(Exit::Ok)
}

/// The line, and what `links add` would be told.
async fn open(line: &ModemLine) -> Result<(HostLine, String), Failure> {
    match (&line.pty, line.tcp) {
        (Some(link), _) => {
            let failed = |error| Failure::failed(format!("no pseudo-terminal: {error}"));
            let line = HostLine::pty(link).map_err(failed)?;
            let link = std::path::absolute(link).unwrap_or_else(|_| link.clone());
            Ok((line, format!("rnode://{}", link.display())))
        }
        (None, port) => {
            let port = port.unwrap_or(0);
            let failed = |error| Failure::failed(format!("no port {port}: {error}"));
            let (line, address) = HostLine::tcp(port).await.map_err(failed)?;
            Ok((line, format!("rnode://{address}")))
        }
    }
}

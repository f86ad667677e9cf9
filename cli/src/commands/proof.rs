//! `proof` (`CLI-44`).

use std::path::Path;

use api::MessagesProxy;
use mesh::{Address, TransferableReceipt, error::PeerMisbehaved};

use super::as_document;
use crate::{
    args::HexId,
    client::Client,
    failure::{Exit, Failure, Stop},
    input,
    show::{Console, Paint, json, text},
};

/// `qpc proof show`
pub(super) async fn show(
    client: &Client,
    id: &HexId,
    out: Option<&Path>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let messages = client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await?;
    let bytes = client.ask(messages.proof(id.as_str())).await?;
    let receipt = read(&bytes, "the daemon's answer")?;
    if let Some(out) = out {
        std::fs::write(out, &bytes).map_err(|error| {
            Failure::failed(format!("{} cannot be written: {error}", out.display()))
                .hint("Choose another place")
        })?;
        console.note(format_args!("Wrote {}.", out.display()));
    }
    let proof = document(&receipt, &bytes, None);
    if !console.json() {
        details(&proof, console)?;
    }
    as_document(console, || proof)?;
    Ok(Exit::Ok)
}

/// `qpc proof verify`: needs nothing but the receipt and what it is about.
pub(super) fn verify(file: &Path, payload: &Path, console: &mut Console) -> Result<Exit, Stop> {
    let bytes = input::file(file)?;
    let receipt = read(&bytes, &file.display().to_string())?;
    let verdict = receipt.verify(&input::file(payload)?);
    let proof = document(&receipt, &bytes, Some(verdict.is_ok()));
    if !console.json() {
        details(&proof, console)?;
    }
    as_document(console, || proof)?;
    match verdict {
        Ok(()) if console.json() => Ok(Exit::Ok),
        Ok(()) => {
            let holds = console.paint(Paint::Good, "The receipt holds.").to_string();
            console.line(format_args!("{holds}"))?;
            Ok(Exit::Ok)
        }
        Err(PeerMisbehaved::Unsolicited) => {
            Err(Failure::failed("the receipt is about something else than this file")
                .hint("Every byte counts; compare it with what was sent")
                .into())
        }
        Err(_) => Err(Failure::failed("the receipt's signature does not hold")
            .hint("Do not rely on it")
            .into()),
    }
}

fn read(bytes: &[u8], source: &str) -> Result<TransferableReceipt, Failure> {
    TransferableReceipt::parse(bytes).map_err(|_| {
        Failure::failed(format!("{source} is no signed receipt"))
            .hint("It has 184 bytes, as qpc proof show --out writes them")
    })
}

fn document(receipt: &TransferableReceipt, bytes: &[u8], valid: Option<bool>) -> json::Proof {
    json::Proof {
        id: receipt.message.to_string(),
        from: Address::derive(&receipt.sender).to_string(),
        to: Address::derive(&receipt.recipient).to_string(),
        payload_sha256: text::hex(&receipt.payload_sha256),
        received_at: (receipt.unix_secs != 0).then_some(receipt.unix_secs),
        receipt_base64: text::base64(bytes),
        valid,
    }
}

fn details(proof: &json::Proof, console: &mut Console) -> Result<(), Stop> {
    console.line(format_args!("message   {}", proof.id))?;
    console.line(format_args!("sender    {}", proof.from))?;
    console.line(format_args!("recipient {}", proof.to))?;
    console.line(format_args!("payload   SHA-256 {}", proof.payload_sha256))?;
    if let Some(received_at) = proof.received_at {
        let when = text::Utc(received_at);
        console.line(format_args!("received  {when}, as the recipient claims"))?;
    }
    Ok(())
}

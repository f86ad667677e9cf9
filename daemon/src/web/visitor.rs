//! What everybody may ask (`WEB-02`, `WEB-03`, `WEB-06`): announces of a region, keys of mailbox nodes, and sealed
//! bytes to be carried to them. Nothing here is written to the log.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use fapp::reservation::outer_len;
use http_body_util::Full;
use hyper::{Response, StatusCode, body::Bytes};
use mesh::{
    Address,
    crypto::{
        Mode,
        hash::{Domain, digest32},
    },
    identity::Suite,
};
use serde_json::json;
use tokio::time::timeout;

use super::{
    page,
    serve::{Answer, Site, bytes, json as as_json, refuse},
};
use crate::bus::{VERSION, hex};

/// The node, and which nodes keep answers for a visitor.
pub(super) async fn node(site: &Site) -> Answer {
    let told = site.handle.ask(|actor| {
        actor.appointments(|machine, node, now| (machine.mailboxes_offered(node), now.0))
    });
    let no_clock = || refuse(StatusCode::SERVICE_UNAVAILABLE, "this node has no clock");
    let (mailboxes, now) = told.await?.ok_or_else(no_clock)?;
    let mailboxes: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
    Ok(as_json(&json!({
        "api": 1,
        "version": VERSION,
        "address": site.shared.address().to_string(),
        "now": now,
        "mailboxes": mailboxes,
        "role": if site.token.is_some() { "own" } else { "gateway" },
        "page_sha256": page::SHA256,
    })))
}

/// The announces of a region, two digits and never more: `(length u16, tier u8, announce)` one after the other.
pub(super) async fn region(site: &Site, region: &str) -> Answer {
    let digits = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = region.parse().ok().filter(|_| digits).ok_or_else(|| {
        refuse(StatusCode::BAD_REQUEST, "a region is the first two digits of a postal code")
    })?;
    let told = site.handle.ask(move |actor| {
        actor.appointments(|machine, _, _| {
            let cache = machine.router().cache();
            let mut out = Vec::new();
            for announce in cache.of_region(number) {
                let tier = cache.get(announce.therapist()).map_or(0, |(_, tier)| tier.number());
                let announce = announce.bytes();
                // At most 541 bytes (FAP-31).
                out.extend_from_slice(&(announce.len() as u16).to_le_bytes());
                out.push(tier);
                out.extend_from_slice(&announce);
            }
            out
        })
    });
    Ok(bytes(told.await?.unwrap_or_default(), "application/octet-stream"))
}

fn address(text: &str) -> Result<Address, super::serve::Refusal> {
    text.parse().map_err(|_| refuse(StatusCode::BAD_REQUEST, "an address is 32 hexadecimal digits"))
}

/// A mailbox node's signed keys; asked for from the network when this node does not know them.
pub(super) async fn bundle(site: &Site, peer: SocketAddr, node: &str) -> Answer {
    let to = address(node)?;
    let _pass = site.budgets.admit(peer.ip(), Instant::now()).ok_or_else(busy)?;
    for _ in 0..BUNDLE_TRIES {
        let known = site.handle.ask(move |actor| actor.bundle_bytes(to)).await?;
        if let Some(known) = known {
            return Ok(bytes(known, "application/octet-stream"));
        }
        tokio::time::sleep(BUNDLE_WAIT).await;
    }
    Err(refuse(StatusCode::NOT_FOUND, "the keys of this node are not known yet; ask again"))
}

/// Carries a sealed question to a mailbox node, and its answer back.
pub(super) async fn exchange(site: &Site, peer: SocketAddr, node: &str, body: Vec<u8>) -> Answer {
    let to = address(node)?;
    if ![outer_len(Suite::X25519), outer_len(Suite::XWing)].contains(&body.len()) {
        return Err(refuse(StatusCode::BAD_REQUEST, "this is no sealed question"));
    }
    let _pass = site.budgets.admit(peer.ip(), Instant::now()).ok_or_else(busy)?;
    let asked = site.handle.ask(move |actor| actor.carry(to, body)).await?;
    let answer = asked.ok_or_else(busy)?;
    match timeout(EXCHANGE_WAIT, answer).await {
        Ok(Ok(Some(answer))) => Ok(bytes(answer, "application/octet-stream")),
        _ => Err(refuse(StatusCode::GATEWAY_TIMEOUT, "the mailbox node did not answer")),
    }
}

fn busy() -> super::serve::Refusal {
    refuse(StatusCode::TOO_MANY_REQUESTS, "too much at once; wait a little")
}

/// The hash of the page, signed by this node: whoever keeps the file can say later from where it came.
pub(super) fn signature(site: &Site) -> Result<Response<Full<Bytes>>, super::serve::Refusal> {
    let digest = digest32(Domain::Page, &[page::SHA256.as_bytes()]);
    let identity = site.shared.identity();
    Ok(as_json(&json!({
        "file": "termine.html",
        "sha256": page::SHA256,
        "node": identity.address().to_string(),
        "node_key": hex(identity.public().node_key()),
        "signature": hex(&identity.sign(Mode::Real, &digest)),
    })))
}

/// Looks for a bundle that was asked for.
const BUNDLE_TRIES: usize = 20;
/// Between two of them.
const BUNDLE_WAIT: Duration = Duration::from_millis(500);
/// The node itself gives up after a minute (BSD-13).
const EXCHANGE_WAIT: Duration = Duration::from_secs(65);

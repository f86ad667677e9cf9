//! Ping and trace: ask the core, wait for the answer, give up in time.

use std::time::Duration;

use api::Error;
use tokio::{sync::oneshot, time::timeout};

use super::{
    Context,
    convert::{Labels, command_error, micros},
};

pub(super) async fn ping(
    context: &Context,
    to: &str,
    options: &api::PingOptions,
) -> Result<api::PingReply, Error> {
    let to = context.resolve(to).await?;
    let payload_len = options.payload_len.unwrap_or(PAYLOAD_LEN);
    let timeout_ms = options.timeout_ms.unwrap_or(TIMEOUT_MS);
    let (answer, route) =
        context.handle.ask(move |actor| (actor.ping(to, payload_len), actor.route(&to))).await?;
    let pong = answer_within(timeout_ms, answer.map_err(command_error)?).await?;
    let (peers, links) = context.handle.ask(|actor| (actor.peers(), actor.link_rows())).await?;
    let row = route.as_ref().and_then(|r| links.iter().find(|row| row.link == Some(r.link)));
    let peer = route.as_ref().and_then(|r| peers.iter().find(|peer| peer.link == r.link));
    Ok(api::PingReply {
        address: to.to_string(),
        rtt_us: micros(pong.rtt),
        hops: route.as_ref().map(|route| route.hops),
        link: row.map(|row| row.id.clone()),
        uri: row.map(|row| row.uri.clone()),
        medium: peer.map(|peer| peer.medium.as_str().into()),
        path: row.and_then(|row| row.path).map(Into::into),
        next_hop: route.map(|route| route.next_hop.to_string()),
    })
}

pub(super) async fn trace_hop(
    context: &Context,
    to: &str,
    ttl: u8,
    timeout_ms: u32,
) -> Result<api::TraceHop, Error> {
    let to = context.resolve(to).await?;
    let answer = context.handle.ask(move |actor| actor.trace(to, ttl)).await?;
    let hop = answer_within(timeout_ms, answer.map_err(command_error)?).await?;
    let (peers, labels) = context
        .handle
        .ask(|actor| (actor.peers(), Labels { names: actor.names(), links: actor.link_rows() }))
        .await?;
    let link = peers.iter().find(|peer| ttl == 1 && peer.address == hop.address);
    Ok(api::TraceHop {
        ttl: hop.ttl,
        address: hop.address.to_string(),
        name: labels.name(&hop.address),
        link: link.map(|peer| labels.link(peer.link)),
        medium: hop.medium.map(|medium| medium.as_str().into()),
        rtt_us: micros(hop.rtt),
        end: hop.end,
    })
}

async fn answer_within<T>(timeout_ms: u32, answer: oneshot::Receiver<T>) -> Result<T, Error> {
    match timeout(Duration::from_millis(u64::from(timeout_ms)), answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Error::ShuttingDown("the daemon is stopping".into())),
        Err(_) => Err(Error::TimedOut(format!("no answer within {timeout_ms} ms"))),
    }
}

const PAYLOAD_LEN: u16 = 64;
const TIMEOUT_MS: u32 = 5_000;

//! Attacks, each with the rule that meets it (`specs/22-attacks.md`).

mod floods;
mod liars;
mod listeners;
mod replays;

pub(super) use liars::{drop_all_onward, past_a_sinkhole, ttl_one_copy_first};

use super::*;
use crate::{error::DropReason, wire::frame::FrameKind};

/// How many frames a host dropped for this reason.
pub(super) fn dropped(net: &Net, host: usize, reason: DropReason) -> u64 {
    let index = DropReason::ALL.iter().position(|known| *known == reason).expect("listed");
    net.hosts[host].node.status().counters.dropped[index]
}

pub(super) fn is_envelope(frame: &[u8]) -> bool {
    frame.get(1) == Some(&FrameKind::ENVELOPE.0)
}

/// The envelope frame a host sent last.
pub(super) fn last_envelope(net: &Net, host: usize) -> Vec<u8> {
    let sent = net.trace.iter().rev().find(|(from, frame)| *from == host && is_envelope(frame));
    sent.expect("the host sent an envelope").1.clone()
}

/// Hands a frame to host `to` as if its neighbour `from` had sent it just now.
pub(super) fn inject(net: &mut Net, from: usize, to: usize, frame: &[u8]) {
    let wire = net.wires.iter().find(|wire| {
        wire.up && [from, to].iter().all(|host| wire.ends.iter().any(|(end, _)| end == host))
    });
    let ends = wire.expect("they are neighbours").ends;
    let (_, link) = ends.into_iter().find(|(host, _)| *host == to).expect("one of both ends");
    net.hosts[to].node.handle_frame(net.now, link, frame);
    net.drain(to);
}

//! Which connections become links: one per neighbour, and the same one on both sides (`LNK-56`).

use std::{sync::Arc, time::Duration};

use mesh::{LinkId, LinkUp, PublicIdentity};

use super::{Connected, Entry, Handle, HandleId, LinkEvent, TransportManager};
use crate::{
    link::{DownReason, Goodbye, Link},
    secure::{Local, Role},
    tcp::DialError,
};

/// What decides between two connections to the same neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Who dialled.
    pub(super) role: Role,
    /// The peer's epoch.
    pub(super) epoch: u64,
}

/// The answer to a connection while another one to the same neighbour is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    KeepOld,
    TakeNew,
}

/// Both sides come to the same answer, because each rule looks at what both see.
fn judge(ours: &PublicIdentity, theirs: &PublicIdentity, old: Claim, new: Claim) -> Verdict {
    if old.epoch != new.epoch {
        // The peer restarted; the old connection leads to a process that is gone.
        return Verdict::TakeNew;
    }
    if old.role == new.role {
        return match new.role {
            // Two of our static peers lead to one node: the first one stays.
            Role::Initiator => Verdict::KeepOld,
            // The peer dials again and has confirmed: it has given up the old one.
            Role::Responder => Verdict::TakeNew,
        };
    }
    // Both dialled: the connection of the one with the lower key stays.
    let we_are_lower = ours.node_key() < theirs.node_key();
    if we_are_lower == (new.role == Role::Initiator) { Verdict::TakeNew } else { Verdict::KeepOld }
}

impl TransportManager {
    /// Adds a link of another medium, handshake done: memory, impaired, traced.
    pub fn attach(&mut self, uri: &str, link: Box<dyn Link>) -> LinkId {
        self.insert_link(Entry::new(uri.to_owned(), link, None, None))
    }

    pub(super) fn on_dialled(
        &mut self,
        id: HandleId,
        attempt: u32,
        local: &Arc<Local>,
        result: Result<Connected, DialError>,
    ) {
        if !self.is_current(id, attempt) {
            return;
        }
        let Connected { mut link, epoch } = match result {
            Ok(connection) => connection,
            Err(error) => return self.on_dial_failed(id, error),
        };
        if local.network_key != self.config.network_key {
            return self.dial_after(id, Duration::ZERO);
        }
        let claim = Claim { role: Role::Initiator, epoch };
        let peer = link.peer();
        if self.judge_peer(&peer, claim) == Verdict::KeepOld {
            link.say_goodbye(Goodbye::DUPLICATE);
            return self.stand_by(id, peer);
        }
        link.confirm();
        let uri = self.handles.get(&id).map(Handle::uri).unwrap_or_default();
        let link = self.insert_link(Entry::new(uri, link, Some(id), Some(claim)));
        self.handle_is_up(id, link, peer);
    }

    pub(super) fn on_accepted(&mut self, connected: Connected, local: &Arc<Local>, uri: String) {
        let Connected { mut link, epoch } = connected;
        let claim = Claim { role: Role::Responder, epoch };
        let peer = link.peer();
        if local.network_key != self.config.network_key {
            return link.say_goodbye(Goodbye::NETWORK_KEY);
        }
        if self.judge_peer(&peer, claim) == Verdict::KeepOld {
            return link.say_goodbye(Goodbye::DUPLICATE);
        }
        let is_known = self.by_peer.contains_key(peer.node_key());
        let inbound = self.links.values().filter(|entry| entry.handle.is_none()).count();
        if !is_known && inbound >= self.config.inbound_max as usize {
            return link.say_goodbye(Goodbye::FULL);
        }
        self.insert_link(Entry::new(uri, link, None, Some(claim)));
        self.tell_status();
    }

    fn judge_peer(&self, peer: &PublicIdentity, new: Claim) -> Verdict {
        let old = self.by_peer.get(peer.node_key()).and_then(|link| self.links.get(link));
        match old.and_then(|entry| entry.claim) {
            Some(old) => judge(&self.config.identity.public(), peer, old, new),
            None => Verdict::TakeNew,
        }
    }

    /// Names a link, announces it, and lets it take the place of an older one to the same peer.
    pub(super) fn insert_link(&mut self, entry: Entry) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let (caps, peer) = (entry.link.caps(), entry.link.peer());
        let handle = entry.handle;
        let is_exclusive = entry.claim.is_some();
        let waker = self.ready.waker(link);
        self.links.insert(link, entry.with_waker(waker.clone()));
        self.counters.links_up += 1;
        if is_exclusive && let Some(old) = self.by_peer.insert(*peer.node_key(), link) {
            self.take_down(old, DownReason::Superseded);
        }
        self.events.push_back(LinkEvent::Up { up: LinkUp { link, caps, peer }, handle });
        // The first call of `recv` leaves the waker with the socket.
        waker.wake();
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections A→B and B→A, in any order of arrival on each side: one and the same stays.
    #[test]
    fn lnk_56_both_sides_keep_the_same_connection() {
        let (a, b) = (PublicIdentity::new([1; 32]), PublicIdentity::new([2; 32]));
        let claim = |role| Claim { role, epoch: 7 };
        // On A the connection that A dialled is the better one, whichever came first.
        let (dialled, accepted) = (claim(Role::Initiator), claim(Role::Responder));
        assert_eq!(judge(&a, &b, dialled, accepted), Verdict::KeepOld);
        assert_eq!(judge(&a, &b, accepted, dialled), Verdict::TakeNew);
        // On B it is the same connection, which B accepted.
        assert_eq!(judge(&b, &a, dialled, accepted), Verdict::TakeNew);
        assert_eq!(judge(&b, &a, accepted, dialled), Verdict::KeepOld);
    }

    #[test]
    fn lnk_56_a_restarted_peer_replaces_its_old_connection() {
        let (a, b) = (PublicIdentity::new([1; 32]), PublicIdentity::new([2; 32]));
        for old_role in [Role::Initiator, Role::Responder] {
            for new_role in [Role::Initiator, Role::Responder] {
                let old = Claim { role: old_role, epoch: 7 };
                let new = Claim { role: new_role, epoch: 8 };
                assert_eq!(judge(&a, &b, old, new), Verdict::TakeNew);
                assert_eq!(judge(&b, &a, old, new), Verdict::TakeNew);
            }
        }
    }

    #[test]
    fn lnk_56_of_two_in_one_direction_the_dialler_decides() {
        let (a, b) = (PublicIdentity::new([1; 32]), PublicIdentity::new([2; 32]));
        let claim = |role| Claim { role, epoch: 7 };
        let (dialled, accepted) = (claim(Role::Initiator), claim(Role::Responder));
        assert_eq!(judge(&a, &b, dialled, dialled), Verdict::KeepOld);
        assert_eq!(judge(&a, &b, accepted, accepted), Verdict::TakeNew);
    }
}

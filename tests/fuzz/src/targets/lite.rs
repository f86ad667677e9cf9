//! Lite sessions: texts of somebody with keys, frames of somebody without.

use mesh::{
    bundle::PreKeys,
    crypto::rng::NodeRng,
    envelope::{EnvelopeIn, HEADER_LEN, Priority},
    identity::{MeshIdentity, Suite},
    lite::{LiteId, LitePeer, LiteSeed},
    session::{SealParams, Sessions},
};

use super::{Choices, MODE, START};

const PARAMS: SealParams = SealParams {
    hops_max: 64,
    priority: Priority::Normal,
    durable: false,
    lifetime_s: 3_600,
    signed: None,
};

/// A node with sessions.
struct End {
    identity: MeshIdentity,
    prekeys: PreKeys,
    sessions: Sessions,
}

impl End {
    fn new(seed: u8) -> Self {
        let identity = MeshIdentity::from_seeds([seed; 32], None);
        let (mut prekeys, mut rows) = (PreKeys::new(MODE), Vec::new());
        prekeys.handle_timeout(START, &mut NodeRng::from_seed([seed; 32]), &mut rows);
        Self { identity, prekeys, sessions: Sessions::new(MODE, [seed; 8]) }
    }

    fn meet(&mut self, other: &Self) {
        let (ours, theirs) = (self.identity.public(), other.identity.public());
        let seed = LiteSeed::from_psk(b"sixteen secrets!", ours.node_key(), theirs.node_key());
        let peer = LitePeer { identity: theirs, root_key: None, suite: Suite::X25519 };
        self.sessions.open_lite_session(START, LiteId([1; 8]), peer, &seed, true);
    }

    fn commit(&mut self) {
        let generation = self.sessions.drain_records(&mut Vec::new());
        self.sessions.on_committed(generation);
    }

    /// Whether it opens, and for the first time.
    fn opens(&mut self, bytes: &[u8]) -> bool {
        let Ok(envelope) = EnvelopeIn::parse(bytes) else { return false };
        let _ = self.sessions.first_claim(&self.identity, &self.prekeys, &envelope);
        let opened = self.sessions.open(START, &self.identity, &self.prekeys, &envelope);
        opened.is_ok_and(|opened| opened.fresh)
    }
}

/// Whatever comes, a message opens once, nothing forged opens, and an honest message still does.
pub fn lite(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut victim, mut peer) = (End::new(1), End::new(2));
    victim.meet(&peer);
    peer.meet(&victim);
    let to = victim.identity.public().address();
    let mut sent = Vec::<Vec<u8>>::new();
    let (mut sealed_count, mut opened_count) = (0, 0);
    while !choices.is_empty() && sealed_count < 200 {
        let choice = choices.byte();
        let bytes = match sent.get(choices.below(sent.len().max(1))) {
            Some(old) if choice & 3 == 0 => {
                let (mut bytes, patch) = (old.clone(), choices.chunk());
                let at = HEADER_LEN.min(bytes.len());
                bytes.truncate(at + 3 * usize::from(choice & 4));
                bytes.extend_from_slice(patch);
                bytes
            }
            Some(old) if choice & 3 == 1 => old.clone(),
            _ => {
                let parts = [&[choice][..], choices.chunk()];
                let Ok(sealed) = peer.sessions.seal_lite(START, &to, &PARAMS, &parts) else {
                    break;
                };
                peer.commit();
                sealed_count += 1;
                sent.push(sealed.bytes().to_vec());
                if choice & 8 != 0 {
                    continue;
                }
                if let Some(mark) = sealed.lite {
                    peer.sessions.on_lite_arrived(&mark);
                }
                sealed.bytes().to_vec()
            }
        };
        opened_count += usize::from(victim.opens(&bytes));
    }
    assert!(opened_count <= sealed_count, "{opened_count} opened of {sealed_count}");
    if let Ok(honest) = peer.sessions.seal_lite(START, &to, &PARAMS, &[&[2; 9]]) {
        assert!(victim.opens(honest.bytes()), "an honest message opens");
        assert!(!victim.opens(honest.bytes()), "and opens once");
    }
    assert!(victim.sessions.lite_len() == 1);
}

//! What the applications do, and when: a plan drawn from the seed before the run begins.

use crate::{queue::Micros, rng::Rng, scenario::LoadModel};

/// One thing an application does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends a message.
    Send(Send),
    /// Publishes on the channel.
    Publish {
        /// The publishing node.
        node: usize,
        /// Bytes of payload.
        payload_len: usize,
    },
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The sending node.
    pub from: usize,
    /// The receiving node.
    pub to: usize,
    /// Bytes of payload.
    pub payload_len: usize,
    /// Whether it must survive crashes.
    pub durable: bool,
    /// Whether the envelope is signed.
    pub signed: bool,
    /// How long it may be under way, in seconds.
    pub lifetime_s: u64,
}

/// Plans the load: actions of the first `participants` nodes between `from` and `until`.
pub fn plan(
    model: &LoadModel,
    participants: usize,
    (from, until): (Micros, Micros),
    rng: &mut Rng,
) -> Vec<(Micros, Action)> {
    let mut plan = Vec::with_capacity(model.messages + model.channel_messages);
    let pairs: Vec<_> = (0..model.pairs).map(|_| pair(participants, rng)).collect();
    for _ in 0..model.messages {
        let (sender, recipient) = match pairs.as_slice() {
            [] => pair(participants, rng),
            pairs => pairs[rng.index(pairs.len())],
        };
        let send = Send {
            from: sender,
            to: recipient,
            payload_len: rng.within(&model.payload_len.range()) as usize,
            durable: !rng.chance(model.volatile_share),
            signed: rng.chance(model.signed_share),
            lifetime_s: model.lifetime_s,
        };
        plan.push((rng.within(&(from..=until)), Action::Send(send)));
    }
    let members = model.channel_members.min(participants);
    for _ in 0..if members == 0 { 0 } else { model.channel_messages } {
        let payload_len = rng.within(&model.payload_len.range()) as usize;
        let publish = Action::Publish { node: rng.index(members), payload_len };
        plan.push((rng.within(&(from..=until)), publish));
    }
    plan
}

/// Somebody, and somebody else.
fn pair(participants: usize, rng: &mut Rng) -> (usize, usize) {
    let from = rng.index(participants);
    (from, (from + 1 + rng.index(participants - 1)) % participants)
}

/// A payload that tells messages apart.
pub fn payload(len: usize, rng: &mut Rng) -> Vec<u8> {
    let mut payload = Vec::with_capacity(len + 8);
    while payload.len() < len {
        payload.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    payload.truncate(len);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_to_itself() {
        let model = LoadModel { messages: 1_000, ..LoadModel::default() };
        for (_, action) in plan(&model, 3, (0, 10), &mut Rng::new(2)) {
            let Action::Send(send) = action else { panic!("no channel was asked for") };
            assert!(send.from != send.to && send.from < 3 && send.to < 3, "{send:?}");
        }
    }

    #[test]
    fn as_many_pairs_write_as_there_are() {
        let model = LoadModel { messages: 1_000, pairs: 7, ..LoadModel::default() };
        let plan = plan(&model, 50, (0, 10), &mut Rng::new(3));
        let pairs: std::collections::BTreeSet<_> = plan
            .iter()
            .map(|(_, action)| match action {
                Action::Send(send) => (send.from, send.to),
                Action::Publish { .. } => panic!("no channel was asked for"),
            })
            .collect();
        assert_eq!(pairs.len(), 7);
    }
}

//! A broadcast channel: nothing shown that no member published, nothing twice, and in the end
//! every member's history holds what its publisher kept.

use std::collections::{BTreeMap, BTreeSet};

use mesh::{MessageId, event::ChannelMessage};

use super::Violations;
use crate::queue::Micros;

/// What was published on the channel and who has shown it.
#[derive(Debug, Default)]
pub struct ChannelLedger {
    published: BTreeMap<MessageId, Published>,
}

#[derive(Debug)]
struct Published {
    by: usize,
    payload: Vec<u8>,
    shown_by: BTreeSet<usize>,
}

impl ChannelLedger {
    /// A member published a message.
    pub fn published(&mut self, by: usize, id: MessageId, payload: Vec<u8>) {
        self.published.insert(id, Published { by, payload, shown_by: BTreeSet::new() });
    }

    /// A member's application shows a message; `from` is the node whose address it bears.
    pub fn shown(
        &mut self,
        now: Micros,
        node: usize,
        from: Option<usize>,
        message: &ChannelMessage,
        bad: &mut Violations,
    ) {
        let id = message.id;
        let Some(published) = self.published.get_mut(&id) else {
            bad.push(now, "SIM-18", format_args!("node {node} shows {id}, which nobody published"));
            return;
        };
        if from != Some(published.by) || published.payload != message.payload {
            bad.push(now, "SIM-18", format_args!("node {node} shows {id}, not what was published"));
        }
        if !published.shown_by.insert(node) {
            bad.push(now, "SIM-18", format_args!("node {node} shows {id} a second time"));
        }
    }

    /// Whether `node` has shown the message.
    pub fn has_shown(&self, node: usize, id: &MessageId) -> bool {
        self.published.get(id).is_some_and(|published| published.shown_by.contains(&node))
    }

    /// Messages and the sum of their showings.
    pub fn totals(&self) -> (usize, usize) {
        let shown = self.published.values().map(|published| published.shown_by.len()).sum();
        (self.published.len(), shown)
    }

    /// The messages that `histories` (member, ids kept) should share and do not: what some
    /// member's publisher still keeps is missing at another member.
    pub fn missing(
        &self,
        histories: &BTreeMap<usize, BTreeSet<MessageId>>,
    ) -> Vec<(usize, MessageId)> {
        let kept = self.published.iter().filter(|(id, published)| {
            histories.get(&published.by).is_some_and(|history| history.contains(*id))
        });
        kept.flat_map(|(id, _)| {
            let without = histories.iter().filter(|(_, history)| !history.contains(id));
            without.map(|(&member, _)| (member, *id))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId([3; 16]);

    /// `SIM-18`
    #[test]
    fn only_what_the_publisher_kept_is_owed() {
        let mut ledger = ChannelLedger::default();
        ledger.published(0, ID, Vec::new());
        let none = BTreeSet::new();
        let kept = BTreeSet::from([ID]);
        let histories = BTreeMap::from([(0, kept.clone()), (1, none.clone()), (2, kept.clone())]);
        assert_eq!(ledger.missing(&histories), [(1, ID)]);
        let histories = BTreeMap::from([(0, none), (1, kept)]);
        assert_eq!(ledger.missing(&histories), [], "the publisher lost it in a crash");
    }
}

//! Who sent what to whom, and what became of it: delivery, exactly-once, truth of receipts,
//! states that only move forward.

use std::collections::BTreeMap;

use mesh::{
    MessageId,
    event::{FailReason, InboxMessage},
};

use super::Violations;
use crate::queue::Micros;

/// A message as its sender knows it.
#[derive(Debug)]
pub struct Sent {
    /// The sending node.
    pub from: usize,
    /// The receiving node.
    pub to: usize,
    /// What was sent.
    pub payload: Vec<u8>,
    /// Whether it must survive crashes.
    pub durable: bool,
    /// When it was handed in.
    pub offered_at: Micros,
    /// When the sender said *accepted*.
    pub accepted_at: Option<Micros>,
    /// When the sender first said *in custody*.
    pub in_custody_at: Option<Micros>,
    /// When the sender said *received*.
    pub received_at: Option<Micros>,
    /// When the recipient's application showed it.
    pub shown_at: Option<Micros>,
    /// Why the sender gave up.
    pub failed: Option<FailReason>,
}

impl Sent {
    /// Nothing is left to wait for.
    fn is_settled(&self) -> bool {
        match (self.durable, self.accepted_at) {
            (true, Some(_)) => self.shown_at.is_some() && self.received_at.is_some(),
            // Never promised, or lost with a crash before it was: nothing is owed.
            _ => true,
        }
    }
}

/// All messages of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: BTreeMap<MessageId, Sent>,
    open: usize,
}

impl Ledger {
    /// A message was handed in and has this id.
    pub fn offered(&mut self, now: Micros, id: MessageId, sent: Sent, bad: &mut Violations) {
        if let Some(other) = self.sent.insert(id, sent) {
            bad.push(now, "SIM-11", format_args!("id {id} of node {} given twice", other.from));
        }
    }

    /// The sender says *accepted*.
    pub fn accepted(&mut self, now: Micros, node: usize, id: MessageId, bad: &mut Violations) {
        self.advance(now, node, id, "accepted", bad, |sent| {
            sent.accepted_at.get_or_insert(now);
        });
    }

    /// The sender says *in custody*.
    pub fn in_custody(&mut self, now: Micros, node: usize, id: MessageId, bad: &mut Violations) {
        self.advance(now, node, id, "in custody", bad, |sent| {
            sent.in_custody_at.get_or_insert(now);
        });
    }

    /// The sender says *received*. `durable_at_recipient` is how many messages of its inbox the
    /// recipient ever made durable: the receipt must not run ahead of them.
    pub fn received(
        &mut self,
        now: Micros,
        node: usize,
        id: MessageId,
        durable_at_recipient: impl FnOnce(usize) -> u64,
        bad: &mut Violations,
    ) {
        let Some(sent) = self.sent.get(&id) else {
            bad.push(now, "SIM-13", format_args!("node {node}: receipt for unknown {id}"));
            return;
        };
        if sent.durable && sent.shown_at.is_none() {
            // On disk and not yet shown (the recipient crashed in between) is the only excuse.
            let to = sent.to;
            if durable_at_recipient(to) <= self.shown_durably_by(to) {
                bad.push(
                    now,
                    "SIM-13",
                    format_args!("node {node}: receipt for {id}, which node {to} does not have"),
                );
            }
        }
        self.advance(now, node, id, "received", bad, |sent| {
            sent.received_at.get_or_insert(now);
        });
    }

    /// The sender says it gave up.
    pub fn failed(
        &mut self,
        now: Micros,
        node: usize,
        id: MessageId,
        reason: FailReason,
        bad: &mut Violations,
    ) {
        if let Some(sent) = self.sent.get(&id)
            && (sent.received_at.is_some() || sent.failed.is_some())
        {
            bad.push(now, "SIM-14", format_args!("node {node}: {id} failed after its end"));
        }
        self.advance(now, node, id, "failed", bad, |sent| {
            sent.failed = Some(reason);
        });
    }

    /// The recipient's application shows a message. `from` is the node whose address it bears.
    pub fn shown(
        &mut self,
        now: Micros,
        node: usize,
        from: Option<usize>,
        message: &InboxMessage,
        bad: &mut Violations,
    ) {
        let id = message.id;
        let Some(sent) = self.sent.get_mut(&id) else {
            bad.push(now, "SIM-12", format_args!("node {node} shows {id}, which nobody sent"));
            return;
        };
        if sent.to != node || from != Some(sent.from) || *sent.payload != *message.payload {
            bad.push(now, "SIM-12", format_args!("node {node} shows {id}, not what was sent"));
        }
        if sent.shown_at.is_some() {
            bad.push(now, "SIM-11", format_args!("node {node} shows {id} a second time"));
        }
        let was_settled = sent.is_settled();
        sent.shown_at.get_or_insert(now);
        self.open -= usize::from(!was_settled && sent.is_settled());
    }

    /// Accepted durable messages that are not yet both shown and confirmed.
    pub fn open(&self) -> usize {
        self.open
    }

    /// At the end of the run: everything promised was kept.
    pub fn check_delivered(&self, now: Micros, bad: &mut Violations) {
        for (id, sent) in self.sent.iter().filter(|(_, sent)| !sent.is_settled()) {
            let (from, to) = (sent.from, sent.to);
            let what = match (sent.failed, sent.shown_at) {
                (Some(reason), _) => format!("failed: {}", reason.as_str()),
                (None, None) => "not delivered".into(),
                (None, Some(_)) => "delivered, but the receipt never came back".into(),
            };
            bad.push(now, "SIM-10", format_args!("{id} from node {from} to node {to}: {what}"));
        }
    }

    /// All messages.
    pub fn messages(&self) -> impl Iterator<Item = (&MessageId, &Sent)> {
        self.sent.iter()
    }

    fn shown_durably_by(&self, node: usize) -> u64 {
        let shown = |sent: &&Sent| sent.to == node && sent.durable && sent.shown_at.is_some();
        self.sent.values().filter(shown).count() as u64
    }

    fn advance(
        &mut self,
        now: Micros,
        node: usize,
        id: MessageId,
        state: &str,
        bad: &mut Violations,
        step: impl FnOnce(&mut Sent),
    ) {
        let Some(sent) = self.sent.get_mut(&id) else {
            // Channel messages have ids, too; who is told about them checks them.
            return;
        };
        if sent.from != node {
            bad.push(now, "SIM-14", format_args!("node {node} says {state} of another's {id}"));
            return;
        }
        if sent.failed.is_some() {
            bad.push(now, "SIM-14", format_args!("node {node}: {id} is {state} after it failed"));
        }
        let was_settled = sent.is_settled();
        step(sent);
        match (was_settled, sent.is_settled()) {
            (true, false) => self.open += 1,
            (false, true) => self.open -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId([7; 16]);

    fn sent() -> Sent {
        Sent {
            from: 0,
            to: 1,
            payload: b"hello".to_vec(),
            durable: true,
            offered_at: 0,
            accepted_at: None,
            in_custody_at: None,
            received_at: None,
            shown_at: None,
            failed: None,
        }
    }

    fn message(payload: &[u8]) -> InboxMessage {
        InboxMessage {
            seq: 1,
            id: ID,
            from: mesh::Address::from_bytes([0; 16]),
            received_at: None,
            payload: payload.into(),
            verified: false,
            sealed: false,
        }
    }

    /// What a sequence of observations violates.
    fn violated(observe: impl FnOnce(&mut Ledger, &mut Violations)) -> Vec<&'static str> {
        let (mut ledger, mut bad) = (Ledger::default(), Violations::default());
        ledger.offered(0, ID, sent(), &mut bad);
        observe(&mut ledger, &mut bad);
        ledger.check_delivered(9, &mut bad);
        bad.first().iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn the_good_way_violates_nothing() {
        let rules = violated(|ledger, bad| {
            ledger.accepted(1, 0, ID, bad);
            assert_eq!(ledger.open(), 1);
            ledger.in_custody(2, 0, ID, bad);
            ledger.shown(3, 1, Some(0), &message(b"hello"), bad);
            ledger.received(4, 0, ID, |_| 1, bad);
            assert_eq!(ledger.open(), 0);
        });
        assert_eq!(rules, [] as [&str; 0]);
    }

    /// `SIM-10`
    #[test]
    fn an_accepted_message_must_arrive_and_its_receipt_come_back() {
        assert_eq!(violated(|ledger, bad| ledger.accepted(1, 0, ID, bad)), ["SIM-10"]);
        let rules = violated(|ledger, bad| {
            ledger.accepted(1, 0, ID, bad);
            ledger.shown(3, 1, Some(0), &message(b"hello"), bad);
        });
        assert_eq!(rules, ["SIM-10"]);
        assert_eq!(violated(|_, _| ()), [] as [&str; 0], "what was not accepted is not owed");
    }

    /// `SIM-11`
    #[test]
    fn showing_twice_is_found() {
        let rules = violated(|ledger, bad| {
            ledger.shown(3, 1, Some(0), &message(b"hello"), bad);
            ledger.shown(4, 1, Some(0), &message(b"hello"), bad);
        });
        assert_eq!(rules, ["SIM-11"]);
    }

    /// `SIM-12`
    #[test]
    fn showing_what_was_not_sent_is_found() {
        for (node, from, payload) in [(1, 0, &b"hullo"[..]), (2, 0, b"hello"), (1, 2, b"hello")] {
            let rules = violated(|ledger, bad| {
                ledger.shown(3, node, Some(from), &message(payload), bad);
            });
            assert_eq!(rules, ["SIM-12"]);
        }
    }

    /// `SIM-13`
    #[test]
    fn a_receipt_ahead_of_the_recipients_disk_is_found() {
        let rules = violated(|ledger, bad| ledger.received(3, 0, ID, |_| 0, bad));
        assert_eq!(rules, ["SIM-13"]);
        let rules = violated(|ledger, bad| ledger.received(3, 0, ID, |_| 1, bad));
        assert_eq!(rules, [] as [&str; 0], "on disk, and the recipient crashed before showing it");
    }

    /// `SIM-14`
    #[test]
    fn a_step_back_is_found() {
        let rules = violated(|ledger, bad| {
            ledger.failed(1, 0, ID, FailReason::Expired, bad);
            ledger.accepted(2, 0, ID, bad);
            ledger.shown(3, 1, Some(0), &message(b"hello"), bad);
            ledger.received(4, 0, ID, |_| 1, bad);
        });
        assert_eq!(rules, ["SIM-14", "SIM-14"]);
    }
}

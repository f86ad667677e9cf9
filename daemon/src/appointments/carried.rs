//! Sealed questions that this node carries for visitors of its page (`WEB-06`).

use std::collections::BTreeMap;

use fapp::UnixSeconds;
use mesh::{Address, Command, Instant, Node};
use tokio::sync::oneshot;

use super::Appointments;

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Carried {
    waiting: BTreeMap<u64, oneshot::Sender<Option<Vec<u8>>>>,
    next: u64,
}

/// Tokens of visitors' questions have this bit; those of the own letters have not.
const OF_VISITORS: u64 = 1 << 63;

impl Appointments {
    /// Carries a question to a mailbox node. `None` when as much is under way as may be; else what will be
    /// answered, or that nobody did.
    pub fn carry(
        &mut self,
        node: &mut Node,
        now: Instant,
        at: UnixSeconds,
        to: Address,
        body: Vec<u8>,
    ) -> Option<oneshot::Receiver<Option<Vec<u8>>>> {
        let (tell, told) = oneshot::channel();
        if to == node.address() {
            // The asker may have gone.
            let _ = tell.send(self.answer_as_mailbox(node, at, &body));
            return Some(told);
        }
        self.carried.waiting.retain(|_, waiting| !waiting.is_closed());
        let token = OF_VISITORS | self.carried.next;
        self.carried.next += 1;
        node.handle_command(now, Command::Exchange { to, token, body }).ok()?;
        self.carried.waiting.insert(token, tell);
        Some(told)
    }

    /// Whether an answer is a visitor's; it is handed over then.
    pub(super) fn on_carried(&mut self, token: u64, body: Option<&[u8]>) -> bool {
        if let Some(tell) = self.carried.waiting.remove(&token) {
            let _ = tell.send(body.map(<[u8]>::to_vec));
        }
        token & OF_VISITORS != 0
    }

    /// Nodes that keep letters for whoever asks here, the best first: the one in the configuration, neighbours, and
    /// this one if it does.
    pub fn mailboxes_offered(&self, node: &Node) -> Vec<Address> {
        let mut offered: Vec<Address> = node.mailbox().into_iter().collect();
        offered.extend(node.mailbox_neighbours().take(OFFERED_MAX));
        if self.pool.is_some() {
            offered.push(node.address());
        }
        let mut seen = std::collections::BTreeSet::new();
        offered.retain(|address| seen.insert(*address));
        offered
    }
}

/// Neighbours named.
const OFFERED_MAX: usize = 8;

//! Who waits for the disk: a client is told that something is done once it would survive a crash.

use std::collections::VecDeque;

use mesh::RecordSeq;
use tokio::sync::oneshot;

/// Waiting for records to become durable.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Asked since the last drain: what they wait for has no number yet.
    asked: Vec<oneshot::Sender<()>>,
    waiting: VecDeque<(RecordSeq, oneshot::Sender<()>)>,
    pushed: RecordSeq,
}

impl Durable {
    /// Resolves when everything the core has recorded until now is durable.
    pub(super) fn ask(&mut self) -> oneshot::Receiver<()> {
        let (told, wait) = oneshot::channel();
        self.asked.push(told);
        wait
    }

    /// The core's records up to `through`, if there were any, are on their way to the disk.
    pub(super) fn on_pushed(&mut self, through: Option<RecordSeq>) {
        self.pushed = through.unwrap_or(self.pushed);
        let pushed = self.pushed;
        self.waiting.extend(self.asked.drain(..).map(|told| (pushed, told)));
    }

    /// The disk has everything up to `committed`.
    pub(super) fn on_committed(&mut self, committed: RecordSeq) {
        while let Some((_, told)) = self.waiting.pop_front_if(|(seq, _)| *seq <= committed) {
            // Who does not wait any more misses nothing.
            let _ = told.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_18_told_only_when_the_disk_has_it() {
        let mut durable = Durable::default();
        let mut first = durable.ask();
        durable.on_committed(RecordSeq(9));
        assert!(first.try_recv().is_err(), "its records have no number yet");
        durable.on_pushed(Some(RecordSeq(3)));
        durable.on_committed(RecordSeq(2));
        assert!(first.try_recv().is_err());
        durable.on_committed(RecordSeq(3));
        assert!(first.try_recv().is_ok());
        // Nothing was recorded, so there is nothing to wait for.
        let mut second = durable.ask();
        durable.on_pushed(None);
        durable.on_committed(RecordSeq(3));
        assert!(second.try_recv().is_ok());
    }
}

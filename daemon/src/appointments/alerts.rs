//! Alerts of this node's user (`FAP-90` to `FAP-94`).

use fapp::{
    UnixSeconds,
    alert::{AlertBook, AlertError, AlertId, Reported},
    query::SlotQuery,
};

use super::{Appointments, kind};

/// The book, and when it looks through everything again.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    book: AlertBook,
    look_at: u64,
}

/// Between two looks through all that is here, in seconds.
const LOOK_S: u64 = 600;

impl Alerts {
    pub(super) fn hand_rows(&mut self, rows: &mut Vec<super::BesideRow>) {
        while let Some(row) = self.book.poll_row() {
            let value = row.value.map(|value| value.to_vec());
            rows.push((true, super::prefixed(kind::ALERT, &row.key), value));
        }
    }
}

impl Appointments {
    pub(super) fn restore_alert(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> bool {
        self.alerts.book.restore(now, key, value).is_ok()
    }

    /// A practice's announce arrived, or more is known about it.
    pub(super) fn alert_to(&mut self, now: UnixSeconds, therapist: &[u8; 32]) {
        if let Some((announce, tier)) = self.router.cache().get(therapist) {
            self.alerts.book.on_announce(now, announce, tier);
        }
    }

    pub(super) fn look_at_alerts(&mut self, now: UnixSeconds) {
        if self.alerts.look_at <= now.0 {
            self.alerts.look_at = now.0 + LOOK_S;
            self.alerts.book.look(now, self.router.cache());
        }
    }

    /// Adds an alert; what is here already is reported at once.
    ///
    /// # Errors
    /// [`AlertError`].
    pub fn alert_add(
        &mut self,
        now: UnixSeconds,
        query: &SlotQuery,
        label: &str,
    ) -> Result<AlertId, AlertError> {
        let id = self.alerts.book.add(now, query, label)?;
        self.alerts.look_at = 0;
        self.look_at_alerts(now);
        Ok(id)
    }

    /// Forgets an alert; whether there was one.
    pub fn alert_remove(&mut self, id: AlertId) -> bool {
        self.alerts.book.remove(id)
    }

    /// The alerts.
    pub const fn alerts(&self) -> &AlertBook {
        &self.alerts.book
    }

    /// A slot to tell of.
    pub fn poll_hit(&mut self) -> Option<Reported> {
        self.alerts.book.poll_hit()
    }
}

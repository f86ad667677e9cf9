//! What a node holds stays below the bounds of `mesh::limits`, at every sampled instant.

use mesh::{limits, view::StatusView};

/// The bounds of one node's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Destinations with a route.
    pub routes: u32,
    /// Bytes of envelopes kept for others.
    pub custody_bytes: u64,
}

/// The first bound that a node is beyond: what, how much, and the bound.
pub fn exceeded(bounds: &Bounds, status: &StatusView) -> Option<(&'static str, u64, u64)> {
    let held = [
        ("routes", u64::from(status.routes), u64::from(bounds.routes)),
        ("custody bytes", status.custody_bytes, bounds.custody_bytes),
        ("outbox messages", u64::from(status.outbox), limits::OUTBOX_MESSAGES_MAX as u64),
        ("inbox messages", u64::from(status.inbox), limits::INBOX_MESSAGES_MAX as u64),
        ("peers", u64::from(status.peers), limits::LINKS_MAX as u64),
    ];
    held.into_iter().find(|&(_, held, bound)| held > bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-17`
    #[test]
    fn each_bound_is_compared() {
        let bounds = Bounds { routes: 10, custody_bytes: 1_000 };
        let fine = StatusView { routes: 10, custody_bytes: 1_000, ..StatusView::default() };
        assert_eq!(exceeded(&bounds, &fine), None);
        let status = StatusView { routes: 11, ..fine.clone() };
        assert_eq!(exceeded(&bounds, &status), Some(("routes", 11, 10)));
        let status = StatusView { custody_bytes: 1_001, ..fine };
        assert_eq!(exceeded(&bounds, &status), Some(("custody bytes", 1_001, 1_000)));
    }
}

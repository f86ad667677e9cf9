//! `org.quicprochat.Events1`.

use api::Error;
use zbus::{interface, object_server::SignalEmitter};

use super::{Context, convert};

/// What happens.
#[derive(Debug)]
pub(super) struct Events(pub(super) Context);

#[interface(name = "org.quicprochat.Events1")]
impl Events {
    /// The last events, oldest first, at most `limit` (of 1,024 kept).
    async fn recent(&self, limit: u32) -> Result<Vec<api::EventEntry>, Error> {
        let recent = self.0.handle.ask(move |actor| actor.recent(limit as usize)).await?;
        Ok(recent.iter().map(|happening| convert::event(happening)).collect())
    }

    /// Something happened; `kind` is also in the entry.
    #[zbus(signal)]
    pub(super) async fn event(
        emitter: &SignalEmitter<'_>,
        kind: &str,
        entry: api::EventEntry,
    ) -> zbus::Result<()>;
}

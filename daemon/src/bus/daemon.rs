//! `org.quicprochat.Daemon1`.

use std::collections::BTreeMap;

use api::Error;
use mesh::error::DropReason;
use zbus::interface;
use zeroize::Zeroizing;

use super::{Context, convert};
use crate::{
    actor::Numbers,
    config::Config,
    identity::{
        backup::{self, BackupError},
        file,
    },
    metrics,
};

/// The node itself.
#[derive(Debug)]
pub(super) struct Daemon(pub(super) Context);

/// This daemon's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

#[interface(name = "org.quicprochat.Daemon1")]
impl Daemon {
    /// This node's address.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address(&self) -> String {
        self.0.shared.address.to_string()
    }

    /// The node's name as configured; empty when none is.
    #[zbus(property)]
    async fn name(&self) -> zbus::fdo::Result<String> {
        self.config(|config| config.name.clone()).await
    }

    /// The daemon's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &str {
        VERSION
    }

    /// The public root key that certifies this node; empty on a router without one.
    #[zbus(property(emits_changed_signal = "const"))]
    fn root_key(&self) -> String {
        self.0.shared.root_key.map_or_else(String::new, |key| convert::hex(&key))
    }

    /// Where this node's QUIC endpoint can be reached, as a link's address to hand out; empty when
    /// there is none. It changes with the network.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn iroh(&self) -> zbus::fdo::Result<String> {
        let uri = self.0.handle.ask(|actor| actor.iroh_uri()).await;
        Ok(uri.map_err(|stopped| failed(stopped.into()))?.unwrap_or_default())
    }

    /// Whether messages are taken.
    #[zbus(property)]
    async fn ready(&self) -> bool {
        self.0.handle.ask(|_| ()).await.is_ok()
    }

    /// `ok`, `full` or `failed`.
    #[zbus(property)]
    async fn storage(&self) -> zbus::fdo::Result<String> {
        let numbers = self.numbers().await.map_err(failed)?;
        Ok(numbers.health.as_str().into())
    }

    /// The node in numbers.
    async fn status(&self) -> Result<api::Status, Error> {
        let name = self.0.handle.ask(|actor| actor.config().name.clone()).await?;
        Ok(self.status_of(name, self.numbers().await?))
    }

    /// The identity, encrypted under a passphrase. Session state is not in it. For the daemon's
    /// user and root only.
    async fn export_identity(&self, passphrase: &str) -> Result<Vec<u8>, Error> {
        self.0.only_owner()?;
        let passphrase = Zeroizing::new(passphrase.to_owned());
        let shared = std::sync::Arc::clone(&self.0.shared);
        off_thread(move || backup::export(&shared.identity, &passphrase)).await?.map_err(|error| {
            match error {
                BackupError::PassphraseTooShort => Error::InvalidArgument(error.to_string()),
                _ => Error::StorageFailed(error.to_string()),
            }
        })
    }

    /// Puts an exported identity in place for the next start; returns its address. The present
    /// identity and its messages are set aside then, which `replace` must allow. For the daemon's
    /// user and root only.
    async fn import_identity(
        &self,
        backup: Vec<u8>,
        passphrase: &str,
        options: api::ImportOptions,
    ) -> Result<String, Error> {
        self.0.only_owner()?;
        let passphrase = Zeroizing::new(passphrase.to_owned());
        let imported = off_thread(move || backup::import(&backup, &passphrase)).await?;
        let identity = imported.map_err(|error| match error {
            BackupError::WrongPassphrase => Error::WrongPassphrase(error.to_string()),
            BackupError::Machine => Error::StorageFailed(error.to_string()),
            _ => Error::BackupDamaged(error.to_string()),
        })?;
        if identity.address() != self.0.shared.address && options.replace != Some(true) {
            return Err(Error::IdentityExists(format!(
                "this daemon is {} now; importing {} needs the option `replace`",
                self.0.shared.address,
                identity.address()
            )));
        }
        if identity.address() != self.0.shared.address {
            let data_dir = self.0.handle.ask(|actor| actor.config().data_dir.clone()).await?;
            file::import(&data_dir, &identity)
                .map_err(|error| Error::StorageFailed(error.to_string()))?;
        }
        Ok(identity.address().to_string())
    }

    /// The effective configuration, secrets replaced.
    async fn config_get(&self) -> Result<BTreeMap<String, String>, Error> {
        let show =
            |config: &Config| config.show().map(|(key, value)| (key.to_owned(), value)).collect();
        Ok(self.0.handle.ask(move |actor| show(actor.config())).await?)
    }

    /// Reads the configuration again: links, log level, network key.
    async fn reload(&self) -> Result<(), Error> {
        self.0.only_owner()?;
        let config = self.0.shared.load_config();
        let config =
            config.map_err(|problems| Error::ConfigInvalid(crate::config::lines(&problems)))?;
        let applied = self.0.handle.ask(move |actor| actor.reload(config)).await?;
        applied.map_err(Error::ConfigInvalid)
    }

    /// Flushes the store, closes the links and ends the process. For the daemon's user and root
    /// only.
    async fn stop(&self) -> Result<(), Error> {
        self.0.only_owner()?;
        self.0.shared.stop_asked.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(self.0.handle.ask(crate::actor::Actor::stop).await?)
    }

    /// Has sealed mail kept by the node `node` (address or contact), or by none (empty).
    async fn mailbox_use(&self, node: &str) -> Result<(), Error> {
        let node = if node.is_empty() { None } else { Some(self.0.resolve(node).await?) };
        self.0.command(mesh::Command::MailboxUse { node }).await.map(|_| ())
    }

    /// The last lines of the log at level info and above, oldest first; at most 200.
    fn recent_log(&self) -> Vec<String> {
        crate::log::recent()
    }

    /// The metrics in the text exposition format.
    async fn metrics(&self) -> Result<String, Error> {
        Ok(metrics::expose(&self.numbers().await?, self.0.shared.signals_dropped()))
    }
}

impl Daemon {
    async fn numbers(&self) -> Result<Numbers, Error> {
        Ok(self.0.handle.ask(|actor| actor.numbers()).await?)
    }

    async fn config<T: Send + 'static>(
        &self,
        get: impl FnOnce(&Config) -> T + Send + 'static,
    ) -> zbus::fdo::Result<T> {
        self.0.handle.ask(move |actor| get(actor.config())).await.map_err(|e| failed(e.into()))
    }

    fn status_of(&self, name: String, numbers: Numbers) -> api::Status {
        let status = numbers.status;
        let counters = status.counters;
        let dropped = DropReason::ALL.iter().zip(counters.dropped);
        let listening = numbers.links.iter().filter(|row| row.state == "listening");
        api::Status {
            address: self.0.shared.address.to_string(),
            name,
            version: VERSION.into(),
            uptime_s: numbers.uptime.as_secs(),
            peers: status.peers,
            links: u32::try_from(numbers.links.len()).unwrap_or(u32::MAX),
            routes: status.routes,
            outbox: status.outbox,
            outbox_in_custody: status.outbox_in_custody,
            custody: status.custody,
            custody_bytes: status.custody_bytes,
            inbox: status.inbox,
            clock_skew_s: status.clock_skew_s,
            storage: numbers.health.as_str().into(),
            listening: listening.map(|row| row.uri.clone()).collect(),
            iroh: numbers.iroh,
            warnings: numbers.warnings,
            messages_accepted: counters.messages_accepted,
            messages_received: counters.messages_received,
            messages_failed: counters.messages_failed,
            messages_delivered: counters.messages_delivered,
            envelopes_forwarded: counters.envelopes_forwarded,
            custody_taken: counters.custody_taken,
            duplicates: counters.duplicates,
            announces_verified: counters.announces_verified,
            announces_sent: counters.announces_sent,
            dropped: dropped
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| api::Dropped { reason: reason.as_str().into(), count })
                .collect(),
            signals_dropped: self.0.shared.signals_dropped(),
            discovered: u32::try_from(numbers.discovery.found.len()).unwrap_or(u32::MAX),
            multicast_sent: numbers.discovery.status.counters.sent,
        }
    }
}

/// A passphrase takes a quarter of a second: other clients do not wait for it.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::StorageFailed(format!("the work was not done: {error}")))
}

fn failed(error: Error) -> zbus::fdo::Error {
    zbus::fdo::Error::Failed(error.to_string())
}

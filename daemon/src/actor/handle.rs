//! How other tasks and threads reach the actor.

use std::{fmt, sync::Arc};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Actor, Happening};

/// Something to be done by the actor between two drains. It must not wait.
pub type Job = Box<dyn FnOnce(&mut Actor) + Send>;

/// The actor has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the daemon is stopping")
    }
}

impl std::error::Error for Stopped {}

impl From<Stopped> for api::Error {
    fn from(stopped: Stopped) -> Self {
        Self::ShuttingDown(stopped.to_string())
    }
}

/// Asks the actor, and listens to it.
#[derive(Clone, Debug)]
pub struct Handle {
    jobs: mpsc::Sender<Job>,
    listeners: broadcast::Sender<Arc<Happening>>,
}

impl Handle {
    /// A handle and the two ends that the actor keeps.
    pub(super) fn new() -> (Self, mpsc::Receiver<Job>, broadcast::Sender<Arc<Happening>>) {
        let (jobs, receiver) = mpsc::channel(JOBS_QUEUED_MAX);
        let (listeners, _) = broadcast::channel(SIGNALS_QUEUED_MAX);
        (Self { jobs, listeners: listeners.clone() }, receiver, listeners)
    }

    /// A handle of an actor that has ended.
    #[cfg(test)]
    pub(crate) fn detached() -> Self {
        Self::new().0
    }

    /// Runs `job` on the actor and returns what it returns.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the actor has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Actor) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |actor| {
            // The asker may have gone: then nobody misses the answer.
            let _ = reply.send(job(actor));
        });
        self.jobs.send(job).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// Everything that happens from now on. A listener that is too slow loses the oldest and
    /// hears how many (`API-09`).
    pub fn listen(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.listeners.subscribe()
    }
}

/// Requests that may wait for the actor; more wait in their connections.
const JOBS_QUEUED_MAX: usize = 1_024;

/// Signals kept for slow clients, some 64 bytes each.
const SIGNALS_QUEUED_MAX: usize = 4_096;

//! Stands in for iroh links in a build without them: they can be named, not used.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::{IrohConfig, IrohTarget};
use crate::{
    manager::{Backoff, Connected, Credentials, HandleId, Outcome},
    secure::Local,
    tcp::{DialError, HalfOpen},
};

/// Dials nothing.
#[derive(Clone, Default)]
pub(crate) struct Dialer;

impl Dialer {
    pub(crate) async fn dial(
        &self,
        _target: &IrohTarget,
        _local: Arc<Local>,
    ) -> Result<Connected, DialError> {
        Err(DialError::NoIroh)
    }

    pub(crate) const fn expect_endpoint(&self) {}

    pub(crate) async fn close(&self) {}

    pub(crate) const fn leave(&self) {}
}

/// A listener's surroundings; `listen_iroh` refuses before it makes any.
#[expect(dead_code, reason = "the fields are those that an endpoint reads")]
pub(crate) struct Listening {
    pub handle: HandleId,
    pub config: IrohConfig,
    pub dialer: Dialer,
    pub credentials: Arc<Credentials>,
    pub half_open: HalfOpen,
    pub backoff: Backoff,
    pub outcomes: Sender<Outcome>,
}

pub(crate) async fn listen(_this: Listening) {}

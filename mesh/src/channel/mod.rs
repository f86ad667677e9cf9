//! SHIM
mod id;
use crate::{
    crypto::{Mode, rng::NodeRng},
    error::Error,
    event::ChannelMessage,
    view::ChannelView,
    *,
};
use alloc::{string::String, vec::Vec};
pub use id::{ChannelId, ParseChannelIdError};
#[derive(Default, Debug)]
pub struct ChannelConfig {
    pub relay: bool,
    pub store: bool,
    pub x: bool,
}
#[derive(Debug)]
pub struct Channels;
#[derive(Debug)]
pub enum ChannelEvent {
    Message(ChannelMessage),
    Published(MessageId),
}
impl Channels {
    pub fn new(_: Mode, _: Address, _: ChannelConfig) -> Self {
        Self
    }
    pub fn start(&mut self, _: Instant, _: &mut NodeRng) {}
    pub fn restore(&mut self, _: Instant, _: Table, _: &[u8], _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
    pub fn create(
        &mut self,
        _: Instant,
        _: String,
        _: &mut NodeRng,
    ) -> Result<(ChannelId, String), CommandError> {
        Err(CommandError::ChannelsFull)
    }
    pub fn join(
        &mut self,
        _: Instant,
        _: &str,
        _: &mut NodeRng,
    ) -> Result<ChannelId, CommandError> {
        Err(CommandError::ChannelsFull)
    }
    pub fn leave(&mut self, _: Instant, _: ChannelId) -> Result<(), CommandError> {
        Ok(())
    }
    pub fn publish(
        &mut self,
        _: Instant,
        _: Option<WallClock>,
        _: &MeshIdentity,
        _: ChannelId,
        _: Vec<u8>,
        _: &mut NodeRng,
    ) -> Result<MessageId, CommandError> {
        Err(CommandError::ChannelsFull)
    }
    pub fn on_frame(
        &mut self,
        _: Instant,
        _: LinkId,
        _: &[u8],
        _: &mut NodeRng,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub fn on_reconcile(
        &mut self,
        _: Instant,
        _: LinkId,
        _: &[u8],
        _: &mut NodeRng,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub fn on_link_up(&mut self, _: Instant, _: &LinkUp, _: &mut NodeRng) {}
    pub fn on_link_down(&mut self, _: Instant, _: LinkId) {}
    pub fn poll_frame(&mut self, _: Instant, _: LinkId, _: u32, _: &mut Vec<u8>) -> bool {
        false
    }
    pub fn has_output(&self, _: LinkId) -> bool {
        false
    }
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        None
    }
    pub fn drain_records(&mut self, _: &mut Vec<Record>) {}
    pub fn handle_timeout(&mut self, _: Instant, _: &mut NodeRng) {}
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    pub fn views(&self) -> Vec<ChannelView> {
        Vec::new()
    }
    pub fn history(&self, _: ChannelId) -> Vec<ChannelMessage> {
        Vec::new()
    }
}

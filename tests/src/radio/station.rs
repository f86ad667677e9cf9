//! One radio with whatever thinks behind it, as the air sees it.

use mesh::radio::Signal;

use crate::queue::Micros;

/// A message's number in the load.
pub type MessageNo = u32;

/// A protocol on a radio. Time is virtual; the same calls give the same answers.
pub trait Station: std::fmt::Debug {
    /// The application wants message `message` brought to station `to`.
    fn submit(&mut self, now: Micros, to: usize, message: MessageNo);

    /// A frame was received whole.
    fn handle_heard(&mut self, now: Micros, frame: &[u8], signal: Signal);

    /// Our frame has left.
    fn handle_sent(&mut self, now: Micros);

    /// Carrier sense may say something else than before.
    fn handle_channel(&mut self, _now: Micros, _busy: bool) {}

    /// The time asked for has come.
    fn handle_timeout(&mut self, now: Micros);

    /// The next frame, when it is to leave now. Asked only while the radio does not send; `busy`
    /// is what carrier sense says.
    fn poll_air(&mut self, now: Micros, busy: bool, frame: &mut Vec<u8>) -> bool;

    /// When [`Self::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Micros>;

    /// A message shown to this station's application.
    fn poll_shown(&mut self) -> Option<MessageNo>;

    /// A message of this station of which the sender now knows that it arrived.
    fn poll_confirmed(&mut self) -> Option<MessageNo>;
}

//! One radio with whatever thinks behind it, as the air sees it.

use crate::queue::Micros;

/// How a frame was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Strength, in hundredths of a dBm.
    pub level: i32,
    /// Above the noise, in hundredths of a dB.
    pub snr: i32,
}

/// What a radio can tell about the channel right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ear {
    /// Channel activity detection finds a LoRa signal.
    pub active: bool,
    /// It is in the middle of receiving a frame.
    pub receiving: bool,
}

/// A message's number in the load.
pub type MessageNo = u32;

/// A protocol on a radio. Time is virtual; the same calls give the same answers.
pub trait Station {
    /// The application wants message `message` brought to station `to`.
    fn submit(&mut self, now: Micros, to: usize, message: MessageNo);

    /// A frame was received whole.
    fn handle_heard(&mut self, now: Micros, frame: &[u8], heard: Heard);

    /// A frame that began well was lost: this long something was received that made no sense.
    fn handle_garbled(&mut self, _now: Micros, _air_us: Micros) {}

    /// Our frame has left.
    fn handle_sent(&mut self, now: Micros);

    /// What the ear hears has changed.
    fn handle_ear(&mut self, _now: Micros, _ear: Ear) {}

    /// The time asked for has come.
    fn handle_timeout(&mut self, now: Micros);

    /// The next frame, when it is to leave now. Asked only while the radio does not send.
    fn poll_air(&mut self, now: Micros, ear: Ear, frame: &mut Vec<u8>) -> bool;

    /// When [`Self::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Micros>;

    /// A message shown to this station's application.
    fn poll_shown(&mut self) -> Option<MessageNo>;

    /// A message of this station of which the sender now knows that it arrived.
    fn poll_confirmed(&mut self) -> Option<MessageNo>;
}

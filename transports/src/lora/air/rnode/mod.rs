//! A virtual RNode-compatible modem: what its host sees and what it sends, without a radio
//! (`VIR-20` … `VIR-31`).
//!
//! A state machine between two sides: bytes of a serial line to the host, frames to the air. Time
//! is the modem's own clock in microseconds.
//!
//! ```text
//!  host bytes ─handle_host→ kiss ─→ settings | queue ─→ turn ─→ split ─poll_radio→ air
//!  host bytes ←poll_host── RSSI, SNR, DATA ←── join ←──────── handle_received ── air
//! ```

mod airtime;
mod host;
mod queue;
mod settings;
mod split;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::VecDeque;

use mesh::radio::{Modulation, Signal};

use self::{
    airtime::Meter,
    queue::Queue,
    settings::Settings,
    split::{Half, Joined},
    turn::Turn,
};
use super::{Decibel, draw::Draw, receiver};
use crate::lora::{
    command,
    kiss::{self, Decoder},
};

/// What the modem wants from its radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioCommand {
    /// Listen with these settings, or not at all.
    Tune(Option<Modulation>),
    /// Transmit a frame; [`VirtualRnode::handle_sent`] when it has left.
    Transmit {
        /// How.
        modulation: Modulation,
        /// How strongly.
        power_dbm: i8,
        /// What, with the modem's header.
        frame: Vec<u8>,
    },
}

/// The modem. After every input, take everything from [`Self::poll_radio`] and
/// [`Self::poll_host`], and call [`Self::handle_timeout`] at [`Self::poll_timeout`].
#[derive(Debug)]
pub struct VirtualRnode {
    decoder: Decoder,
    to_host: Vec<u8>,
    to_radio: VecDeque<RadioCommand>,
    settings: Settings,
    online: bool,
    promiscuous: bool,
    queue: Queue,
    turn: Turn,
    /// Frames of the packets whose turn it is.
    burst: VecDeque<Vec<u8>>,
    /// When the frame that is on the air began.
    sending_since: Option<u64>,
    half: Option<Half>,
    meter: Meter,
    rssi: Decibel,
    report_at: Option<u64>,
    /// It is starting: deaf and mute until then.
    boot_at: Option<u64>,
    draw: Draw,
    draws: u64,
}

impl VirtualRnode {
    /// A modem that has been running for a while, its radio off.
    pub fn new(now_us: u64, seed: u64) -> Self {
        Self {
            decoder: Decoder::new(),
            to_host: Vec::new(),
            to_radio: VecDeque::new(),
            settings: Settings::default(),
            online: false,
            promiscuous: false,
            queue: Queue::default(),
            turn: Turn::new(),
            burst: VecDeque::new(),
            sending_since: None,
            half: None,
            meter: Meter::new(now_us),
            rssi: Decibel::NOTHING,
            report_at: None,
            boot_at: None,
            draw: Draw::new(seed),
            draws: 0,
        }
    }

    /// Bytes from the host. A half frame is remembered.
    pub fn handle_host(&mut self, now_us: u64, bytes: &[u8]) {
        for &byte in bytes {
            let Some(frame) = self.decoder.push(byte) else { continue };
            let (command, payload) = (frame.command, frame.payload.to_vec());
            if self.boot_at.is_none() {
                self.handle_command(now_us, command, &payload);
            }
        }
        self.contend(now_us);
    }

    /// Another host has opened the line.
    pub fn handle_opened(&mut self) {
        self.decoder.reset();
        self.to_host.clear();
    }

    /// The radio has received a frame.
    pub fn handle_received(&mut self, frame: &[u8], signal: Signal) {
        if !self.online {
            return;
        }
        if self.promiscuous {
            return self.deliver(frame, signal);
        }
        match Half::join(self.half.take(), frame, signal) {
            Joined::Waiting(half) => self.half = Some(half),
            Joined::Packet { packet, signal } => self.deliver(&packet, signal),
            Joined::Nothing => {}
        }
    }

    /// The frame that was transmitted has left the antenna, or never will.
    pub fn handle_sent(&mut self, now_us: u64) {
        let Some(since_us) = self.sending_since.take() else { return };
        self.meter.count_sent(now_us, since_us);
        if !self.transmit_next(now_us) {
            self.say(command::READY, &[1]);
            self.report(now_us);
        }
        self.contend(now_us);
    }

    /// What carrier sense says, and what the signal meter shows.
    pub fn handle_channel(&mut self, now_us: u64, busy: bool, rssi: Decibel) {
        self.rssi = rssi;
        self.meter.set_busy(now_us, busy && self.online);
        self.turn.set_busy(now_us, busy);
    }

    /// Something is due.
    pub fn handle_timeout(&mut self, now_us: u64) {
        if self.boot_at.is_some_and(|at_us| at_us <= now_us) {
            self.boot_at = None;
            self.say(command::RESET, &[command::RESET_NOW]);
        }
        if self.report_at.is_some_and(|at_us| at_us <= now_us) {
            self.report(now_us);
        }
        if self.sending_since.is_none() && self.turn.due_us().is_some_and(|at_us| at_us <= now_us) {
            self.turn.end();
            self.begin_burst();
            self.transmit_next(now_us);
        }
        self.contend(now_us);
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<u64> {
        let turn = self.turn.due_us().filter(|_| self.sending_since.is_none());
        [self.boot_at, self.report_at, turn].into_iter().flatten().min()
    }

    /// What the radio is to do.
    pub fn poll_radio(&mut self) -> Option<RadioCommand> {
        self.to_radio.pop_front()
    }

    /// Moves what the host is to read to `out`; `false` when there is nothing.
    pub fn poll_host(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.to_host);
        !out.is_empty()
    }

    /// Whether the radio is on.
    pub const fn is_online(&self) -> bool {
        self.online
    }

    /// The settings in effect while the radio is on.
    pub fn modulation(&self) -> Option<Modulation> {
        self.settings.modulation().filter(|_| self.online)
    }

    /// Takes part in the contest for the channel when there is something to send (`VIR-26`).
    fn contend(&mut self, now_us: u64) {
        let idle = self.sending_since.is_none() && !self.turn.is_contending();
        if !idle || !self.online || self.queue.is_empty() {
            return;
        }
        if self.meter.is_locked(now_us, &self.settings) {
            // Looked at again with the next statistics.
            return;
        }
        let (lowest, highest) = turn::window(self.meter.airtime_short(now_us));
        let span = u64::from(highest - lowest) + 1;
        let slots = u64::from(lowest) + self.draw() % span;
        self.turn.begin(now_us, slots);
    }

    /// Without air time limits everything that waits goes out together, as with the firmware this
    /// stands for; with a limit, one packet at a time.
    fn begin_burst(&mut self) {
        let packets = if self.settings.has_airtime_limit() { 1 } else { usize::MAX };
        for _ in 0..packets {
            let Some(packet) = self.queue.pop() else { return };
            if self.promiscuous {
                self.burst.push_back(packet);
            } else {
                let sequence = (self.draw() >> 56) as u8;
                self.burst.extend(split::frames(sequence, &packet));
            }
        }
    }

    fn transmit_next(&mut self, now_us: u64) -> bool {
        let Some(modulation) = self.settings.modulation() else { return false };
        let Some(frame) = self.burst.pop_front() else { return false };
        let power_dbm = self.settings.power_dbm();
        self.sending_since = Some(now_us);
        self.to_radio.push_back(RadioCommand::Transmit { modulation, power_dbm, frame });
        true
    }

    /// RSSI and SNR before the packet (`VIR-24`).
    fn deliver(&mut self, packet: &[u8], signal: Signal) {
        if packet.is_empty() || packet.len() > kiss::PAYLOAD_MAX {
            return;
        }
        self.say(command::STAT_RSSI, &[rssi_byte(signal.rssi_dbm.into())]);
        let snr = signal.snr_quarter_db.clamp(i8::MIN.into(), i8::MAX.into());
        self.say(command::STAT_SNR, &[snr as u8]);
        self.say(command::DATA, packet);
    }

    /// Air time and channel load (`VIR-25`).
    fn report(&mut self, now_us: u64) {
        if !self.online {
            self.report_at = None;
            return;
        }
        self.report_at = Some(now_us + REPORT_US);
        let noise = self
            .settings
            .modulation()
            .map_or(Decibel::NOTHING, |modulation| receiver::noise_floor(modulation.bandwidth_hz));
        let mut payload = Vec::with_capacity(11);
        for share in self.meter.shares(now_us) {
            payload.extend(share.to_be_bytes());
        }
        let current = self.rssi.max(noise);
        let interference = current > noise + receiver::BUSY_ABOVE_NOISE;
        payload.push(rssi_byte(current.floor()));
        payload.push(rssi_byte(noise.floor()));
        payload.push(if interference { rssi_byte(current.floor()) } else { 0xff });
        self.say(command::STAT_CHANNEL, &payload);
        let (lowest, highest) = turn::window(self.meter.airtime_short(now_us));
        let band = lowest / turn::SLOTS_PER_BAND + 1;
        if self.meter.band_changed(band) {
            self.say(command::STAT_CSMA, &[band, lowest, highest]);
        }
    }

    /// A frame for the host; dropped when the host has stopped reading.
    fn say(&mut self, command: u8, payload: &[u8]) {
        if self.to_host.len() < HOST_BACKLOG_MAX {
            kiss::encode_into(command, payload, &mut self.to_host);
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        self.draw.bits(MODEM, self.draws, 0)
    }
}

fn rssi_byte(dbm: i32) -> u8 {
    let byte = dbm + i32::from(command::RSSI_OFFSET);
    u8::try_from(byte.clamp(0, 0xfe)).unwrap_or(0)
}

/// Statistics once a second.
const REPORT_US: u64 = 1_000_000;

/// How long a restart takes.
const BOOT_US: u64 = 500_000;

/// Bytes kept for a host that does not read: some two minutes of statistics and a full queue.
const HOST_BACKLOG_MAX: usize = 16 << 10;

/// The purpose of this module's random numbers.
const MODEM: u64 = 16;

//! The host's side of a conversation with an RNode-compatible modem (`RND-10` … `RND-25`).
//!
//! Pure: bytes and time come in, bytes and events go out. The driver opens the port, then turns
//!
//! 1. `handle_bytes`, `handle_timeout` with what happened;
//! 2. `poll_write` until it has nothing more, each call one write;
//! 3. `poll_event` until it has none;
//! 4. waits, at most until `poll_timeout`.
//!
//! After [`RnodeEvent::Failed`] the machine is over; the driver closes the port and makes a new one.
//!
//! ```text
//!  Quiet ─time→ Detecting ─08 46→ Configuring ─all echoes→ Online
//!                  │ 3 tries          │ settle time ↖──────┘ 55 F8, 06 00, another echo
//!                  ↓                  ↓
//!                Failed             Failed               (and from anywhere: 90 01, silence)
//! ```

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use mesh::Instant;

use super::{
    command,
    kiss::{Decoder, encode_into},
    rnode_error::{ModemError, RnodeError},
    rnode_stats::Stats,
    settings::{Setting, Settings},
};

/// How long a port takes for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From opening to the first word.
    pub quiet: Duration,
    /// For the answer to that.
    pub answer: Duration,
    /// For all echoes.
    pub settle: Duration,
    /// The longest silence inside a frame.
    pub gap: Duration,
    /// For one byte on the line.
    pub byte: Duration,
}

impl Pace {
    /// A serial port at 115,200 baud. A host in the field gives 200 ms for an answer; boards that
    /// load their radio at start take longer at times.
    pub const SERIAL: Self = Self {
        quiet: Duration::from_secs(2),
        answer: Duration::from_secs(1),
        settle: Duration::from_millis(1_500),
        gap: Duration::from_millis(100),
        byte: Duration::from_micros(87),
    };

    /// TCP, perhaps over a bad wireless network.
    pub const TCP: Self = Self {
        quiet: Duration::ZERO,
        answer: Duration::from_secs(5),
        settle: Duration::from_secs(3),
        gap: Duration::from_millis(1_500),
        byte: Duration::ZERO,
    };
}

/// How a packet was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSignal {
    /// Strength.
    pub rssi_dbm: i16,
    /// Above noise, in quarters of a dB.
    pub snr_quarter_db: i16,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RnodeEvent {
    /// The radio does what it was told.
    Online,
    /// A packet arrived, without the modem's header byte.
    Heard {
        /// 1 to [`PACKET_MAX`] bytes.
        payload: Vec<u8>,
        /// As far as the modem said.
        signal: Option<PacketSignal>,
    },
    /// The packet handed over last left the antenna, as far as one can know (`RND-20`).
    Sent,
    /// The radio is not online any more and is being set anew; why, as a sentence.
    Offline(&'static str),
    /// The modem complains, and works on.
    Complaint(ModemError),
    /// The modem is of no use; the machine is over.
    Failed(RnodeError),
}

/// Why a packet was not taken: the caller's mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The radio is not online.
    Offline,
    /// One packet is with the modem already.
    Busy,
    /// Empty, or longer than [`PACKET_MAX`].
    Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Quiet { until: Instant },
    Detecting { until: Instant, tries: u8 },
    Configuring { until: Instant },
    Online,
    Failed,
}

/// A packet that is with the modem.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    /// Its time on air cannot be over before.
    earliest: Instant,
    /// When it counts as sent, whatever the modem says.
    until: Instant,
}

/// The machine. Owns one frame's buffer, a bounded queue of events and what is to be written.
#[derive(Debug)]
pub struct Rnode {
    settings: Settings,
    limit_centi: u16,
    pace: Pace,
    state: State,
    decoder: Decoder,
    last_byte: Instant,
    echoes: [Option<u32>; Setting::ALL.len()],
    out: Vec<u8>,
    events: VecDeque<RnodeEvent>,
    rssi: Option<i16>,
    snr: Option<i16>,
    in_flight: Option<InFlight>,
    /// What it is to be set to once that packet is gone: it was made for the present settings.
    next: Option<(Settings, u16)>,
    /// Until then the modem may be sending, and some listen to nobody while they do.
    deaf_until: Instant,
    /// The modem's queue was full: nothing is handed over before.
    hold_until: Option<Instant>,
    next_keep_alive: Instant,
    online_since: Instant,
    restarts: u8,
    stats: Stats,
}

impl Rnode {
    /// A conversation on a port that was opened `now`. `limit_centi` is the modem's own limit of the
    /// hour in hundredths of a per cent, 0 for none (`AIR-28`).
    pub fn new(now: Instant, pace: Pace, settings: Settings, limit_centi: u16) -> Self {
        Self {
            settings,
            limit_centi,
            pace,
            state: State::Quiet { until: now + pace.quiet },
            decoder: Decoder::new(),
            last_byte: now,
            echoes: [None; Setting::ALL.len()],
            out: Vec::new(),
            events: VecDeque::new(),
            rssi: None,
            snr: None,
            in_flight: None,
            next: None,
            deaf_until: now,
            hold_until: None,
            next_keep_alive: now,
            online_since: now,
            restarts: 0,
            stats: Stats::default(),
        }
    }

    /// Whether the radio does what it was told.
    pub fn is_online(&self) -> bool {
        self.state == State::Online
    }

    /// Whether the machine is over.
    pub fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether the modem takes a packet.
    pub fn is_free(&self) -> bool {
        self.is_online() && self.in_flight.is_none() && self.hold_until.is_none()
    }

    /// What it is told to do.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the modem told about itself and the channel.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Frames that the line garbled.
    pub const fn discarded(&self) -> u32 {
        self.decoder.discarded()
    }

    /// Bytes that arrived.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if self.decoder.is_inside() && now.saturating_since(self.last_byte) > self.pace.gap {
            self.decoder.reset();
        }
        if !bytes.is_empty() {
            self.last_byte = now;
        }
        // The decoder's frame borrows it; the machine goes on while it is looked at.
        let mut decoder = core::mem::take(&mut self.decoder);
        for &byte in bytes {
            if let Some(frame) = decoder.push(byte) {
                self.on_frame(now, frame.command, frame.payload);
            }
        }
        self.decoder = decoder;
    }

    /// Time passed: call when [`Rnode::poll_timeout`] is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Quiet { until } if until <= now => self.detect(now, 1),
            State::Detecting { until, tries } if until <= now => {
                if tries < DETECT_TRIES {
                    self.detect(now, tries + 1);
                } else {
                    self.fail(RnodeError::NoAnswer);
                }
            }
            State::Configuring { until } if until <= now => self.judge_echoes(),
            State::Online => self.online_timeout(now),
            _ => {}
        }
    }

    /// When time alone changes something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Quiet { until }
            | State::Detecting { until, .. }
            | State::Configuring { until } => Some(until),
            State::Online => {
                let flight = self.in_flight.map(|flight| flight.until);
                let silence = self.silent_at();
                [Some(self.next_keep_alive), Some(silence), flight, self.hold_until]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Failed => None,
        }
    }

    /// Appends what is to be written in one go; false if nothing is.
    pub fn poll_write(&mut self, out: &mut Vec<u8>) -> bool {
        let has_more = !self.out.is_empty();
        out.append(&mut self.out);
        has_more
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<RnodeEvent> {
        self.events.pop_front()
    }

    /// Hands a packet over that will be on the air for `on_air`.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changes then.
    pub fn send(
        &mut self,
        now: Instant,
        payload: &[u8],
        on_air: Duration,
    ) -> Result<(), SendError> {
        if !self.is_online() {
            return Err(SendError::Offline);
        }
        if !self.is_free() {
            return Err(SendError::Busy);
        }
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if payload.is_empty() || payload.len() > PACKET_MAX {
            return Err(SendError::Length);
        }
        encode_into(command::DATA, payload, &mut self.out);
        let earliest = now + self.pace.byte * len + on_air;
        let until = earliest + self.stats.contention();
        self.in_flight = Some(InFlight { earliest, until });
        self.deaf_until = until;
        Ok(())
    }

    /// Sets the radio to something else, after the packet that is with the modem (`RND-20`); it is
    /// offline until the modem has agreed.
    pub fn set(&mut self, now: Instant, settings: Settings, limit_centi: u16) {
        if self.in_flight.is_some() {
            self.next = Some((settings, limit_centi));
            return;
        }
        (self.settings, self.limit_centi) = (settings, limit_centi);
        if matches!(self.state, State::Configuring { .. } | State::Online) {
            if self.is_online() {
                self.push(RnodeEvent::Offline("its settings change"));
            }
            self.configure(now);
        }
    }

    /// The last words (`RND-25`).
    pub fn leave(&mut self) {
        encode_into(command::RADIO_STATE, &[0], &mut self.out);
        encode_into(command::LEAVE, &[0xff], &mut self.out);
        self.state = State::Failed;
    }

    fn detect(&mut self, now: Instant, tries: u8) {
        encode_into(command::DETECT, &[command::DETECT_REQUEST], &mut self.out);
        for ask in [command::FIRMWARE_VERSION, command::PLATFORM, command::MCU] {
            encode_into(ask, &[0], &mut self.out);
        }
        self.state = State::Detecting { until: now + self.pace.answer, tries };
    }

    /// The packet is gone: what waited for that is done.
    fn landed(&mut self, now: Instant) {
        self.in_flight = None;
        self.push(RnodeEvent::Sent);
        if let Some((settings, limit_centi)) = self.next.take() {
            self.set(now, settings, limit_centi);
        }
    }

    fn configure(&mut self, now: Instant) {
        if let Some(next) = self.next.take() {
            (self.settings, self.limit_centi) = next;
        }
        let Settings { frequency_hz, bandwidth_hz, spreading_factor, coding_rate, tx_power_dbm } =
            self.settings;
        self.echoes = [None; Setting::ALL.len()];
        self.in_flight = None;
        self.hold_until = None;
        let out = &mut self.out;
        encode_into(command::FREQUENCY, &frequency_hz.to_be_bytes(), out);
        encode_into(command::BANDWIDTH, &bandwidth_hz.to_be_bytes(), out);
        encode_into(command::TX_POWER, &[tx_power_dbm], out);
        encode_into(command::SPREADING_FACTOR, &[spreading_factor], out);
        encode_into(command::CODING_RATE, &[coding_rate], out);
        encode_into(command::LONG_AIRTIME_LOCK, &self.limit_centi.to_be_bytes(), out);
        encode_into(command::RADIO_STATE, &[1], out);
        self.state = State::Configuring { until: now + self.pace.settle };
    }

    /// The modem lost its settings, or has others than it was told (`RND-14`, `RND-15`).
    fn start_over(&mut self, now: Instant, why: &'static str) {
        if self.is_online() {
            self.push(RnodeEvent::Offline(why));
            if now.saturating_since(self.online_since) > STABLE_AFTER {
                self.restarts = 0;
            }
        }
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            return self.fail(RnodeError::KeepsStarting);
        }
        self.configure(now);
    }

    fn fail(&mut self, error: RnodeError) {
        self.state = State::Failed;
        self.in_flight = None;
        self.events.push_back(RnodeEvent::Failed(error));
    }

    /// Events the driver does not fetch are lost, the newest first; `Failed` never is.
    fn push(&mut self, event: RnodeEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.stats.ignored = self.stats.ignored.wrapping_add(1);
        }
    }

    fn online_timeout(&mut self, now: Instant) {
        if self.silent_at() <= now {
            return self.fail(RnodeError::Silent);
        }
        if self.in_flight.is_some_and(|flight| flight.until <= now) {
            self.landed(now);
        }
        self.hold_until = self.hold_until.filter(|until| *until > now);
        if self.next_keep_alive <= now {
            self.next_keep_alive = now + KEEP_ALIVE;
            if self.out.is_empty() {
                encode_into(command::DETECT, &[command::DETECT_REQUEST], &mut self.out);
            }
        }
    }

    /// When a modem that says nothing is taken for gone.
    fn silent_at(&self) -> Instant {
        self.last_byte.max(self.deaf_until).max(self.online_since) + SILENCE
    }

    fn on_frame(&mut self, now: Instant, command: u8, payload: &[u8]) {
        if self.state == State::Failed {
            return;
        }
        if let State::Quiet { .. } | State::Detecting { .. } = self.state {
            return self.on_answer(now, command, payload);
        }
        match (command, payload) {
            (command::DATA, _) => self.on_data(payload),
            (command::STAT_RSSI, &[rssi]) => {
                self.rssi = Some(i16::from(rssi) - command::RSSI_OFFSET);
            }
            (command::STAT_SNR, &[snr]) => self.snr = Some(i16::from(snr.cast_signed())),
            (command::READY, &[1]) => self.on_ready(now),
            (command::RESET, &[command::RESET_NOW]) => self.start_over(now, "it started over"),
            (command::RADIO_LOCK, &[1]) if self.is_online() => {
                self.start_over(now, "it lost its settings");
            }
            (command::ERROR, &[code]) => self.on_error(now, code.into()),
            _ => self.on_report(now, command, payload),
        }
    }

    /// Before the modem is known: only the answer counts, and who gives it (`RND-10`, `RND-11`).
    fn on_answer(&mut self, now: Instant, command: u8, payload: &[u8]) {
        if !matches!(self.state, State::Detecting { .. }) {
            return;
        }
        match (command, payload) {
            (command::DETECT, &[command::DETECT_RESPONSE]) => self.configure(now),
            _ => self.on_report(now, command, payload),
        }
    }

    fn on_report(&mut self, now: Instant, command: u8, payload: &[u8]) {
        if let Some((setting, value)) = echo_of(command, payload) {
            self.on_echo(now, setting, value);
        } else if !self.stats.take(command, payload) {
            self.stats.ignored = self.stats.ignored.wrapping_add(1);
        }
        if let Some((major, minor)) = self.stats.firmware
            && (major, minor) < FIRMWARE_MIN
        {
            self.fail(RnodeError::OldFirmware { major, minor });
        }
    }

    fn on_echo(&mut self, now: Instant, setting: Setting, value: u32) {
        let holds = setting.holds(setting.of(&self.settings), value);
        match self.state {
            State::Configuring { .. } => {
                self.echoes[setting as usize] = Some(value);
                let all = Setting::ALL.iter().all(|setting| self.verdict(*setting).is_ok());
                if all {
                    self.state = State::Online;
                    self.online_since = now;
                    self.next_keep_alive = now + KEEP_ALIVE;
                    self.push(RnodeEvent::Online);
                }
            }
            State::Online if !holds => self.start_over(now, "it changed its settings"),
            _ => {}
        }
    }

    fn verdict(&self, setting: Setting) -> Result<(), RnodeError> {
        let wanted = setting.of(&self.settings);
        match self.echoes[setting as usize] {
            None => Err(RnodeError::Missing(setting)),
            Some(got) if !setting.holds(wanted, got) => {
                Err(RnodeError::Echo { setting, wanted, got })
            }
            Some(_) => Ok(()),
        }
    }

    /// The settle time is over, and not all is well. A wrong word says more than a missing one.
    fn judge_echoes(&mut self) {
        let mut errors = Setting::ALL.iter().filter_map(|setting| self.verdict(*setting).err());
        let first = errors.next();
        let wrong = first.into_iter().chain(errors).find(|e| matches!(e, RnodeError::Echo { .. }));
        if let Some(error) = wrong.or(first) {
            self.fail(error);
        }
    }

    fn on_data(&mut self, payload: &[u8]) {
        let (rssi, snr) = (self.rssi.take(), self.snr.take());
        if !self.is_online() || payload.is_empty() || payload.len() > PACKET_MAX {
            self.stats.foreign = self.stats.foreign.wrapping_add(1);
            return;
        }
        let signal = rssi
            .zip(snr)
            .map(|(rssi_dbm, snr_quarter_db)| PacketSignal { rssi_dbm, snr_quarter_db });
        self.push(RnodeEvent::Heard { payload: payload.to_vec(), signal });
    }

    /// Ready after the time on air: it was sent. Earlier: the queue has room, which says nothing.
    fn on_ready(&mut self, now: Instant) {
        self.hold_until = None;
        if let Some(flight) = &mut self.in_flight {
            flight.until = flight.until.min(flight.earliest.max(now));
            if flight.until <= now {
                self.landed(now);
            }
        }
    }

    fn on_error(&mut self, now: Instant, error: ModemError) {
        self.stats.complaints = self.stats.complaints.wrapping_add(1);
        self.stats.last_complaint = Some(error);
        if error.is_fatal() {
            return self.fail(RnodeError::Modem(error));
        }
        if error == ModemError::QueueFull {
            self.hold_until = Some(now + QUEUE_FULL_WAIT);
        }
        self.push(RnodeEvent::Complaint(error));
    }
}

/// The setting an echo is about.
fn echo_of(command: u8, payload: &[u8]) -> Option<(Setting, u32)> {
    let setting = match command {
        command::FREQUENCY => Setting::Frequency,
        command::BANDWIDTH => Setting::Bandwidth,
        command::TX_POWER => Setting::TxPower,
        command::SPREADING_FACTOR => Setting::SpreadingFactor,
        command::CODING_RATE => Setting::CodingRate,
        command::RADIO_STATE => Setting::RadioState,
        _ => return None,
    };
    let is_wide = matches!(setting, Setting::Frequency | Setting::Bandwidth);
    match *payload {
        [a, b, c, d] if is_wide => Some((setting, u32::from_be_bytes([a, b, c, d]))),
        [value] if !is_wide => Some((setting, value.into())),
        _ => None,
    }
}

/// The longest packet that is one frame on the air, in bytes: 255 less the modem's own header.
pub const PACKET_MAX: usize = 254;

/// Firmware that has all this, before and after the point.
const FIRMWARE_MIN: (u8, u8) = (1, 52);

/// How often a modem is asked whether it is one.
const DETECT_TRIES: u8 = 3;

/// How often a modem may start over in a row; one that is online for [`STABLE_AFTER`] is forgiven.
const RESTARTS_MAX: u8 = 5;

const STABLE_AFTER: Duration = Duration::from_secs(60);

/// As hosts in the field do it over TCP.
const KEEP_ALIVE: Duration = Duration::from_millis(3_500);

/// Three answers missing, and a little.
const SILENCE: Duration = Duration::from_secs(12);

/// A frame of the longest kind is out of the queue after that at all but the slowest speeds.
const QUEUE_FULL_WAIT: Duration = Duration::from_secs(1);

/// Events that wait for the driver: a read of 4 KiB brings no more frames than that with content.
const EVENTS_MAX: usize = 256;

//! The shared air: who hears which frame, and which frames spoil each other.
//!
//! One spreading factor, one channel. A receiver follows one frame at a time: the first whose
//! preamble it can make out, or a much stronger one that begins while the first is still in its
//! preamble. A frame is lost when the sum of all others comes closer than the capture ratio to it
//! at any time after its preamble was caught. Whoever sends hears nothing.

use super::{city::City, phy::Phy, station::{Ear, Heard}};
use crate::{queue::Micros, rng::Rng};

/// A transmission, numbered in the order they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TxId(pub u64);

/// A transmission on the air.
#[derive(Debug)]
pub struct Transmission {
    /// Its number.
    pub id: TxId,
    /// Who sends.
    pub from: usize,
    /// When it began.
    pub began: Micros,
    /// When it ends.
    pub ends: Micros,
    /// What is sent.
    pub frame: Vec<u8>,
    /// Until when a receiver can still begin to follow it.
    catch_until: Micros,
}

/// What a receiver makes of a transmission that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Received whole.
    Whole(Heard),
    /// Followed, and lost to another transmission or to noise.
    Garbled,
}

#[derive(Clone, Copy, Debug)]
struct Following {
    id: TxId,
    level: f64,
    ruined: bool,
    lost_to_noise: bool,
}

#[derive(Clone, Debug, Default)]
struct Receiver {
    sending: bool,
    following: Option<Following>,
    /// Sum of everything on the air, in units of the weakest signal that is heard.
    power: f64,
}

/// The air over a city.
#[derive(Debug)]
pub struct Ether {
    phy: Phy,
    power: Vec<f64>,
    heard: Vec<Heard>,
    audible: Vec<Vec<usize>>,
    receivers: Vec<Receiver>,
    on_air: Vec<Transmission>,
    next_id: u64,
    frame_loss: f64,
    rng: Rng,
}

impl Ether {
    /// Quiet air. Each reception is lost with probability `frame_loss` beside what collides.
    pub fn new(city: &City, phy: Phy, frame_loss: f64, rng: Rng) -> Self {
        let radios = city.len();
        let pairs = || (0..radios * radios).map(|cell| (cell / radios, cell % radios));
        let hearing = city.hearing();
        let power = |(from, to)| 10_f64.powf(f64::from(city.level(from, to) - hearing) / 1_000.0);
        let heard = |(from, to)| {
            let level = city.level(from, to);
            Heard { level, snr: level - hearing + SNR_FLOOR_SF8 }
        };
        Self {
            phy,
            power: pairs().map(|(a, b)| if a == b { 0.0 } else { power((a, b)) }).collect(),
            heard: pairs().map(heard).collect(),
            audible: (0..radios)
                .map(|a| (0..radios).filter(|&b| city.hear(a, b)).collect())
                .collect(),
            receivers: vec![Receiver::default(); radios],
            on_air: Vec::new(),
            next_id: 0,
            frame_loss,
            rng,
        }
    }

    /// Radios that hear `from` when nobody else speaks.
    pub fn audible(&self, from: usize) -> &[usize] {
        &self.audible[from]
    }

    /// Whether `radio` sends.
    pub fn sends(&self, radio: usize) -> bool {
        self.receivers[radio].sending
    }

    /// What `radio` can tell about the channel.
    pub fn ear(&self, now: Micros, radio: usize) -> Ear {
        // A scan sees what began before the scan did.
        let blind = now.saturating_sub(self.scan_us());
        let active = self.on_air.iter().any(|tx| {
            tx.began <= blind && tx.from != radio && self.power[tx.from * self.len() + radio] >= 1.0
        });
        Ear { active, receiving: self.receivers[radio].following.is_some() }
    }

    /// How long a scan for activity takes.
    pub fn scan_us(&self) -> Micros {
        self.phy.symbol_us() * 2
    }

    /// `from` begins to send; its number and when it will end.
    pub fn begin(&mut self, now: Micros, from: usize, phy_len: usize, phy: Phy, frame: Vec<u8>) -> (TxId, Micros) {
        let id = TxId(self.next_id);
        self.next_id += 1;
        let ends = now + phy.time_on_air_us(phy_len);
        let preamble = u64::from(phy.preamble_symbols.saturating_sub(CATCH_SYMBOLS));
        let catch_until = now + preamble * phy.symbol_us();
        self.on_air.push(Transmission { id, from, began: now, ends, frame, catch_until });
        let sender = &mut self.receivers[from];
        (sender.sending, sender.following) = (true, None);
        for to in 0..self.len() {
            let power = self.power[from * self.len() + to];
            if power >= NEGLIGIBLE {
                self.receivers[to].power += power;
                self.hear_out(now, to);
            }
        }
        (id, ends)
    }

    /// A transmission ends: what each of those who followed it received.
    pub fn end(&mut self, now: Micros, id: TxId) -> Option<(Transmission, Vec<(usize, Reception)>)> {
        let at = self.on_air.iter().position(|tx| tx.id == id)?;
        let ended = self.on_air.swap_remove(at);
        self.receivers[ended.from].sending = false;
        let mut received = Vec::new();
        for to in 0..self.len() {
            let cell = ended.from * self.len() + to;
            if self.power[cell] < NEGLIGIBLE {
                continue;
            }
            let receiver = &mut self.receivers[to];
            receiver.power = (receiver.power - self.power[cell]).max(0.0);
            if let Some(following) = receiver.following.take_if(|following| following.id == id) {
                let whole = !following.ruined && !following.lost_to_noise;
                let heard = self.heard[cell];
                received.push((to, if whole { Reception::Whole(heard) } else { Reception::Garbled }));
            }
        }
        if self.on_air.is_empty() {
            // Sums of floating point drift; silence is exact.
            self.receivers.iter_mut().for_each(|receiver| receiver.power = 0.0);
        }
        (0..self.len()).for_each(|radio| self.hear_out(now, radio));
        Some((ended, received))
    }

    /// Transmissions under way.
    pub fn on_air(&self) -> usize {
        self.on_air.len()
    }

    fn len(&self) -> usize {
        self.receivers.len()
    }

    /// The sum of powers at `radio` changed: what it followed may be lost, and it may follow
    /// something else.
    fn hear_out(&mut self, now: Micros, radio: usize) {
        let total = self.receivers[radio].power;
        if self.receivers[radio].sending || total == 0.0 {
            return;
        }
        let clear = |level: f64| level >= 1.0 && level >= CAPTURE * (total - level);
        if let Some(following) = &mut self.receivers[radio].following {
            following.ruined |= !clear(following.level);
            if !following.ruined {
                return;
            }
        }
        let len = self.len();
        let catchable = self.on_air.iter().find(|tx| {
            let level = self.power[tx.from * len + radio];
            now <= tx.catch_until && tx.from != radio && clear(level)
        });
        let Some(tx) = catchable else { return };
        // A receiver leaves a frame for a stronger one only before that frame's header.
        let stays = self.receivers[radio].following.is_some_and(|following| {
            self.on_air.iter().any(|old| old.id == following.id && now > old.catch_until)
        });
        if stays {
            return;
        }
        let (id, level) = (tx.id, self.power[tx.from * len + radio]);
        let lost_to_noise = self.rng.chance(self.frame_loss);
        self.receivers[radio].following =
            Some(Following { id, level, ruined: false, lost_to_noise });
    }
}

/// A frame survives others whose sum is 6 dB below it: co-channel rejection of one spreading
/// factor as datasheets and LoRaSim have it.
const CAPTURE: f64 = 4.0;
/// Below this share of the weakest signal that is heard, power does not count: 13 dB.
const NEGLIGIBLE: f64 = 0.05;
/// Preamble symbols that a receiver needs.
const CATCH_SYMBOLS: u16 = 5;
/// Lowest signal-to-noise ratio at SF8, in hundredths of a dB.
const SNR_FLOOR_SF8: i32 = -1_000;

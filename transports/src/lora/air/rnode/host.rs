//! The host's commands (`VIR-21`, `VIR-22`).

use super::{BOOT_US, Meter, RadioCommand, VirtualRnode, settings::Settings, turn};
use crate::lora::command;

impl VirtualRnode {
    pub(super) fn handle_command(&mut self, now_us: u64, number: u8, payload: &[u8]) {
        let Some(&first) = payload.first() else { return };
        match number {
            command::DATA => self.accept(payload),
            command::RADIO_STATE => self.switch(now_us, first),
            command::DETECT if first == command::DETECT_REQUEST => {
                self.say(command::DETECT, &[command::DETECT_RESPONSE]);
            }
            command::READY => {
                let ready = self.queue.has_room(crate::lora::kiss::PAYLOAD_MAX);
                self.say(command::READY, &[ready.into()]);
            }
            command::PROMISCUOUS => {
                self.promiscuous = first == 1;
                self.half = None;
                self.say(command::PROMISCUOUS, &[self.promiscuous.into()]);
            }
            command::RESET if first == command::RESET_NOW => self.reset(now_us),
            command::LEAVE => {}
            _ if self.answer(number, first) => {}
            _ => self.set(number, first, payload),
        }
    }

    /// Questions about what the modem is.
    fn answer(&mut self, number: u8, first: u8) -> bool {
        match number {
            command::FIRMWARE_VERSION => self.say(number, &VERSION),
            command::BOARD => self.say(number, &[BOARD]),
            command::PLATFORM => self.say(number, &[PLATFORM]),
            command::MCU => self.say(number, &[MCU]),
            command::RANDOM => {
                let random = (self.draw() >> 56) as u8;
                self.say(number, &[random]);
            }
            command::IMPLICIT | command::EXTERNAL_BUFFER => self.say(number, &[first]),
            _ => return false,
        }
        true
    }

    /// Settings; each is answered with the value in effect.
    fn set(&mut self, number: u8, first: u8, payload: &[u8]) {
        let before = self.settings.clone();
        match (number, payload) {
            (command::FREQUENCY, &[a, b, c, d]) => {
                let hz = self.settings.set_frequency(u32::from_be_bytes([a, b, c, d]));
                self.say(number, &hz.to_be_bytes());
            }
            (command::BANDWIDTH, &[a, b, c, d]) => {
                let hz = self.settings.set_bandwidth(u32::from_be_bytes([a, b, c, d]));
                self.say(number, &hz.to_be_bytes());
            }
            (command::TX_POWER, _) => {
                let dbm = self.settings.set_power(first);
                self.say(number, &[dbm]);
            }
            (command::SPREADING_FACTOR, _) => {
                let factor = self.settings.set_spreading_factor(first);
                self.say(number, &[factor]);
            }
            (command::CODING_RATE, _) => {
                let rate = self.settings.set_coding_rate(first);
                self.say(number, &[rate]);
            }
            (command::SHORT_AIRTIME_LOCK, &[a, b]) => {
                self.settings.short_limit = limit([a, b]);
                self.say(number, &[a, b]);
            }
            (command::LONG_AIRTIME_LOCK, &[a, b]) => {
                self.settings.long_limit = limit([a, b]);
                self.say(number, &[a, b]);
            }
            // A command of a modem that has more than this one: not for us to answer.
            _ => return,
        }
        if self.online && self.settings.modulation() != before.modulation() {
            self.tune();
        }
    }

    fn accept(&mut self, packet: &[u8]) {
        if self.online {
            self.queue.push(packet);
        }
    }

    fn switch(&mut self, now_us: u64, to: u8) {
        match to {
            1 if self.settings.modulation().is_none() => {
                self.say(command::RADIO_LOCK, &[1]);
            }
            1 if !self.online => {
                self.online = true;
                self.report_at = Some(now_us + super::REPORT_US);
                self.tune();
            }
            0 => self.switch_off(now_us),
            _ => {}
        }
        self.say(command::RADIO_STATE, &[self.online.into()]);
    }

    /// What waits is dropped; what is on the air is finished.
    fn switch_off(&mut self, now_us: u64) {
        if std::mem::take(&mut self.online) {
            self.to_radio.push_back(RadioCommand::Tune(None));
        }
        self.meter.set_busy(now_us, false);
        self.queue.clear();
        self.burst.clear();
        self.turn.end();
        self.half = None;
        self.report_at = None;
    }

    fn tune(&mut self) {
        let Some(modulation) = self.settings.modulation() else { return };
        self.turn.set_slot(&modulation);
        self.half = None;
        self.to_radio.push_back(RadioCommand::Tune(Some(modulation)));
        let slot_ms = turn::slot_us(&modulation) / 1_000;
        let symbol_us = modulation.symbol_us();
        let preamble_us = u64::from(modulation.preamble_symbols) * symbol_us;
        let numbers = [
            symbol_us,
            1_000_000 / symbol_us,
            modulation.preamble_symbols.into(),
            preamble_us / 1_000,
            slot_ms,
            turn::SILENCE_SLOTS * slot_ms,
        ];
        let narrow = |number: u64| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
        let payload: Vec<u8> = numbers.into_iter().flat_map(narrow).collect();
        self.say(command::STAT_PHY, &payload);
    }

    /// Starts over: nothing is remembered, and after a while the host is told.
    fn reset(&mut self, now_us: u64) {
        self.switch_off(now_us);
        self.settings = Settings::default();
        self.promiscuous = false;
        self.meter = Meter::new(now_us);
        self.to_host.clear();
        self.boot_at = Some(now_us + BOOT_US);
    }
}

/// Hundredths of a per cent; nothing and everything are no limit.
fn limit(bytes: [u8; 2]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes)).filter(|limit| (1..10_000).contains(limit))
}

/// Of the firmware whose behaviour this is.
const VERSION: [u8; 2] = [1, 86];
/// A generic ESP32 board: hosts take a restart of that platform seriously.
const BOARD: u8 = 0x35;
const PLATFORM: u8 = 0x80;
const MCU: u8 = 0x81;

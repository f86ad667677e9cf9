//! The modem between a host and air of its own.

use super::*;
use crate::lora::air::{Air, AirEvent, Propagation, RadioId, RadioSite};

/// Modems 100 dB apart from each other, each with the frames its host has read.
struct World {
    air: Air,
    modems: Vec<VirtualRnode>,
    read: Vec<Vec<(u8, Vec<u8>)>>,
    decoders: Vec<Decoder>,
    now_us: u64,
}

impl World {
    fn new(count: u32) -> Self {
        let mut propagation = Propagation::default();
        for one in 0..count {
            for other in 0..one {
                propagation.set_loss(RadioId(one), RadioId(other), Decibel::whole(100));
            }
        }
        let mut air = Air::new(propagation, 1);
        for _ in 0..count {
            let radio = air.add_radio(RadioSite::default());
            air.watch(radio, true);
        }
        let modems = (0..count).map(|n| VirtualRnode::new(0, n.into())).collect();
        let decoders = (0..count).map(|_| Decoder::new()).collect();
        Self { air, modems, read: vec![Vec::new(); count as usize], decoders, now_us: 0 }
    }

    /// Modems with their radios on, at SF8 and 125 kHz.
    fn online(count: u32) -> Self {
        let mut world = Self::new(count);
        for modem in 0..count as usize {
            for line in [FREQUENCY, BANDWIDTH, POWER, FACTOR, RATE, ON] {
                world.type_in(modem, line);
            }
            world.read[modem].clear();
        }
        world
    }

    fn type_in(&mut self, modem: usize, bytes: &[u8]) {
        self.modems[modem].handle_host(self.now_us, bytes);
        self.settle();
    }

    fn command(&mut self, modem: usize, command: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        kiss::encode_into(command, payload, &mut bytes);
        self.type_in(modem, &bytes);
    }

    /// Carries out what the modems want, and tells them what happens on the air.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for (modem, number) in self.modems.iter_mut().zip(0..) {
                while let Some(wish) = modem.poll_radio() {
                    quiet = false;
                    let radio = RadioId(number);
                    match wish {
                        RadioCommand::Tune(to) => self.air.tune(self.now_us, radio, to),
                        RadioCommand::Transmit { modulation, power_dbm, frame } => {
                            let now_us = self.now_us;
                            self.air
                                .begin_transmit(now_us, radio, &modulation, power_dbm, &frame)
                                .expect("it does one thing at a time");
                        }
                    }
                }
            }
            while let Some(event) = self.air.poll(self.now_us) {
                quiet = false;
                self.pass_on(event);
            }
            if quiet {
                break;
            }
        }
        for (n, modem) in self.modems.iter_mut().enumerate() {
            let mut bytes = Vec::new();
            modem.poll_host(&mut bytes);
            for byte in bytes {
                if let Some(frame) = self.decoders[n].push(byte) {
                    self.read[n].push((frame.command, frame.payload.to_vec()));
                }
            }
        }
    }

    fn pass_on(&mut self, event: AirEvent) {
        match event {
            AirEvent::Heard { radio, signal, frame, .. } => {
                self.modems[radio.0 as usize].handle_received(&frame, signal);
            }
            AirEvent::Sent { at_us, radio } => self.modems[radio.0 as usize].handle_sent(at_us),
            AirEvent::Channel { at_us, radio, busy } => {
                let rssi = self.air.rssi(at_us, radio).unwrap_or(Decibel::NOTHING);
                self.modems[radio.0 as usize].handle_channel(at_us, busy, rssi);
            }
            AirEvent::Lost { .. } => {}
        }
    }

    fn run(&mut self, for_us: u64) {
        let until_us = self.now_us + for_us;
        loop {
            let timers = self.modems.iter().filter_map(VirtualRnode::poll_timeout);
            let next = timers.chain(self.air.poll_timeout()).min();
            let Some(next) = next.filter(|at_us| *at_us <= until_us) else { break };
            self.now_us = self.now_us.max(next);
            for modem in &mut self.modems {
                modem.handle_timeout(self.now_us);
            }
            self.settle();
        }
        self.now_us = until_us;
    }

    fn packets(&self, modem: usize) -> Vec<&[u8]> {
        let data = self.read[modem].iter().filter(|(command, _)| *command == command::DATA);
        data.map(|(_, payload)| &payload[..]).collect()
    }

    fn count(&self, modem: usize, command: u8) -> usize {
        self.read[modem].iter().filter(|(read, _)| *read == command).count()
    }
}

const FREQUENCY: &[u8] = &[0xc0, 0x01, 0x33, 0xd3, 0xe6, 0x08, 0xc0];
const BANDWIDTH: &[u8] = &[0xc0, 0x02, 0x00, 0x01, 0xe8, 0x48, 0xc0];
const POWER: &[u8] = &[0xc0, 0x03, 0x0e, 0xc0];
const FACTOR: &[u8] = &[0xc0, 0x04, 0x08, 0xc0];
const RATE: &[u8] = &[0xc0, 0x05, 0x05, 0xc0];
const ON: &[u8] = &[0xc0, 0x06, 0x01, 0xc0];
const SECOND: u64 = 1_000_000;

/// `VIR-21`
#[test]
fn vir_21_a_host_finds_the_modem() {
    let mut world = World::new(1);
    let line = [0xc0, 0x08, 0x73, 0xc0, 0x50, 0x00, 0xc0, 0x48, 0x00, 0xc0, 0x49, 0x00, 0xc0];
    world.type_in(0, &line);
    let answers = [(0x08, vec![0x46]), (0x50, vec![1, 86]), (0x48, vec![0x80]), (0x49, vec![0x81])];
    assert_eq!(world.read[0], answers);
    assert_eq!(world.modems[0].poll_timeout(), None, "it is quiet until its radio is on");
}

/// `VIR-22`
#[test]
fn vir_22_settings_are_answered_with_what_is_in_effect() {
    let mut world = World::new(1);
    world.type_in(0, ON);
    // Nothing is set: locked, and off.
    assert_eq!(world.read[0], [(0x07, vec![1]), (0x06, vec![0])]);
    world.read[0].clear();
    for line in [FREQUENCY, BANDWIDTH, POWER, FACTOR, RATE, ON] {
        world.type_in(0, line);
    }
    let phy = [8, 0, 1, 232, 0, 18, 0, 36, 0, 24, 0, 48].to_vec();
    let answers = [
        // 61 Hz are a step of the synthesiser.
        (0x01, 869_525_024_u32.to_be_bytes().to_vec()),
        (0x02, 125_000_u32.to_be_bytes().to_vec()),
        (0x03, vec![14]),
        (0x04, vec![8]),
        (0x05, vec![5]),
        (0x26, phy),
        (0x06, vec![1]),
    ];
    assert_eq!(world.read[0], answers);
    world.read[0].clear();
    // Beyond what the radio can, and questions.
    for (command, payload) in [(0x03, 37), (0x04, 13), (0x05, 4), (0x03, 0xff), (0x06, 0xff)] {
        world.command(0, command, &[payload]);
    }
    let answers = [(0x03, vec![22]), (0x26, answers_phy(12)), (0x04, vec![12]), (0x05, vec![5])];
    assert_eq!(world.read[0].iter().filter(|(command, _)| *command == 0x03).count(), 2);
    for answer in answers {
        assert!(world.read[0].contains(&answer), "{answer:02x?} in {:02x?}", world.read[0]);
    }
    world.command(0, 0x02, &100_000_u32.to_be_bytes());
    assert_eq!(world.read[0].last(), Some(&(0x02, 125_000_u32.to_be_bytes().to_vec())));
    world.command(0, 0x01, &[0; 4]);
    assert_eq!(world.read[0].last(), Some(&(0x01, 869_525_024_u32.to_be_bytes().to_vec())));
}

fn answers_phy(factor: u8) -> Vec<u8> {
    let modulation = Modulation::rnode(869_525_000, 125_000, factor, 5);
    let symbol_us = modulation.symbol_us();
    let numbers = [symbol_us, 1_000_000 / symbol_us, 18, 18 * symbol_us / 1_000, 100, 200];
    numbers.into_iter().flat_map(|number| (number as u16).to_be_bytes()).collect()
}

/// `VIR-23`, `VIR-24`
#[test]
fn vir_24_packets_cross_with_their_signal_before_them() {
    let mut world = World::online(2);
    for len in [1, 254, 255, 508] {
        let packet = vec![0xc0; len];
        world.command(0, command::DATA, &packet);
        world.run(10 * SECOND);
        assert_eq!(world.packets(1).last(), Some(&&packet[..]), "{len}");
        let heard: Vec<u8> = world.read[1].iter().map(|(command, _)| *command).collect();
        let at = heard.iter().rposition(|command| *command == command::DATA).expect("it came");
        assert_eq!(heard[at - 2..at], [command::STAT_RSSI, command::STAT_SNR]);
        // -86 dBm; 31 dB above the noise.
        assert_eq!(world.read[1][at - 2].1, [157 - 86]);
        assert_eq!(world.read[1][at - 1].1, [124]);
    }
    assert_eq!((world.packets(0).len(), world.packets(1).len()), (0, 4));
}

/// `VIR-25`
#[test]
fn vir_25_statistics_come_every_second_and_after_each_packet() {
    let mut world = World::online(2);
    world.run(5 * SECOND + 1);
    assert_eq!(world.count(0, command::STAT_CHANNEL), 5);
    world.read[0].clear();
    world.command(0, command::DATA, &[7; 200]);
    world.run(SECOND);
    assert_eq!(world.count(0, command::READY), 1);
    let stats = world.read[0].iter().rfind(|(command, _)| *command == command::STAT_CHANNEL);
    let (_, stats) = stats.expect("they came");
    let airtime = u16::from_be_bytes([stats[0], stats[1]]);
    let expected = world.modems[0].modulation().expect("on").time_on_air_us(201) / 1_500;
    assert_eq!(u64::from(airtime), expected);
    // Nothing but noise, and none of what stock hosts fall over.
    assert_eq!(stats[8..], [157 - 118, 157 - 118, 0xff]);
    for forbidden in [command::STAT_RX, command::STAT_TX, command::ERROR] {
        assert_eq!(world.count(0, forbidden), 0);
    }
}

/// `VIR-26`
#[test]
fn vir_26_modems_take_turns() {
    let mut world = World::online(3);
    for n in 0..10_u8 {
        for modem in 0..2 {
            world.command(modem, command::DATA, &[n; 60]);
        }
        world.run(10 * SECOND);
    }
    // Only two that drew the same slot collide.
    assert!(world.packets(2).len() >= 16, "{} of 20", world.packets(2).len());
    let alone = world.packets(2).len();
    // What waits when the turn comes goes out in one go.
    for n in 0..5_u8 {
        world.command(0, command::DATA, &[n; 60]);
    }
    world.run(10 * SECOND);
    assert_eq!(world.packets(2).len(), alone + 5);
    assert_eq!(world.count(0, command::READY), 11);
}

/// `VIR-27`
#[test]
fn vir_27_the_airtime_limit_stops_the_queue() {
    let mut world = World::online(2);
    // 2 % of 15 s are 300 ms: the first packet of 200 bytes uses 578 ms.
    world.command(0, command::SHORT_AIRTIME_LOCK, &[0, 200]);
    assert_eq!(world.read[0].last(), Some(&(command::SHORT_AIRTIME_LOCK, vec![0, 200])));
    for n in 0..3 {
        world.command(0, command::DATA, &[n; 200]);
    }
    world.run(10 * SECOND);
    assert_eq!(world.packets(1).len(), 1);
    world.run(10 * SECOND);
    assert_eq!(world.packets(1).len(), 2);
    world.command(0, command::SHORT_AIRTIME_LOCK, &[0, 0]);
    world.run(2 * SECOND);
    assert_eq!(world.packets(1).len(), 3);
}

/// `VIR-28`
#[test]
fn vir_28_a_full_queue_drops_without_a_word() {
    let mut world = World::online(2);
    for n in 0..20 {
        world.command(0, command::DATA, &[n; 500]);
    }
    world.command(0, command::READY, &[0xff]);
    assert_eq!(world.read[0].last(), Some(&(command::READY, vec![0])));
    world.run(60 * SECOND);
    // 12 times 500 bytes are below 6,144.
    assert_eq!(world.packets(1).len(), 12);
    assert_eq!(world.count(0, command::ERROR), 0);
    world.command(0, command::READY, &[0xff]);
    assert_eq!(world.read[0].last(), Some(&(command::READY, vec![1])));
    for n in 0..250_u8 {
        world.command(0, command::DATA, &[n]);
    }
    world.run(60 * SECOND);
    assert_eq!(world.packets(1).len(), 212);
}

/// `VIR-29`
#[test]
fn vir_29_a_radio_that_is_off_neither_sends_nor_hears() {
    let mut world = World::online(2);
    world.command(0, command::DATA, &[1; 20]);
    world.command(0, command::RADIO_STATE, &[0]);
    assert_eq!(world.read[0].last(), Some(&(command::RADIO_STATE, vec![0])));
    world.command(0, command::DATA, &[2; 20]);
    world.command(1, command::DATA, &[3; 20]);
    world.run(10 * SECOND);
    assert!(world.packets(0).is_empty() && world.packets(1).is_empty());
    let said = world.count(0, command::STAT_CHANNEL);
    assert_eq!(said, 0);
    world.command(0, command::RADIO_STATE, &[1]);
    world.command(1, command::DATA, &[4; 20]);
    world.run(10 * SECOND);
    assert_eq!(world.packets(0), [&[4; 20]]);
}

/// `VIR-29`
#[test]
fn vir_29_a_reset_forgets_everything_and_is_reported() {
    let mut world = World::online(2);
    world.command(0, command::DATA, &[1; 20]);
    world.read[0].clear();
    world.command(0, command::RESET, &[command::RESET_NOW]);
    // Deaf while it starts.
    world.command(0, command::DETECT, &[command::DETECT_REQUEST]);
    assert!(world.read[0].is_empty());
    world.run(SECOND);
    assert_eq!(world.read[0], [(command::RESET, vec![command::RESET_NOW])]);
    assert!(!world.modems[0].is_online() && world.packets(1).is_empty());
    world.type_in(0, ON);
    assert_eq!(world.read[0].last(), Some(&(command::RADIO_STATE, vec![0])));
}

/// `VIR-30`
#[test]
fn vir_30_rubbish_from_the_host_is_survived() {
    let mut world = World::online(2);
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let byte = (state >> 56) as u8;
        let byte = if byte < 0x30 { kiss::FEND } else { byte };
        world.modems[0].handle_host(world.now_us, &[byte]);
    }
    world.settle();
    world.run(SECOND);
    for line in [FREQUENCY, BANDWIDTH, POWER, FACTOR, RATE, ON] {
        world.type_in(0, &[0xc0]);
        world.type_in(0, line);
    }
    world.command(0, command::PROMISCUOUS, &[0]);
    world.command(0, command::SHORT_AIRTIME_LOCK, &[0, 0]);
    world.command(0, command::LONG_AIRTIME_LOCK, &[0, 0]);
    world.run(120 * SECOND);
    world.read[1].clear();
    world.command(0, command::DATA, b"still here");
    world.run(10 * SECOND);
    assert_eq!(world.packets(1), [b"still here"]);
}

/// `VIR-31`
#[test]
fn vir_31_a_promiscuous_modem_shows_frames_as_they_are() {
    let mut world = World::online(3);
    world.command(1, command::PROMISCUOUS, &[1]);
    world.command(0, command::DATA, &[9; 300]);
    world.run(10 * SECOND);
    assert_eq!(world.packets(2), [&[9; 300]]);
    let raw = world.packets(1);
    assert_eq!(raw.iter().map(|frame| frame.len()).collect::<Vec<_>>(), [255, 47]);
    assert_eq!(raw[0][0] & 0x0f, 1);
    // It also sends them as they are: here a header and a body.
    let raw = [0x50, b'h', b'i'];
    world.command(1, command::DATA, &raw);
    world.run(10 * SECOND);
    assert_eq!(world.packets(2)[1], b"hi");
}

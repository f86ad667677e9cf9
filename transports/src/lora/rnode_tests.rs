//! A modem on the other side of the table, in bytes.

use core::time::Duration;

use alloc::{vec, vec::Vec};
use mesh::Instant;

use super::{
    ModemError, RnodeError, Setting, Settings, command as c,
    kiss::{Decoder, encode_into},
    rnode::{PACKET_MAX, Pace, PacketSignal, Rnode, RnodeEvent, SendError},
};

const SETTINGS: Settings = Settings {
    frequency_hz: 869_525_000,
    bandwidth_hz: 125_000,
    spreading_factor: 8,
    coding_rate: 5,
    tx_power_dbm: 14,
};

/// A machine, its clock, and what it wrote.
struct Bench {
    now: Instant,
    rnode: Rnode,
}

impl Bench {
    fn new(pace: Pace) -> Self {
        let now = Instant::from_secs(1_000);
        Self { now, rnode: Rnode::new(now, pace, SETTINGS, 1_000) }
    }

    fn online() -> Self {
        let mut bench = Self::new(Pace::SERIAL);
        bench.wait();
        bench.written();
        bench.say(&[(c::DETECT, &[c::DETECT_RESPONSE]), (c::FIRMWARE_VERSION, &[1, 86])]);
        bench.written();
        bench.say_frames(&echoes());
        assert_eq!(bench.events(), [RnodeEvent::Online]);
        bench
    }

    /// Jumps to the next timeout.
    fn wait(&mut self) {
        self.now = self.rnode.poll_timeout().expect("a timeout is due").max(self.now);
        self.rnode.handle_timeout(self.now);
    }

    fn after(&mut self, time: Duration) {
        let until = self.now + time;
        while self.rnode.poll_timeout().is_some_and(|due| due <= until) {
            self.wait();
        }
        self.now = until;
    }

    fn written(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        while self.rnode.poll_write(&mut bytes) {}
        let mut decoder = Decoder::new();
        let mut frames = Vec::new();
        for byte in bytes {
            if let Some(frame) = decoder.push(byte) {
                frames.push((frame.command, frame.payload.to_vec()));
            }
        }
        frames
    }

    fn say(&mut self, frames: &[(u8, &[u8])]) {
        let mut bytes = Vec::new();
        for (command, payload) in frames {
            encode_into(*command, payload, &mut bytes);
        }
        self.rnode.handle_bytes(self.now, &bytes);
    }

    fn say_frames(&mut self, frames: &[(u8, Vec<u8>)]) {
        for (command, payload) in frames {
            self.say(&[(*command, payload)]);
        }
    }

    fn events(&mut self) -> Vec<RnodeEvent> {
        core::iter::from_fn(|| self.rnode.poll_event()).collect()
    }

    fn failed(&mut self) -> Option<RnodeError> {
        self.events().into_iter().find_map(|event| match event {
            RnodeEvent::Failed(error) => Some(error),
            _ => None,
        })
    }
}

fn echoes() -> Vec<(u8, Vec<u8>)> {
    vec![
        (c::FREQUENCY, 869_525_000_u32.to_be_bytes().to_vec()),
        (c::BANDWIDTH, 125_000_u32.to_be_bytes().to_vec()),
        (c::TX_POWER, vec![14]),
        (c::SPREADING_FACTOR, vec![8]),
        (c::CODING_RATE, vec![5]),
        (c::RADIO_STATE, vec![1]),
    ]
}

fn configuring() -> Bench {
    let mut bench = Bench::new(Pace::SERIAL);
    bench.wait();
    bench.written();
    bench.say(&[(c::DETECT, &[c::DETECT_RESPONSE])]);
    bench
}

#[test]
fn rnd_10_first_words() {
    let mut bench = Bench::new(Pace::SERIAL);
    assert!(bench.written().is_empty(), "the board may be starting");
    bench.rnode.handle_bytes(bench.now, b"ets Jun  8 2016 00:22:57\r\n\xc0\x08\x46\xc0");
    assert!(bench.written().is_empty(), "nobody has asked yet");
    let begin = bench.now;
    bench.wait();
    assert_eq!(bench.now, begin + Duration::from_secs(2));
    let mut bytes = Vec::new();
    assert!(bench.rnode.poll_write(&mut bytes));
    assert_eq!(bytes[..4], [0xc0, 0x08, 0x73, 0xc0]);
    assert!(!bench.rnode.poll_write(&mut bytes), "one write");
    let mut tcp = Bench::new(Pace::TCP);
    tcp.rnode.handle_timeout(tcp.now);
    assert_eq!(
        tcp.written(),
        [(0x08, vec![0x73]), (0x50, vec![0]), (0x48, vec![0]), (0x49, vec![0])]
    );
}

#[test]
fn rnd_11_nobody_there() {
    let mut bench = Bench::new(Pace::SERIAL);
    bench.wait();
    for _ in 0..3 {
        assert_eq!(bench.failed(), None);
        assert_eq!(bench.written().len(), 4);
        bench.say(&[(c::DETECT, &[0x47]), (c::DATA, b"hello"), (c::RESET, &[c::RESET_NOW])]);
        bench.wait();
    }
    assert_eq!(bench.failed(), Some(RnodeError::NoAnswer));
    assert_eq!(bench.rnode.poll_timeout(), None);
    assert!(bench.rnode.is_failed() && bench.written().is_empty());
}

#[test]
fn rnd_11_old_firmware() {
    for (version, refused) in [([1, 51], true), ([0, 99], true), ([1, 52], false), ([2, 0], false)]
    {
        let mut bench = configuring();
        bench.say(&[(c::FIRMWARE_VERSION, &version)]);
        let [major, minor] = version;
        let expected = refused.then_some(RnodeError::OldFirmware { major, minor });
        assert_eq!(bench.failed(), expected);
    }
}

#[test]
fn rnd_12_settings_on_the_line() {
    let mut bench = configuring();
    assert_eq!(
        bench.written(),
        [
            (0x01, vec![0x33, 0xd3, 0xe6, 0x08]),
            (0x02, vec![0x00, 0x01, 0xe8, 0x48]),
            (0x03, vec![14]),
            (0x04, vec![8]),
            (0x05, vec![5]),
            // Ten per cent of the hour.
            (0x0c, vec![0x03, 0xe8]),
            (0x06, vec![1]),
        ]
    );
}

#[test]
fn rnd_13_echoes_decide() {
    let wrong: [(usize, Vec<u8>, Setting, u32); 6] = [
        (0, 869_525_101_u32.to_be_bytes().to_vec(), Setting::Frequency, 869_525_101),
        (1, 250_000_u32.to_be_bytes().to_vec(), Setting::Bandwidth, 250_000),
        (2, vec![17], Setting::TxPower, 17),
        (3, vec![9], Setting::SpreadingFactor, 9),
        (4, vec![6], Setting::CodingRate, 6),
        (5, vec![0], Setting::RadioState, 0),
    ];
    for (index, payload, setting, got) in wrong {
        let mut bench = configuring();
        let mut said = echoes();
        said[index].1 = payload;
        bench.say_frames(&said);
        assert!(!bench.rnode.is_online());
        bench.wait();
        let wanted = setting.of(&SETTINGS);
        assert_eq!(bench.failed(), Some(RnodeError::Echo { setting, wanted, got }));
    }
    // What was left from before, then the truth; and a synthesizer's step.
    let mut bench = configuring();
    bench.say(&[(c::TX_POWER, &[2])]);
    let mut said = echoes();
    said[0].1 = 869_524_910_u32.to_be_bytes().to_vec();
    bench.say_frames(&said);
    assert_eq!(bench.events(), [RnodeEvent::Online]);
}

#[test]
fn rnd_13_missing_echoes() {
    for missing in 0..echoes().len() {
        let mut bench = configuring();
        let mut said = echoes();
        said.remove(missing);
        bench.say_frames(&said);
        assert_eq!(bench.events(), []);
        bench.wait();
        assert_eq!(bench.failed(), Some(RnodeError::Missing(Setting::ALL[missing])));
    }
    // A payload of another length is no echo.
    let mut bench = configuring();
    bench.say(&[(c::FREQUENCY, &[1, 2, 3]), (c::TX_POWER, &[])]);
    bench.wait();
    assert_eq!(bench.failed(), Some(RnodeError::Missing(Setting::Frequency)));
}

#[test]
fn rnd_14_a_setting_that_changes_later() {
    let mut bench = Bench::online();
    bench.say(&[(c::TX_POWER, &[14])]);
    assert!(bench.rnode.is_online());
    bench.say(&[(c::TX_POWER, &[22])]);
    assert_eq!(bench.events(), [RnodeEvent::Offline("it changed its settings")]);
    assert_eq!(bench.written().len(), 7);
    bench.say_frames(&echoes());
    assert_eq!(bench.events(), [RnodeEvent::Online]);
}

#[test]
fn rnd_15_a_modem_that_starts_over() {
    let mut bench = Bench::online();
    bench.rnode.send(bench.now, b"lost", Duration::from_millis(50)).expect("it is free");
    bench.written();
    // In the middle of a frame, as when somebody presses the button.
    bench.rnode.handle_bytes(bench.now, &[0xc0, 0x00, 1, 2, 3]);
    bench.say(&[(c::RESET, &[c::RESET_NOW])]);
    let events = bench.events();
    assert_eq!(events.last(), Some(&RnodeEvent::Offline("it started over")));
    assert!(!bench.rnode.is_free());
    assert_eq!(bench.written().len(), 7);
    bench.say_frames(&echoes());
    assert!(bench.rnode.is_free());
    for _ in 0..4 {
        bench.say(&[(c::RADIO_STATE, &[0])]);
        assert_eq!(bench.failed(), None);
        bench.say_frames(&echoes());
    }
    bench.say(&[(c::RADIO_LOCK, &[1])]);
    assert_eq!(bench.failed(), Some(RnodeError::KeepsStarting));
}

#[test]
fn rnd_15_what_lasts_is_forgiven() {
    let mut bench = Bench::online();
    for _ in 0..20 {
        for _ in 0..30 {
            bench.after(Duration::from_secs(3));
            bench.say(&[(c::STAT_CHANNEL, &[0; 11])]);
        }
        bench.say(&[(c::RESET, &[c::RESET_NOW])]);
        bench.say_frames(&echoes());
        assert_eq!(bench.failed(), None);
    }
}

#[test]
fn rnd_16_any_rubbish_is_survived() {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u8
    };
    for round in 0..200 {
        let mut bench = if round % 2 == 0 { Bench::online() } else { configuring() };
        for _ in 0..40 {
            let bytes: Vec<u8> = (0..next())
                .map(|_| if next() < 64 { 0xc0 } else { [next(), next() % 0x30][round % 2] })
                .collect();
            bench.rnode.handle_bytes(bench.now, &bytes);
            bench.after(Duration::from_millis(u64::from(next()) * 20));
            bench.written();
        }
        assert!(bench.events().len() <= 300);
    }
}

#[test]
fn rnd_04_a_gap_inside_a_frame() {
    let mut bench = Bench::online();
    bench.rnode.handle_bytes(bench.now, &[0xc0, 0x00, 1]);
    bench.now += Duration::from_millis(101);
    bench.rnode.handle_bytes(bench.now, &[2, 0xc0, 0x00, 7, 0xc0]);
    assert_eq!(bench.events(), [RnodeEvent::Heard { payload: vec![7], signal: None }]);
    assert_eq!(bench.rnode.discarded(), 1);
}

#[test]
fn rnd_20_one_packet_at_a_time() {
    let mut bench = Bench::online();
    let air = Duration::from_millis(300);
    assert_eq!(bench.rnode.send(bench.now, &[], air), Err(SendError::Length));
    let long = vec![0; PACKET_MAX + 1];
    assert_eq!(bench.rnode.send(bench.now, &long, air), Err(SendError::Length));
    bench.rnode.send(bench.now, &[0xc0, 1], air).expect("it is free");
    assert_eq!(bench.written(), [(c::DATA, vec![0xc0, 1])]);
    assert_eq!(bench.rnode.send(bench.now, b"x", air), Err(SendError::Busy));
    let begin = bench.now;
    bench.wait();
    // Two bytes on the line, the air time, two slots and fourteen.
    assert_eq!(bench.now, begin + Duration::from_micros(2 * 87) + air + Duration::from_millis(384));
    assert_eq!(bench.events(), [RnodeEvent::Sent]);
    assert!(bench.rnode.is_free());

    let mut offline = configuring();
    assert_eq!(offline.rnode.send(offline.now, b"x", air), Err(SendError::Offline));
}

#[test]
fn rnd_20_settings_wait_for_the_packet() {
    let mut bench = Bench::online();
    let air = Duration::from_millis(300);
    bench.rnode.send(bench.now, b"x", air).expect("it is free");
    bench.written();
    let other = Settings { spreading_factor: 9, ..SETTINGS };
    bench.rnode.set(bench.now, other, 0);
    assert!(bench.written().is_empty() && bench.rnode.is_online());
    bench.after(Duration::from_secs(1));
    let offline = RnodeEvent::Offline("its settings change");
    assert_eq!(bench.events(), [RnodeEvent::Sent, offline]);
    assert!(bench.written().contains(&(c::SPREADING_FACTOR, vec![9])));
    // A modem that starts over gets them at once: the packet is lost anyway.
    let mut bench = Bench::online();
    bench.rnode.send(bench.now, b"x", air).expect("it is free");
    bench.rnode.set(bench.now, other, 0);
    bench.say(&[(c::RESET, &[c::RESET_NOW])]);
    assert!(bench.written().contains(&(c::SPREADING_FACTOR, vec![9])));
}

#[test]
fn rnd_20_ready_frees_the_modem() {
    let mut bench = Bench::online();
    let air = Duration::from_millis(300);
    bench.rnode.send(bench.now, b"x", air).expect("it is free");
    bench.say(&[(c::READY, &[1])]);
    assert_eq!(bench.events(), [], "nothing is that fast: its queue has room, no more");
    bench.after(Duration::from_millis(301));
    assert_eq!(bench.events(), [RnodeEvent::Sent], "and then it does not take its full time");
    bench.rnode.send(bench.now, b"y", air).expect("it is free");
    bench.after(Duration::from_millis(310));
    assert_eq!(bench.events(), []);
    bench.say(&[(c::READY, &[1])]);
    assert_eq!(bench.events(), [RnodeEvent::Sent]);
}

#[test]
fn rnd_21_signal_belongs_to_the_next_packet() {
    let mut bench = Bench::online();
    bench.say(&[(c::STAT_RSSI, &[60]), (c::STAT_SNR, &[0xee]), (c::DATA, &[1]), (c::DATA, &[2])]);
    let signal = Some(PacketSignal { rssi_dbm: -97, snr_quarter_db: -18 });
    assert_eq!(
        bench.events(),
        [
            RnodeEvent::Heard { payload: vec![1], signal },
            RnodeEvent::Heard { payload: vec![2], signal: None }
        ]
    );
    bench.say(&[(c::DATA, &[]), (c::DATA, &[0; PACKET_MAX + 1])]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.rnode.stats().foreign, 2);
}

#[test]
fn rnd_22_statistics() {
    let mut bench = Bench::online();
    let channel = [0x00, 0x64, 0x00, 0x32, 0x01, 0xf4, 0x03, 0xe8, 37, 32, 0xff];
    bench.say(&[(c::STAT_CHANNEL, &channel), (c::STAT_BATTERY, &[2, 80])]);
    bench.say(&[(c::STAT_PHY, &[8, 0, 1, 0xe8, 0, 18, 0, 46, 0, 24, 0, 48])]);
    let stats = *bench.rnode.stats();
    let channel = stats.channel.expect("it was said");
    assert_eq!((channel.airtime_short_centi, channel.airtime_long_centi), (100, 50));
    assert_eq!((channel.load_short_centi, channel.load_long_centi), (500, 1_000));
    assert_eq!((channel.rssi_dbm, channel.noise_floor_dbm), (Some(-120), Some(-125)));
    assert_eq!(channel.interference_dbm, None);
    let phy = stats.phy.expect("it was said");
    assert_eq!((phy.symbol_us, phy.symbol_rate, phy.preamble_symbols), (2_048, 488, 18));
    assert_eq!((phy.preamble_ms, phy.slot_ms, phy.difs_ms), (46, 24, 48));
    assert_eq!(stats.battery.map(|battery| battery.percent), Some(80));
    for bad in [&[0; 9][..], &[0; 12], &[]] {
        let before = bench.rnode.stats().ignored;
        bench.say(&[(c::STAT_CHANNEL, bad)]);
        assert_eq!(bench.rnode.stats().ignored, before + 1);
    }
    assert_eq!(bench.events(), []);
}

#[test]
fn rnd_23_a_modem_that_fell_silent() {
    let mut bench = Bench::online();
    let begin = bench.now;
    for _ in 0..20 {
        bench.wait();
        if bench.rnode.is_failed() {
            break;
        }
        assert!(bench.written().iter().all(|frame| *frame == (c::DETECT, vec![0x73])));
    }
    assert_eq!(bench.now, begin + Duration::from_secs(12));
    assert_eq!(bench.failed(), Some(RnodeError::Silent));
    // One that sends for long, and listens to nobody meanwhile, is not gone.
    let mut bench = Bench::online();
    bench.rnode.send(bench.now, b"x", Duration::from_secs(9)).expect("it is free");
    bench.after(Duration::from_secs(20));
    assert_eq!(bench.events(), [RnodeEvent::Sent]);
}

#[test]
fn rnd_24_errors() {
    for (code, fatal) in
        [(1, true), (2, false), (3, true), (4, false), (5, false), (6, false), (99, false)]
    {
        let mut bench = Bench::online();
        bench.say(&[(c::ERROR, &[code])]);
        let error = ModemError::from(code);
        let event = if fatal {
            RnodeEvent::Failed(RnodeError::Modem(error))
        } else {
            RnodeEvent::Complaint(error)
        };
        assert_eq!(bench.events(), [event]);
        assert_eq!(bench.rnode.is_free(), !fatal && code != 4, "{code}");
    }
    let mut bench = Bench::online();
    bench.say(&[(c::ERROR, &[4])]);
    bench.after(Duration::from_secs(1));
    assert!(bench.rnode.is_free());
}

#[test]
fn rnd_25_leaving() {
    let mut bench = Bench::online();
    bench.rnode.leave();
    assert_eq!(bench.written(), [(c::RADIO_STATE, vec![0]), (c::LEAVE, vec![0xff])]);
    assert_eq!(bench.rnode.poll_timeout(), None);
}

//! The air, frame by frame.

use mesh::radio::Modulation;

use super::*;

const SF8: Modulation = Modulation::rnode(869_525_000, 125_000, 8, 5);

/// Radios with the same loss between any two, unless told otherwise.
struct World {
    air: Air,
    radios: Vec<RadioId>,
}

impl World {
    fn new(count: u32, loss: Decibel) -> Self {
        Self::with(count, loss, Propagation::default())
    }

    fn with(count: u32, loss: Decibel, mut propagation: Propagation) -> Self {
        for one in 0..count {
            for other in 0..one {
                propagation.set_loss(RadioId(one), RadioId(other), loss);
            }
        }
        Self::built(count, propagation)
    }

    fn built(count: u32, propagation: Propagation) -> Self {
        let mut air = Air::new(propagation, 1);
        let radios: Vec<RadioId> =
            (0..count).map(|_| air.add_radio(RadioSite::default())).collect();
        for radio in &radios {
            air.tune(0, *radio, Some(SF8));
        }
        Self { air, radios }
    }

    fn send(&mut self, at_us: u64, from: usize, frame: &[u8]) -> u64 {
        self.air.begin_transmit(at_us, self.radios[from], &SF8, 14, frame).expect("it is idle")
    }

    /// Who received which frame, and who lost which sender's and why, until everything is over.
    fn outcome(&mut self) -> (Vec<Heard>, Vec<(u32, u32, Loss)>) {
        let (mut heard, mut lost) = (Vec::new(), Vec::new());
        while let Some(at_us) = self.air.poll_timeout() {
            while let Some(event) = self.air.poll(at_us) {
                match event {
                    AirEvent::Heard { radio, frame, .. } => heard.push((radio.0, frame)),
                    AirEvent::Lost { radio, from, why, .. } => lost.push((radio.0, from.0, why)),
                    AirEvent::Sent { .. } | AirEvent::Channel { .. } => {}
                }
            }
        }
        (heard, lost)
    }
}

/// A radio, and the frame it received.
type Heard = (u32, Vec<u8>);

const NEAR: Decibel = Decibel::whole(100);
/// Of one frame of 20 bytes.
const FRAME_US: u64 = SF8.time_on_air_us(20);
const SYMBOL_US: u64 = SF8.symbol_us();

/// `VIR-01`
#[test]
fn vir_01_a_frame_is_heard_by_all_in_reach_when_it_ends() {
    let mut world = World::new(3, NEAR);
    let end_us = world.send(1_000, 0, b"hello");
    assert_eq!(end_us, 1_000 + SF8.time_on_air_us(5));
    assert_eq!(world.air.poll(end_us - 1), None);
    let mut heard = Vec::new();
    while let Some(event) = world.air.poll(end_us) {
        if let AirEvent::Heard { at_us, radio, from, signal, frame } = event {
            assert_eq!((at_us, from, &frame[..]), (end_us, world.radios[0], &b"hello"[..]));
            // 14 - 100 dBm, and 117.03 - 86 dB above the noise.
            assert_eq!((signal.rssi_dbm, signal.snr_quarter_db), (-86, 124));
            heard.push(radio.0);
        }
    }
    assert_eq!(heard, [1, 2]);
    assert_eq!(world.air.poll_timeout(), None);
}

/// `VIR-01`
#[test]
fn vir_01_equal_seeds_and_inputs_give_equal_events() {
    let run = |seed| {
        let propagation = Propagation {
            shadowing: Decibel::whole(8),
            fading: Decibel::whole(3),
            frame_loss_ppm: 100_000,
            ..Propagation::default()
        };
        let mut air = Air::new(propagation, seed);
        let mut events = Vec::new();
        for n in 0..20_u32 {
            let position = Position::new(f64::from(n) * 300.0, f64::from(n % 3) * 400.0);
            let radio = air.add_radio(RadioSite { position, ..RadioSite::default() });
            air.tune(0, radio, Some(SF8));
        }
        for n in 0..200_u64 {
            let now_us = n * 61_003;
            while let Some(event) = air.poll(now_us) {
                events.push(event);
            }
            let radio = RadioId((n * 7 % 20) as u32);
            let _ = air.begin_transmit(now_us, radio, &SF8, 14, &n.to_le_bytes());
        }
        events
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let lost = |events: &[AirEvent], which| {
        events.iter().any(|event| matches!(event, AirEvent::Lost { why, .. } if *why == which))
    };
    assert!(lost(&run(1), Loss::Faded) && lost(&run(1), Loss::Collision));
}

/// `VIR-03`
#[test]
fn vir_03_a_frame_below_sensitivity_is_not_heard() {
    // 14 dBm - 141 dB = -127 dBm: the last that SF8 reads.
    let mut edge = World::new(2, Decibel::whole(141));
    edge.send(0, 0, b"just");
    assert_eq!(edge.outcome().0, [(1, b"just".to_vec())]);
    let mut beyond = World::new(2, Decibel::hundredths(14_101));
    beyond.send(0, 0, b"too far");
    assert_eq!(beyond.outcome(), (vec![], vec![]));
    assert!(beyond.air.reaches(RadioId(0), RadioId(1), &SF8, 14).is_none());
    assert!(beyond.air.reaches(RadioId(0), RadioId(1), &SF8, 15).is_some());
}

/// `VIR-03`
#[test]
fn vir_03_only_the_same_settings_are_heard() {
    let mut world = World::new(4, NEAR);
    let others = [
        Modulation { spreading_factor: 9, ..SF8 },
        Modulation { bandwidth_hz: 250_000, ..SF8 },
        Modulation { frequency_hz: 868_000_000, ..SF8 },
    ];
    for (radio, other) in (1..).zip(others) {
        world.air.tune(0, RadioId(radio), Some(other));
    }
    world.send(10, 0, b"hello");
    assert_eq!(world.outcome(), (vec![], vec![]));
    let coded = Modulation { coding_rate: 8, preamble_symbols: 40, ..SF8 };
    world.air.tune(10_000_000, RadioId(1), Some(coded));
    world.send(10_000_000, 0, b"the header tells");
    assert_eq!(world.outcome().0, [(1, b"the header tells".to_vec())]);
}

/// `VIR-04`
#[test]
fn vir_04_a_receiver_needs_the_last_symbols_of_the_preamble() {
    let preamble_us = receiver::preamble_us(&SF8);
    for (late_us, heard) in [(0, true), (preamble_us - 5 * SYMBOL_US, true), (preamble_us, false)] {
        let mut world = World::new(2, NEAR);
        world.air.tune(0, RadioId(1), None);
        world.send(0, 0, b"hello");
        world.air.tune(late_us, RadioId(1), Some(SF8));
        assert_eq!(world.outcome().0.len(), usize::from(heard), "{late_us}");
    }
}

/// `VIR-04`
#[test]
fn vir_04_a_receiver_stays_with_the_first_frame() {
    let mut world = World::new(3, NEAR);
    // The second begins after the first is synchronised, and is stronger at radio 2.
    world.send(0, 0, &[1; 60]);
    let late_us = receiver::preamble_us(&SF8) + SYMBOL_US;
    world.air.begin_transmit(late_us, RadioId(1), &SF8, 27, &[2; 60]).expect("idle");
    let (heard, lost) = world.outcome();
    assert!(heard.is_empty(), "{heard:?}");
    assert!(lost.contains(&(2, 1, Loss::Occupied)) && lost.contains(&(2, 0, Loss::Collision)));
}

/// `VIR-05`
#[test]
fn vir_05_the_stronger_of_two_survives_by_six_decibels() {
    for (power_dbm, survives) in [(14, false), (19, false), (20, true), (27, true)] {
        let mut world = World::new(3, NEAR);
        world.send(0, 0, &[1; 20]);
        world.air.begin_transmit(100, RadioId(1), &SF8, power_dbm, &[2; 20]).expect("idle");
        let (heard, lost) = world.outcome();
        let at_third: Vec<_> = heard.iter().filter(|(radio, _)| *radio == 2).collect();
        assert_eq!(at_third.len(), usize::from(survives), "{power_dbm} dBm");
        assert!(lost.iter().any(|(radio, from, _)| (*radio, *from) == (2, 0)), "{lost:?}");
    }
}

/// `VIR-05`
#[test]
fn vir_05_interference_adds_up() {
    // Each of two is 7 dB weaker, together they are 4 dB weaker.
    let mut world = World::new(4, NEAR);
    world.air.begin_transmit(0, RadioId(0), &SF8, 21, &[1; 20]).expect("idle");
    world.send(10, 1, &[2; 20]);
    let mut pair = World::new(4, NEAR);
    pair.air.begin_transmit(0, RadioId(0), &SF8, 21, &[1; 20]).expect("idle");
    pair.send(10, 1, &[2; 20]);
    pair.send(20, 2, &[3; 20]);
    assert!(world.outcome().0.contains(&(3, vec![1; 20])));
    assert!(!pair.outcome().0.iter().any(|(radio, _)| *radio == 3));
}

/// `VIR-05`
#[test]
fn vir_05_interference_that_ends_before_the_last_symbols_of_the_preamble_does_no_harm() {
    let sync_us = receiver::preamble_us(&SF8) - 5 * SYMBOL_US;
    for (start_us, survives) in [(FRAME_US - sync_us, true), (FRAME_US - sync_us - 2, false)] {
        let mut world = World::new(3, NEAR);
        // The first is too weak to be received by radio 2, and yet within 6 dB of the second.
        world.air.tune(0, RadioId(2), None);
        world.send(0, 0, &[1; 20]);
        world.air.tune(1, RadioId(2), Some(SF8));
        // Radio 2 missed nothing of the preamble of the second.
        world.send(start_us, 1, &[2; 20]);
        let heard = world.outcome().0;
        let second = heard.iter().any(|(radio, frame)| *radio == 2 && frame[0] == 2);
        let first = heard.iter().any(|(radio, frame)| *radio == 2 && frame[0] == 1);
        // The receiver synchronised with the first, which is over in the good case.
        assert!(!first || survives);
        assert_eq!(second, survives, "{start_us}");
    }
}

/// `VIR-05`
#[test]
fn vir_05_another_spreading_factor_disturbs_when_it_is_much_stronger() {
    let sf9 = Modulation { spreading_factor: 9, ..SF8 };
    for (power_dbm, survives) in [(14, true), (24, true), (26, false)] {
        let mut world = World::new(3, NEAR);
        world.air.tune(0, RadioId(1), Some(sf9));
        world.send(0, 0, &[1; 20]);
        world.air.begin_transmit(5, RadioId(1), &sf9, power_dbm, &[2; 20]).expect("idle");
        let survived = world.outcome().0.contains(&(2, vec![1; 20]));
        assert_eq!(survived, survives, "{power_dbm} dBm");
    }
}

/// `VIR-05`
#[test]
fn vir_05_other_channels_disturb_where_they_overlap() {
    let apart = |hz| Modulation { frequency_hz: SF8.frequency_hz + hz, ..SF8 };
    for (hz, survives) in [(125_000, true), (62_500, false)] {
        let mut world = World::new(3, NEAR);
        world.send(0, 0, &[1; 20]);
        world.air.begin_transmit(5, RadioId(1), &apart(hz), 40, &[2; 20]).expect("idle");
        assert_eq!(world.outcome().0.contains(&(2, vec![1; 20])), survives, "{hz}");
    }
}

/// `VIR-06`
#[test]
fn vir_06_who_transmits_hears_nothing() {
    let mut world = World::new(2, NEAR);
    world.send(0, 0, &[1; 20]);
    // Radio 1 is receiving, and begins to transmit all the same.
    world.send(FRAME_US / 2, 1, &[2; 20]);
    let (heard, lost) = world.outcome();
    // Radio 0 is free again only after the preamble of the other.
    assert_eq!(heard, []);
    assert_eq!(lost, [(1, 0, Loss::HalfDuplex), (0, 1, Loss::HalfDuplex)]);
    assert_eq!(
        (
            world.send(10_000_000, 0, b"x"),
            world.air.begin_transmit(10_000_001, RadioId(0), &SF8, 0, b"y")
        ),
        (10_000_000 + SF8.time_on_air_us(1), Err(TransmitError::Transmitting))
    );
}

/// `VIR-07`
#[test]
fn vir_07_carrier_sense_sees_a_frame_after_two_symbols() {
    let mut world = World::new(3, Decibel::whole(140));
    world.air.watch(RadioId(1), true);
    assert!(!world.air.is_busy(0, RadioId(1)));
    let end_us = world.send(0, 0, &[1; 20]);
    assert!(world.air.is_busy(0, RadioId(0)), "it transmits");
    assert!(!world.air.is_busy(2 * SYMBOL_US - 1, RadioId(1)));
    assert!(world.air.is_busy(2 * SYMBOL_US, RadioId(1)));
    assert!(world.air.is_busy(end_us - 1, RadioId(1)));
    assert!(!world.air.is_busy(end_us, RadioId(1)));
    // A spreading factor that is not its own is only energy, here below the threshold.
    world.air.tune(10, RadioId(2), Some(Modulation { spreading_factor: 7, ..SF8 }));
    assert!(!world.air.is_busy(end_us - 1, RadioId(2)));
    let mut changes = Vec::new();
    while let Some(event) = world.air.poll(end_us) {
        if let AirEvent::Channel { at_us, radio, busy } = event {
            changes.push((at_us, radio.0, busy));
        }
    }
    assert_eq!(changes, [(0, 1, false), (2 * SYMBOL_US, 1, true), (end_us, 1, false)]);
}

/// `VIR-07`
#[test]
fn vir_07_energy_is_sensed_at_once_and_from_any_modulation() {
    let mut world = World::new(2, NEAR);
    world.air.tune(0, RadioId(1), Some(Modulation { spreading_factor: 12, ..SF8 }));
    let quiet = world.air.rssi(0, RadioId(1)).expect("on");
    assert_eq!(quiet, receiver::noise_floor(125_000));
    world.send(5, 0, &[1; 20]);
    assert!(world.air.is_busy(5, RadioId(1)));
    assert_eq!(world.air.rssi(5, RadioId(1)).map(Decibel::floor), Some(-86));
    world.air.tune(6, RadioId(1), None);
    assert_eq!((world.air.rssi(6, RadioId(1)), world.air.is_busy(6, RadioId(1))), (None, true));
}

/// `VIR-08`
#[test]
fn vir_08_frames_of_no_or_too_many_bytes_and_of_radios_that_are_gone_are_refused() {
    let mut world = World::new(2, NEAR);
    let mut send = |radio, frame: &[u8]| world.air.begin_transmit(0, radio, &SF8, 14, frame);
    assert_eq!(send(RadioId(0), &[]), Err(TransmitError::Length));
    assert_eq!(send(RadioId(0), &[0; 256]), Err(TransmitError::Length));
    assert_eq!(send(RadioId(7), &[0; 1]), Err(TransmitError::NoRadio));
    assert!(send(RadioId(0), &[0; 255]).is_ok());
    // It goes while it transmits.
    world.air.remove_radio(50_000, RadioId(0));
    assert_eq!(world.outcome().0, []);
    assert_eq!(world.air.radios().count(), 1);
    let again = world.air.begin_transmit(0, RadioId(0), &SF8, 14, b"x");
    assert_eq!(again, Err(TransmitError::NoRadio));
}

/// `VIR-09`
#[test]
fn vir_09_oscillators_too_far_apart_do_not_hear_each_other() {
    let narrow = Modulation { bandwidth_hz: 62_500, ..SF8 };
    for (drift_ppm, heard) in [(8, true), (9, false)] {
        let mut air = Air::new(Propagation::default(), 1);
        for drift_ppm in [drift_ppm, -9] {
            let radio = air.add_radio(RadioSite { drift_ppm, ..RadioSite::default() });
            air.tune(0, radio, Some(narrow));
        }
        // A quarter of the bandwidth is 15,625 Hz: 17.97 millionths of 869.525 MHz.
        let end_us = air.begin_transmit(0, RadioId(0), &narrow, 14, b"hello").expect("idle");
        let events: Vec<AirEvent> = std::iter::from_fn(|| air.poll(end_us)).collect();
        let is_heard = events.iter().any(|event| matches!(event, AirEvent::Heard { .. }));
        assert_eq!(is_heard, heard, "{events:?}");
    }
}

/// `VIR-02`
#[test]
fn vir_02_frames_fade_and_are_lost_as_often_as_asked() {
    let propagation = Propagation { frame_loss_ppm: 100_000, ..Propagation::default() };
    let mut world = World::with(2, NEAR, propagation);
    for n in 0..1_000 {
        world.send(n * 1_000_000, 0, b"hello");
    }
    let (heard, lost) = world.outcome();
    assert_eq!(heard.len() + lost.len(), 1_000);
    assert!((70..130).contains(&lost.len()), "{}", lost.len());
    // At the edge, half of the frames have luck.
    let propagation = Propagation { fading: Decibel::whole(3), ..Propagation::default() };
    let mut edge = World::with(2, Decibel::whole(141), propagation);
    for n in 0..1_000 {
        edge.send(n * 1_000_000, 0, b"hello");
    }
    assert!((400..600).contains(&edge.outcome().0.len()));
}

/// `VIR-08`
#[test]
fn vir_08_frames_that_end_together_are_both_over() {
    let mut world = World::new(3, NEAR);
    world.send(0, 0, &[1; 20]);
    world.send(0, 1, &[2; 20]);
    let (heard, lost) = world.outcome();
    assert_eq!((heard.len(), lost.len()), (0, 4));
    world.send(10_000_000, 1, b"again");
    assert_eq!(world.outcome().0.len(), 2);
}

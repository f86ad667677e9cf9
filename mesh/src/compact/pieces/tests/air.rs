//! A message over a line of lossy hops, counted in air time.

use super::*;

/// Air time in microseconds at SF7, 125 kHz, coding rate 4/5, preamble of 18 symbols, with CRC and
/// explicit header: Semtech AN1200.13. `payload` is what the modem sends, its own byte included.
fn time_on_air_us(payload: usize) -> u64 {
    let symbol_us = (1 << 7) * 1_000_000 / 125_000;
    let bits = 8 * payload as u64 + 28 + 16 - 4 * 7;
    let symbols = 8 + bits.div_ceil(4 * 7) * 5;
    // The preamble has a quarter more than four symbols.
    (4 * (18 + symbols) + 17) * symbol_us / 4
}

/// A payload around a body: modem 1, type 1, hints 2, tag 4.
fn air_us(body: &[u8]) -> u64 {
    time_on_air_us(body.len() + 8)
}

/// One hop: everything both ends send, each frame lost with `loss` of 1,000, and what an answer's
/// turns cost beside its frame; the air time used.
fn hop(
    rng: &mut NodeRng,
    message: &[u8],
    (loss, turn_us): (u64, u64),
    parity: u8,
) -> (u64, Option<Vec<u8>>) {
    let (mut now, mut used, mut whole) = (NOW, 0, None);
    let pause = Duration::from_secs(1);
    let mut sender = Outgoing::new(now, 1, message.to_vec(), ROOM, parity, pause).expect("long");
    let mut receiver = Incoming::new();
    while sender.verdict() == Verdict::UnderWay {
        let mut body = Vec::new();
        receiver.handle_timeout(now);
        sender.handle_timeout(now);
        let is_answer = receiver.poll(now, &mut body).is_some();
        if !is_answer && !sender.poll(now, &mut body) {
            let due = [sender.poll_timeout(), receiver.poll_timeout()];
            let Some(due) = due.into_iter().flatten().min() else { break };
            now = now.max(due);
            continue;
        }
        used += air_us(&body) + if is_answer { turn_us } else { 0 };
        now += Duration::from_micros(air_us(&body));
        if rng.below(1_000) < loss {
            continue;
        }
        if is_answer {
            sender.on_repair(now, &body).expect("well-formed");
        } else if let Progress::Whole(bytes) =
            receiver.on_piece(now, 1, &body, pause).expect("well-formed")
        {
            whole = Some(bytes);
        }
    }
    (used, whole)
}

#[test]
fn cmp_42_four_kilobytes_over_three_lossy_hops() {
    // Published values for 50 and 255 bytes, scaled to this preamble by hand.
    assert_eq!((time_on_air_us(50), time_on_air_us(255)), (107_776, 409_856));
    let message = message(4_096 + 90);
    let mut rng = NodeRng::from_seed([10; 32]);
    let (minimum, _) = hop(&mut rng, &message, (0, 0), 0);
    let pieces: u64 = pieces(&mut outgoing(1, &message, 0)).iter().map(|body| air_us(body)).sum();
    assert!(minimum < pieces + 60_000, "beyond the pieces one answer");
    let parity = parity_pays(17, 100, air_us(&[0; 247]), air_us(&[0; 4]));
    let mut worst = 0;
    let mut total = 0;
    const RUNS: u64 = 400;
    for _ in 0..RUNS {
        let mut used = 0;
        let mut bytes = message.clone();
        for _ in 0..3 {
            let (air, whole) = hop(&mut rng, &bytes, (100, 0), parity);
            used += air;
            bytes = whole.expect("delivered");
        }
        assert_eq!(bytes, message);
        total += used;
        worst = worst.max(used);
    }
    // Against the bare pieces, without even one answer a hop.
    let (mean, worst) = (total * 100 / RUNS / (3 * pieces), worst * 100 / (3 * pieces));
    std::println!("mean {mean} %, worst {worst} % of the pieces alone");
    assert!(mean <= 115, "{mean} % on the average");
    assert!(worst <= 135, "{worst} % at worst");
}

#[test]
fn cmp_39_the_choice_is_the_cheapest_on_the_air() {
    let piece_us = air_us(&[0; 247]);
    let mut rng = NodeRng::from_seed([39; 32]);
    let mut chosen = [0; 3];
    for len in [600, 2_000, 4_096] {
        let message = message(len);
        let count = len.div_ceil(243) as u16;
        for (loss, turns) in [(30, 0), (100, 0), (100, 1), (100, 3), (200, 2), (300, 4)] {
            let turn_us = turns * piece_us;
            let choice = parity_pays(count, loss as u16, piece_us, air_us(&[0; 4]) + turn_us);
            let mut cost = |parity| -> u64 {
                // What is asked only once all is here costs alike in all three.
                (0..300).map(|_| hop(&mut rng, &message, (loss, turn_us), parity).0).sum()
            };
            let costs = [0, 1, 2].map(&mut cost);
            let cheapest = costs.iter().min().expect("three");
            let choice = usize::from(choice);
            chosen[choice] += 1;
            assert!(
                costs[choice] * 100 <= cheapest * 106,
                "{len} {loss} {turns}: {choice} {costs:?}"
            );
        }
    }
    assert!(chosen.iter().all(|times| *times > 0), "{chosen:?}");
}

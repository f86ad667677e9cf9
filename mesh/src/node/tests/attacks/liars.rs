//! Neighbours that promise: shorter ways, custody, delivery.

use super::*;
use crate::{
    announce::Advertisement,
    envelope::EnvelopeIn,
    rules::Rules,
    view::MessageState,
    wire::frame::{self, FrameKind},
};

/// The sinkhole in [`past_a_sinkhole`].
const SINKHOLE: usize = 1;

/// An envelope with one hop left, wormholed ahead of the good copy: whether the message arrives.
pub(in crate::node::tests) fn ttl_one_copy_first(rules: Rules) -> bool {
    let mut net = mutants::line(4, rules);
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(5));
    // There is no way on: both copies wait at the relay.
    net.cut(1);
    net.run(Duration::from_secs(1));
    // From here on nothing that host 0 sends arrives: what counts are the two copies.
    net.wires[0].loss_percent = 100;
    net.send(0, 3, "overtaken");
    net.run(Duration::from_millis(100));
    let good = last_envelope(&net, 0);
    let mut dying = good.clone();
    // version, kind, then the envelope: hops left is its third byte.
    dying[2 + 2] = 1;
    inject(&mut net, 0, 1, &dying);
    net.run(Duration::from_secs(1));
    inject(&mut net, 0, 1, &good);
    net.run(Duration::from_secs(1));
    net.set_up(1);
    net.run(Duration::from_secs(10));
    net.shown(3) == ["hello", "overtaken"]
}

/// ATK-03, met by STO-11.
#[test]
fn atk_03_a_ttl_one_copy_does_not_stop_the_original() {
    assert!(ttl_one_copy_first(Rules::ALL));
}

/// ATK-03, met by STO-11: the same with a copy that claims to be old.
#[test]
fn atk_03_an_aged_copy_does_not_stop_the_original() {
    let mut net = Net::line(4);
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(5));
    net.cut(1);
    net.run(Duration::from_secs(1));
    net.wires[0].loss_percent = 100;
    net.send(0, 3, "aged");
    net.run(Duration::from_millis(100));
    let good = last_envelope(&net, 0);
    let lifetime_s = EnvelopeIn::parse(&good[2..]).expect("0 sent it").header().lifetime_s;
    let mut old = good.clone();
    old[2 + 3..2 + 7].copy_from_slice(&(lifetime_s * 1_000 - 1_500).to_le_bytes());
    inject(&mut net, 0, 1, &old);
    net.run(Duration::from_secs(1));
    inject(&mut net, 0, 1, &good);
    net.run(Duration::from_secs(30));
    net.set_up(1);
    net.run(Duration::from_secs(10));
    assert_eq!(net.shown(3), ["hello", "aged"]);
}

/// Makes every announce of the sinkhole the cheapest: hops and cost are the neighbour's own word.
fn flatter(frame: &mut [u8]) {
    if frame.get(1) != Some(&FrameKind::ANNOUNCES.0) {
        return;
    }
    let count = (frame.len() - 2) / Advertisement::LEN;
    let first = frame.len() - count * Advertisement::LEN;
    for entry in frame[first..].chunks_exact_mut(Advertisement::LEN) {
        let Ok(mut said) = Advertisement::parse(entry) else { continue };
        if said.hops > 0 {
            (said.hops, said.cost) = (1, 1);
            let mut lie = Vec::new();
            said.write(&mut lie);
            entry.copy_from_slice(&lie);
        }
    }
}

/// Announces everything as next door, and drops every envelope.
pub(in crate::node::tests) fn drop_all_onward(
    _: &mut NodeRng,
    host: usize,
    frame: &mut [u8],
) -> bool {
    if host != SINKHOLE {
        return true;
    }
    flatter(frame);
    !is_envelope(frame)
}

/// The same with every second envelope.
fn drop_half_onward(rng: &mut NodeRng, host: usize, frame: &mut [u8]) -> bool {
    drop_all_onward(rng, host, frame) || rng.below(2) == 0
}

/// Messages from 0 to 5: through the sinkhole 1, or around it by 2, 3 and 4. The percentage that
/// was received after two hours, and the net.
pub(in crate::node::tests) fn past_a_sinkhole(
    rules: Rules,
    meddle: Meddle,
    durable: bool,
) -> (usize, Net) {
    const MESSAGES: usize = 60;
    let mut net = Net::with_config(6, |_| Config { rules, ..Config::default() });
    net.meddle = Some(meddle);
    for (a, b) in [(0, 1), (1, 5), (0, 2), (2, 3), (3, 4), (4, 5)] {
        net.connect(a, b);
    }
    net.run(Duration::from_secs(10));
    let options = SendOptions { durable, ..SendOptions::default() };
    let mut ids = Vec::new();
    for text in texts(MESSAGES) {
        ids.push(net.send_with(0, 5, &text, options));
        net.run(Duration::from_secs(20));
    }
    net.run(Duration::from_secs(6_000));
    let received = ids.iter().filter(|id| net.received(0, **id)).count();
    (100 * received / MESSAGES, net)
}

/// ATK-04, met by RT-33, RT-36 and NODE-14: it acknowledges custody of all and passes on nothing.
#[test]
fn atk_04_a_sinkhole_that_drops_all_stops_nothing() {
    let (percent, net) = past_a_sinkhole(Rules::ALL, drop_all_onward, true);
    assert!(percent >= 95, "{percent} %");
    assert!(net.has_event(0, |event| matches!(event, Event::InCustody { .. })), "it took the bait");
    // Looking for a way around must not shout: two hours of announces and requests, all hosts.
    let routing = |frame: &[u8]| [0x10, 0x11, 0x12].contains(&frame[1]);
    let shouted = net.trace.iter().filter(|(_, frame)| routing(frame)).count();
    assert!(shouted < 1_000, "{shouted} routing frames");
}

/// ATK-04, met by RT-31 and NODE-07.
#[test]
fn atk_04_a_sinkhole_that_drops_half_stops_nothing() {
    let (percent, _) = past_a_sinkhole(Rules::ALL, drop_half_onward, true);
    assert!(percent >= 95, "{percent} %");
}

/// ATK-04, met by RT-33: nobody acknowledges custody of volatile messages.
#[test]
fn atk_04_volatile_messages_pass_a_sinkhole() {
    let (percent, _) = past_a_sinkhole(Rules::ALL, drop_all_onward, false);
    assert!(percent >= 95, "{percent} %");
}

/// ATK-05, met by NODE-07: the custodian throws away what it acknowledged; it costs a minute.
#[test]
fn atk_05_a_custodian_that_discards_costs_time_only() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(3));
    net.cut(1);
    net.run(Duration::from_secs(1));
    let ids: Vec<_> = texts(5).iter().map(|text| net.send(0, 2, text)).collect();
    net.run(Duration::from_secs(3));
    assert!(ids.iter().all(|id| {
        net.has_event(0, |e| matches!(e, Event::InCustody { id: kept, .. } if kept == id))
    }));
    net.hosts[1].disk.retain(|(table, _), _| *table != Table::Custody);
    net.crash(1);
    net.run(Duration::from_secs(120));
    assert!(ids.iter().all(|id| net.received(0, *id)));
    assert_eq!(net.shown(2).len(), 6);
}

/// ATK-05, met by ENV-10: it forges receipts, custody for what it never had, and the contents.
#[test]
fn atk_05_a_custodian_that_forges_changes_nothing() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(3));
    net.cut(1);
    net.run(Duration::from_secs(1));
    let id = net.send(0, 2, "genuine");
    net.run(Duration::from_secs(1));
    let kept = last_envelope(&net, 0);
    let lock = EnvelopeIn::parse(&kept[2..]).expect("0 sent it").header().lock;
    for guess in [lock, [0; 16], [0xff; 16]] {
        let mut receipt = Vec::new();
        frame::write_ids(FrameKind::RECEIPTS, &mut alloc::vec![guess], u32::MAX, &mut receipt);
        inject(&mut net, 1, 0, &receipt);
    }
    assert!(!net.received(0, id));
    assert_eq!(net.hosts[0].node.message(&id).map(|m| m.state), Some(MessageState::InCustody));
    net.set_up(1);
    net.run(Duration::from_millis(1));
    // Whatever byte of the envelope it changes, the recipient shows nothing but the genuine text.
    for at in (2..kept.len()).step_by(3) {
        let mut forged = kept.clone();
        forged[at] ^= 0x10;
        inject(&mut net, 1, 2, &forged);
        net.run(Duration::from_millis(200));
    }
    net.run(Duration::from_secs(120));
    assert_eq!(net.shown(2), ["hello", "genuine"]);
    assert!(net.received(0, id));
}

//! Copies of what was sent before, by somebody who recorded it all; disks that go back in time.

use super::*;
use crate::crypto::aead::used;

/// A day in seconds.
const DAY_S: u64 = 86_400;

/// Every envelope that reached the last host, replayed; how often each text is in its inbox or was
/// announced since.
fn replay_all(net: &mut Net, frames: &[Vec<u8>]) {
    let last = net.hosts.len() - 1;
    for frame in frames {
        inject(net, last - 1, last, frame);
        // Patience is not what is tested here.
        net.run(Duration::from_secs(2));
    }
}

fn envelopes_to_last(net: &Net) -> Vec<Vec<u8>> {
    let before_last = net.hosts.len() - 2;
    let sent = net.trace.iter().filter(|(from, frame)| *from == before_last && is_envelope(frame));
    sent.map(|(_, frame)| frame.clone()).collect()
}

/// Ten messages over a relay, shown; and what carried them.
fn recorded() -> (Net, Vec<Vec<u8>>) {
    let mut net = Net::line(3);
    for text in texts(10) {
        net.send(0, 2, &text);
    }
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2).len(), 10);
    let frames = envelopes_to_last(&net);
    assert!(frames.len() >= 10);
    (net, frames)
}

fn assert_once(net: &Net, what: &str) {
    let mut shown = net.shown(2);
    shown.sort_unstable();
    let mut expected = texts(10);
    expected.sort_unstable();
    assert_eq!(shown, expected, "{what}");
}

/// ATK-01, met by SES-10 and NODE-05: copies are known.
#[test]
fn atk_01_copies_are_shown_once() {
    let (mut net, frames) = recorded();
    replay_all(&mut net, &frames);
    assert_once(&net, "at once");
}

/// ATK-01, met by SES-15 and NODE-05: the recipient died in between.
#[test]
fn atk_01_copies_after_a_restart_are_shown_once() {
    let (mut net, frames) = recorded();
    for _ in 0..2 {
        net.crash(2);
        net.run(Duration::from_secs(5));
        replay_all(&mut net, &frames);
    }
    assert_once(&net, "after restarts");
    assert_eq!(net.hosts[2].node.inbox().count(), 10);
}

/// ATK-01, met by SES-10: the session that opened them was pushed out, and so was the memory of
/// what was shown. Without the session nothing opens; its first contact is remembered.
#[test]
fn atk_01_copies_after_eviction_are_shown_once() {
    let (mut net, frames) = recorded();
    let sender = net.address(0);
    net.hosts[2].node.sessions.forget(&sender);
    let head = |lineage| super::super::super::inner::MessageHead { lineage, counter: 0, floor: 0 };
    for lineage in 0..20_000 {
        net.hosts[2].node.inbox.mark([0x5e; 32], &head(lineage));
    }
    net.drain(2);
    replay_all(&mut net, &frames);
    assert_once(&net, "after eviction");
    net.crash(2);
    net.run(Duration::from_secs(5));
    replay_all(&mut net, &frames);
    assert_once(&net, "after eviction and a restart");
}

/// ATK-01, met by ENV-09: clocks a day off, and at 1970, change nothing.
#[test]
fn atk_01_copies_under_other_clocks_are_shown_once() {
    let (mut net, frames) = recorded();
    for unix_secs in [WALL_START + DAY_S, WALL_START - DAY_S, 0, 1] {
        net.hosts[2].node.handle_wall_clock(net.now, WallClock { unix_secs });
        net.drain(2);
        replay_all(&mut net, &frames);
        assert_once(&net, "under another clock");
    }
    let id = net.send(0, 2, "still in touch");
    net.run(Duration::from_secs(60));
    assert!(net.received(0, id));
}

/// ATK-02, met by SES-06, SES-09 and SES-11: whichever side's disk goes back to a snapshot, however
/// often, no (key, nonce) seals twice: [`used`] panics at the first.
#[test]
fn atk_02_a_rolled_back_disk_reuses_no_key_and_nonce() {
    used::watch();
    let mut net = Net::line(2);
    net.send(0, 1, "hello");
    net.send(1, 0, "hello to you");
    net.run(Duration::from_secs(3));
    let snapshots = [net.hosts[0].disk.clone(), net.hosts[1].disk.clone()];
    for round in 0..8 {
        let host = round % 2;
        for text in texts(15) {
            net.send(host, 1 - host, &alloc::format!("{round} {text}"));
        }
        net.run(Duration::from_secs(2));
        net.stop(host);
        net.hosts[host].disk = snapshots[host].clone();
        net.start(host);
        net.run(Duration::from_secs(40));
    }
    let before = used::count();
    assert!(before > 8 * 15, "{before} keys were used");
    let id = net.send(0, 1, "after all that");
    net.run(Duration::from_secs(180));
    assert!(net.received(0, id));
    assert!(used::count() > before);
}

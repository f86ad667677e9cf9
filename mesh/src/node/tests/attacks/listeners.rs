//! Neighbours that want to know who is there and who writes to whom.

use super::*;
use crate::reconcile::Scope;

fn names(frame: &[u8], address: &Address) -> bool {
    frame.windows(16).any(|window| window == address.as_bytes())
}

/// Asks host `to` to compare sets, as a hostile neighbour `from`: in every scope, under known and
/// guessed labels, and goes on whatever the answer. What it gets to hear.
fn interrogate(net: &mut Net, from: usize, to: usize) -> Vec<Vec<u8>> {
    let mut rng = NodeRng::from_seed([0x1d; 32]);
    let before = net.trace.len();
    let mut labels: Vec<[u8; 16]> = alloc::vec![*b"custody of nodes", [0; 16]];
    labels.extend((0..8).map(|_| rng.array::<16>()));
    let mut run = 0;
    for scope in [Scope::Handshake, Scope::Channels, Scope::Custody, Scope::Bundles] {
        for label in &labels {
            run += 1;
            for question in questions(&mut rng, run, label) {
                let mut frame = alloc::vec![1, FrameKind::RECONCILE.0, scope as u8];
                frame.extend_from_slice(&question);
                inject(net, from, to, &frame);
            }
        }
        net.run(Duration::from_secs(15));
    }
    let answers = net.trace[before..]
        .iter()
        .filter(|(host, frame)| *host == to && frame[1] == FrameKind::RECONCILE.0);
    answers.map(|(_, frame)| frame.clone()).collect()
}

/// What follows the scope: an opening, and every later message of a run.
fn questions(rng: &mut NodeRng, run: u8, label: &[u8; 16]) -> Vec<Vec<u8>> {
    let mut open = alloc::vec![1, run];
    open.extend_from_slice(label);
    open.extend_from_slice(&rng.array::<16>());
    open.push(3);
    open.extend_from_slice(&rng.array::<16>());
    let mut rounds = alloc::vec![open];
    for kind in [2, 3] {
        // A negentropy message: version, then one range up to infinity whose list is empty.
        rounds.push(alloc::vec![kind, run, 0, 0x61, 0, 0, 2, 0]);
    }
    let mut want = alloc::vec![4, run, 0, 1];
    want.extend_from_slice(&rng.array::<32>());
    rounds.extend([want, alloc::vec![5, run, 0]]);
    rounds
}

/// ATK-07, met by STO-10 and REC-08: a stranger that asks for everything learns no address
/// of those for whom the node keeps mail, nor that it keeps any.
#[test]
fn atk_07_a_hostile_reconciler_learns_no_address() {
    // 0 – 1 – 2 – 3; the attacker is 4, beside 1, which keeps mail of 0 for 3.
    let mut net = Net::new(5);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (4, 1)] {
        net.connect(a, b);
    }
    net.run(Duration::from_secs(5));
    net.send(0, 3, "while all were there");
    net.run(Duration::from_secs(5));
    net.cut(2);
    net.run(Duration::from_secs(1));
    for text in texts(20) {
        net.send(0, 3, &text);
    }
    net.run(Duration::from_secs(5));
    assert_eq!(net.hosts[1].node.status().custody, 20);
    let said = interrogate(&mut net, 4, 1);
    let foreign = [0, 2, 3].map(|host| net.address(host));
    assert!(said.iter().all(|frame| !foreign.iter().any(|address| names(frame, address))));
    // Not even whether there is mail: the answer of a node that keeps nothing is the same.
    let about = |said: &[Vec<u8>]| -> Vec<Vec<u8>> {
        said.iter().filter(|frame| frame[2] == Scope::Custody as u8).cloned().collect()
    };
    let mut empty = Net::new(2);
    empty.connect(0, 1);
    empty.run(Duration::from_secs(5));
    let nothing = interrogate(&mut empty, 0, 1);
    assert!(!about(&said).is_empty(), "it did answer");
    assert_eq!(about(&said), about(&nothing));
}

/// ATK-07, met by REC-02: a contact that compares hears blinded ids, and no address.
#[test]
fn atk_07_contacts_compare_blinded_ids() {
    let mut net = Net::line(4);
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(3));
    for (host, other) in [(1, 2), (2, 1)] {
        let (name, address) = ("friend".into(), net.address(other));
        net.command(host, Command::ContactAdd { name, address, root_key: None });
    }
    net.cut(2);
    net.cut(1);
    net.run(Duration::from_secs(5));
    let ids: Vec<_> = texts(5).iter().map(|text| net.send(0, 3, text)).collect();
    net.run(Duration::from_secs(5));
    assert_eq!(ids.len(), 5);
    let before = net.trace.len();
    net.set_up(1);
    net.run(Duration::from_secs(5));
    let compared: Vec<&Vec<u8>> = net.trace[before..]
        .iter()
        .filter(|(_, f)| f[1] == FrameKind::RECONCILE.0 && f[2] == Scope::Custody as u8)
        .map(|(_, frame)| frame)
        .collect();
    assert!(!compared.is_empty(), "they did compare");
    let everyone: Vec<Address> = (0..4).map(|host| net.address(host)).collect();
    assert!(compared.iter().all(|frame| !everyone.iter().any(|address| names(frame, address))));
}

/// The detector detects: a planted address is found.
#[test]
fn atk_07_a_planted_address_is_found() {
    let address = Address::from_bytes([0xab; 16]);
    let mut frame = alloc::vec![1, FrameKind::RECONCILE.0, 2, 0];
    frame.extend_from_slice(address.as_bytes());
    assert!(names(&frame, &address) && !names(&frame[..19], &address));
}

use super::*;
use crate::view::MessageState;

fn befriend(net: &mut Net, a: usize, b: usize) {
    for (host, other) in [(a, b), (b, a)] {
        let name = alloc::format!("host {other}");
        let address = net.address(other);
        net.command(host, Command::ContactAdd { name, address, root_key: None });
    }
}

#[test]
fn sto_09_left_with_a_neighbour_when_there_is_no_route() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.cut(1);
    net.cut(0);
    net.run(Duration::from_secs(5));
    let id = net.send(0, 2, "left behind");
    net.run(Duration::from_secs(1));
    net.set_up(0);
    net.run(Duration::from_secs(5));
    let view = net.hosts[0].node.message(&id).expect("ours");
    assert_eq!(view.state, MessageState::InCustody);
    // The sender leaves for good; the relay meets the recipient.
    net.cut(0);
    net.set_up(1);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2), ["hello", "left behind"]);
}

#[test]
fn sto_10_a_mule_between_islands() {
    // 0 – 1 is one island, 3 – 4 the other; 2 walks between them.
    let mut net = Net::new(5);
    let all = [(0, 1), (1, 2), (2, 3), (3, 4)].map(|(a, b)| net.connect(a, b));
    net.run(Duration::from_secs(5));
    net.send(0, 4, "while all were connected");
    net.run(Duration::from_secs(5));
    befriend(&mut net, 1, 2);
    befriend(&mut net, 2, 3);
    net.cut(all[1]);
    net.cut(all[2]);
    net.run(Duration::from_secs(5));
    net.send(0, 4, "carried");
    net.run(Duration::from_secs(5));
    assert_eq!(net.hosts[1].node.status().custody, 1);
    net.set_up(all[1]);
    net.run(Duration::from_secs(5));
    assert_eq!(net.hosts[2].node.status().custody, 1, "the mule has a copy");
    assert_eq!(net.hosts[1].node.status().custody, 1, "the island keeps its own");
    net.cut(all[1]);
    net.set_up(all[2]);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(4), ["while all were connected", "carried"]);
    assert_eq!(net.hosts[2].node.status().custody, 0);
}

#[test]
fn sto_10_strangers_learn_nothing() {
    let mut net = Net::line(4);
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(2));
    net.cut(2);
    net.run(Duration::from_secs(5));
    net.send(0, 3, "kept by 2");
    net.run(Duration::from_secs(5));
    let before = net.trace.len();
    net.cut(1);
    net.set_up(1);
    net.run(Duration::from_secs(5));
    let reconciled = |(from, frame): &(usize, Vec<u8>)| {
        *from == 2 && frame[1] == 0x40 && frame[2] == crate::reconcile::Scope::Custody as u8
    };
    assert!(!net.trace[before..].iter().any(reconciled));
}

use super::*;
use crate::{identity::Suite, view::WaitingFor};

#[test]
fn node_10_first_contact_is_post_quantum() {
    let mut net = Net::line(2);
    let address = net.address(1);
    net.command(0, Command::ContactAdd { name: "B".into(), address, root_key: None });
    net.send(0, 1, "hello");
    net.run(Duration::from_secs(2));
    let contacts = net.hosts[0].node.contacts();
    assert_eq!(contacts[0].floor, Some(Suite::XWing));
    assert_eq!(contacts[0].root_key, net.hosts[1].node.root_key());
}

#[test]
fn node_09_a_changed_key_blocks_until_trusted() {
    let mut net = Net::line(2);
    let address = net.address(1);
    let wrong = Some([9; 32]);
    net.command(0, Command::ContactAdd { name: "B".into(), address, root_key: wrong });
    let id = net.send(0, 1, "for whom?");
    net.run(Duration::from_secs(5));
    assert!(net.has_event(0, |e| *e == Event::ContactKeyChanged { address }));
    assert!(net.shown(1).is_empty());
    let view = net.hosts[0].node.message(&id).expect("ours");
    assert_eq!(view.waiting_for, WaitingFor::Trust);
    assert!(net.hosts[0].node.contacts()[0].key_changed);
    net.command(0, Command::ContactTrust { address });
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(1), ["for whom?"]);
    assert_eq!(net.hosts[0].node.contacts()[0].root_key, net.hosts[1].node.root_key());
}

#[test]
fn node_09_messages_of_pinned_contacts_are_verified() {
    let mut net = Net::line(2);
    let address = net.address(0);
    net.send(0, 1, "stranger");
    net.run(Duration::from_secs(2));
    net.command(1, Command::ContactAdd { name: "A".into(), address, root_key: None });
    net.send(1, 0, "who are you?");
    net.run(Duration::from_secs(2));
    net.send(0, 1, "friend");
    net.run(Duration::from_secs(2));
    let verified: Vec<_> = net.hosts[1].node.inbox().map(|m| m.verified).collect();
    assert_eq!(verified, [false, true]);
}

#[test]
fn node_09_names_are_unique_and_survive_a_restart() {
    use crate::command::CommandError;
    let mut net = Net::line(3);
    let (b, c) = (net.address(1), net.address(2));
    let add =
        |name: &str, address| Command::ContactAdd { name: name.into(), address, root_key: None };
    net.command(0, add("B", b));
    let now = net.now;
    let taken = net.hosts[0].node.handle_command(now, add("B", c));
    assert_eq!(taken, Err(CommandError::NameTaken));
    let empty = net.hosts[0].node.handle_command(now, add("", c));
    assert_eq!(empty, Err(CommandError::NameOutOfRange));
    net.command(0, Command::ContactRename { address: b, name: "Bea".into() });
    net.crash(0);
    assert_eq!(net.hosts[0].node.contacts()[0].name, "Bea");
    net.command(0, Command::ContactRemove { address: b });
    net.crash(0);
    assert!(net.hosts[0].node.contacts().is_empty());
}

#[test]
fn node_12_a_signed_receipt_for_third_parties() {
    let mut net = Net::line(3);
    let sender = net.address(0);
    let name = "customer".into();
    net.command(2, Command::ContactAdd { name, address: sender, root_key: None });
    let options = SendOptions { proof: true, ..SendOptions::default() };
    let id = net.send_with(0, 2, "I have paid", options);
    net.run(Duration::from_secs(3));
    assert!(net.received(0, id));
    assert!(net.has_event(0, |e| *e == Event::Proven { id }));
    net.crash(0);
    let proof = *net.hosts[0].node.proof(&id).expect("kept");
    assert_eq!(proof.recipient, *net.hosts[2].node.identity().node_key());
    assert_eq!(proof.verify(b"I have paid"), Ok(()));
    assert!(proof.verify(b"I have not paid").is_err());
}

#[test]
fn node_12_nobody_signs_for_strangers() {
    let mut net = Net::line(2);
    let options = SendOptions { proof: true, ..SendOptions::default() };
    let id = net.send_with(0, 1, "sign here", options);
    net.run(Duration::from_secs(3));
    assert!(net.received(0, id));
    assert!(net.hosts[0].node.proof(&id).is_none());
}

//! Sealed mail between real daemons (`specs/16-mailbox.md`).

use std::{fs, time::Duration};

use simulation::daemons::{
    Daemon, Place, Programs, Scratch, eventually, free_loopback_address, text_of,
};

/// A daemon on loopback with this configuration.
fn start(scratch: &Scratch, name: &str, configuration: &str) -> Daemon {
    let folder = scratch.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("qpcd.toml"), configuration).expect("writable");
    let listen = free_loopback_address().expect("a port");
    Daemon::start(&Programs::find(), Place { folder, listen, namespace: None }).expect("it starts")
}

/// `MBX-04`, `MBX-05`, `MBX-07`: what is sealed arrives through the mailbox node that the recipient's
/// configuration names, also when recipient and sender are never there at the same time.
#[test]
fn mbx_07_sealed_mail_goes_through_the_configured_mailbox() {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let mailbox = start(&scratch, "mailbox", "");
    let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", mailbox.place().listen);
    let chosen = format!("{peers}[messages]\nmailbox = \"{}\"\n", mailbox.address());
    let mut owner = start(&scratch, "owner", &chosen);
    // It stores nothing for others, so that the mailbox node does not leave the mail with it, its only
    // neighbour while the owner is away.
    let mut sender = start(&scratch, "sender", &format!("{peers}[relay]\nstore = false\n"));
    let to = owner.address().to_owned();
    sender
        .qpc_text(&["send", &to, "who am I?", "--sealed", "--wait", "60"])
        .expect("it is received");
    let shown = owner.qpc(&["inbox"]).expect("an inbox")["messages"].clone();
    assert_eq!((&shown[0]["text"], &shown[0]["sealed"]), (&"who am I?".into(), &true.into()));
    assert_eq!(text_of(&shown[0]["from"]), sender.address());

    assert!(owner.stop(), "the owner leaves in order");
    let id = sender.qpc_text(&["send", &to, "are you there?", "--sealed"]).expect("accepted");
    let kept = eventually(Duration::from_secs(30), || {
        let state = text_of(&sender.qpc(&["why", id.trim()]).ok()?["state"]);
        (state == "in-custody").then_some(())
    });
    kept.expect("the mailbox node keeps it");
    assert!(sender.stop(), "the sender leaves in order");
    owner.switch_on().expect("it starts again");
    let texts = || {
        let inbox = owner.inbox(None).ok()?;
        (inbox.len() == 2).then_some(inbox)
    };
    let inbox = eventually(Duration::from_secs(30), texts).expect("what was kept arrives");
    assert_eq!(inbox[1].1, "are you there?");
}

/// `MBX-07`: a node that keeps no mail says so, and nothing is sent openly instead.
#[test]
fn mbx_07_who_keeps_no_mail_is_no_mailbox() {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let relay = start(&scratch, "relay", "[relay]\nmailbox = false\n");
    let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", relay.place().listen);
    let chosen = format!("{peers}[messages]\nmailbox = \"{}\"\n", relay.address());
    let owner = start(&scratch, "owner", &chosen);
    let sender = start(&scratch, "sender", &peers);
    let sent = sender.qpc_text(&["send", owner.address(), "who am I?", "--sealed", "--wait", "5"]);
    sent.expect_err("nobody keeps it");
    assert!(owner.inbox(None).expect("an inbox").is_empty());
}

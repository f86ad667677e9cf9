//! Codes given and accepted.

use super::*;

/// `MEET-05`, `MEET-06`
#[test]
fn meet_05_strangers_become_contacts_of_each_other() {
    let mut net = line_with_requests(3);
    let (id, code) = invite(&mut net, 2);
    let met = net.command(0, accepting(&code));
    let (inviter, guest) = (net.address(2), net.address(0));
    let hints = alloc::vec!["tcp://192.0.2.7:7743".to_string()];
    assert_eq!(met, Outcome::Met { invite: id, address: inviter, name: "Inga".into(), hints });
    net.run(Duration::from_secs(5));
    let at_inviter = &net.hosts[2].node.contacts()[0];
    assert_eq!((at_inviter.name.as_str(), at_inviter.address), ("Gast", guest));
    assert!(at_inviter.suggested);
    assert_eq!(at_inviter.root_key, net.hosts[0].node.root_key());
    let at_guest = &net.hosts[0].node.contacts()[0];
    assert_eq!((at_guest.name.as_str(), at_guest.suggested), ("Inga", true));
    assert_eq!(at_guest.root_key, net.hosts[2].node.root_key());
    let used = Event::InviteUsed { invite: id, address: guest, name: "Gast".into() };
    assert!(net.has_event(2, |e| *e == used));
    assert!(answered(&net, 0, InviteVerdict::Accepted));
    // What follows is an ordinary message, in both directions, and verified.
    let there = net.send(0, 2, "hello");
    let back = net.send(2, 0, "welcome");
    net.run(Duration::from_secs(5));
    assert_eq!((net.shown(2), net.shown(0)), (alloc::vec!["hello"], alloc::vec!["welcome"]));
    assert!(net.received(0, there) && net.received(2, back));
    assert!(net.hosts[2].node.inbox().all(|message| message.verified));
    assert!(waiting(&net, 2).is_empty());
}

/// `MEET-05`: the inviter is away; the guest dies meanwhile.
#[test]
fn meet_05_the_inviter_may_be_away() {
    let mut net = line_with_requests(3);
    let (_, code) = invite(&mut net, 2);
    net.run(Duration::from_secs(1));
    net.stop(2);
    net.run(Duration::from_secs(5));
    net.command(0, accepting(&code));
    net.send(0, 2, "when you are back");
    net.run(Duration::from_secs(20));
    net.crash(0);
    net.run(Duration::from_secs(20));
    net.start(2);
    net.run(Duration::from_secs(120));
    assert_eq!(net.hosts[2].node.contacts()[0].name, "Gast");
    assert_eq!(net.shown(2), ["when you are back"]);
    assert!(answered(&net, 0, InviteVerdict::Accepted));
}

/// `MEET-05`: each side dies at every moment of the meeting.
#[test]
fn meet_05_a_restart_in_the_middle_loses_nothing() {
    for host in [0, 1] {
        for step in 0..24_u64 {
            let mut net = line_with_requests(2);
            let (id, code) = invite(&mut net, 1);
            net.command(0, accepting(&code));
            net.run(Duration::from_micros(500 * step));
            net.crash(host);
            net.run(Duration::from_secs(120));
            let contacts = |host: usize| net.hosts[host].node.contacts().len();
            assert_eq!((contacts(0), contacts(1)), (1, 1), "host {host}, step {step}");
            let view = &net.hosts[1].node.invites()[0];
            assert_eq!((view.id, view.guests.len(), view.is_open), (id, 1, false));
        }
    }
}

/// `MEET-06`
#[test]
fn meet_06_a_code_lets_in_as_many_as_it_says() {
    let mut net = line_with_requests(4);
    let (_, code) = invite(&mut net, 3);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    net.command(1, accepting(&code));
    net.run(Duration::from_secs(5));
    assert!(answered(&net, 1, InviteVerdict::Used));
    assert_eq!(net.hosts[3].node.contacts().len(), 1);
    let (_, code) = invite_with(&mut net, 3, DAY, 2);
    for guest in [1, 2] {
        net.command(guest, accepting(&code));
        net.run(Duration::from_secs(5));
    }
    assert!(answered(&net, 1, InviteVerdict::Accepted));
    assert_eq!(net.hosts[3].node.contacts().len(), 3);
}

/// `MEET-06`: the names guests wish for do not clash, and none can pass for an address.
#[test]
fn meet_06_suggested_names_are_free_and_no_addresses() {
    let mut net = line_with_requests(4);
    let (_, code) = invite_with(&mut net, 3, DAY, 3);
    let victim = net.address(0).to_string();
    for (guest, wish) in [(0, "Gast"), (1, "Gast"), (2, victim.as_str())] {
        let introduce_as = wish.to_string();
        let command = Command::InviteAccept { code: code.clone(), name: None, introduce_as };
        net.command(guest, command);
        net.run(Duration::from_secs(5));
    }
    let mut names: Vec<_> = net.hosts[3].node.contacts().into_iter().map(|c| c.name).collect();
    names.sort_unstable();
    let short = |host| net.address(host).fmt_short().to_string();
    let mut expected = [
        String::from("Gast"),
        alloc::format!("Gast-{}", short(1)),
        alloc::format!("guest-{}", short(2)),
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    let address = net.address(1);
    net.command(3, Command::ContactRename { address, name: "Ben".into() });
    let contacts = net.hosts[3].node.contacts();
    assert!(contacts.iter().all(|c| c.suggested == (c.address != address)));
    net.crash(3);
    assert_eq!(net.hosts[3].node.contacts(), contacts);
}

/// `MEET-04`, `MEET-08`
#[test]
fn meet_08_codes_that_do_not_hold_say_why() {
    let mut net = line_with_requests(2);
    let (_, code) = invite(&mut net, 1);
    let mut other = Invite::decode(&code).expect("ours");
    let cases = [
        ("hello".to_string(), CommandError::NotAnInvite),
        (code[..code.len() - 1].to_string(), CommandError::InviteCut),
        (alloc::format!("{code}A"), CommandError::InviteAltered),
    ];
    for (text, error) in cases {
        assert_eq!(try_accept(&mut net, 0, &text), Err(error));
    }
    assert_eq!(try_accept(&mut net, 1, &code), Err(CommandError::InviteOwn));
    net.command(0, accepting(&code));
    assert_eq!(try_accept(&mut net, 0, &code), Err(CommandError::InviteAcceptedBefore));
    // The same inviter with another root key, from a forged code.
    other.root_key = Some([9; 32]);
    let forged = other.encode().expect("in bounds");
    assert!(matches!(
        try_accept(&mut net, 0, &forged),
        Err(CommandError::InviteKeyDiffers | CommandError::InviteAcceptedBefore)
    ));
    other.secret = zeroize::Zeroizing::new([1; 16]);
    let forged = other.encode().expect("in bounds");
    assert_eq!(try_accept(&mut net, 0, &forged), Err(CommandError::InviteKeyDiffers));
    assert_eq!(net.hosts[0].node.contacts().len(), 1);
}

/// `MEET-04`
#[test]
fn meet_04_invites_are_bounded() {
    let mut net = Net::new(1);
    let now = net.now;
    let create = |lifetime, uses, name: &str, hint: &str| Command::InviteCreate {
        name: name.into(),
        lifetime,
        uses,
        hints: alloc::vec![hint.to_string()],
    };
    for (command, error) in [
        (create(Duration::ZERO, 1, "", "a://b"), CommandError::InviteLifetime),
        (create(91 * DAY, 1, "", "a://b"), CommandError::InviteLifetime),
        (create(DAY, 0, "", "a://b"), CommandError::InviteUses),
        (create(DAY, 101, "", "a://b"), CommandError::InviteUses),
        (create(DAY, 1, "a\u{7}", "a://b"), CommandError::NameOutOfRange),
        (create(DAY, 1, "", "no link"), CommandError::InviteHints),
    ] {
        assert_eq!(net.hosts[0].node.handle_command(now, command), Err(error));
    }
    let (first, _) = invite(&mut net, 0);
    for _ in 1..crate::limits::INVITES_MAX {
        invite(&mut net, 0);
    }
    let more = create(DAY, 1, "", "a://b");
    let full = net.hosts[0].node.handle_command(now, more.clone());
    assert_eq!(full, Err(CommandError::InvitesFull));
    // One that was taken back makes room.
    net.command(0, Command::InviteRevoke { id: first });
    net.command(0, more);
    let invites = net.hosts[0].node.invites();
    assert_eq!(invites.len(), crate::limits::INVITES_MAX);
    assert!(invites.iter().all(|invite| invite.id != first));
    net.crash(0);
    assert_eq!(net.hosts[0].node.invites(), invites);
    let unknown = net.hosts[0].node.handle_command(now, Command::InviteRevoke { id: first });
    assert_eq!(unknown, Err(CommandError::UnknownInvite));
}

/// `MEET-06`, `MEET-08`: the guest's clock decides at the guest, the inviter's at the inviter; a
/// clock that is set back does not make a code hold for longer.
#[test]
fn meet_06_clocks_may_be_wrong() {
    let clock = |secs: u64| WallClock { unix_secs: secs };
    // The guest's clock is a month ahead.
    let mut net = line_with_requests(2);
    let (_, code) = invite(&mut net, 1);
    let now = net.now;
    net.hosts[0].node.handle_wall_clock(now, clock(WALL_START + 30 * 86_400));
    let error = try_accept(&mut net, 0, &code).expect_err("expired");
    assert!(matches!(error, CommandError::InviteExpired { .. }));
    // It is 1970 at the guest: the inviter decides, and accepts.
    net.hosts[0].node.handle_wall_clock(now, clock(5));
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    assert!(answered(&net, 0, InviteVerdict::Accepted));

    // It is 1970 at the guest, and the time is over at the inviter, whose clock was set back.
    for inviter_clock in [WALL_START + 3_600, 5] {
        let mut net = line_with_requests(2);
        let (_, code) = invite_with(&mut net, 1, Duration::from_secs(60), 1);
        net.run(Duration::from_secs(61));
        let now = net.now;
        net.hosts[0].node.handle_wall_clock(now, clock(5));
        net.hosts[1].node.handle_wall_clock(now, clock(inviter_clock));
        net.command(0, accepting(&code));
        net.run(Duration::from_secs(5));
        assert!(answered(&net, 0, InviteVerdict::Expired), "{inviter_clock}");
        assert!(net.hosts[1].node.contacts().is_empty());
    }
}

/// `MEET-06`
#[test]
fn meet_06_a_code_that_was_taken_back() {
    let mut net = line_with_requests(2);
    let (id, code) = invite(&mut net, 1);
    net.command(1, Command::InviteRevoke { id });
    net.crash(1);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    assert!(answered(&net, 0, InviteVerdict::Revoked));
    assert!(net.hosts[1].node.contacts().is_empty());
}

/// `MEET-06`: a secret that was never given is not answered.
#[test]
fn meet_06_a_made_up_secret_is_not_answered() {
    let mut net = line_with_requests(2);
    let (_, code) = invite(&mut net, 1);
    let mut forged = Invite::decode(&code).expect("ours");
    forged.secret = zeroize::Zeroizing::new([1; 16]);
    net.command(0, accepting(&forged.encode().expect("in bounds")));
    net.run(Duration::from_secs(60));
    assert!(!net.has_event(0, |e| matches!(e, Event::InviteAnswered { .. })));
    assert!(net.hosts[1].node.contacts().is_empty());
    assert!(net.hosts[1].node.invites()[0].is_open);
}

/// `MEET-06`: the secret passes relays inside the encryption alone.
#[test]
fn meet_06_the_secret_is_seen_by_nobody_else() {
    let mut net = line_with_requests(3);
    let (_, code) = invite(&mut net, 2);
    let secret = Invite::decode(&code).expect("ours").secret;
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    assert!(answered(&net, 0, InviteVerdict::Accepted));
    assert!(net.trace.iter().all(|(_, frame)| !frame.windows(16).any(|w| w == *secret)));
}

/// `MEET-07`: a bundle that is older than the invite, or another of the same version, is not used.
#[test]
fn meet_07_the_bundle_must_be_the_one_of_the_invite() {
    let mut net = line_with_requests(2);
    let (_, code) = invite(&mut net, 1);
    for (version, hash) in [(u32::MAX, None), (0, Some([7; 16]))] {
        let mut invite = Invite::decode(&code).expect("ours");
        invite.bundle.version += version.min(5);
        if let Some(hash) = hash {
            invite.bundle.hash = hash;
        }
        let mut net = line_with_requests(2);
        net.command(0, accepting(&invite.encode().expect("in bounds")));
        net.run(Duration::from_secs(60));
        assert!(dropped(&net, 0, crate::error::DropReason::Forged) > 0);
        assert!(net.hosts[1].node.contacts().is_empty(), "nothing was sent");
    }
}

/// `MEET-17`
#[test]
fn meet_17_damaged_rows_are_refused_alone() {
    let mut net = line_with_requests(3);
    let (_, code) = invite(&mut net, 2);
    net.command(0, accepting(&code));
    let address = net.address(1);
    net.command(2, Command::RequestBlock { address });
    net.run(Duration::from_secs(5));
    for host in [0, 2] {
        let this = &net.hosts[host];
        let rows = this.disk.iter().filter(|((table, _), _)| *table == Table::Meeting);
        let rows: Vec<_> = rows.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        assert!(!rows.is_empty());
        let config = this.config;
        let identity = Host::identity(this.seed);
        let mut node = Node::new(net.now, config, identity, [9; 32]);
        let mut restore = |key: &[u8], value: &[u8]| {
            let (key, value) = (key.to_vec(), Some(value.to_vec()));
            node.restore(net.now, Record { table: Table::Meeting, key, value })
        };
        for (key, value) in &rows {
            for len in 0..value.len() {
                assert!(restore(key, &value[..len]).is_err(), "{} of {key:02x?}", len);
            }
            assert!(restore(&key[..key.len() - 1], value).is_err());
            assert!(restore(&[&key[..], &[0]].concat(), value).is_err());
            assert!(restore(b"?", value).is_err());
        }
        for (key, value) in &rows {
            restore(key, value).expect("own row");
        }
    }
}

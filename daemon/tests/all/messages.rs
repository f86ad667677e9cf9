//! Messages between daemons over TCP.

use std::{io::Write, time::Duration};

use api::{Error, InboxOptions, PingOptions, SendOptions, framing};

use crate::rig::{Home, block_on, until};

/// A payload in a file that a daemon can read.
fn file_of(bytes: &[u8]) -> zbus::OwnedFd {
    let mut file = tempfile::tempfile().expect("room");
    file.write_all(bytes).expect("room");
    std::io::Seek::rewind(&mut file).expect("a file");
    std::os::fd::OwnedFd::from(file).into()
}

/// `API-11`: *accepted*, then *received*; the inbox has it once, with the same id.
#[test]
fn message_reaches_a_neighbour() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let id = at_a.send(&b.address, "hello").await;
        let messages = at_a.messages().await;
        assert_eq!(messages.wait(&id, 20_000).await.expect("known"), "received");
        let inbox = at_b.messages().await.inbox(InboxOptions::default()).await.expect("answered");
        assert_eq!(inbox.len(), 1);
        assert_eq!((inbox[0].id.as_str(), inbox[0].from.as_str()), (id.as_str(), &*a.address));
        assert_eq!(inbox[0].payload, b"hello");
        let why = messages.why(&id).await.expect("known");
        assert_eq!(why.state, "received");
    });
}

/// `API-12`: reading with `take` forgets; `after_seq` and `since` page.
#[test]
fn inbox_pages_and_takes() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        for text in ["one", "two", "three"] {
            at_a.send(&b.address, text).await;
        }
        until(|| async { at_b.inbox().await.len() == 3 }).await;
        let messages = at_b.messages().await;
        let first = InboxOptions { limit: Some(1), ..Default::default() };
        let first = messages.inbox(first).await.expect("answered");
        assert_eq!(first[0].payload, b"one");
        let rest = InboxOptions { since: Some(first[0].id.clone()), ..Default::default() };
        assert_eq!(messages.inbox(rest).await.expect("answered").len(), 2);
        let rest = InboxOptions { after_seq: Some(first[0].seq + 1), ..Default::default() };
        assert_eq!(messages.inbox(rest).await.expect("answered").len(), 1);
        let take = InboxOptions { take: Some(true), limit: Some(2), ..Default::default() };
        assert_eq!(messages.inbox(take).await.expect("answered").len(), 2);
        assert_eq!(at_b.inbox().await, ["three"]);
    });
}

/// `API-13`: many messages through one descriptor, in order, and back out through another.
#[test]
fn many_messages_through_descriptors() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let mut items = Vec::new();
        for n in 0..1_000u32 {
            framing::write_item(&mut items, &n.to_le_bytes()).expect("room");
        }
        let options = SendOptions::default();
        let messages = at_a.messages().await;
        let ids = messages.send_many(&b.address, file_of(&items), options).await.expect("accepted");
        assert_eq!(ids.len(), 1_000);
        until(|| async { at_b.inbox().await.len() == 1_000 }).await;
        let fd = at_b.messages().await.inbox_fd(InboxOptions::default()).await.expect("answered");
        let mut file = std::fs::File::from(std::os::fd::OwnedFd::from(fd));
        let mut seen = Vec::new();
        while let Some(item) = framing::read_item(&mut file).expect("whole items") {
            let (_, payload) = framing::InboxHeader::split(&item).expect("a header");
            seen.push(u32::from_le_bytes(payload.try_into().expect("four bytes")));
        }
        let order_holds = seen.is_sorted();
        seen.sort_unstable();
        let twice: Vec<_> = seen.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert_eq!(twice, [[0u32; 2]; 0], "shown twice");
        assert_eq!(seen.len(), 1_000);
        assert!(order_holds, "one neighbour, one link: the order of sending");
    });
}

/// `API-13`
#[test]
fn large_payloads_go_by_descriptor() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let payload: Vec<u8> = (0..500_000u32).map(|n| n as u8).collect();
        let messages = at_a.messages().await;
        let options = SendOptions::default();
        let id = messages.send_fd(&b.address, file_of(&payload), options).await.expect("accepted");
        assert_eq!(messages.wait(&id, 20_000).await.expect("known"), "received");
        let inbox = at_b.messages().await.inbox(InboxOptions::default()).await.expect("answered");
        assert!(inbox[0].payload == payload);
        let too_long = vec![0; (1 << 20) + 1];
        let options = SendOptions::default();
        let error = messages.send_fd(&b.address, file_of(&too_long), options).await;
        assert!(matches!(error, Err(Error::PayloadTooLarge(_))), "{error:?}");
    });
}

/// `API-14`: three daemons in a line; ping and trace answer across the middle one.
#[test]
fn ping_and_trace_across_a_relay() {
    block_on(async {
        let homes = [Home::new(), Home::new(), Home::new()];
        let daemons = [homes[0].start(), homes[1].start(), homes[2].start()];
        let clients =
            [daemons[0].client().await, daemons[1].client().await, daemons[2].client().await];
        clients[0].connect_to(&clients[1]).await;
        clients[1].connect_to(&clients[2]).await;
        until(|| async { clients[0].status().await.routes == 2 }).await;
        let messages = clients[0].messages().await;
        let far = &daemons[2].address;
        let pong = messages.ping(far, PingOptions::default()).await.expect("it answers");
        assert_eq!((pong.hops, pong.next_hop.as_ref()), (Some(2), Some(&daemons[1].address)));
        let first = messages.trace_hop(far, 1, 5_000).await.expect("it answers");
        assert_eq!((first.address.as_str(), first.end), (&*daemons[1].address, None));
        assert!(first.link.is_some());
        let second = messages.trace_hop(far, 2, 5_000).await.expect("it answers");
        assert_eq!((second.address.as_str(), second.end), (&**far, Some(true)));
        let nobody = "0".repeat(32);
        let options = PingOptions { timeout_ms: Some(100), ..Default::default() };
        assert!(matches!(messages.ping(&nobody, options).await, Err(Error::TimedOut(_))));
    });
}

/// `API-08`: petnames work wherever an address does.
#[test]
fn contacts_are_resolved_by_name() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let contacts = api::ContactsProxy::new(&at_a.connection).await.expect("a proxy");
        contacts.add("bea", &b.address, Default::default()).await.expect("free");
        let error = contacts.add("bea", &a.address, Default::default()).await;
        assert!(error.is_err());
        at_a.send("bea", "by name").await;
        until(|| async { at_b.inbox().await == ["by name"] }).await;
        contacts.set_secret("bea", &[7; 32]).await.expect("its key is known");
        let short = contacts.set_secret("bea", b"short").await;
        assert!(matches!(short, Err(Error::InvalidArgument(_))), "{short:?}");
        contacts.rename("bea", "beatrix").await.expect("known");
        assert_eq!(contacts.list().await.expect("answered")[0].name, "beatrix");
        let options = SendOptions::default();
        let error = at_a.messages().await.send("bea", b"x", options).await;
        assert!(matches!(error, Err(Error::InvalidAddress(_))), "{error:?}");
        contacts.remove("beatrix").await.expect("known");
    });
}

/// `API-15`: what cannot be sent is refused by name, and changes nothing.
#[test]
fn refusals_have_names() {
    block_on(async {
        let home = Home::new();
        let daemon = home.start();
        let client = daemon.client().await;
        let messages = client.messages().await;
        let own = messages.send(&daemon.address, b"x", SendOptions::default()).await;
        assert!(matches!(own, Err(Error::AddressIsOwn(_))), "{own:?}");
        let lifetime = SendOptions { lifetime_s: Some(u32::MAX), ..Default::default() };
        let error = messages.send(&"1".repeat(32), b"x", lifetime).await;
        assert!(matches!(error, Err(Error::LifetimeOutOfRange(_))), "{error:?}");
        let priority = SendOptions { priority: Some("asap".into()), ..Default::default() };
        let error = messages.send(&"1".repeat(32), b"x", priority).await;
        assert!(matches!(error, Err(Error::InvalidArgument(_))), "{error:?}");
        let error = messages.why(&"2".repeat(32)).await;
        assert!(matches!(error, Err(Error::UnknownMessage(_))), "{error:?}");
        let error = client.links().await.add("smoke://signal").await;
        assert!(matches!(error, Err(Error::LinkInvalid(_))), "{error:?}");
        let error = client.links().await.remove("99").await;
        assert!(matches!(error, Err(Error::UnknownLink(_))), "{error:?}");
        let waiting = client.send(&"1".repeat(32), "for nobody yet").await;
        assert_eq!(messages.wait(&waiting, 50).await.expect("known"), "accepted");
        assert_eq!(messages.queue().await.expect("answered").len(), 1);
        messages.cancel(&waiting).await.expect("ours");
        assert_eq!(messages.wait(&waiting, 5_000).await.expect("known"), "failed");
    });
}

/// `DSK-26`: links that were added are there after a restart, those that were removed are not.
#[test]
fn added_links_survive_restarts() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let at_b = b.client().await;
        a.client().await.connect_to(&at_b).await;
        a.kill();
        let a = home_a.start();
        let at_a = a.client().await;
        until(|| async { at_a.status().await.peers == 1 }).await;
        let links = at_a.links().await;
        let all = links.list().await.expect("answered");
        let dialled = all.iter().find(|link| link.direction == "dialled").expect("it is there");
        assert_eq!(dialled.origin, "api");
        links.remove(&dialled.id).await.expect("known");
        until(|| async { at_a.status().await.peers == 0 }).await;
        a.kill();
        let a = home_a.start();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(a.client().await.status().await.peers, 0);
    });
}

//! Strangers meet: invites over TCP hints, requests, blocks.

use api::{AcceptOptions, Error, InviteOptions, InvitesProxy, RequestOptions, RequestsProxy};

use crate::rig::{Client, Daemon, Home, block_on, until};

impl Client {
    async fn invites(&self) -> InvitesProxy<'static> {
        InvitesProxy::new(&self.connection).await.expect("a proxy")
    }

    async fn requests(&self) -> RequestsProxy<'static> {
        RequestsProxy::new(&self.connection).await.expect("a proxy")
    }

    async fn contacts(&self) -> Vec<api::Contact> {
        let contacts = api::ContactsProxy::new(&self.connection).await.expect("a proxy");
        contacts.list().await.expect("answered")
    }

    async fn invite(&self) -> api::NewInvite {
        self.invites().await.create(InviteOptions::default()).await.expect("made")
    }

    async fn has_event(&self, kind: &str, detail: Option<&str>) -> bool {
        let events = api::EventsProxy::new(&self.connection).await.expect("a proxy");
        let recent = events.recent(1_000).await.expect("answered");
        recent.iter().any(|e| e.kind == kind && (detail.is_none() || e.detail.as_deref() == detail))
    }
}

fn start_with_requests(home: &Home) -> Daemon {
    let mut command = home.command(&[]);
    command.env("QPC_MESSAGES_STRANGERS", "request");
    Daemon::spawn(home, command)
}

/// `MEET-05`, `MEET-09`: nothing is shared but the code; messages go both ways.
#[test]
fn meet_09_two_strangers_meet_over_the_hints_of_a_code() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (start_with_requests(&home_a), start_with_requests(&home_b));
        let (at_a, at_b) = (a.client().await, b.client().await);
        let invite = at_a.invite().await;
        assert_eq!(invite.hints, [at_a.uri().await]);
        let options = AcceptOptions { name: Some("Anna".into()), ..Default::default() };
        let met = at_b.invites().await.accept(&invite.code, options).await.expect("accepted");
        assert_eq!((met.address.as_str(), met.name.as_str()), (&*a.address, "Anna"));
        assert_eq!((met.links, met.unused), (invite.hints, vec![]));
        at_b.send("Anna", "hello").await;
        until(|| async { at_a.inbox().await == ["hello"] }).await;
        let contacts = at_a.contacts().await;
        assert_eq!((contacts[0].address.as_str(), contacts[0].suggested), (&*b.address, true));
        at_a.send(&b.address, "welcome").await;
        until(|| async { at_b.inbox().await == ["welcome"] }).await;
        assert!(at_a.has_event("invite-used", Some(&contacts[0].name)).await);
        until(|| async { at_b.has_event("invite-answered", Some("accepted")).await }).await;
        let given = at_a.invites().await.list().await.expect("answered");
        assert_eq!((given[0].open, &given[0].guests), (false, &vec![b.address.clone()]));
        assert!(!at_b.contacts().await[0].suggested, "the name was given");
    });
}

/// `MEET-05`: the inviter is off while the code is accepted and the guest is killed; the hinted link
/// is kept, so nobody has to do anything when the inviter is back.
#[test]
fn meet_05_the_inviter_is_off_when_the_code_is_accepted() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let a = start_with_requests(&home_a);
        let invite = a.client().await.invite().await;
        let listen = invite.hints[0].strip_prefix("tcp://").expect("a link").to_owned();
        a.kill();
        let b = home_b.start();
        let at_b = b.client().await;
        let options = AcceptOptions::default();
        at_b.invites().await.accept(&invite.code, options).await.expect("accepted");
        let inviter = at_b.contacts().await[0].address.clone();
        at_b.send(&inviter, "when you are back").await;
        b.kill();
        let b = home_b.start();
        let mut command = home_a.command(&[]);
        command.args(["--tcp-listen", &listen]).env("QPC_MESSAGES_STRANGERS", "request");
        let a = Daemon::spawn(&home_a, command);
        let at_a = a.client().await;
        until(|| async { at_a.inbox().await == ["when you are back"] }).await;
        assert_eq!(at_a.contacts().await[0].address, b.address);
        let at_b = b.client().await;
        until(|| async { at_b.has_event("invite-answered", Some("accepted")).await }).await;
    });
}

/// `MEET-08`: each refusal has a name and a sentence, and leaves nothing behind.
#[test]
fn meet_08_codes_that_do_not_hold_have_named_errors() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        let code = at_a.invite().await.code;
        let accept = async |at: &Client, code: &str| {
            at.invites().await.accept(code, AcceptOptions::default()).await
        };
        let cut = accept(&at_b, &code[..code.len() - 1]).await;
        assert!(matches!(cut, Err(Error::InviteInvalid(text)) if text.contains("cut")));
        let own = accept(&at_a, &code).await;
        assert!(matches!(own, Err(Error::AddressIsOwn(_))), "{own:?}");
        accept(&at_b, &code).await.expect("it holds");
        let again = accept(&at_b, &code).await;
        assert!(matches!(again, Err(Error::InviteAccepted(_))), "{again:?}");
        // The links of a code that is shown again are there again.
        let dialled = async || {
            let links = at_b.links().await.list().await.expect("answered");
            links.into_iter().find(|link| link.direction == "dialled")
        };
        let link = dialled().await.expect("from the code");
        at_b.links().await.remove(&link.id).await.expect("it is there");
        assert_eq!(dialled().await, None);
        accept(&at_b, &code).await.expect_err("as before");
        assert_eq!(dialled().await.expect("again").uri, link.uri);
        let short = InviteOptions { lifetime_s: Some(1), ..Default::default() };
        let short = at_a.invites().await.create(short).await.expect("made");
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        let late = accept(&at_b, &short.code).await;
        assert!(matches!(late, Err(Error::InviteExpired(_))), "{late:?}");
        let many = InviteOptions { uses: Some(100_000), ..Default::default() };
        assert!(at_a.invites().await.create(many).await.is_err());
        let revoked = at_a.invites().await.revoke(&"0".repeat(32)).await;
        assert!(matches!(revoked, Err(Error::UnknownInvite(_))), "{revoked:?}");
        assert_eq!(at_b.contacts().await.len(), 1);
    });
}

/// `MEET-11`, `MEET-14`, `MEET-15`
#[test]
fn meet_11_requests_are_accepted_and_blocked() {
    block_on(async {
        let homes = [Home::new(), Home::new(), Home::new()];
        let a = start_with_requests(&homes[0]);
        let (b, c) = (homes[1].start(), homes[2].start());
        let (at_a, at_b, at_c) = (a.client().await, b.client().await, c.client().await);
        at_b.connect_to(&at_a).await;
        at_c.connect_to(&at_a).await;
        let id = at_b.send(&a.address, "a friend").await;
        at_c.send(&a.address, "a pest").await;
        let requests = at_a.requests().await;
        until(|| async { requests.list().await.expect("answered").len() == 2 }).await;
        assert!(at_a.inbox().await.is_empty());
        assert_ne!(at_b.messages().await.wait(&id, 100).await.expect("known"), "received");
        requests.accept(&id, RequestOptions::default()).await.expect("it waits");
        until(|| async { at_a.inbox().await == ["a friend"] }).await;
        let state = at_b.messages().await.wait(&id, 20_000).await;
        assert_eq!(state.expect("known"), "received");
        requests.block(&c.address).await.expect("done");
        assert!(requests.list().await.expect("answered").is_empty());
        at_c.send(&a.address, "me again").await;
        until(|| async {
            let dropped = at_a.status().await.dropped;
            dropped.iter().any(|d| d.reason == "blocked" && d.count > 0)
        })
        .await;
        let blocked = requests.blocked().await.expect("answered");
        assert_eq!(blocked, std::slice::from_ref(&c.address));
        assert_eq!(at_a.inbox().await, ["a friend"]);
        assert!(requests.unblock(&b.address).await.is_err());
        requests.unblock(&c.address).await.expect("it was blocked");
    });
}

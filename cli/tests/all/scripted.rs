//! A server of the daemon's API that gives made-up answers.
//!
//! It is built on the same crate as `qpc`, so it shows how `qpc` takes an answer, not whether the
//! daemon gives it; that is what the tests with real daemons are for.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use api::*;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use zbus::{Connection, connection, interface, object_server::SignalEmitter};

/// The scripted node.
pub(crate) const OWN: &str = "00000000000000000000000000000000";
/// Its neighbour, whose name is an attack on the terminal.
pub(crate) const EVE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
/// A node behind the neighbour.
pub(crate) const FAR: &str = "ffffffffffffffffffffffffffffffff";
/// A message that waits for a radio.
pub(crate) const HELD: &str = "66666666666666666666666666666666";
/// A node that is reached by radio.
pub(crate) const HILL: &str = "33333333333333333333333333333333";
/// Answers nothing.
pub(crate) const SILENT: &str = "55555555555555555555555555555555";
/// Answers every second ping.
pub(crate) const FLAKY: &str = "44444444444444444444444444444444";
/// Questions about this message are never answered.
pub(crate) const HANGS: &str = "99999999999999999999999999999999";
/// The id of whatever is sent.
pub(crate) const SENT: &str = "11111111111111111111111111111111";

/// Colours, moves the cursor, reorders, and begins a line of its own.
pub(crate) const HOSTILE: &str = "Eve\x1b[2J\x1b]0;owned\x07\u{202e}\u{9b}31m\nroot";

/// A running server.
pub(crate) struct Scripted {
    dir: TempDir,
}

impl Scripted {
    /// Starts a server that runs until the process ends.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = dir.path().join("s");
        let (ready, started) = mpsc::sync_channel(1);
        let path = socket.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = UnixListener::bind(path).expect("the path is free");
                ready.send(()).expect("the test waits");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream));
                }
            });
        });
        started.recv().expect("the server started");
        Self { dir }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Its directory, for files of a test.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Takes away the right to connect.
    pub(crate) fn deny(&self) {
        let nobody = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(self.socket(), nobody).expect("it is ours");
    }
}

async fn serve(stream: UnixStream) {
    let stream = stream.into_std().expect("a socket");
    let served = async {
        let connection = connection::Builder::unix_stream(stream)
            .server(zbus::Guid::generate())
            .p2p()
            .serve_at(PATH, Daemon)
            .serve_at(PATH, Peers)
            .serve_at(PATH, Routes)
            .serve_at(PATH, Links)
            .serve_at(PATH, Messages { pings: 0 })
            .serve_at(PATH, Channels)
            .serve_at(PATH, Contacts)
            .serve_at(PATH, Invites)
            .serve_at(PATH, Requests)
            .serve_at(PATH, Events)
            .serve_at(PATH, Discovery1)
            .serve_at(PATH, Radios)
            .build()
            .await?;
        announce(&connection).await
    };
    // A client that hangs up is no failure of the server.
    let _: zbus::Result<()> = served.await;
}

/// Signals for whoever follows something, again and again, as the client may not listen yet.
async fn announce(connection: &Connection) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, PATH)?;
    loop {
        Messages::message_received(&emitter, SENT, EVE, 0).await?;
        let entry = EventEntry {
            seq: 1,
            at: 1_795_181_400,
            kind: "failed".to_owned(),
            address: Some(EVE.to_owned()),
            detail: Some(HOSTILE.to_owned()),
            ..Default::default()
        };
        Events::event(&emitter, "peer-up", entry).await?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

struct Daemon;

#[interface(name = "org.quicprochat.Daemon1")]
impl Daemon {
    #[zbus(property)]
    fn address(&self) -> &str {
        OWN
    }
    #[zbus(property)]
    fn name(&self) -> &str {
        ""
    }
    #[zbus(property)]
    fn version(&self) -> &str {
        "0.0.1-scripted"
    }
    #[zbus(property)]
    fn root_key(&self) -> &str {
        ""
    }
    #[zbus(property)]
    fn iroh(&self) -> &str {
        ""
    }
    fn status(&self) -> Status {
        Status {
            address: OWN.to_owned(),
            version: "0.0.1-scripted".to_owned(),
            uptime_s: 61,
            peers: 1,
            routes: 2,
            outbox: 3,
            clock_skew_s: Some(-90),
            storage: "full".to_owned(),
            warnings: vec![HOSTILE.to_owned()],
            dropped: vec![Dropped { reason: "forged".to_owned(), count: 5 }],
            ..Default::default()
        }
    }
    fn export_identity(&self, passphrase: &str) -> Vec<u8> {
        format!("backup under {passphrase}").into_bytes()
    }
    fn import_identity(
        &self,
        backup: &[u8],
        passphrase: &str,
        options: ImportOptions,
    ) -> Result<String, Error> {
        if backup != format!("backup under {passphrase}").as_bytes() {
            return Err(Error::WrongPassphrase("the passphrase does not open the backup".into()));
        }
        match options.replace {
            Some(true) => Ok(FAR.to_owned()),
            _ => Err(Error::IdentityExists("an identity is there already".to_owned())),
        }
    }
    fn mailbox_use(&self, node: &str) -> Result<(), Error> {
        match node {
            "" | EVE => Ok(()),
            _ => Err(Error::InvalidAddress("no contact has this name".to_owned())),
        }
    }
    fn config_get(&self) -> BTreeMap<String, String> {
        [("log.level", "info"), ("tcp.listen", "[::]:7743")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }
}

struct Peers;

#[interface(name = "org.quicprochat.Peers1")]
impl Peers {
    fn list(&self) -> Vec<Peer> {
        vec![Peer {
            address: EVE.to_owned(),
            name: Some(HOSTILE.to_owned()),
            link: "1".to_owned(),
            medium: "tcp".to_owned(),
            rtt_us: Some(1_250),
            up_s: 60,
            ..Default::default()
        }]
    }
}

struct Routes;

#[interface(name = "org.quicprochat.Routes1")]
impl Routes {
    fn list(&self, options: RouteOptions) -> Vec<Route> {
        let route = |address: &str, hops| Route {
            address: address.to_owned(),
            next_hop: EVE.to_owned(),
            hops,
            cost: 100 * u32::from(hops),
            age_s: 7,
            ..Default::default()
        };
        // Pages of one, so that more than one has to be asked for.
        let after = options.after.as_deref().unwrap_or_default();
        let mut routes = vec![route(EVE, 1), route(FAR, 2)];
        if options.address.as_deref() == Some(HILL) {
            routes.push(Route { link: "7".to_owned(), cost: 1_900_000, ..route(HILL, 3) });
        }
        routes.retain(|route| route.address.as_str() > after);
        routes.retain(|route| options.address.as_deref().is_none_or(|only| only == route.address));
        routes.truncate(1);
        routes
    }
}

struct Links;

#[interface(name = "org.quicprochat.Links1")]
impl Links {
    fn list(&self) -> Vec<Link> {
        let dialled = Link {
            id: "1".to_owned(),
            uri: "tcp://127.0.0.1:1".to_owned(),
            direction: "dialled".to_owned(),
            origin: "api".to_owned(),
            state: "backoff".to_owned(),
            error: Some(HOSTILE.to_owned()),
            next_try_ms: Some(2_500),
            ..Default::default()
        };
        let modem = Link {
            id: "3".to_owned(),
            uri: "rnode:///dev/modem?freq=869525000".to_owned(),
            direction: "radio".to_owned(),
            origin: "api".to_owned(),
            state: "up".to_owned(),
            ..Default::default()
        };
        vec![dialled, modem]
    }
    fn add(&self, uri: &str) -> Result<String, Error> {
        match uri.starts_with("tcp://") {
            true => Ok("2".to_owned()),
            false => Err(Error::LinkInvalid("this daemon has no such medium".to_owned())),
        }
    }
    fn remove(&self, id: &str) -> Result<(), Error> {
        match id {
            "1" => Ok(()),
            _ => Err(Error::UnknownLink("no such link".to_owned())),
        }
    }
    fn probe(&self, _uri: &str) -> Probe {
        Probe {
            stage: "done".to_owned(),
            address: Some(HOSTILE.to_owned()),
            took_us: 1_500,
            ..Default::default()
        }
    }
}

struct Radios;

#[interface(name = "org.quicprochat.Radios1")]
impl Radios {
    fn list(&self) -> Vec<Radio> {
        vec![Radio {
            id: "3".to_owned(),
            uri: "rnode:///dev/modem?freq=869525000".to_owned(),
            state: "up".to_owned(),
            error: Some(HOSTILE.to_owned()),
            settings: RadioSettings {
                region: "EU868".to_owned(),
                band: "EU868/P".to_owned(),
                preset: Some(HOSTILE.to_owned()),
                frequency_hz: 869_525_000,
                bandwidth_hz: 125_000,
                spreading_factor: 8,
                coding_rate: 5,
                tx_power_dbm: 14,
                antenna_gain_dbi: 2.15,
                bitrate_bps: 3_125,
            },
            airtime: vec![RadioAirtime {
                band: HOSTILE.to_owned(),
                used_ms: 36_000,
                limit_ms: 360_000,
                window_s: 3_600,
            }],
            message_wait_ms: 40_000,
            channel_load: Some(0.05),
            neighbours: vec![RadioNeighbour {
                address: EVE.to_owned(),
                name: Some(HOSTILE.to_owned()),
                link: Some("7".to_owned()),
                rssi_dbm: -97,
                snr_db: 6.25,
                success: 0.9,
                heard_ago_ms: 2_500,
                ..Default::default()
            }],
            ..Default::default()
        }]
    }
    fn set(&self, id: &str, parameters: &str) -> Result<String, Error> {
        match (id, parameters) {
            ("3", "sf=9&txp=10") => Ok("rnode:///dev/modem?sf=9".to_owned()),
            _ => Err(Error::LinkInvalid("EU868/P allows 27 dBm ERP".to_owned())),
        }
    }
    fn scan(&self, _id: &str, seconds: u32) -> Vec<RadioScan> {
        let preset = Some(HOSTILE.to_owned());
        vec![RadioScan { preset, heard: seconds, rssi_dbm: Some(-101), ..Default::default() }]
    }
}

struct Discovery1;

#[interface(name = "org.quicprochat.Discovery1")]
impl Discovery1 {
    fn state(&self) -> Discovery {
        let found = Found {
            instance: HOSTILE.to_owned(),
            uri: HOSTILE.to_owned(),
            state: HOSTILE.to_owned(),
            ..Default::default()
        };
        Discovery {
            mdns: format!("failed: {HOSTILE}"),
            multicast: "works".to_owned(),
            interfaces: vec![HOSTILE.to_owned()],
            found: vec![found],
            ..Default::default()
        }
    }
}

struct Messages {
    pings: u32,
}

impl Messages {
    fn inbox_all() -> Vec<InboxMessage> {
        let payloads: [&[u8]; 3] = [b"plain", b"\x1b[31mred\nforged line", b"\xff\x00"];
        let message = |(index, payload): (usize, &&[u8])| InboxMessage {
            seq: index as u64,
            id: format!("{:032x}", index + 1),
            from: EVE.to_owned(),
            from_name: Some(HOSTILE.to_owned()),
            received_at: (index == 0).then_some(1_795_181_400),
            payload: payload.to_vec(),
            verified: index == 0,
            sealed: index == 1,
        };
        payloads.iter().enumerate().map(message).collect()
    }
}

#[interface(name = "org.quicprochat.Messages1")]
impl Messages {
    fn send(&self, to: &str, payload: &[u8], _options: SendOptions) -> Result<String, Error> {
        match (to, payload.len()) {
            (OWN, _) => Err(Error::AddressIsOwn("the address is this node's own".to_owned())),
            (_, 1_048_577..) => Err(Error::PayloadTooLarge("the payload is too long".to_owned())),
            ("nobody", _) => Err(Error::InvalidAddress("no contact is called nobody".to_owned())),
            _ => Ok(SENT.to_owned()),
        }
    }
    fn wait(&self, _id: &str, timeout_ms: u32) -> &str {
        // The test chooses the outcome by the time it is willing to wait.
        match timeout_ms {
            1_000 => "in-custody",
            2_000 => "failed",
            _ => "received",
        }
    }
    fn inbox(&self, options: InboxOptions) -> Vec<InboxMessage> {
        let mut messages = Self::inbox_all();
        if let Some(since) = options.since {
            messages.retain(|message| message.id > since);
        }
        messages.retain(|message| options.after_seq.is_none_or(|after| message.seq > after));
        // Pages of two, so that more than one has to be asked for.
        messages.truncate(options.limit.unwrap_or(2).min(2) as usize);
        messages
    }
    fn take(&self, id: &str) -> Result<(), Error> {
        match Self::inbox_all().iter().any(|message| message.id == id) {
            true => Ok(()),
            false => Err(Error::UnknownMessage("no such message".to_owned())),
        }
    }
    async fn why(&self, id: &str) -> Result<Message, Error> {
        if id == HANGS {
            std::future::pending::<()>().await;
        }
        let tried = Try { ago_ms: 1_500, next_hop: None, result: "no-route".to_owned() };
        Ok(Message {
            id: id.to_owned(),
            to: if id == HELD { HILL.to_owned() } else { FAR.to_owned() },
            state: "accepted".to_owned(),
            payload_len: 5,
            priority: "normal".to_owned(),
            age_ms: 2_000,
            expires_in_ms: 60_000,
            tried: vec![tried],
            waiting_for: "route".to_owned(),
            next_try_ms: Some(3_000),
            ..Default::default()
        })
    }
    async fn queue(&self) -> Result<Vec<Message>, Error> {
        Ok(vec![self.why(SENT).await?])
    }
    fn proof(&self, id: &str) -> Result<Vec<u8>, Error> {
        match id {
            SENT => Ok([&[0x11; 16][..], &[1; 32], &[2; 32], &[3; 32], &[0; 8], &[4; 64]].concat()),
            _ => Err(Error::UnknownMessage("there is no signed receipt".to_owned())),
        }
    }
    fn cancel(&self, id: &str) -> Result<(), Error> {
        match id {
            SENT => Ok(()),
            _ => Err(Error::UnknownMessage("no such message".to_owned())),
        }
    }
    fn ping(&mut self, to: &str, _options: PingOptions) -> Result<PingReply, Error> {
        self.pings += 1;
        if to == SILENT || to == FLAKY && self.pings.is_multiple_of(2) {
            return Err(Error::TimedOut("no answer in time".to_owned()));
        }
        let rtt_us = 1_000 * u64::from(self.pings);
        Ok(PingReply {
            address: to.to_owned(),
            rtt_us,
            hops: Some(2),
            link: Some("1".to_owned()),
            uri: Some(HOSTILE.to_owned()),
            medium: Some("tcp".to_owned()),
            path: Some(HOSTILE.to_owned()),
            next_hop: None,
        })
    }
    fn trace_hop(&self, to: &str, ttl: u8, _timeout_ms: u32) -> Result<TraceHop, Error> {
        let hop = |address: &str, end| TraceHop {
            ttl,
            address: address.to_owned(),
            name: Some(HOSTILE.to_owned()),
            link: (ttl == 1).then(|| "1".to_owned()),
            medium: Some(if ttl == 1 { "tcp".to_owned() } else { HOSTILE.to_owned() }),
            rtt_us: 500 * u64::from(ttl),
            end,
        };
        match (to, ttl) {
            (SILENT, _) => Err(Error::TimedOut("no answer in time".to_owned())),
            (_, 1) => Ok(hop(EVE, (to == FLAKY).then_some(false))),
            _ => Ok(hop(to, Some(true))),
        }
    }
    #[zbus(signal)]
    async fn message_received(
        emitter: &SignalEmitter<'_>,
        id: &str,
        from: &str,
        seq: u64,
    ) -> zbus::Result<()>;
}

struct Channels;

#[interface(name = "org.quicprochat.Channels1")]
impl Channels {
    fn create(&self, _name: &str) -> (String, String) {
        (SENT.to_owned(), "invite-text".to_owned())
    }
    fn join(&self, invite: &str) -> Result<String, Error> {
        match invite {
            "invite-text" => Ok(SENT.to_owned()),
            _ => Err(Error::InviteInvalid("the invite is damaged".to_owned())),
        }
    }
    fn leave(&self, channel: &str) -> Result<(), Error> {
        match channel {
            "news" => Ok(()),
            _ => Err(Error::UnknownChannel("no such channel".to_owned())),
        }
    }
    fn list(&self) -> Vec<Channel> {
        vec![Channel {
            id: SENT.to_owned(),
            name: HOSTILE.to_owned(),
            invite: "invite-text".to_owned(),
            messages: 1,
        }]
    }
    fn publish(&self, _channel: &str, _payload: &[u8]) -> &str {
        SENT
    }
    fn history(&self, channel: &str, _options: HistoryOptions) -> Vec<ChannelMessage> {
        vec![ChannelMessage {
            channel: channel.to_owned(),
            id: SENT.to_owned(),
            from: EVE.to_owned(),
            from_name: Some(HOSTILE.to_owned()),
            sent_at: None,
            proven: true,
            payload: HOSTILE.as_bytes().to_vec(),
        }]
    }
}

struct Contacts;

#[interface(name = "org.quicprochat.Contacts1")]
impl Contacts {
    fn add(&self, name: &str, _address: &str, _options: ContactOptions) -> Result<(), Error> {
        match name {
            "taken" => Err(Error::NameTaken("another contact has this name".to_owned())),
            _ => Ok(()),
        }
    }
    fn list(&self) -> Vec<Contact> {
        vec![Contact {
            name: HOSTILE.to_owned(),
            address: EVE.to_owned(),
            root_key: Some("ab".repeat(32)),
            floor: Some("X-Wing (X25519 + ML-KEM-768)".to_owned()),
            key_changed: true,
            suggested: true,
        }]
    }
    fn remove(&self, _contact: &str) {}
    fn rename(&self, _contact: &str, _name: &str) {}
    fn trust(&self, _contact: &str) {}
    fn set_secret(&self, _contact: &str, secret: Vec<u8>) -> Result<(), Error> {
        match secret.len() {
            16..=1_024 => Ok(()),
            _ => Err(Error::InvalidArgument("a shared secret has 16 to 1,024 bytes".to_owned())),
        }
    }
}

/// The one code that the scripted node takes.
pub(crate) const CODE: &str = "QPC-INVITE:ABCDEFGHIJKLMNOP";

struct Invites;

#[interface(name = "org.quicprochat.Invites1")]
impl Invites {
    fn create(&self, options: InviteOptions) -> Result<NewInvite, Error> {
        match options.uses {
            Some(101..) => {
                Err(Error::InvalidArgument("an invite may be accepted 1 to 100 times".into()))
            }
            uses => Ok(NewInvite {
                id: SENT.to_owned(),
                code: CODE.to_owned(),
                expires_at: 1_795_181_400 + u64::from(options.lifetime_s.unwrap_or(0)),
                uses: uses.unwrap_or(0),
                hints: options.hints.unwrap_or_default(),
            }),
        }
    }
    fn accept(&self, code: &str, options: AcceptOptions) -> Result<Met, Error> {
        match code {
            CODE => Ok(Met {
                invite: SENT.to_owned(),
                address: EVE.to_owned(),
                name: options.name.unwrap_or_else(|| HOSTILE.to_owned()),
                links: vec!["tcp://192.0.2.7:7743".to_owned()],
                unused: vec![HOSTILE.to_owned()],
            }),
            "QPC-INVITE:OLD" => Err(Error::InviteExpired("the invite expired 5 s ago".to_owned())),
            _ => Err(Error::InviteInvalid("the invite is cut: its end is missing".to_owned())),
        }
    }
    fn list(&self) -> Vec<GivenInvite> {
        vec![GivenInvite {
            id: SENT.to_owned(),
            expires_at: 1_795_181_400,
            open: false,
            uses: 1,
            guests: vec![EVE.to_owned()],
        }]
    }
    fn revoke(&self, id: &str) -> Result<(), Error> {
        match id {
            SENT => Ok(()),
            _ => Err(Error::UnknownInvite("no such invite".to_owned())),
        }
    }
}

struct Requests;

#[interface(name = "org.quicprochat.Requests1")]
impl Requests {
    fn list(&self) -> Vec<Request> {
        vec![Request {
            id: SENT.to_owned(),
            from: EVE.to_owned(),
            received_at: None,
            payload: HOSTILE.as_bytes().to_vec(),
            sealed: true,
        }]
    }
    fn accept(&self, node: &str, _options: RequestOptions) -> Result<(), Error> {
        match node {
            EVE | SENT => Ok(()),
            _ => Err(Error::UnknownRequest("nothing of this node waits".to_owned())),
        }
    }
    fn block(&self, _node: &str) {}
    fn unblock(&self, node: &str) -> Result<(), Error> {
        match node {
            FAR => Ok(()),
            _ => Err(Error::InvalidArgument("the node is not blocked".to_owned())),
        }
    }
    fn blocked(&self) -> Vec<String> {
        vec![FAR.to_owned()]
    }
}

struct Events;

#[interface(name = "org.quicprochat.Events1")]
impl Events {
    #[zbus(signal)]
    async fn event(emitter: &SignalEmitter<'_>, kind: &str, entry: EventEntry) -> zbus::Result<()>;
}

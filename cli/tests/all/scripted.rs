//! A server of the daemon's API that gives made-up answers.
//!
//! It is built on the same crate as `qpc`, so it shows how `qpc` takes an answer, not whether the
//! daemon gives it; that is what the tests with real daemons are for.

mod mesh;
mod messages;
mod people;

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

use self::{
    mesh::{Discovery1, Links, Peers, Radios, Routes},
    messages::{Channels, Messages},
    people::{Contacts, Invites, Requests},
};

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

/// The one code that the scripted node takes.
pub(crate) const CODE: &str = "QPC-INVITE:ABCDEFGHIJKLMNOP";

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

struct Events;

#[interface(name = "org.quicprochat.Events1")]
impl Events {
    #[zbus(signal)]
    async fn event(emitter: &SignalEmitter<'_>, kind: &str, entry: EventEntry) -> zbus::Result<()>;
}

//! The way into the system's service for users who are not in its group (`specs/18-api.md`, API-19): on
//! a message bus of our own, on which this test plays polkit's authority. polkitd itself, and who it
//! would ask for a password, are not part of it.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use simulation::daemons::{Programs, Scratch, eventually};
use zbus::{Connection, OwnedVariant, connection, interface};

/// What polkit was asked: action, and whether it may ask for a password.
type Asked = Arc<Mutex<Vec<(String, bool)>>>;

/// Allows whoever is asked about the actions in it.
struct Authority {
    allowed: Arc<Mutex<Vec<&'static str>>>,
    asked: Asked,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: &str,
    ) -> (bool, bool, HashMap<String, String>) {
        assert_eq!(subject.0, "system-bus-name");
        assert!(subject.1.contains_key("name"));
        let is_allowed = self.allowed.lock().expect("whole").contains(&action.as_str());
        self.asked.lock().expect("whole").push((action, flags & 1 != 0));
        (is_allowed, !is_allowed && flags & 1 == 0, HashMap::new())
    }
}

/// A bus, a daemon on it as the system's, and programs that everybody may run.
struct System {
    scratch: Scratch,
    children: Vec<Child>,
}

impl System {
    /// `None`, loudly, where this cannot be.
    fn new() -> Option<Self> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        let has_bus = Command::new("dbus-daemon").arg("--version").output().is_ok();
        if !is_root || !has_bus {
            eprintln!("SKIPPED: visitors of the system bus take root and dbus-daemon");
            return None;
        }
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let mut system = Self { scratch, children: Vec::new() };
        let (path, programs) = (system.path().to_owned(), Programs::find());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
        for (name, program) in [("qpcd", &programs.qpcd), ("qpc", &programs.qpc)] {
            fs::copy(program, path.join(name)).expect("room");
        }
        let bus = format!(
            "<busconfig><type>system</type><listen>unix:path={}</listen><policy context=\"default\">\
             <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>\
             <allow receive_sender=\"*\"/></policy></busconfig>",
            path.join("bus").display()
        );
        fs::write(path.join("bus.conf"), bus).expect("writable");
        let mut bus = Command::new("dbus-daemon");
        bus.arg("--config-file").arg(path.join("bus.conf")).args(["--nofork", "--nopidfile"]);
        system.run(bus.stderr(Stdio::null()));
        eventually(PATIENCE, || path.join("bus").exists().then_some(())).expect("a bus");
        let mut daemon = Command::new(path.join("qpcd"));
        daemon
            .args(["--no-mdns", "--no-multicast", "--no-iroh", "--tcp-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(path.join("data"))
            .arg("--socket")
            .arg(path.join("run/s"))
            .env_clear()
            .env("DBUS_SYSTEM_BUS_ADDRESS", system.address())
            .env("QPC_API_BUS", "system")
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("log")).expect("room"));
        system.run(&mut daemon);
        let joined =
            || fs::read_to_string(path.join("log")).ok()?.contains("serving").then_some(());
        let log = || fs::read_to_string(path.join("log")).unwrap_or_default();
        eventually(PATIENCE, joined).unwrap_or_else(|| panic!("it is not on the bus: {}", log()));
        Some(system)
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.path().join("bus").display())
    }

    fn run(&mut self, command: &mut Command) {
        self.children.push(command.stdin(Stdio::null()).spawn().expect("it starts"));
    }

    /// Runs `qpc` as nobody, who may not open the socket: in a mount namespace where it is where the
    /// system's is.
    fn visit(&self, words: &str) -> Output {
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir /run/quicprochat && chmod 700 /run/quicprochat && \
             exec setpriv --reuid 65534 --regid 65534 --clear-groups {}/qpc {words}",
            self.path().display()
        );
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("QPC_SOCKET")
            .env("HOME", "/nonexistent")
            .output()
            .expect("unshare starts")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// `API-19`: without polkit, and without its consent, visitors stay outside; with it they are in, as
/// what they asked for.
#[test]
fn api_19_visitors_are_let_in_by_polkit_alone() {
    let Some(system) = System::new() else { return };
    let alone = system.visit("status");
    assert_eq!(alone.status.code(), Some(3), "{}", said(&alone));
    assert!(said(&alone).contains("polkit cannot be asked"), "{}", said(&alone));

    let (allowed, asked) = (Arc::new(Mutex::new(Vec::new())), Asked::default());
    let authority = Authority { allowed: Arc::clone(&allowed), asked: Arc::clone(&asked) };
    // With a thread of its own, on which polkit answers while this one waits for programs.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
    let _polkit = runtime.block_on(play(&system.address(), authority));
    let refused = system.visit("status");
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("polkit does not allow org.quicprochat.daemon1.use"));
    let calls = std::mem::take(&mut *asked.lock().expect("whole"));
    assert_eq!(calls, [("org.quicprochat.daemon1.use".to_owned(), true)]);

    allowed.lock().expect("whole").push("org.quicprochat.daemon1.use");
    let status = system.visit("--json status");
    assert!(status.status.success(), "{}", said(&status));
    // A member, not the owner.
    let passphrase = system.path().join("passphrase");
    fs::write(&passphrase, "correct horse battery staple\n").expect("writable");
    let export = format!("identity export - --passphrase-file {}", passphrase.display());
    let export = system.visit(&export);
    assert!(said(&export).contains("only the daemon's own user and root"), "{}", said(&export));
    asked.lock().expect("whole").clear();

    // Root needs nobody's consent.
    let own = runtime.block_on(visit_as_root(&system.address(), "owner"));
    assert_eq!(own.expect("root may").len(), 32);
    assert!(asked.lock().expect("whole").is_empty(), "root needs nobody's consent");
    let odd = runtime.block_on(visit_as_root(&system.address(), "king"));
    assert!(odd.expect_err("no such role").contains("no role"));
}

/// Joins the bus as polkit.
async fn play(address: &str, authority: Authority) -> Connection {
    connection::Builder::address(address)
        .serve_at("/org/freedesktop/PolicyKit1/Authority", authority)
        .name("org.freedesktop.PolicyKit1")
        .build()
        .await
        .expect("the bus is there")
}

/// The node's address, over a socket that was handed out.
async fn visit_as_root(address: &str, role: &str) -> Result<String, String> {
    let ask = async {
        let bus = connection::Builder::address(address).build().await?;
        let connection = api::visit(&bus, role).await?;
        api::DaemonProxy::new(&connection).await?.address().await
    };
    ask.await.map_err(|error: api::Error| error.to_string())
}

const PATIENCE: Duration = Duration::from_secs(30);

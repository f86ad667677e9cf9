//! The way to the daemon: finding its socket, asking in time, and understanding its refusals.

use std::{
    fmt,
    future::{Future, poll_fn},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use futures_core::Stream;
use tokio::time::{Instant, timeout_at};
use zbus::DBusError;

use crate::{
    args::Global,
    failure::{Exit, Failure},
};

/// A connection to a daemon, and the time by which it must have answered.
pub struct Client {
    place: Place,
    connection: zbus::Connection,
    timeout: Duration,
    deadline: Instant,
}

/// Where the daemon was found.
#[derive(Clone)]
enum Place {
    Socket(PathBuf),
    /// On the system bus, by polkit's consent.
    Bus,
}

impl Place {
    async fn connect(&self) -> Result<zbus::Connection, api::Error> {
        match self {
            Self::Socket(path) => api::connect(path).await,
            Self::Bus => api::connect_as_visitor("member").await,
        }
    }
}

impl Client {
    /// Connects to the daemon at the given socket, or at the first usual place where one answers, or
    /// over the system bus where the socket is closed to this user (`CLI-01`).
    ///
    /// # Errors
    ///
    /// A failure with [`Exit::Unreachable`] that names the places tried.
    pub async fn connect(global: &Global) -> Result<Self, Failure> {
        let timeout = global.timeout.unwrap_or(TIMEOUT_DEFAULT);
        let deadline = Instant::now() + timeout;
        let named = global.socket.clone().or_else(|| var_path("QPC_SOCKET"));
        let may_visit = named.is_none();
        let sockets = named.map_or_else(usual_places, |socket| vec![socket]);
        let mut tried = Vec::new();
        for socket in sockets {
            let place = Place::Socket(socket);
            match timeout_at(deadline, place.connect()).await {
                Ok(Ok(connection)) => return Ok(Self { place, connection, timeout, deadline }),
                Ok(Err(error)) => tried.push(Tried { place, why: why_unreachable(&error) }),
                Err(_) => tried.push(Tried { place, why: Why::Silent }),
            }
        }
        let is_closed = tried.iter().any(|tried| matches!(tried.why, Why::Denied));
        if may_visit && is_closed {
            let place = Place::Bus;
            // Somebody may be looking for a password.
            match timeout_at(Instant::now() + PASSWORD_MAX, place.connect()).await {
                Ok(Ok(connection)) => {
                    let deadline = Instant::now() + timeout;
                    return Ok(Self { place, connection, timeout, deadline });
                }
                Ok(Err(error)) => tried.push(Tried { place, why: why_unreachable(&error) }),
                Err(_) => tried.push(Tried { place, why: Why::Silent }),
            }
        }
        Err(unreachable(&tried))
    }

    /// The connection, for proxies.
    pub const fn connection(&self) -> &zbus::Connection {
        &self.connection
    }

    /// A second connection, for signals alone. Signals nobody reads hold up everything behind them
    /// on their connection: an answer awaited on the same one might never come.
    ///
    /// # Errors
    ///
    /// [`Exit::Unreachable`] when the daemon is gone, [`Exit::TimedOut`] at the deadline.
    pub async fn signals(&self) -> Result<zbus::Connection, Failure> {
        self.ask(self.place.connect()).await
    }

    /// Time left for questions.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The same connection with the time starting anew: the command waited for something that is
    /// not the daemon's answer.
    #[must_use]
    pub fn renewed(&self) -> Self {
        self.with_timeout(self.timeout)
    }

    /// The same connection with the time starting anew, and `more` of it: the question itself
    /// asks the daemon to wait that long.
    #[must_use]
    pub fn waiting(&self, more: Duration) -> Self {
        self.with_timeout(self.timeout + more)
    }

    fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            place: self.place.clone(),
            connection: self.connection.clone(),
            timeout: self.timeout,
            deadline: Instant::now() + timeout,
        }
    }

    /// Waits for an answer until the deadline (`CLI-09`).
    ///
    /// # Errors
    ///
    /// What the daemon refused, as a sentence with advice; [`Exit::TimedOut`] at the deadline;
    /// [`Exit::Unreachable`] when the daemon went away.
    pub async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, api::Error>>,
    ) -> Result<T, Failure> {
        match timeout_at(self.deadline, question).await {
            Ok(answer) => answer.map_err(explain),
            Err(_) => Err(Failure::timed_out("the daemon did not answer in time")
                .hint("Try again with a longer --timeout")),
        }
    }

    /// Waits for an answer however long it takes: what was asked for takes its time by itself.
    ///
    /// # Errors
    ///
    /// What the daemon says.
    pub async fn ask_patiently<T>(
        &self,
        question: impl Future<Output = Result<T, api::Error>>,
    ) -> Result<T, Failure> {
        question.await.map_err(explain)
    }
}

/// The next element of a stream of signals.
///
/// # Errors
///
/// [`Exit::Unreachable`] when the daemon closed the connection.
pub async fn next<S: Stream + Unpin>(signals: &mut S) -> Result<S::Item, Failure> {
    poll_fn(|context| Pin::new(&mut *signals).poll_next(context)).await.ok_or_else(daemon_gone)
}

/// An error of the API as a failure: the daemon's sentence, our advice.
pub fn explain(error: api::Error) -> Failure {
    let name = error.name().to_string();
    let (exit, hint) = advice(&error);
    let sentence = match error {
        api::Error::ZBus(error) => return explain_transport(error),
        refused => refused.description().unwrap_or(&name).trim_end_matches('.').to_owned(),
    };
    Failure {
        exit,
        error: crate::show::text::one_line(&sentence),
        hint: hint.map(Into::into),
        name: Some(name),
    }
}

fn advice(error: &api::Error) -> (Exit, Option<&'static str>) {
    use api::Error as E;
    let hint = match error {
        E::TimedOut(_) => {
            return (Exit::TimedOut, Some("qpc trace shows how far the way there leads"));
        }
        E::ShuttingDown(_) => return (Exit::Unreachable, Some("Start qpcd again and retry")),
        E::AccessDenied(_) => "Run this as the user who runs qpcd, or as root",
        E::InvalidAddress(_) => "Give 32 hexadecimal digits, or a name from qpc contacts list",
        E::AddressIsOwn(_) => "qpc whoami shows this node's own address",
        E::Busy(_) => "Try again shortly",
        E::OutboxFull(_) => "qpc queue shows what waits; qpc cancel gives up on a message",
        E::PayloadTooLarge(_) => "Send it in parts",
        E::UnknownContact(_) => "qpc contacts list shows the names",
        E::UnknownChannel(_) => "qpc channel list shows the channels",
        E::UnknownMessage(_) => {
            "qpc queue shows messages under way; finished ones are forgotten after a while"
        }
        E::UnknownLink(_) => "qpc links list shows the links",
        E::LinkInvalid(_) => "Write it like tcp://HOST:PORT or iroh://ENDPOINT?addr=IP:PORT",
        E::InviteInvalid(_) => "Ask for the invite again, and pass it as one word",
        E::InviteExpired(_) => "Ask for a new one; if this machine's clock is wrong, set it",
        E::InviteAccepted(_) => "qpc contacts list shows who it was",
        E::InviteKeyDiffers(_) => "Ask the inviter which key is right, by another way",
        E::InvitesFull(_) => "qpc invite --list shows them; qpc invite --revoke ID takes one back",
        E::UnknownInvite(_) => "qpc invite --list shows the codes that were given",
        E::NoClock(_) => "Set this machine's clock",
        E::UnknownRequest(_) => "qpc requests shows what waits",
        E::NameTaken(_) => "Choose another name, or rename the other contact",
        E::NoMailbox(_) => "Leave out --sealed, or wait until the recipient's keys arrived",
        E::StorageFailed(_) => "qpc status shows the state of the disk",
        E::SuiteFloor(_) => "Only a link that can carry the stronger keys reaches this contact",
        E::WrongPassphrase(_) => "Check the passphrase; case and spaces count",
        E::BackupDamaged(_) => "Take another copy of the backup",
        _ => return (Exit::Failed, None),
    };
    (Exit::Failed, Some(hint))
}

fn explain_transport(error: zbus::Error) -> Failure {
    match error {
        zbus::Error::MethodError(name, text, _) => Failure {
            exit: Exit::Failed,
            error: crate::show::text::one_line(&format!(
                "the daemon refused: {}",
                text.as_deref().unwrap_or(name.as_str())
            )),
            hint: Some("qpc and qpcd may be of different versions; qpc version shows both".into()),
            name: Some(name.to_string()),
        },
        zbus::Error::InputOutput(_) => daemon_gone(),
        other => Failure::failed(format!("the daemon's answer makes no sense: {other}"))
            .hint("qpc and qpcd may be of different versions; qpc version shows both"),
    }
}

fn daemon_gone() -> Failure {
    Failure::new(Exit::Unreachable, "the daemon closed the connection")
        .hint("It may have been stopped; qpc status shows whether it is back")
}

/// Why a socket did not lead to a daemon.
enum Why {
    /// There is no such file.
    Missing,
    /// Nobody listens.
    Refused,
    /// The file may not be opened, or the daemon does not talk to this user.
    Denied,
    /// The daemon took the connection and said nothing.
    Silent,
    /// Something else.
    Other(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Refused => f.write_str("nobody listens there"),
            Self::Denied => f.write_str("access is refused to this user"),
            Self::Silent => f.write_str("no answer in time"),
            Self::Other(error) => f.write_str(error),
        }
    }
}

struct Tried {
    place: Place,
    why: Why,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(path) => write!(f, "{} ({})", path.display(), self.why),
            Place::Bus => write!(f, "the system bus ({})", self.why),
        }
    }
}

fn why_unreachable(error: &api::Error) -> Why {
    let api::Error::ZBus(error) = error else {
        let sentence = error.description().map_or_else(|| error.to_string(), str::to_owned);
        return Why::Other(crate::show::text::one_line(&sentence));
    };
    match error {
        zbus::Error::InputOutput(io) => match io.kind() {
            std::io::ErrorKind::NotFound => Why::Missing,
            std::io::ErrorKind::ConnectionRefused => Why::Refused,
            // The daemon closes the connection of a user it does not talk to.
            std::io::ErrorKind::PermissionDenied
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::UnexpectedEof => Why::Denied,
            _ => Why::Other(io.to_string()),
        },
        zbus::Error::Handshake(_) => Why::Denied,
        other => Why::Other(other.to_string()),
    }
}

fn unreachable(tried: &[Tried]) -> Failure {
    let places: Vec<String> = tried.iter().map(ToString::to_string).collect();
    let hint = if tried.iter().any(|tried| matches!(tried.why, Why::Denied)) {
        "Run this as the user who runs qpcd, or join its group quicprochat"
    } else {
        "Start it with qpcd, or name its socket with --socket or QPC_SOCKET"
    };
    Failure::new(Exit::Unreachable, format!("no daemon is reachable: {}", places.join(", ")))
        .hint(hint)
}

/// Where a daemon listens unless told otherwise: the user's own first, then the system's.
fn usual_places() -> Vec<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let data_dir = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    let mut places: Vec<PathBuf> = [
        absolute("XDG_RUNTIME_DIR").map(|dir| dir.join("quicprochat")),
        // A login session has it even when this process does not know.
        Some(PathBuf::from(format!("/run/user/{user}/quicprochat"))),
        data_dir.map(|dir| dir.join("quicprochat/run")),
        Some(PathBuf::from("/run/quicprochat")),
    ]
    .into_iter()
    .flatten()
    .map(|dir| dir.join("qpcd.sock"))
    .collect();
    places.dedup();
    places
}

/// An environment variable that names an absolute path; anything else counts as unset.
fn absolute(name: &str) -> Option<PathBuf> {
    var_path(name).filter(|path| path.is_absolute())
}

fn var_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// As long as the daemon waits for one.
const PASSWORD_MAX: Duration = Duration::from_secs(120);

/// Long enough for a busy daemon on a slow disk, short enough for a person.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

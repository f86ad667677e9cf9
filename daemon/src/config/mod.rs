//! What the daemon is told: a file, the environment, flags; later ones win (`CFG-01`).
//!
//! Every key is one row of [`KEYS`]: its name, what is allowed, the default, what it is for, and
//! how it is set and shown. The TOML file, the environment and the flags all go through that row,
//! so they cannot disagree, and the commented example is compared with it by a test.

mod env;
mod file;
mod keys;
mod value;

use std::{
    fmt, fs, io,
    net::{SocketAddr, SocketAddrV6},
    path::{Path, PathBuf},
};

pub use keys::{KEYS, Key};
pub use value::Value;
use zeroize::Zeroizing;

use crate::paths::Paths;

/// The effective configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What people call this node.
    pub name: String,
    /// Identity and store.
    pub data_dir: PathBuf,
    /// The API's socket.
    pub socket: PathBuf,
    /// The group whose members may act, besides the owner and root; empty: none.
    pub api_group: String,
    /// Which message bus to join.
    pub api_bus: Bus,
    /// Where TCP links are accepted; `None`: the default port, wherever it is free.
    pub tcp_listen: Option<Vec<SocketAddr>>,
    /// Static peers as link URIs.
    pub tcp_peers: Vec<String>,
    /// How many inbound links there may be.
    pub tcp_inbound_max: u32,
    /// LoRa modems as link URIs.
    pub radio_modems: Vec<String>,
    /// Whose rules hold where the radios stand, for modems that name no region; empty: none.
    pub radio_region: String,
    /// The network's key as 64 hexadecimal digits; empty: none.
    pub network_key: Secret,
    /// The network's name, the salt of its passphrase.
    pub network_name: String,
    /// The network's passphrase; empty: none.
    pub network_passphrase: Secret,
    /// Whether envelopes of others are forwarded.
    pub relay_forward: bool,
    /// Whether envelopes of others are kept until they can be delivered.
    pub relay_store: bool,
    /// How much of them, in MiB.
    pub relay_quota_mib: u32,
    /// Whether sealed mail is kept for others.
    pub relay_mailbox: bool,
    /// How many destinations are remembered.
    pub routes_max: u32,
    /// Who gets answers to ping and trace.
    pub diagnostics: Diagnostics,
    /// What becomes of strangers' messages.
    pub strangers: Strangers,
    /// Zero bits of the work asked of strangers.
    pub work_bits: u32,
    /// The node that keeps sealed mail for this one; `None`: as it was chosen through the API.
    pub mailbox: Option<mesh::Address>,
    /// What is logged.
    pub log_level: Level,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Where metrics are served: `unix:PATH` or a loopback `ADDR:PORT`; empty: nowhere.
    pub metrics_listen: String,
    /// A file that metrics are written to every 15 s; empty: none.
    pub metrics_textfile: PathBuf,
    /// How neighbours on the local network are looked for.
    pub discovery: Discovery,
    /// Whether QUIC links are used.
    pub iroh_enabled: bool,
    /// Where QUIC links are bound; `None`: the default port, or any when that one is taken.
    pub iroh_bind: Option<SocketAddr>,
    /// Relays to be reachable through, as URLs.
    pub iroh_relays: Vec<String>,
    /// Where an own relay is served; `None`: nowhere.
    pub iroh_serve_relay: Option<SocketAddr>,
    /// Where the page for patients and practices is offered, besides on request.
    pub web_listen: Vec<SocketAddr>,
    /// The region whose appointments go over radio; `None` for that of the own practice.
    pub appointment_region: Option<u8>,
    /// Issuers of credentials that are believed: keys, each with the chamber it is for (0: any).
    pub appointment_roots: Vec<([u8; 32], u8)>,
    /// Node keys of others whose observations of domains count.
    pub appointment_observers: Vec<[u8; 32]>,
    /// Root keys of therapists whose word counts.
    pub appointment_pins: Vec<[u8; 32]>,
}

/// How neighbours are found (`DSC-26`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// By mDNS.
    pub mdns: bool,
    /// In the own group.
    pub multicast: bool,
    /// The own group and its port.
    pub group: SocketAddrV6,
    /// The anycast address to dial; empty: none.
    pub next_node: String,
    /// Interfaces to look on; empty: all.
    pub only_on: Vec<String>,
    /// Interfaces not to look on.
    pub never_on: Vec<String>,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            mdns: true,
            multicast: true,
            group: transports::discovery::limits::GROUP,
            next_node: String::new(),
            only_on: Vec::new(),
            never_on: Vec::new(),
        }
    }
}

/// A value that is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "set" })
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word in the configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Which message bus the API is offered on, besides the socket.
    Bus {
        /// The one whose address is in the environment, if any.
        Auto = "auto",
        /// None.
        Off = "off",
        /// The user's session bus.
        Session = "session",
        /// The system bus.
        System = "system",
    }
}

words! {
    /// Who gets answers to ping and trace.
    Diagnostics {
        /// Every node.
        Everyone = "everyone",
        /// Contacts only.
        Contacts = "contacts",
    }
}

words! {
    /// What becomes of messages of nodes that are neither contacts nor let in.
    Strangers {
        /// They are in the inbox like others.
        Inbox = "inbox",
        /// They wait until somebody decides.
        Request = "request",
        /// They are dropped.
        Refuse = "refuse",
    }
}

words! {
    /// What is logged.
    Level {
        /// What makes the daemon fail.
        Error = "error",
        /// What somebody should look at.
        Warn = "warn",
        /// What an operator wants to read.
        Info = "info",
        /// What a developer wants to read.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// How it is logged.
    LogFormat {
        /// Lines for people.
        Plain = "plain",
        /// One JSON object a line.
        Json = "json",
        /// The journal's own protocol, with fields.
        Journald = "journald",
    }
}

/// Something wrong with the configuration: where, which key, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `FILE:LINE`, an environment variable or a flag.
    pub place: String,
    /// The key.
    pub key: String,
    /// What is wrong and what is allowed, as a sentence.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.text),
            key => write!(f, "{}: {key}: {}", self.place, self.text),
        }
    }
}

/// Problems, one a line.
pub fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Where a configuration comes from. Kept, so that SIGHUP can read it again.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that `--config` or `QPC_CONFIG` names; it must exist then.
    pub file: Option<PathBuf>,
    /// Keys set by flags, in order: flag, key, value.
    pub flags: Vec<(String, &'static str, Value)>,
}

impl Config {
    /// The defaults of an installation.
    pub fn new(paths: &Paths) -> Self {
        Self {
            name: String::new(),
            data_dir: paths.data_dir.clone(),
            socket: paths.socket.clone(),
            api_group: "quicprochat".into(),
            api_bus: Bus::Auto,
            tcp_listen: None,
            tcp_peers: Vec::new(),
            tcp_inbound_max: 256,
            radio_modems: Vec::new(),
            radio_region: String::new(),
            network_key: Secret::default(),
            network_name: String::new(),
            network_passphrase: Secret::default(),
            relay_forward: true,
            relay_store: true,
            relay_quota_mib: 64,
            relay_mailbox: true,
            routes_max: 100_000,
            diagnostics: Diagnostics::Everyone,
            strangers: Strangers::Inbox,
            work_bits: 16,
            mailbox: None,
            log_level: Level::Info,
            log_format: LogFormat::Plain,
            metrics_listen: String::new(),
            metrics_textfile: PathBuf::new(),
            discovery: Discovery::default(),
            iroh_enabled: true,
            iroh_bind: None,
            iroh_relays: Vec::new(),
            iroh_serve_relay: None,
            web_listen: Vec::new(),
            appointment_region: None,
            appointment_roots: Vec::new(),
            appointment_observers: Vec::new(),
            appointment_pins: Vec::new(),
        }
    }

    /// Reads everything: defaults, file, environment, flags.
    ///
    /// # Errors
    ///
    /// Every problem that was found, not only the first.
    pub fn load(paths: &Paths, sources: &Sources) -> Result<Self, Vec<Problem>> {
        Self::load_with(paths, sources, &|name| std::env::var(name).ok())
    }

    fn load_with(
        paths: &Paths,
        sources: &Sources,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let mut config = Self::new(paths);
        let mut problems = Vec::new();
        if let Some((path, text)) = read_file(paths, sources, env, &mut problems) {
            file::apply(&mut config, &path, &text, &mut problems);
        }
        env::apply(&mut config, env, &mut problems);
        for (flag, key, value) in &sources.flags {
            config.set_from(flag, key, value, &mut problems);
        }
        config.check_whole(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Sets one key.
    fn set_from(&mut self, place: &str, key: &str, value: &Value, problems: &mut Vec<Problem>) {
        let mut problem = |text: String| {
            problems.push(Problem { place: place.into(), key: key.into(), text });
        };
        match KEYS.iter().find(|row| row.name == key) {
            None => problem(unknown_key(key)),
            Some(row) => {
                if (row.set)(self, value).is_none() {
                    let shown = if row.secret { "this".into() } else { value.to_string() };
                    problem(format!("{shown} is not allowed here; allowed: {}", row.allowed));
                }
            }
        }
    }

    fn check_whole(&self, problems: &mut Vec<Problem>) {
        let mut problem = |key: &str, text: &str| {
            problems.push(Problem {
                place: "configuration".into(),
                key: key.into(),
                text: text.into(),
            });
        };
        if !self.network_passphrase.is_empty() && self.network_name.is_empty() {
            problem("network.name", "a passphrase needs a name beside it; allowed: any text");
        }
        if !self.network_passphrase.is_empty() && !self.network_key.is_empty() {
            problem("network.key", "there is a passphrase as well; allowed: one of the two");
        }
    }

    /// Every key with its value, secrets replaced.
    pub fn show(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        KEYS.iter().map(|row| (row.name, (row.get)(self)))
    }
}

fn read_file(
    paths: &Paths,
    sources: &Sources,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<(PathBuf, String)> {
    let named = sources.file.clone().or_else(|| env("QPC_CONFIG").map(PathBuf::from));
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| paths.config.clone());
    match fs::read_to_string(&path) {
        Ok(text) => Some((path, text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => None,
        Err(error) => {
            let place = path.display().to_string();
            problems.push(Problem { place, key: String::new(), text: error.to_string() });
            None
        }
    }
}

/// Says what a misspelt key may have meant.
fn unknown_key(key: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let near = KEYS.iter().find(|row| {
        last(row.name) == last(key) || row.name.replace('_', "-") == key.replace('_', "-")
    });
    match near {
        Some(row) => format!("there is no such key; did you mean `{}`?", row.name),
        None => {
            let names: Vec<&str> = KEYS.iter().map(|row| row.name).collect();
            format!("there is no such key; allowed: {}", names.join(", "))
        }
    }
}

/// A path that is relative is relative to the file that names it.
fn beside(file: &Path, path: &str) -> String {
    match file.parent() {
        Some(dir) if !path.is_empty() && Path::new(path).is_relative() => {
            dir.join(path).display().to_string()
        }
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests;

//! The command tree: what can be typed, and what it becomes (`CLI-10`, `CLI-11`).
//!
//! Parsing touches neither files nor sockets. Values are checked as they are parsed, so that a
//! command starts with arguments that make sense.

mod fapp;
mod fapp_alert;
mod fapp_trust;
#[cfg(feature = "lab")]
mod lab;
mod schedule;
#[cfg(test)]
mod tests;
mod value;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    fapp::{Fapp, Publish, Reserve, Search, SlotTime},
    fapp_alert::{Alert, AlertAdd},
    fapp_trust::{Trust, TrustCommand},
    schedule::{AddPattern, Export, Import, Pattern, Pause, PauseCommand},
};
#[cfg(feature = "lab")]
pub use lab::{Lab, LabCommand, ModemLine, Rnode};
#[cfg(feature = "lab")]
pub(crate) use value::LAB_NODES_MAX;
pub use value::{Body, ContactRef, HexId, LinkUri, Shell};

/// Everything on the command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "qpc",
    version,
    about = "Talk to a quicprochat node",
    long_about = "Talk to a quicprochat node: send and receive messages, see who is there and how \
                  the mesh is doing. The node itself is qpcd; qpc asks it over a local socket.",
    after_help = "Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 timed out, \
                  5 partly done.",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = false
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// The daemon's socket [default: $QPC_SOCKET, else the usual places]
    #[arg(long, value_name = "PATH", global = true, help_heading = "Global options")]
    pub socket: Option<PathBuf>,
    /// Print JSON, one document, or one per line for commands that follow something
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Give up after this long
    #[arg(long, value_name = "SECONDS", global = true, value_parser = value::seconds, help_heading = "Global options")]
    pub timeout: Option<Duration>,
    /// No colours, even on a terminal
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// No progress and no warnings
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// How the node is doing
    Status,
    /// The node's address and name
    Whoami,
    /// The neighbours
    Peers {
        /// Show them again whenever one comes or goes
        #[arg(short, long)]
        watch: bool,
    },
    /// The best route to every known node, or to one
    Routes {
        /// Only the route to this node
        address: Option<ContactRef>,
    },
    /// Links to neighbours: list, add, remove
    #[command(subcommand)]
    Links(Links),
    /// LoRa modems: settings, air time, who is heard
    Radio {
        /// What to do with a modem; without, all modems are shown
        #[command(subcommand)]
        command: Option<Radio>,
    },
    /// Send a message
    #[command(override_usage = "qpc send [OPTIONS] <ADDRESS> <TEXT | --file <FILE> | ->")]
    Send(Send),
    /// Messages that arrived
    Inbox {
        /// Only those after this message
        #[arg(long, value_name = "ID")]
        since: Option<HexId>,
        /// Remove from the daemon what was shown
        #[arg(long)]
        take: bool,
    },
    /// Show messages as they arrive
    Watch {
        /// Remove from the daemon what was shown
        #[arg(long)]
        take: bool,
        /// End after this many messages
        #[arg(short = 'n', long, value_name = "COUNT", value_parser = value::count)]
        count: Option<u32>,
    },
    /// Measure round trips to a node
    Ping(Ping),
    /// Show the nodes on the way to a node
    Trace {
        /// The node, or a contact's name
        address: ContactRef,
    },
    /// Find out, step by step, whether a node or a place can be reached
    Probe {
        /// The node, a contact's name, or where somebody listens: tcp://HOST:PORT, iroh://ENDPOINT?...
        target: String,
    },
    /// How this node is connected, and what is in the way
    Netcheck,
    /// What helpers need to know, without who and where
    #[command(subcommand)]
    Debug(Debug),
    /// What became of a message of ours
    Why {
        /// The message
        id: HexId,
    },
    /// Messages of ours without a receipt
    Queue,
    /// Stop trying to deliver messages of ours
    Cancel {
        /// The messages
        #[arg(required = true, value_name = "ID")]
        ids: Vec<HexId>,
    },
    /// Broadcast channels: create, join, leave, list, send, history
    #[command(subcommand)]
    Channel(Channel),
    /// Have sealed mail kept by another node
    #[command(subcommand)]
    Mailbox(Mailbox),
    /// Signed receipts that convince others: show, verify
    #[command(subcommand)]
    Proof(Proof),
    /// Names for nodes: list, add, remove, rename, trust
    #[command(subcommand)]
    Contacts(Contacts),
    /// Make a code that lets somebody become a contact
    Invite(Invite),
    /// Meet the person whose code this is
    Accept(Accept),
    /// Messages of strangers that wait for a decision: list, accept, block, unblock
    #[command(override_usage = "qpc requests [OPTIONS] [COMMAND]")]
    Requests {
        /// What to do [default: list]
        #[command(subcommand)]
        command: Option<Requests>,
    },
    /// Free appointments of psychotherapists: publish, search, reserve, confirm
    #[command(subcommand)]
    Fapp(Fapp),
    /// The address of the page for patients and practices, for a browser on this machine
    Web,
    /// Back up the node's identity, or bring a backup back
    #[command(subcommand)]
    Identity(Identity),
    /// Everything the daemon reports, as it happens
    Events {
        /// End after this many events
        #[arg(short = 'n', long, value_name = "COUNT", value_parser = value::count)]
        count: Option<u32>,
    },
    /// The daemon's settings
    #[command(subcommand)]
    Config(Config),
    /// The mesh as this node knows it
    #[command(subcommand)]
    Mesh(Mesh),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, or write all of them
    Man {
        /// The command whose page is wanted [default: qpc itself]
        #[arg(value_name = "COMMAND", conflicts_with = "dir")]
        command: Vec<String>,
        /// Write the pages of all commands into this directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Versions of qpc and of the daemon
    Version,
    /// Three throw-away nodes on this machine, talking across the middle one
    Demo {
        /// Which one [default: a conversation]
        #[command(subcommand)]
        what: Option<Demo>,
    },
    /// Throw-away nodes with virtual radios on a map; or single radios, and the air between them
    #[cfg(feature = "lab")]
    Lab(Lab),
}

/// `qpc demo`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Demo {
    /// A practice publishes from a calendar file, a patient two hops away finds and reserves
    Fapp,
}

/// `qpc debug`
#[derive(Clone, Debug, Subcommand)]
pub enum Debug {
    /// Write a support bundle: shown before it is written, names and addresses replaced
    Bundle {
        /// Where to, `-` for standard output [default: quicprochat-bundle.json]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write it without asking
        #[arg(long)]
        yes: bool,
    },
}

/// `qpc links`
#[derive(Clone, Debug, Subcommand)]
pub enum Links {
    /// Every link, configured or accepted
    List,
    /// Connect to a neighbour and stay connected, or use a modem
    Add {
        /// Where it listens, for example tcp://192.0.2.7:7743; or where the modem is, for example
        /// rnode:///dev/serial/by-id/NAME?region=EU868
        uri: LinkUri,
    },
    /// Stop connecting to a neighbour
    Remove {
        /// The link's id, or its URI as it was added
        link: String,
    },
}

/// `qpc radio`
#[derive(Clone, Debug, Subcommand)]
pub enum Radio {
    /// Change settings of a modem while it runs
    #[command(after_help = RADIO_SET_HELP)]
    Set {
        /// What to change, for example preset=long-fast or sf=9 txp=10
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
        /// The modem's link, by id or URI; needed when there are several
        #[arg(long)]
        modem: Option<String>,
    },
    /// Listen at each lawful speed in turn; nothing is sent meanwhile
    Scan {
        /// How long at each speed
        #[arg(short, long, value_name = "SECONDS", default_value_t = 5,
            value_parser = clap::value_parser!(u32).range(1..=60))]
        seconds: u32,
        /// The modem's link, by id or URI; needed when there are several
        #[arg(long)]
        modem: Option<String>,
    },
}

const RADIO_SET_HELP: &str = "\
Names: region, preset, freq (Hz), bw (Hz), sf, cr, txp (dBm), gain (of the antenna, dBi).
Presets: mesh, wide, short-turbo, short-fast, short-slow, medium-turbo, medium-fast, medium-slow,
narrow, long-turbo, long-fast, long-moderate, long-slow.
What the region's rules forbid is refused. Neighbours with other settings are not heard any more.";

/// `qpc send`
#[derive(Args, Clone, Debug)]
pub struct Send {
    /// The recipient, or a contact's name
    pub address: ContactRef,
    /// What is sent.
    #[command(flatten)]
    pub body: Body,
    /// Wait this long for the recipient's receipt
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub wait: Option<Duration>,
    /// Which of several waiting messages goes first
    #[arg(long, value_enum, default_value_t = Priority::Normal)]
    pub priority: Priority,
    /// How long it may be under way: 90s, 10m, 12h, 7d [default: the daemon's]
    #[arg(long, value_name = "DURATION", value_parser = value::lifetime)]
    pub lifetime: Option<Duration>,
    /// No disk on the way: lost with the process that carries it
    #[arg(long)]
    pub volatile: bool,
    /// Sign it, so that others can be shown who sent it
    #[arg(long)]
    pub signed: bool,
    /// Ask the recipient for a signed receipt that convinces others (see qpc proof)
    #[arg(long)]
    pub proof: bool,
    /// Hide the sender from relays, through the recipient's mailbox node
    #[arg(long, conflicts_with = "signed")]
    pub sealed: bool,
}

/// Which of several waiting messages goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Priority {
    /// After everything else.
    Low,
    /// The usual.
    Normal,
    /// Before the usual.
    High,
    /// Before everything else.
    Urgent,
}

impl Priority {
    /// The name the daemon uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

/// `qpc ping`
#[derive(Args, Clone, Debug)]
pub struct Ping {
    /// The node, or a contact's name
    pub address: ContactRef,
    /// How many times
    #[arg(short, long, value_name = "COUNT", default_value = "4", value_parser = value::count)]
    pub count: u32,
    /// Time between an answer and the next question
    #[arg(short, long, value_name = "SECONDS", default_value = "0.2", value_parser = value::pause)]
    pub interval: Duration,
    /// Bytes of padding each way
    #[arg(short, long, value_name = "BYTES", default_value_t = 0)]
    pub size: u16,
}

/// `qpc channel`
#[derive(Clone, Debug, Subcommand)]
pub enum Channel {
    /// Create a channel and print its invite
    Create {
        /// The channel's name
        name: String,
    },
    /// Join the channel of an invite
    Join {
        /// The text another member gave
        invite: String,
    },
    /// Leave a channel and erase its key and history here
    Leave {
        /// The channel's id or name
        channel: String,
    },
    /// The joined channels
    List,
    /// Publish to all members
    #[command(override_usage = "qpc channel send [OPTIONS] <CHANNEL> <TEXT | --file <FILE> | ->")]
    Send {
        /// The channel's id or name
        channel: String,
        /// What is published.
        #[command(flatten)]
        body: Body,
    },
    /// The messages of a channel
    History {
        /// The channel's id or name
        channel: String,
    },
}

/// `qpc contacts`
#[derive(Clone, Debug, Subcommand)]
pub enum Contacts {
    /// Every contact
    List,
    /// Name a node
    Add {
        /// What to call it
        name: String,
        /// The node
        address: HexId,
        /// The root key that must certify it; without, the first seen is pinned
        #[arg(long, value_name = "HEX", value_parser = value::root_key)]
        root_key: Option<String>,
    },
    /// Forget a contact
    Remove {
        /// The contact's name or address
        contact: ContactRef,
    },
    /// Give a contact another name
    Rename {
        /// The contact's name or address
        contact: ContactRef,
        /// The new name
        name: String,
    },
    /// Accept the changed key of a contact
    Trust {
        /// The contact's name or address
        contact: ContactRef,
    },
    /// Give a secret that you and a contact agreed on, so that radio messages need no first contact
    ///
    /// Give the same file at both ends. Nobody else may have it, and it should be random, as of
    /// head -c 32 /dev/urandom: whoever guesses it reads what was sent with it. It serves for a
    /// week, over slow ways only.
    Psk {
        /// The contact's name or address
        contact: ContactRef,
        /// Where the secret is, 16 to 1,024 bytes; - reads standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

/// `qpc invite`
#[derive(Args, Clone, Debug)]
pub struct Invite {
    /// What you would like to be called by whoever accepts
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long the code holds: 90s, 10m, 12h, 7d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = value::lifetime)]
    pub expires: Duration,
    /// How many people may accept it
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = value::count)]
    pub uses: u32,
    /// A link on which this node can be reached, in place of those it finds itself; may be repeated
    #[arg(long = "hint", value_name = "URI")]
    pub hints: Vec<LinkUri>,
    /// Draw the code as a QR code, terminal or not
    #[arg(long, overrides_with = "no_qr")]
    pub qr: bool,
    /// No QR code, not even on a terminal
    #[arg(long, overrides_with = "qr")]
    pub no_qr: bool,
    /// Show the codes that were given, and who accepted them
    #[arg(long, conflicts_with_all = ["name", "hints", "qr", "no_qr", "revoke"])]
    pub list: bool,
    /// Take a code back that was given
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "hints", "qr", "no_qr"])]
    pub revoke: Option<HexId>,
}

/// `qpc accept`
#[derive(Args, Clone, Debug)]
pub struct Accept {
    /// The code, or - to read it from standard input; line breaks and spaces in it do no harm
    #[arg(required = true, value_name = "CODE")]
    pub code: Vec<String>,
    /// What to call whoever made it [default: what they wished for]
    #[arg(long, value_name = "PETNAME")]
    pub name: Option<String>,
    /// What you would like to be called there
    #[arg(long = "as", value_name = "NAME")]
    pub introduce_as: Option<String>,
}

/// `qpc requests`
#[derive(Clone, Debug, Subcommand)]
pub enum Requests {
    /// What waits, and who is blocked
    List,
    /// Let a stranger in; what it sent moves to the inbox
    Accept {
        /// The stranger's address, or the id of its message
        node: ContactRef,
        /// Make it a contact of this name
        #[arg(long, value_name = "PETNAME")]
        name: Option<String>,
    },
    /// Drop what a node sent and whatever it will send; it is not told
    Block {
        /// The node's address, a contact's name, or the id of its message
        node: ContactRef,
    },
    /// End a block
    Unblock {
        /// The node's address, or a contact's name
        node: ContactRef,
    },
}

/// `qpc mailbox`
#[derive(Clone, Debug, Subcommand)]
pub enum Mailbox {
    /// Choose the node that keeps sealed mail for this one
    Use {
        /// The node, or a contact's name, or `none`
        node: ContactRef,
    },
}

/// `qpc proof`
#[derive(Clone, Debug, Subcommand)]
pub enum Proof {
    /// Show the recipient's signed receipt of a message of ours
    Show {
        /// The message, sent with --proof
        id: HexId,
        /// Write the receipt to this file, for whoever is to be convinced
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a signed receipt; no daemon is needed
    Verify {
        /// The receipt
        file: PathBuf,
        /// What is said to have been received
        #[arg(long, value_name = "FILE")]
        payload: PathBuf,
    },
}

/// `qpc identity`
#[derive(Clone, Debug, Subcommand)]
pub enum Identity {
    /// Write an encrypted backup of the keys
    Export {
        /// Where to, `-` for standard output
        file: PathBuf,
        /// Take the passphrase from the first line of this file
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Replace the node's keys by those of a backup
    Import {
        /// Where from, `-` for standard input
        file: PathBuf,
        /// Take the passphrase from the first line of this file
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Set the node's present identity and its messages aside
        #[arg(long)]
        replace: bool,
    },
}

/// `qpc config`
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// The settings in force
    Get {
        /// Only this one, for example tcp.listen
        key: Option<String>,
    },
    /// Whether the daemon would start with a file
    Check {
        /// The file [default: the one qpcd would read]
        file: Option<PathBuf>,
    },
}

/// `qpc mesh`
#[derive(Clone, Debug, Subcommand)]
pub enum Mesh {
    /// Draw the topology as SVG
    Graph {
        /// Write it to this file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

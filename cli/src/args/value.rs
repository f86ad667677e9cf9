//! Values of arguments: parsed once, right afterwards.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ValueEnum};

/// Addresses, message ids and channel ids: 16 bytes as 32 hexadecimal digits, lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HexId(String);

impl HexId {
    /// The 32 lower-case digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HexId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_hex(text, ID_DIGITS) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!(
                "{ID_DIGITS} hexadecimal digits are expected, these are {}",
                text.chars().count()
            ))
        }
    }
}

/// A node: its address, or the name of a contact that is looked up when the daemon is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactRef {
    /// An address.
    Address(HexId),
    /// What the user calls it.
    Name(String),
}

impl fmt::Display for ContactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for ContactRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) if text.is_empty() => Err("a name or an address is expected".to_owned()),
            Err(_) => Ok(Self::Name(text.to_owned())),
        }
    }
}

/// Where a neighbour listens. Only the form is checked here; the daemon knows its transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkUri(String);

impl LinkUri {
    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err("a link is written like tcp://HOST:PORT, iroh://ENDPOINT?addr=IP:PORT or \
                     rnode:///dev/serial/by-id/NAME?region=EU868"
                .to_owned()),
        }
    }
}

/// What a message consists of: exactly one of a text, a file, and standard input.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[group(required = true, multiple = false)]
pub struct Body {
    /// The text, or - to read standard input
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
    /// Send the bytes of this file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// A shell that completion scripts exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bourne-Again shell.
    Bash,
    /// Z shell.
    Zsh,
    /// Friendly interactive shell.
    Fish,
}

/// A time span given as a decimal number of seconds, more than none.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let span = pause(text)?;
    if span.is_zero() { Err("it must be more than 0 seconds".to_owned()) } else { Ok(span) }
}

/// A time span given as a decimal number of seconds; none is allowed.
pub(super) fn pause(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|span| *span <= SPAN_MAX)
        .ok_or_else(|| "seconds are a decimal number like 5 or 0.5, a year at most".to_owned())
}

/// Metres east and north, like `1200,-300`.
#[cfg(feature = "lab")]
pub(super) fn place(text: &str) -> Result<(i32, i32), String> {
    let metres = |text: &str| text.trim().parse().ok().filter(|m: &i32| m.abs() <= METRES_MAX);
    text.split_once(',')
        .and_then(|(x, y)| Some((metres(x)?, metres(y)?)))
        .ok_or_else(|| "a place is two whole numbers of metres, like 1200,-300".to_owned())
}

/// How many nodes a laboratory has.
#[cfg(feature = "lab")]
pub(super) fn lab_nodes(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (2..=LAB_NODES_MAX).contains(count));
    count.ok_or_else(|| format!("there may be 2 to {LAB_NODES_MAX} nodes"))
}

/// Each is a process of its own, with some 10 MB of memory.
#[cfg(feature = "lab")]
pub(crate) const LAB_NODES_MAX: usize = 32;

/// What radios of a laboratory are called.
#[cfg(feature = "lab")]
pub(super) fn radio_name(text: &str) -> Result<String, String> {
    let printable = text.chars().all(|c| !c.is_control());
    if printable && (1..=RADIO_NAME_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("a name has 1 to {RADIO_NAME_MAX} printable bytes"))
}

/// Farther than any radio reaches.
#[cfg(feature = "lab")]
const METRES_MAX: i32 = 10_000_000;

#[cfg(feature = "lab")]
const RADIO_NAME_MAX: usize = 64;

/// How long a message may be under way: a number and a unit. The daemon knows the limits.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a whole number with s, m, h or d, like 90s or 7d".to_owned();
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit_s = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    let seconds = u64::from(number) * unit_s;
    if seconds == 0 || seconds > u64::from(u32::MAX) {
        return Err("the lifetime must be between 1 second and 30 days".to_owned());
    }
    Ok(Duration::from_secs(seconds))
}

/// How often: 1 to 2³² − 1.
pub(super) fn count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number of at least 1 is expected".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// An Ed25519 public key in hexadecimal.
pub(super) fn root_key(text: &str) -> Result<String, String> {
    if is_hex(text, KEY_DIGITS) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("a root key has {KEY_DIGITS} hexadecimal digits"))
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// 16 bytes.
const ID_DIGITS: usize = 32;
/// 32 bytes.
const KEY_DIGITS: usize = 64;
/// Longer waits are typing errors; and every clock can still represent now plus this.
const SPAN_MAX: Duration = Duration::from_secs(365 * 86_400);

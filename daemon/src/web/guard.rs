//! Who may ask for what (`WEB-04`, `WEB-05`).

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bus::hex;

/// What the owner's page shows that it is the owner's: 32 random bytes, kept in a file of mode 0600.
pub struct Token(Zeroizing<String>);

const FILE: &str = "web-token";
const DIGITS: usize = 64;

impl Token {
    /// The token of a data directory, made when there is none.
    ///
    /// # Errors
    /// Of the file.
    pub fn load(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        if let Ok(text) = fs::read_to_string(&path) {
            let text = Zeroizing::new(text.trim().to_owned());
            if text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(Self(text));
            }
        }
        let mut random = Zeroizing::new([0_u8; DIGITS / 2]);
        getrandom::fill(&mut *random).map_err(io::Error::other)?;
        let token = Self(Zeroizing::new(hex(&*random)));
        let new = data_dir.join("web-token.new");
        let _ = fs::remove_file(&new);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(token.0.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, path)?;
        Ok(token)
    }

    /// Its 64 hexadecimal digits.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a request shows it. Hashes are compared, so that time tells nothing of the token.
    pub fn is(&self, shown: &str) -> bool {
        Sha256::digest(shown.as_bytes()) == Sha256::digest(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What visitors may have carried: by source, and together.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<Carried>);

#[derive(Debug, Default)]
struct Carried {
    under_way: usize,
    sources: BTreeMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Source {
    under_way: usize,
    tokens: f64,
    at: Instant,
}

/// Exchanges under way for all visitors: half of what the node has under way for its programs.
const TOGETHER_MAX: usize = 32;
/// For one source: a page with some reservations.
const SOURCE_MAX: usize = 8;
/// At once, and then each second, for one source.
const BURST: f64 = 24.0;
const RATE: f64 = 2.0;
/// Sources remembered, 64 bytes each.
const SOURCES_MAX: usize = 1_024;

/// An exchange that is under way; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    budgets: &'a Budgets,
    source: IpAddr,
}

impl Budgets {
    /// Lets one exchange of a source through, or not.
    pub(super) fn admit(&self, source: IpAddr, now: Instant) -> Option<Pass<'_>> {
        let source = network(source);
        let mut carried = self.0.lock().ok()?;
        if carried.under_way >= TOGETHER_MAX {
            return None;
        }
        if carried.sources.len() >= SOURCES_MAX && !carried.sources.contains_key(&source) {
            let full = |source: &Source| source.refilled(now) >= BURST && source.under_way == 0;
            carried.sources.retain(|_, source| !full(source));
            if carried.sources.len() >= SOURCES_MAX {
                return None;
            }
        }
        let fresh = Source { under_way: 0, tokens: BURST, at: now };
        let of = carried.sources.entry(source).or_insert(fresh);
        of.tokens = of.refilled(now);
        of.at = now;
        if of.tokens < 1.0 || of.under_way >= SOURCE_MAX {
            return None;
        }
        of.tokens -= 1.0;
        of.under_way += 1;
        carried.under_way += 1;
        Some(Pass { budgets: self, source })
    }
}

impl Source {
    fn refilled(&self, now: Instant) -> f64 {
        (self.tokens + now.saturating_duration_since(self.at).as_secs_f64() * RATE).min(BURST)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Ok(mut carried) = self.budgets.0.lock() {
            carried.under_way = carried.under_way.saturating_sub(1);
            if let Some(source) = carried.sources.get_mut(&self.source) {
                source.under_way = source.under_way.saturating_sub(1);
            }
        }
    }
}

/// Connections by source, so that one person does not take every place (`WEB-05`).
#[derive(Debug, Default)]
pub(super) struct Doors(Mutex<BTreeMap<IpAddr, usize>>);

/// A connection of a source; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Door {
    doors: Arc<Doors>,
    source: IpAddr,
}

/// Connections of one source: a browser opens six, and there are several windows.
const DOORS_MAX: usize = 16;

impl Doors {
    /// Lets one connection of a source in, or not.
    pub(super) fn open(self: &Arc<Self>, source: IpAddr) -> Option<Door> {
        let source = network(source);
        // As many sources as there are connections at most.
        let mut open = self.0.lock().ok()?;
        let count = open.entry(source).or_default();
        if *count >= DOORS_MAX {
            return None;
        }
        *count += 1;
        Some(Door { doors: Arc::clone(self), source })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Ok(mut open) = self.doors.0.lock()
            && let Some(count) = open.get_mut(&self.source)
        {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.source);
            }
        }
    }
}

/// A network counts as one source where one person has many addresses.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
    }
}

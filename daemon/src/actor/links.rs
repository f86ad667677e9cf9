//! Links that were asked for: by the configuration, and through the API. The latter are kept in a
//! small file over restarts (`DSK-26`).

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::Duration,
};

use mesh::{Address, LinkId};
use tokio::time::Instant;
use transports::{
    AddError, HandleId, LinkPath, LinkState, LinkStatus, NetworkKey, Probe, TransportManager,
    iroh::IrohConfig, tcp::TargetError,
};

use super::{Actor, What};
use crate::{config::Config, identity::iroh_key, store::sync_dir};

/// Who wanted a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration.
    Config,
    /// A client.
    Api,
    /// The neighbour.
    Peer,
    /// Nobody: the neighbour was found on the local network.
    Discovered,
}

impl Origin {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Api => "api",
            Self::Peer => "peer",
            Self::Discovered => "discovered",
        }
    }
}

/// A link as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// Its id: a number, or `in` and a number for one that the neighbour opened.
    pub id: String,
    /// Where it leads.
    pub uri: String,
    /// `listener`, `dialled`, `accepted` or `radio`.
    pub direction: &'static str,
    /// Who wanted it.
    pub origin: Origin,
    /// What it does now.
    pub state: &'static str,
    /// The core's name for it, while it is up.
    pub link: Option<LinkId>,
    /// The neighbour, while it is up.
    pub peer: Option<Address>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Time until it is tried again.
    pub next_try: Option<Duration>,
    /// How it gets to the neighbour, while it is up: `direct` or `relayed`.
    pub path: Option<&'static str>,
}

/// What is told about a link: its id, state, neighbour and path.
type Told = (String, &'static str, Option<Address>, Option<&'static str>);

/// Which links were asked for, by whom.
#[derive(Debug)]
pub struct Links {
    file: PathBuf,
    wanted: BTreeMap<HandleId, (String, Origin)>,
    listeners: Vec<HandleId>,
    /// What stands in the way of QUIC links, when they are wanted.
    iroh_refused: Option<String>,
    /// What was last told about each link.
    told: Vec<Told>,
}

impl Links {
    /// Opens every configured link and those that clients asked for earlier. Nothing here fails:
    /// what cannot be opened is reported and tried again.
    pub(super) fn open(config: &Config, transports: &mut TransportManager) -> Self {
        let file = config.data_dir.join("links");
        let mut links = Self {
            file,
            wanted: BTreeMap::new(),
            listeners: Vec::new(),
            iroh_refused: None,
            told: Vec::new(),
        };
        // Before the peers, so that those with QUIC addresses wait for it.
        links.start_iroh(config, transports);
        links.apply(config, transports);
        for uri in links.read_kept() {
            if let Err(error) = links.add(transports, &uri, Origin::Api) {
                tracing::warn!("link {uri} is kept but cannot be opened: {error}");
            }
        }
        links
    }

    /// Binds the QUIC endpoint if there shall be one. A key that does not hold keeps QUIC links
    /// off and everything else on.
    fn start_iroh(&mut self, config: &Config, transports: &mut TransportManager) {
        if !config.iroh_enabled || !transports::iroh::IS_BUILT_IN {
            return;
        }
        let secret = match iroh_key::load(&config.data_dir) {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!("no QUIC links: {error}");
                self.iroh_refused = Some(format!("There are no QUIC links: {error}"));
                return;
            }
        };
        let relays = config.iroh_relays.clone();
        match transports.listen_iroh(IrohConfig { secret, bind: config.iroh_bind, relays }) {
            Ok(id) => {
                self.wanted.insert(id, (IROH.to_owned(), Origin::Config));
                self.listeners.push(id);
            }
            Err(error) => tracing::error!("no QUIC links: {error}"),
        }
    }

    /// What stands in the way of QUIC links, when they are wanted.
    pub(super) fn iroh_refused(&self) -> Option<&str> {
        self.iroh_refused.as_deref()
    }

    /// Adds what the configuration wants and removes what it no longer wants.
    fn apply(&mut self, config: &Config, transports: &mut TransportManager) {
        let listen = config.tcp_listen.clone().unwrap_or_else(default_listen);
        let wanted: Vec<String> = listen
            .iter()
            .map(|address| format!("listen {address}"))
            .chain(config.tcp_peers.iter().cloned())
            .chain(config.radio_modems.iter().map(|uri| with_region(config, uri)))
            .chain([IROH.to_owned()])
            .collect();
        let gone: Vec<HandleId> = self
            .wanted
            .iter()
            .filter(|(_, (uri, origin))| *origin == Origin::Config && !wanted.contains(uri))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.wanted.remove(&id);
            self.listeners.retain(|listener| *listener != id);
            transports.remove(id);
        }
        for address in listen {
            self.listen(transports, address);
        }
        let modems = config.radio_modems.iter().map(|uri| with_region(config, uri));
        for uri in config.tcp_peers.iter().cloned().chain(modems) {
            let is_wanted =
                |(known, origin): &(String, Origin)| *known == uri && *origin != Origin::Discovered;
            let known = self.wanted.values().any(is_wanted);
            if !known && let Err(error) = self.add(transports, &uri, Origin::Config) {
                tracing::error!("link {uri}: {error}");
            }
        }
    }

    fn listen(&mut self, transports: &mut TransportManager, address: SocketAddr) {
        let name = format!("listen {address}");
        if self.wanted.values().any(|(known, _)| *known == name) {
            return;
        }
        match transports.listen(address) {
            Ok(id) => {
                self.wanted.insert(id, (name, Origin::Config));
                self.listeners.push(id);
            }
            Err(error) => tracing::error!("cannot listen on {address}: {error}"),
        }
    }

    fn add(
        &mut self,
        transports: &mut TransportManager,
        uri: &str,
        origin: Origin,
    ) -> Result<HandleId, AddError> {
        match transports.add(uri) {
            Ok(id) => {
                self.wanted.insert(id, (uri.to_owned(), origin));
                Ok(id)
            }
            // A modem with other settings is not what was asked for; `qpc radio set` changes them.
            Err(AddError::Exists(id)) if is_modem(uri) && !self.is_wanted(id, uri) => {
                Err(AddError::Exists(id))
            }
            Err(AddError::Exists(id)) => {
                // Found before it was asked for: from now on it stays.
                if let Some((_, found @ Origin::Discovered)) = self.wanted.get_mut(&id) {
                    *found = origin;
                }
                Ok(id)
            }
            Err(error) => Err(error),
        }
    }

    fn is_wanted(&self, id: HandleId, uri: &str) -> bool {
        self.wanted.get(&id).is_some_and(|(known, _)| known == uri)
    }

    /// A modem has other settings from now on. What a client added is kept with them; what the
    /// configuration wants is as it says again after the next start.
    pub(super) fn changed(&mut self, id: HandleId, uri: String) -> io::Result<()> {
        match self.wanted.get_mut(&id) {
            Some((known, Origin::Api)) => {
                *known = uri;
                self.keep()
            }
            _ => Ok(()),
        }
    }

    /// Adds a link to a neighbour that was found; `None` when there is one already, or no room.
    pub(super) fn add_discovered(
        &mut self,
        transports: &mut TransportManager,
        uri: &str,
    ) -> Option<HandleId> {
        let id = transports.add(uri).ok()?;
        self.wanted.insert(id, (uri.to_owned(), Origin::Discovered));
        Some(id)
    }

    /// Forgets a link to a neighbour that was found; false when somebody asked for it since.
    pub(super) fn forget_discovered(&mut self, id: HandleId) -> bool {
        let is_found = matches!(self.wanted.get(&id), Some((_, Origin::Discovered)));
        if is_found {
            self.wanted.remove(&id);
        }
        is_found
    }

    /// Whether every listener is bound or known to fail.
    pub(super) fn are_settled(&self, transports: &TransportManager) -> bool {
        transports
            .list()
            .iter()
            .filter(|status| status.id.is_some_and(|id| self.listeners.contains(&id)))
            .all(|status| !matches!(status.state, LinkState::Connecting))
    }

    fn rows(&self, transports: &TransportManager) -> Vec<LinkRow> {
        transports.list().iter().map(|status| self.row(status)).collect()
    }

    fn row(&self, status: &LinkStatus) -> LinkRow {
        let id = match (status.id, status.link) {
            (Some(id), _) => id.to_string(),
            (None, Some(link)) => format!("in{}", link.0),
            (None, None) => "in".into(),
        };
        let is_listener = status.id.is_some_and(|id| self.listeners.contains(&id));
        let wanted = status.id.and_then(|id| self.wanted.get(&id));
        let is_up = matches!(status.state, LinkState::Up);
        LinkRow {
            id,
            uri: status.uri.clone(),
            direction: match (is_listener, status.inbound) {
                _ if is_modem(&status.uri) => "radio",
                (true, _) => "listener",
                (false, true) => "accepted",
                (false, false) => "dialled",
            },
            origin: wanted.map_or(Origin::Peer, |(_, origin)| *origin),
            state: status.state.as_str(),
            link: status.link,
            peer: status.peer.filter(|_| is_up).map(|peer| peer.address()),
            error: status.last_error.clone().filter(|_| !is_up),
            next_try: match status.state {
                LinkState::Backoff { next_try } => {
                    Some(next_try.saturating_duration_since(Instant::now()))
                }
                _ => None,
            },
            path: status.path.filter(|_| is_up).map(LinkPath::as_str),
        }
    }

    fn read_kept(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
    }

    /// Writes the links that clients asked for, as a whole.
    fn keep(&self) -> io::Result<()> {
        let new = self.file.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        for (uri, origin) in self.wanted.values() {
            if *origin == Origin::Api {
                writeln!(file, "{uri}")?;
            }
        }
        file.sync_all()?;
        fs::rename(&new, &self.file)?;
        self.file.parent().map_or(Ok(()), sync_dir)
    }
}

/// Why a link was not added or removed.
#[derive(Debug)]
pub enum LinkError {
    /// The address is none, or there are too many.
    Add(AddError),
    /// There is no such link.
    Unknown,
    /// The change cannot be kept.
    Keep(io::Error),
}

impl Actor {
    /// Links as clients see them.
    pub fn link_rows(&self) -> Vec<LinkRow> {
        self.links.rows(&self.transports)
    }

    /// Dials an address once, without making a link; the future may run on another thread.
    ///
    /// # Errors
    ///
    /// What is wrong with the address.
    pub fn probe(
        &self,
        uri: &str,
    ) -> Result<impl Future<Output = Probe> + Send + use<>, TargetError> {
        self.transports.probe(uri)
    }

    /// Adds a link and keeps it over restarts.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; a link that merely cannot be opened now is no error.
    pub fn add_link(&mut self, uri: &str) -> Result<String, LinkError> {
        let uri = with_region(&self.config, uri);
        let id = self.links.add(&mut self.transports, &uri, Origin::Api).map_err(LinkError::Add)?;
        self.links_changed = true;
        self.links.keep().map_err(LinkError::Keep)?;
        Ok(id.to_string())
    }

    /// Closes a link and forgets it. One that the neighbour opened is closed only.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn remove_link(&mut self, id: &str) -> Result<(), LinkError> {
        self.links_changed = true;
        if let Some(link) = id.strip_prefix("in").and_then(|number| number.parse().ok()) {
            let known = self.link_rows().iter().any(|row| row.id == id);
            self.transports.close(LinkId(link), transports::DownReason::Removed);
            return if known { Ok(()) } else { Err(LinkError::Unknown) };
        }
        let id = id.parse().map(HandleId).map_err(|_| LinkError::Unknown)?;
        if !self.transports.remove(id) {
            return Err(LinkError::Unknown);
        }
        self.leave_alone(id);
        self.links.wanted.remove(&id);
        self.links.listeners.retain(|listener| *listener != id);
        self.links.keep().map_err(LinkError::Keep)
    }

    /// Reports what changed since the last time.
    pub(super) fn settle_links(&mut self) {
        let rows = self.link_rows();
        let seen: Vec<_> =
            rows.iter().map(|row| (row.id.clone(), row.state, row.peer, row.path)).collect();
        if seen == self.links.told {
            return;
        }
        for row in &rows {
            let before = self.links.told.iter().find(|(id, ..)| *id == row.id);
            if before.is_some_and(|(_, state, ..)| *state == row.state) {
                continue;
            }
            match (&row.error, row.state) {
                // Nobody asked for it, so nobody is to worry.
                _ if row.origin == Origin::Discovered && row.state != "up" => {
                    tracing::debug!(link = row.id, "found {} {}", row.uri, row.state);
                }
                (Some(error), "backoff") => {
                    tracing::warn!(link = row.id, "{} {}: {error}", row.direction, row.uri);
                }
                _ => tracing::info!(link = row.id, "{} {} {}", row.direction, row.uri, row.state),
            }
        }
        self.links.told = seen;
        self.say(What::Links);
    }

    /// Applies a configuration that was read again, and tells the service manager.
    ///
    /// # Errors
    ///
    /// A sentence when it cannot be applied; nothing changes then.
    pub fn reload(&mut self, config: Config) -> Result<(), String> {
        self.notifier.reloading();
        let applied = self.apply_config(config);
        self.tell_ready();
        applied
    }

    /// Applies links and network key. What takes a restart is
    /// named.
    ///
    /// # Errors
    ///
    /// A sentence when there is no network key to be made of it; nothing changes then.
    fn apply_config(&mut self, config: Config) -> Result<(), String> {
        let key = network_key(&config)?;
        let before: BTreeMap<_, _> = self.config.show().collect();
        for (key, value) in config.show() {
            let reloads = crate::config::KEYS.iter().any(|row| row.name == key && row.reloads);
            if !reloads && before.get(key).is_some_and(|old| *old != value) {
                tracing::warn!("{key} is used after the next start");
            }
        }
        if network_secrets(&self.config) != network_secrets(&config) {
            self.transports.set_network_key(key);
        }
        self.links.apply(&config, &mut self.transports);
        self.apply_discovery(&config.discovery);
        super::restore::use_mailbox(&mut self.node, self.clock.now(), &config);
        self.transports.retry_now();
        crate::log::set_level(config.log_level);
        self.config = config;
        self.links_changed = true;
        self.say(What::Config);
        Ok(())
    }
}

fn network_secrets(config: &Config) -> (&str, &str, &str) {
    (config.network_key.reveal(), &config.network_name, config.network_passphrase.reveal())
}

/// The network key of a configuration, if it wants one.
///
/// # Errors
///
/// A sentence. A node that shall have a key never joins an open network instead.
pub(super) fn network_key(config: &Config) -> Result<Option<NetworkKey>, String> {
    if !config.network_key.is_empty() {
        let key = NetworkKey::parse(config.network_key.reveal());
        return key.map(Some).map_err(|error| format!("network.key: {error}"));
    }
    if config.network_passphrase.is_empty() {
        return Ok(None);
    }
    NetworkKey::from_passphrase(&config.network_name, config.network_passphrase.reveal())
        .map(Some)
        .map_err(|error| format!("network.passphrase: {error}"))
}

/// The default port on every address; on IPv4 only where there is no IPv6.
fn default_listen() -> Vec<SocketAddr> {
    let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), TCP_PORT);
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), TCP_PORT);
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => vec![v6],
        Err(_) => vec![v4],
    }
}

/// Whether an address is a modem's.
fn is_modem(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("rnode"))
}

/// The address of a modem with the configured region, if it names none itself.
fn with_region(config: &Config, uri: &str) -> String {
    let parameters = uri.split_once('?').map_or("", |(_, parameters)| parameters);
    let named = parameters.split('&').any(|parameter| parameter.starts_with("region="));
    if named || config.radio_region.is_empty() || !is_modem(uri) {
        return uri.to_owned();
    }
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}region={}", config.radio_region)
}

/// The endpoint among the wanted links.
const IROH: &str = "listen iroh";

/// The default TCP port of quicprochat.
pub const TCP_PORT: u16 = 7743;

#[cfg(test)]
mod tests {
    use mesh::MeshIdentity;
    use transports::LinkConfig;

    use super::*;
    use crate::paths::Paths;

    fn config(peers: &[&str]) -> Config {
        let paths = Paths { config: "c".into(), data_dir: "/nowhere".into(), socket: "s".into() };
        let mut config = Config::new(&paths);
        config.tcp_listen = Some(Vec::new());
        config.tcp_peers = peers.iter().map(|&uri| uri.to_owned()).collect();
        config
    }

    #[test]
    fn cfg_11_modems_get_the_configured_region() {
        let mut config = config(&[]);
        let own = "rnode://host?region=US915";
        assert_eq!(with_region(&config, "rnode://host"), "rnode://host");
        config.radio_region = "EU868".into();
        assert_eq!(with_region(&config, "rnode:///dev/x"), "rnode:///dev/x?region=EU868");
        assert_eq!(with_region(&config, "rnode://host?sf=9"), "rnode://host?sf=9&region=EU868");
        assert_eq!(with_region(&config, own), own);
        assert_eq!(with_region(&config, "tcp://host:1"), "tcp://host:1");
    }

    fn origins(links: &Links, transports: &TransportManager) -> Vec<Origin> {
        links.rows(transports).iter().map(|row| row.origin).collect()
    }

    /// `DSC-24`, in both orders: configured and then found, found and then configured.
    #[tokio::test]
    async fn dsc_24_a_configured_link_stays_as_it_is() {
        const URI: &str = "tcp://192.0.2.1:7743";
        let identity = MeshIdentity::from_seeds([1; 32], None);
        let mut transports = TransportManager::new(LinkConfig::new(identity));
        let mut links = Links::open(&config(&[URI]), &mut transports);
        assert_eq!(links.add_discovered(&mut transports, URI), None);
        assert_eq!(origins(&links, &transports), [Origin::Config]);

        links.apply(&config(&[]), &mut transports);
        let id = links.add_discovered(&mut transports, URI).expect("nobody asked for it");
        assert_eq!(origins(&links, &transports), [Origin::Discovered]);
        links.apply(&config(&[URI]), &mut transports);
        assert_eq!(origins(&links, &transports), [Origin::Config]);
        assert!(!links.forget_discovered(id), "it is no longer ours to forget");

        links.apply(&config(&[]), &mut transports);
        assert!(transports.list().is_empty());
        let id = links.add_discovered(&mut transports, URI).expect("nobody asked for it");
        assert!(links.forget_discovered(id));
    }
}

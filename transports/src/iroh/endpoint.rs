//! The endpoint: bound once, shared by dials and accepts.

use std::{
    error::Error,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ::iroh::{
    Endpoint, RelayConfig, RelayMap, RelayMode, RelayUrl, SecretKey, Watcher,
    endpoint::{BindOpts, Builder, NetReportConfig, QuicTransportConfig, VarInt, presets},
};
use iroh_relay::RelayQuicConfig;
use tokio::{
    sync::{mpsc::Sender, watch},
    time::{sleep, timeout},
};

use super::{ALPN, IrohConfig, IrohInfo, PORT, trust::PlainHosts};
use crate::{
    limits::{BIND_WAIT, QUIC_WINDOW_LEN, RELAYS_MAX},
    manager::{Backoff, Credentials, HandleId, Outcome},
    tcp::{DialError, HalfOpen},
};

/// Hands the endpoint to those who dial, as soon as there is one.
#[derive(Clone, Default)]
pub(crate) struct Dialer(Arc<watch::Sender<State>>);

#[derive(Clone, Default)]
enum State {
    /// There is none and there will be none.
    #[default]
    Off,
    /// It is being bound.
    Expected,
    On(Endpoint, PlainHosts),
}

impl Dialer {
    /// From now on dials wait for the endpoint.
    pub(crate) fn expect_endpoint(&self) {
        self.0.send_replace(State::Expected);
    }

    fn set(&self, endpoint: Endpoint, plain_hosts: PlainHosts) {
        self.0.send_replace(State::On(endpoint, plain_hosts));
    }

    /// The endpoint.
    ///
    /// # Errors
    ///
    /// [`DialError::NoIroh`] when there is none, or none in time.
    pub(super) async fn endpoint(&self) -> Result<(Endpoint, PlainHosts), DialError> {
        let mut states = self.0.subscribe();
        let settled = states.wait_for(|state| !matches!(state, State::Expected));
        match timeout(BIND_WAIT, settled).await {
            Ok(Ok(state)) => match &*state {
                State::On(endpoint, hosts) => Ok((endpoint.clone(), hosts.clone())),
                State::Off | State::Expected => Err(DialError::NoIroh),
            },
            Ok(Err(_)) | Err(_) => Err(DialError::NoIroh),
        }
    }

    /// A relay that a link's address names becomes one of ours (`IRO-31`): only so can it tell us
    /// our public address, without which there is no direct path through two NATs.
    pub(super) async fn learn_relay(&self, endpoint: &Endpoint, config: RelayConfig) {
        let known = endpoint.addr().relay_urls().count();
        if known < RELAYS_MAX {
            endpoint.insert_relay(config.url.clone(), Arc::new(config)).await;
        }
    }

    /// Ends the endpoint and all its connections, after what was to be said on them.
    pub(crate) async fn close(&self) {
        if let State::On(endpoint, _) = self.0.send_replace(State::Off) {
            endpoint.close().await;
        }
    }

    /// Ends the endpoint without waiting.
    pub(crate) fn leave(&self) {
        if let State::On(endpoint, _) = self.0.send_replace(State::Off)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { endpoint.close().await });
        }
    }
}

/// A listener's surroundings.
pub(crate) struct Listening {
    pub handle: HandleId,
    pub config: IrohConfig,
    pub dialer: Dialer,
    pub credentials: Arc<Credentials>,
    pub half_open: HalfOpen,
    pub backoff: Backoff,
    pub outcomes: Sender<Outcome>,
}

/// Binds, again and again until it works, then accepts for ever and tells where we can be reached.
pub(crate) async fn listen(mut this: Listening) {
    let endpoint = this.bind().await;
    let address = endpoint.bound_sockets().first().copied().unwrap_or(UNKNOWN);
    let own_id = *endpoint.id().as_bytes();
    let mut addresses = endpoint.watch_addr();
    let bound = Outcome::IrohBound { handle: this.handle, address, info: info(&endpoint) };
    if this.outcomes.send(bound).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => this.welcome(incoming, own_id),
                // Closed: nobody comes any more.
                None => return,
            },
            changed = addresses.updated() => {
                let told = Outcome::IrohMoved { handle: this.handle, info: info(&endpoint) };
                if changed.is_err() || this.outcomes.send(told).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Listening {
    async fn bind(&mut self) -> Endpoint {
        let plain_hosts = PlainHosts::default();
        loop {
            match bind(&self.config, &plain_hosts).await {
                Ok(endpoint) => {
                    self.dialer.set(endpoint.clone(), plain_hosts);
                    return endpoint;
                }
                Err(kind) => {
                    let retry_in = self.backoff.next_delay(Credentials::random());
                    let failed = Outcome::BindFailed { handle: self.handle, kind, retry_in };
                    // The manager is gone when nobody listens; the task ends with it.
                    let _ = self.outcomes.send(failed).await;
                    sleep(retry_in).await;
                }
            }
        }
    }
}

async fn bind(config: &IrohConfig, plain_hosts: &PlainHosts) -> Result<Endpoint, io::ErrorKind> {
    let try_at = async |address| {
        let builder = at(builder(config, plain_hosts), address)?;
        builder.bind().await.map_err(|error| kind_of(&error))
    };
    match config.bind {
        Some(address) => try_at(address).await,
        None => {
            let usual = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT));
            match try_at(usual).await {
                Err(io::ErrorKind::AddrInUse) => {
                    try_at(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).await
                }
                settled => settled,
            }
        }
    }
}

fn builder(config: &IrohConfig, plain_hosts: &PlainHosts) -> Builder {
    let relays = config.relays.iter().take(RELAYS_MAX);
    let relays: RelayMap = relays.filter_map(|url| relay_config(url, plain_hosts)).collect();
    let mut net_report = NetReportConfig::default();
    // It would ask a relay for a page after every change of the network, for nobody's use.
    net_report.captive_portal_check = false;
    Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&config.secret))
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Custom(relays))
        .net_report_config(net_report)
        .ca_tls_config(plain_hosts.tls())
        .transport_config(transport())
}

fn at(builder: Builder, address: SocketAddr) -> Result<Builder, io::ErrorKind> {
    let wrong = |_| io::ErrorKind::AddrNotAvailable;
    let builder = builder.clear_ip_transports();
    if !address.ip().is_unspecified() {
        return builder.bind_addr(address).map_err(wrong);
    }
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port()));
    // A machine without IPv6 is no reason to have no endpoint.
    let may_fail = BindOpts::default().set_is_required(false);
    builder
        .bind_addr(v4)
        .and_then(|builder| builder.bind_addr_with_opts(v6, may_fail))
        .map_err(wrong)
}

/// One stream in each direction, windows of one size, the rest as iroh sets it for hole punching.
fn transport() -> QuicTransportConfig {
    let window = VarInt::from_u32(QUIC_WINDOW_LEN);
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(window)
        .receive_window(window)
        .send_window(u64::from(QUIC_WINDOW_LEN))
        .datagram_receive_buffer_size(None)
        .build()
}

/// How a relay is spoken to (`IRO-30`): an `http://` one tells public addresses on the UDP port of
/// the same number, an `https://` one on iroh's.
pub(super) fn relay_config(url: &str, plain_hosts: &PlainHosts) -> Option<RelayConfig> {
    let url: RelayUrl = url.parse().ok()?;
    if url.scheme() != "http" {
        return Some(url.into());
    }
    plain_hosts.add(url.host_str()?);
    let quic = RelayQuicConfig::new(url.port_or_known_default()?);
    Some(RelayConfig::new(url, Some(quic)))
}

fn info(endpoint: &Endpoint) -> IrohInfo {
    let address = endpoint.addr();
    IrohInfo {
        endpoint_id: *endpoint.id().as_bytes(),
        addresses: address.ip_addrs().copied().collect(),
        relays: address.relay_urls().map(ToString::to_string).collect(),
    }
}

/// The operating system's reason, if one is behind it.
fn kind_of(error: &(dyn Error + 'static)) -> io::ErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.kind();
        }
        next = error.source();
    }
    io::ErrorKind::Other
}

const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iro_30_where_relays_tell_public_addresses() {
        let hosts = PlainHosts::default();
        let port = |url: &str| {
            relay_config(url, &hosts).and_then(|config| config.quic).map(|quic| quic.port)
        };
        assert_eq!(port("http://192.0.2.9:3340"), Some(3340));
        assert_eq!(port("http://relay.example"), Some(80));
        assert_eq!(port("https://relay.example"), Some(7842));
        assert_eq!(port("nonsense"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn iro_05_without_an_endpoint_a_dial_says_so() {
        let dialer = Dialer::default();
        assert_eq!(dialer.endpoint().await.err(), Some(DialError::NoIroh));
        dialer.expect_endpoint();
        let begin = tokio::time::Instant::now();
        assert_eq!(dialer.endpoint().await.err(), Some(DialError::NoIroh));
        assert_eq!(begin.elapsed(), BIND_WAIT);
    }
}

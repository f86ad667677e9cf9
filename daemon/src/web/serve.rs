//! One connection: limits, and which answer a path has (`WEB-02`, `WEB-05`).

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderMap, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    guard::{Budgets, Doors, Token},
    own, page, visitor,
};
use crate::{actor::Handle, bus::Shared};

/// What every connection of a listener needs.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) handle: Handle,
    pub(super) shared: Arc<Shared>,
    /// On loopback: what makes a request the owner's.
    pub(super) token: Option<Arc<Token>>,
    pub(super) budgets: Arc<Budgets>,
}

/// What a request is answered with when it is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

pub(super) type Answer = Result<Response<Full<Bytes>>, Refusal>;

/// Connections of a listener; more wait to be accepted. 64 of them take some 3 MB.
const CONNECTIONS_MAX: usize = 64;
/// A connection that says nothing is closed.
const HEADER_WAIT: Duration = Duration::from_secs(15);
/// Longest life of a connection: a slow reader does not keep a place for ever.
const LIFE: Duration = Duration::from_secs(600);
/// Of a head, and of what is read at once.
const BUFFER: usize = 16 * 1_024;
/// Of a body of the owner's: a calendar of some hundred thousand events.
const OWN_BODY_MAX: usize = 32 * 1_024 * 1_024;
/// Of a visitor's: the longest question to a mailbox node.
const VISITOR_BODY_MAX: usize = 4 * 1_024;
/// How long a body may take.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// Accepts until the daemon ends.
pub(super) async fn accept(listener: TcpListener, site: Site) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let doors = Arc::new(Doors::default());
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Whoever has enough of them is hung up on.
                let Some(door) = doors.open(peer.ip()) else { continue };
                let site = site.clone();
                tokio::spawn(async move {
                    // A client that is slow or odd gets no answer; nobody is worse off.
                    let _ = timeout(LIFE, connection(stream, peer, site)).await;
                    drop((place, door));
                });
            }
            // Out of descriptors, most likely: some will be free again.
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, site: Site) {
    let service = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(answer(&site, peer, request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT).max_buf_size(BUFFER);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a browser: {error}");
    }
}

async fn answer(
    site: &Site,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let is_own = request.uri().path().starts_with("/v1/own/");
    let mut response = match route(site, peer, request).await {
        Ok(response) => response,
        Err(Refusal { status, text }) => {
            let mut response = Response::new(Full::from(text + "\n"));
            *response.status_mut() = status;
            set(response.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
            response
        }
    };
    let headers = response.headers_mut();
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    if !headers.contains_key(header::CACHE_CONTROL) {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        set(headers, header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    }
    if !is_own {
        // Public data and sealed bytes: a copy of the page that a visitor opens from disk may ask for them.
        set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    response
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

async fn route(site: &Site, peer: SocketAddr, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let is_get = matches!(head.method, Method::GET | Method::HEAD);
    if let Some(rest) = path.strip_prefix("/v1/own/") {
        own_allowed(site, &head.headers)?;
        let body = match head.method {
            Method::GET => Bytes::new(),
            Method::POST => read(body, OWN_BODY_MAX).await?,
            _ => return Err(wrong_method()),
        };
        return own::answer(site, rest, is_get, &body).await;
    }
    match path.as_str() {
        "/" | "/index.html" if is_get => return the_page(&head.headers, false),
        "/termine.html" if is_get => return the_page(&head.headers, true),
        "/termine.html.sig" if is_get => return visitor::signature(site),
        "/calendar.ics" if is_get => return own::feed(site, head.uri.query()).await,
        "/v1/node" if is_get => return visitor::node(site).await,
        _ => {}
    }
    if let Some(region) = path.strip_prefix("/v1/region/")
        && is_get
    {
        return visitor::region(site, region).await;
    }
    if let Some(address) = path.strip_prefix("/v1/bundle/")
        && is_get
    {
        return visitor::bundle(site, peer, address).await;
    }
    if let Some(address) = path.strip_prefix("/v1/exchange/") {
        if head.method == Method::OPTIONS {
            return Ok(preflight());
        }
        if head.method != Method::POST {
            return Err(wrong_method());
        }
        let body = read(body, VISITOR_BODY_MAX).await?;
        return visitor::exchange(site, peer, address, body.to_vec()).await;
    }
    Err(refuse(StatusCode::NOT_FOUND, "there is nothing here; the page is at /"))
}

/// The owner's: with the token, on loopback, and not from another page.
fn own_allowed(site: &Site, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let token = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let is_owner = site.token.as_ref().zip(token).is_some_and(|(token, shown)| token.is(shown));
    if !is_owner {
        return Err(refuse(
            StatusCode::UNAUTHORIZED,
            "this is for the owner of the node; `qpc web` prints the address with its token",
        ));
    }
    let host = text(header::HOST).unwrap_or_default();
    let from_elsewhere =
        text(header::ORIGIN).is_some_and(|origin| origin.strip_prefix("http://") != Some(host));
    if from_elsewhere || !is_loopback(host) {
        return Err(refuse(StatusCode::FORBIDDEN, "not for a page from elsewhere"));
    }
    Ok(())
}

/// Whether a `Host` names this machine to itself: a name that somebody else's server resolves does not.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn the_page(headers: &HeaderMap, keep: bool) -> Answer {
    let tag = format!("\"{}\"", page::SHA256);
    let mut response =
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
            let mut unchanged = Response::new(Full::default());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            let takes = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
            let packed = !keep && takes.is_some_and(|takes| takes.contains("gzip"));
            let body = if packed { page::GZIP } else { page::plain() };
            let mut whole = Response::new(Full::from(Bytes::from_static(body)));
            if packed {
                set(whole.headers_mut(), header::CONTENT_ENCODING, "gzip");
            }
            whole
        };
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(headers, header::CONTENT_SECURITY_POLICY, page::POLICY);
    set(headers, header::CACHE_CONTROL, "no-cache");
    set(headers, header::VARY, "Accept-Encoding");
    if keep {
        set(headers, header::CONTENT_DISPOSITION, "attachment; filename=\"termine.html\"");
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// A page from disk may post bytes.
fn preflight() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    set(response.headers_mut(), header::ACCESS_CONTROL_ALLOW_METHODS, "POST");
    set(response.headers_mut(), header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type");
    response
}

async fn read(body: Incoming, most: usize) -> Result<Bytes, Refusal> {
    let whole = timeout(BODY_WAIT, Limited::new(body, most).collect()).await;
    let whole = whole.map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT, "it took too long"))?;
    whole.map(http_body_util::Collected::to_bytes).map_err(|_| {
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("this takes up to {most} bytes"))
    })
}

/// A refusal with a sentence.
pub(super) fn refuse(status: StatusCode, text: &str) -> Refusal {
    Refusal { status, text: text.into() }
}

fn wrong_method() -> Refusal {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "not in this way")
}

/// Bytes as an answer.
pub(super) fn bytes(body: Vec<u8>, kind: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    set(response.headers_mut(), header::CONTENT_TYPE, kind);
    response
}

/// JSON as an answer.
pub(super) fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    bytes(value.to_string().into_bytes(), "application/json")
}

/// The daemon is stopping.
impl From<crate::actor::Stopped> for Refusal {
    fn from(stopped: crate::actor::Stopped) -> Self {
        refuse(StatusCode::SERVICE_UNAVAILABLE, &stopped.to_string())
    }
}

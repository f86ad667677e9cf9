//! The page over HTTP, between real daemons (`specs/38-fapp-page.md`): a practice, a relay that keeps letters, and a
//! node whose visitors search and ask.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use simulation::daemons::{
    Daemon, Place, Programs, Scratch, Visitor, eventually, free_loopback_address, http, text_of,
};

struct Town {
    practice: Daemon,
    relay: Daemon,
    gateway: Daemon,
    /// Where visitors find the gateway's page.
    page: SocketAddr,
    _scratch: Scratch,
}

impl Town {
    fn new() -> Self {
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let start = |name: &str, configuration: &str| {
            let folder = scratch.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("qpcd.toml"), configuration).expect("writable");
            let listen = free_loopback_address().expect("a port");
            let place = Place { folder, listen, namespace: None };
            Daemon::start(&Programs::find(), place).expect("it starts")
        };
        let relay = start("relay", "");
        let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", relay.place().listen);
        let port = free_loopback_address().expect("a port").port();
        // Every address of the machine: so it is for visitors, not for the owner.
        let page = format!("[web]\nlisten = [\"0.0.0.0:{port}\"]\n");
        let practice = start("practice", &peers);
        let gateway = start("gateway", &format!("{page}{peers}"));
        let page = SocketAddr::from(([127, 0, 0, 1], port));
        Self { practice, relay, gateway, page, _scratch: scratch }
    }

    fn publish(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        let at = (now.as_secs() / 86_400 + 3) * 86_400 + 9 * 3_600;
        let at = fapp::calendar::BerlinTime::from_unix(fapp::UnixSeconds(at)).rfc3339();
        let slot = format!("--slot={at}/50m");
        let offer = self.practice.qpc(&[
            "fapp",
            "publish",
            "--plz",
            "80331",
            "--fachrichtung",
            "VT",
            "--modalitaet",
            "Praxis",
            "--kostentraeger",
            "GKV",
            &slot,
        ]);
        text_of(&offer.expect("published")["slots"][0])
    }
}

/// Whether bytes are somewhere in the memory of a process.
fn remembers(pid: u32, what: &[u8]) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let ranges = maps.lines().filter(|line| line.contains(" rw"));
    ranges.filter_map(|line| line.split(' ').next()?.split_once('-')).any(|(from, to)| {
        let number = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = (number(from), number(to));
        let mut bytes = vec![0; (to - from) as usize];
        let read = memory.seek(SeekFrom::Start(from)).and_then(|_| memory.read_exact(&mut bytes));
        read.is_ok() && bytes.windows(what.len()).any(|window| window == what)
    })
}

/// `WEB-02`, `WEB-03`, `WEB-06`, and the limit that the page promises: the node through which a visitor searches and
/// asks sees regions and ciphertext, on the wire and in its memory.
#[test]
fn web_02_a_visitor_finds_and_reserves_through_a_node_that_sees_ciphertext() {
    let town = Town::new();
    let slot = town.publish();
    let mut visitor = Visitor::new(town.page, 41);
    let query =
        json!({ "plz": "80799", "radius_km": 10, "kostentraeger": "GKV", "fachrichtung": "VT" });
    let found = || Some(visitor.search(&query)).filter(|found| !found.is_empty());
    let found = eventually(Duration::from_secs(30), found).expect("the announce arrives");
    assert_eq!(found[0]["id"], slot);
    let contact = "Kim Beispiel, Telefon 0151 5554433";
    let id = visitor.reserve(&slot, contact);
    assert_eq!(visitor.state(&id), "requested");
    let request = eventually(Duration::from_secs(60), || {
        let requests = town.practice.qpc(&["fapp", "requests"]).ok()?["requests"].clone();
        requests.as_array()?.iter().find(|request| request["id"] == id.as_str()).cloned()
    });
    assert_eq!(request.expect("the letter arrives")["contact"], Value::Null);
    town.practice.qpc(&["fapp", "confirm", &id]).expect("confirmed");
    eventually(Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_secs(1));
        visitor.pulse();
        Some(()).filter(|()| visitor.state(&id) == "confirmed")
    })
    .expect("the answer arrives");
    eventually(Duration::from_secs(60), || {
        visitor.pulse();
        let requests = town.practice.qpc(&["fapp", "requests"]).ok()?["requests"].clone();
        Some(()).filter(|()| requests[0]["contact"] == contact)
    })
    .expect("the contact data arrives");

    let lengths = [646, 2_822];
    for (line, body) in &visitor.told {
        let path = line.split(' ').nth(1).expect("a path");
        let is_coarse = path.strip_prefix("/v1/region/").is_some_and(|region| region.len() == 2);
        let is_sealed = path.starts_with("/v1/exchange/") && lengths.contains(&body.len());
        let is_plain = path == "/v1/node" || path.starts_with("/v1/bundle/");
        assert!(is_coarse || is_sealed || (is_plain && body.is_empty()), "{line}");
        for secret in ["80799", "GKV", "Verhalten", &slot, &id, contact] {
            let bytes = secret.as_bytes();
            assert!(
                !line.contains(secret) && !body.windows(bytes.len()).any(|w| w == bytes),
                "{line}: {secret}"
            );
        }
    }
    for node in [&town.gateway, &town.relay] {
        let pid = node.pid().expect("it runs");
        for secret in [contact, "Kim Beispiel", "80799"] {
            assert!(!remembers(pid, secret.as_bytes()), "{secret} is in a node's memory");
        }
        // The search itself finds what is there.
        assert!(remembers(pid, node.address().as_bytes()) || remembers(pid, b"quicprochat"));
    }
    let pid = town.practice.pid().expect("it runs");
    assert!(
        remembers(pid, contact.as_bytes()),
        "the practice knows it, so the search would have found it"
    );
}

/// `WEB-03`
#[test]
fn web_03_no_finer_region_can_be_asked_for() {
    let town = Town::new();
    for region in ["", "8", "803", "80331", "8a", "%38%30", "80/../81", "-1"] {
        let answer =
            http(town.page, "GET", &format!("/v1/region/{region}"), &[], &[]).expect("an answer");
        assert!(matches!(answer.status, 400 | 404), "{region}: {}", answer.status);
    }
    assert_eq!(http(town.page, "GET", "/v1/region/80", &[], &[]).expect("an answer").status, 200);
}

/// `WEB-01`, `WEB-08`
#[test]
fn web_01_the_page_is_served_whole_and_under_its_policy() {
    let town = Town::new();
    let page = http(town.page, "GET", "/", &[], &[]).expect("an answer");
    assert_eq!(page.status, 200);
    let head = page.head.to_lowercase();
    for wanted in [
        "content-security-policy: default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
    ] {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    let text = page.text();
    for elsewhere in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
    let file = http(town.page, "GET", "/termine.html", &[], &[]).expect("an answer");
    assert!(file.head.contains("attachment") && file.body == page.body);
    let packed =
        http(town.page, "GET", "/", &[("Accept-Encoding", "gzip, br")], &[]).expect("an answer");
    assert!(packed.head.to_lowercase().contains("content-encoding: gzip"));
    assert!(packed.body.len() <= 400_000, "{} B are transferred", packed.body.len());
    let signed = http(town.page, "GET", "/termine.html.sig", &[], &[]).expect("an answer").json();
    let hash = mesh::crypto::hash::sha256(&page.body);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signed["sha256"], hash);
    let bytes =
        |name: &str| fapp_web::message::unhex(signed[name].as_str().expect("hex")).expect("hex");
    let digest = mesh::crypto::hash::digest32(mesh::crypto::hash::Domain::Page, &[hash.as_bytes()]);
    let key: [u8; 32] = bytes("node_key").try_into().expect("a key");
    let signature: [u8; 64] = bytes("signature").try_into().expect("a signature");
    mesh::crypto::sign::verify(mesh::crypto::Mode::Real, &key, &digest, &signature)
        .expect("it holds");
    assert_eq!(signed["node"], town.gateway.address());
    let tag = packed
        .head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("etag: ").map(str::to_owned));
    let again =
        http(town.page, "GET", "/", &[("If-None-Match", tag.expect("a tag").as_str())], &[]);
    assert_eq!(again.expect("an answer").status, 304);
}

/// `WEB-04`, `WEB-07`, `CLI-150`, `CLI-151`
#[test]
fn web_04_the_owners_page_takes_its_token_and_nothing_else() {
    let town = Town::new();
    town.publish();
    let url = text_of(&town.practice.qpc(&["web"]).expect("an address")["url"]);
    assert_eq!(
        url,
        text_of(&town.practice.qpc(&["web"]).expect("an address")["url"]),
        "the same again"
    );
    let (at, token) =
        url.strip_prefix("http://").and_then(|url| url.split_once("/#token=")).expect("an address");
    let at: SocketAddr = at.parse().expect("an address");
    assert!(at.ip().is_loopback());
    let bearer = format!("Bearer {token}");
    let own = ("Authorization", bearer.as_str());
    let state = http(at, "GET", "/v1/own/state", &[own], &[]).expect("an answer");
    assert_eq!((state.status, &state.json()["practice"]["plz"]), (200, &json!("80331")));
    assert!(!state.head.to_lowercase().contains("access-control"), "no other page may read it");
    let wrong = format!("Bearer {}", "0".repeat(64));
    for (headers, status) in [
        (vec![], 401),
        (vec![("Authorization", wrong.as_str())], 401),
        (vec![("Authorization", token)], 401),
        (vec![own, ("Origin", "http://example.org")], 403),
        (vec![own, ("Host", "example.org")], 403),
        (vec![own, ("Origin", "null")], 403),
    ] {
        let answer = http(at, "GET", "/v1/own/state", &headers, &[]).expect("an answer");
        assert_eq!(answer.status, status, "{headers:?}");
    }
    // The same token at a node's address for visitors opens nothing.
    let gateway = text_of(&town.gateway.qpc(&["web"]).expect("an address")["url"]);
    let token = gateway.split_once("/#token=").expect("a token").1;
    let bearer = format!("Bearer {token}");
    let answer = http(town.page, "GET", "/v1/own/state", &[("Authorization", &bearer)], &[]);
    assert_eq!(answer.expect("an answer").status, 401);
}

/// `WEB-05`, `WEB-06`, `WEB-26`
#[test]
fn web_06_what_is_no_question_is_not_carried() {
    let town = Town::new();
    let exchange = format!("/v1/exchange/{}", town.relay.address());
    for (path, body, status) in [
        (exchange.as_str(), vec![0; 645], 400),
        (&exchange, vec![0; 647], 400),
        (&exchange, vec![0; 5_000], 413),
        ("/v1/exchange/zz", vec![0; 646], 400),
        ("/v1/bundle/zz", vec![], 405),
        ("/nowhere", vec![], 404),
        ("/v1/own/publish", vec![], 401),
    ] {
        let method =
            if path.contains("bundle") || path.contains("nowhere") { "GET" } else { "POST" };
        let answer = http(town.page, method, path, &[], &body).expect("an answer");
        let wanted = if path.contains("bundle") { 400 } else { status };
        assert_eq!(answer.status, wanted, "{path}: {}", answer.text());
    }
    // A question that nobody can open: the mailbox node says nothing, and the node stays.
    let long_head = format!("/{}", "a".repeat(40_000));
    let answer = http(town.page, "GET", &long_head, &[], &[]);
    assert!(answer.is_ok_and(|answer| matches!(answer.status, 414 | 431 | 400)));
    assert_eq!(http(town.page, "GET", "/v1/node", &[], &[]).expect("it lives").status, 200);
}

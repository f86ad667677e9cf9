//! Every key, once.

use std::{
    net::{SocketAddr, SocketAddrV6},
    path::PathBuf,
};

use transports::lora::Region;
use zeroize::Zeroizing;

use super::{Bus, Config, Diagnostics, Level, LogFormat, Secret, Strangers, Value};

/// One key of the configuration.
#[derive(Debug)]
#[non_exhaustive]
pub struct Key {
    /// `section.name`, or a name at the top.
    pub name: &'static str,
    /// What it is for, one sentence.
    pub help: &'static str,
    /// What it may be.
    pub allowed: &'static str,
    /// What it is when nobody says, as in the example file.
    pub default: &'static str,
    /// Never shown.
    pub secret: bool,
    /// A path: relative ones are relative to the file that names them.
    pub is_path: bool,
    /// Whether SIGHUP applies a new value; otherwise it takes a restart.
    pub reloads: bool,
    pub(super) set: fn(&mut Config, &Value) -> Option<()>,
    pub(super) get: fn(&Config) -> String,
}

const KEY: Key = Key {
    name: "",
    help: "",
    allowed: "",
    default: "",
    secret: false,
    is_path: false,
    reloads: false,
    set: |_, _| None,
    get: |_| String::new(),
};

/// Most static peers and listeners in a configuration: what the transports take.
const LIST_LEN_MAX: usize = 64;

/// All keys in the order of the example file.
pub const KEYS: &[Key] = &[
    Key {
        name: "name",
        help: "What people call this node; shown by `qpc whoami`, never sent anywhere.",
        allowed: "up to 64 bytes of text",
        default: "\"\"",
        set: |c, v| set_text(&mut c.name, v, |text| text.len() <= 64),
        get: |c| c.name.clone(),
        ..KEY
    },
    Key {
        name: "data_dir",
        help: "Where identity and stored messages are kept.",
        allowed: "a path",
        default: "\"~/.local/share/quicprochat\"",
        is_path: true,
        set: |c, v| set_path(&mut c.data_dir, v, false),
        get: |c| c.data_dir.display().to_string(),
        ..KEY
    },
    Key {
        name: "socket",
        help: "The Unix socket of the API.",
        allowed: "a path of at most 107 bytes",
        default: "\"$XDG_RUNTIME_DIR/quicprochat/qpcd.sock\"",
        is_path: true,
        set: |c, v| {
            // The kernel's limit for socket names.
            v.text().filter(|text| text.len() <= 107)?;
            set_path(&mut c.socket, v, false)
        },
        get: |c| c.socket.display().to_string(),
        ..KEY
    },
    Key {
        name: "api.group",
        help: "Members of this group may use the API, besides the daemon's user and root.",
        allowed: "the name of a group, or \"\" for none",
        default: "\"quicprochat\"",
        set: |c, v| set_text(&mut c.api_group, v, |_| true),
        get: |c| c.api_group.clone(),
        ..KEY
    },
    Key {
        name: "api.bus",
        help: "The message bus the API is offered on, besides the socket.",
        allowed: "\"auto\" (the bus whose address is in the environment), \"off\", \"session\", \
                  \"system\"",
        default: "\"auto\"",
        set: |c, v| set_word(&mut c.api_bus, v, Bus::parse),
        get: |c| c.api_bus.as_str().into(),
        ..KEY
    },
    Key {
        name: "tcp.listen",
        help: "Where neighbours may connect to; an empty list accepts nobody.",
        allowed: "a list of at most 64 \"ADDRESS:PORT\"",
        default: "[\"[::]:7743\"]",
        reloads: true,
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
            let list: Option<Vec<SocketAddr>> = list.iter().map(|item| item.parse().ok()).collect();
            c.tcp_listen = Some(list?);
            Some(())
        },
        get: |c| c.tcp_listen.as_ref().map_or_else(|| "[::]:7743".into(), |list| comma(list)),
        ..KEY
    },
    Key {
        name: "tcp.peers",
        help: "Neighbours to connect to, and to stay connected to.",
        allowed: "a list of at most 64 \"tcp://HOST:PORT\" or \"iroh://ENDPOINT?...\"",
        default: "[]",
        reloads: true,
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
            let is_link = |uri: &String| uri.starts_with("tcp://") || uri.starts_with("iroh://");
            c.tcp_peers = list.iter().all(is_link).then_some(list)?;
            Some(())
        },
        get: |c| c.tcp_peers.join(","),
        ..KEY
    },
    Key {
        name: "tcp.inbound_max",
        help: "How many neighbours may be connected to us at once.",
        allowed: "1 to 4096",
        default: "256",
        set: |c, v| set_u32(&mut c.tcp_inbound_max, v, 1, 4_096),
        get: |c| c.tcp_inbound_max.to_string(),
        ..KEY
    },
    Key {
        name: "radio.modems",
        help: "LoRa modems that speak the RNode protocol, on serial ports or behind TCP.",
        allowed: "a list of at most 64 \"rnode:///dev/serial/by-id/...\" or \"rnode://HOST:PORT\"",
        default: "[]",
        reloads: true,
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
            let is_modem = |uri: &String| uri.starts_with("rnode://");
            c.radio_modems = list.iter().all(is_modem).then_some(list)?;
            Some(())
        },
        get: |c| c.radio_modems.join(","),
        ..KEY
    },
    Key {
        name: "radio.region",
        help: "Whose rules on power and air time hold where the modems stand.",
        allowed: "\"EU868\", \"EU433\", \"US915\", \"AU915\", \"AS923\", or \"\" if each modem says so \
                  itself",
        default: "\"\"",
        reloads: true,
        set: |c, v| {
            let is_region = |text: &str| text.is_empty() || Region::parse(text).is_some();
            set_text(&mut c.radio_region, v, is_region)
        },
        get: |c| c.radio_region.clone(),
        ..KEY
    },
    Key {
        name: "network.key",
        help: "Only nodes with the same key become neighbours.",
        allowed: "64 hexadecimal digits, or \"\" for an open network",
        default: "\"\"",
        secret: true,
        reloads: true,
        set: |c, v| {
            let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
            set_secret(&mut c.network_key, v, |text| text.is_empty() || hex(text))
        },
        get: |c| hidden(&c.network_key),
        ..KEY
    },
    Key {
        name: "network.name",
        help: "The network's name; needed with a passphrase.",
        allowed: "up to 64 bytes of text",
        default: "\"\"",
        reloads: true,
        set: |c, v| set_text(&mut c.network_name, v, |text| text.len() <= 64),
        get: |c| c.network_name.clone(),
        ..KEY
    },
    Key {
        name: "network.passphrase",
        help: "In place of a key: the key is derived from it and the network's name.",
        allowed: "at least 12 bytes of text, or \"\" for none",
        default: "\"\"",
        secret: true,
        reloads: true,
        set: |c, v| {
            let fits = |text: &str| text.is_empty() || text.len() >= 12;
            set_secret(&mut c.network_passphrase, v, fits)
        },
        get: |c| hidden(&c.network_passphrase),
        ..KEY
    },
    Key {
        name: "relay.forward",
        help: "Whether messages of others are passed on.",
        allowed: "true, false",
        default: "true",
        set: |c, v| set_bool(&mut c.relay_forward, v),
        get: |c| c.relay_forward.to_string(),
        ..KEY
    },
    Key {
        name: "relay.store",
        help: "Whether messages of others are kept until they can be delivered.",
        allowed: "true, false",
        default: "true",
        set: |c, v| set_bool(&mut c.relay_store, v),
        get: |c| c.relay_store.to_string(),
        ..KEY
    },
    Key {
        name: "relay.quota_mib",
        help: "How much of them, in MiB.",
        allowed: "1 to 65536",
        default: "64",
        set: |c, v| set_u32(&mut c.relay_quota_mib, v, 1, 65_536),
        get: |c| c.relay_quota_mib.to_string(),
        ..KEY
    },
    Key {
        name: "relay.mailbox",
        help: "Whether sealed mail is kept for nodes that chose this one for it; takes relay.store.",
        allowed: "true, false",
        default: "true",
        set: |c, v| set_bool(&mut c.relay_mailbox, v),
        get: |c| c.relay_mailbox.to_string(),
        ..KEY
    },
    Key {
        name: "mesh.routes_max",
        help: "How many destinations are remembered, at some 400 bytes each.",
        allowed: "100 to 1000000",
        default: "100000",
        set: |c, v| set_u32(&mut c.routes_max, v, 100, 1_000_000),
        get: |c| c.routes_max.to_string(),
        ..KEY
    },
    Key {
        name: "mesh.diagnostics",
        help: "Who gets answers to ping and trace.",
        allowed: "\"everyone\", \"contacts\"",
        default: "\"everyone\"",
        set: |c, v| set_word(&mut c.diagnostics, v, Diagnostics::parse),
        get: |c| c.diagnostics.as_str().into(),
        ..KEY
    },
    Key {
        name: "messages.strangers",
        help: "Where first messages of strangers go: to the inbox, to `qpc requests`, or nowhere.",
        allowed: "\"inbox\", \"request\", \"refuse\"",
        default: "\"inbox\"",
        set: |c, v| set_word(&mut c.strangers, v, Strangers::parse),
        get: |c| c.strangers.as_str().into(),
        ..KEY
    },
    Key {
        name: "messages.work_bits",
        help: "Work asked of strangers whose messages are requests: 2 to the power of this in hashes.",
        allowed: "0 to 24",
        default: "16",
        set: |c, v| set_u32(&mut c.work_bits, v, 0, 24),
        get: |c| c.work_bits.to_string(),
        ..KEY
    },
    Key {
        name: "messages.mailbox",
        help: "The node that keeps sealed mail for this one, whatever `qpc mailbox use` chose before.",
        allowed: "an address of 32 hexadecimal digits, or \"\" to leave it to `qpc mailbox use`",
        default: "\"\"",
        reloads: true,
        set: |c, v| {
            c.mailbox = match v.text()? {
                "" => None,
                text => Some(text.parse().ok()?),
            };
            Some(())
        },
        get: |c| c.mailbox.map_or_else(String::new, |address| address.to_string()),
        ..KEY
    },
    Key {
        name: "log.level",
        help: "How much is logged.",
        allowed: "\"error\", \"warn\", \"info\", \"debug\", \"trace\"",
        default: "\"info\"",
        reloads: true,
        set: |c, v| set_word(&mut c.log_level, v, Level::parse),
        get: |c| c.log_level.as_str().into(),
        ..KEY
    },
    Key {
        name: "log.format",
        help: "How it is logged: to standard error, or to the journal with fields.",
        allowed: "\"plain\", \"json\", \"journald\"",
        default: "\"plain\"",
        set: |c, v| set_word(&mut c.log_format, v, LogFormat::parse),
        get: |c| c.log_format.as_str().into(),
        ..KEY
    },
    Key {
        name: "metrics.listen",
        help: "Where Prometheus may fetch metrics.",
        allowed: "\"unix:PATH\", a loopback \"ADDRESS:PORT\", or \"\" for nowhere",
        default: "\"\"",
        set: |c, v| {
            let loopback = |text: &str| {
                text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
            };
            let fits = |t: &str| t.is_empty() || t.starts_with("unix:/") || loopback(t);
            set_text(&mut c.metrics_listen, v, fits)
        },
        get: |c| c.metrics_listen.clone(),
        ..KEY
    },
    Key {
        name: "metrics.textfile",
        help: "A file for node_exporter's textfile collector, written every 15 seconds.",
        allowed: "a path, or \"\" for none",
        default: "\"\"",
        is_path: true,
        set: |c, v| set_path(&mut c.metrics_textfile, v, true),
        get: |c| c.metrics_textfile.display().to_string(),
        ..KEY
    },
    Key {
        name: "discovery.mdns",
        help: "Whether neighbours on the local network are looked for by mDNS.",
        allowed: "true, false",
        default: "true",
        reloads: true,
        set: |c, v| set_bool(&mut c.discovery.mdns, v),
        get: |c| c.discovery.mdns.to_string(),
        ..KEY
    },
    Key {
        name: "discovery.multicast",
        help: "Whether they are looked for in an own IPv6 multicast group, too.",
        allowed: "true, false",
        default: "true",
        reloads: true,
        set: |c, v| set_bool(&mut c.discovery.multicast, v),
        get: |c| c.discovery.multicast.to_string(),
        ..KEY
    },
    Key {
        name: "discovery.group",
        help: "That group; nodes with different ones do not hear each other.",
        allowed: "\"[GROUP]:PORT\" of a link-local multicast group, ff?2::",
        default: "\"[ff12::eae2:f4a]:7744\"",
        reloads: true,
        set: |c, v| {
            let group: SocketAddrV6 = v.text()?.parse().ok()?;
            let is_ours = group.ip().segments()[0] & 0xff0f == 0xff02 && group.port() != 0;
            c.discovery.group = is_ours.then_some(group)?;
            Some(())
        },
        get: |c| c.discovery.group.to_string(),
        ..KEY
    },
    Key {
        name: "discovery.next_node",
        help: "An address that every node of the network answers, as Freifunk's next node does.",
        allowed: "\"tcp://HOST:PORT\", or \"\" for none",
        default: "\"\"",
        reloads: true,
        set: |c, v| {
            let fits = |t: &str| t.is_empty() || transports::tcp::TcpTarget::parse(t).is_ok();
            set_text(&mut c.discovery.next_node, v, fits)
        },
        get: |c| c.discovery.next_node.clone(),
        ..KEY
    },
    Key {
        name: "discovery.only_on",
        help: "Interfaces on which neighbours are looked for; an empty list means all.",
        allowed: "a list of at most 64 names; a * at the end stands for anything",
        default: "[]",
        reloads: true,
        set: |c, v| set_interfaces(&mut c.discovery.only_on, v),
        get: |c| c.discovery.only_on.join(","),
        ..KEY
    },
    Key {
        name: "discovery.never_on",
        help: "Interfaces on which they are not.",
        allowed: "a list of at most 64 names; a * at the end stands for anything",
        default: "[]",
        reloads: true,
        set: |c, v| set_interfaces(&mut c.discovery.never_on, v),
        get: |c| c.discovery.never_on.join(","),
        ..KEY
    },
    Key {
        name: "iroh.enabled",
        help: "Use QUIC links: through NATs, direct or over relays that somebody named.",
        allowed: "true, false",
        default: "true",
        set: |c, v| set_bool(&mut c.iroh_enabled, v),
        get: |c| c.iroh_enabled.to_string(),
        ..KEY
    },
    Key {
        name: "iroh.bind",
        help: "Where QUIC links are bound: UDP 7743, or any port when that one is taken.",
        allowed: "\"ADDRESS:PORT\", or \"\" for the default",
        default: "\"\"",
        set: |c, v| set_address(&mut c.iroh_bind, v),
        get: |c| c.iroh_bind.map_or_else(String::new, |address| address.to_string()),
        ..KEY
    },
    Key {
        name: "iroh.relays",
        help: "Relays to be reachable through; none is used that is not named.",
        allowed: "a list of at most 8 \"http://HOST:PORT\" or \"https://HOST\"",
        default: "[]",
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= transports::limits::RELAYS_MAX)?;
            let fit = list.iter().all(|url| transports::iroh::is_relay(url));
            c.iroh_relays = fit.then_some(list)?;
            Some(())
        },
        get: |c| c.iroh_relays.join(","),
        ..KEY
    },
    Key {
        name: "iroh.serve_relay",
        help: "Serve a relay for others: plain HTTP on TCP, address discovery on UDP, one port.",
        allowed: "\"ADDRESS:PORT\", or \"\" for none",
        default: "\"\"",
        set: |c, v| set_address(&mut c.iroh_serve_relay, v),
        get: |c| c.iroh_serve_relay.map_or_else(String::new, |address| address.to_string()),
        ..KEY
    },
    Key {
        name: "web.listen",
        help: "Where the page for patients and practices is, besides on loopback on request (`qpc web`). On loopback \
               it is yours, on other addresses it is for visitors, who can search and ask, and nothing else.",
        allowed: "a list of at most 64 \"ADDRESS:PORT\"",
        default: "[]",
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
            let list: Option<Vec<SocketAddr>> = list.iter().map(|item| item.parse().ok()).collect();
            c.web_listen = list?;
            Some(())
        },
        get: |c| comma(&c.web_listen),
        ..KEY
    },
    Key {
        name: "appointments.radio_region",
        help: "The region whose appointments go over radio: the first two digits of a postal code. Neighbours by \
               radio have to name the same.",
        allowed: "two digits, or \"\" for that of the own practice, if there is one",
        default: "\"\"",
        set: |c, v| {
            let text = v.text()?;
            let is_region = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            c.appointment_region = match text {
                "" => None,
                text => Some(text.parse().ok().filter(|_| is_region)?),
            };
            Some(())
        },
        get: |c| c.appointment_region.map_or_else(String::new, |region| format!("{region:02}")),
        ..KEY
    },
    Key {
        name: "appointments.roots",
        help: "Issuers whose word on a therapist's licence counts, each for all chambers or for one.",
        allowed: "a list of at most 64 keys of 64 hexadecimal digits, or \"KEY:CHAMBER\" with a \
                  chamber's number, 1 to 12",
        default: "[]",
        set: |c, v| {
            let list = v.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
            let roots: Option<Vec<_>> = list.iter().map(|item| root(item)).collect();
            c.appointment_roots = roots?;
            Some(())
        },
        get: |c| {
            let shown = |(key, chamber): &([u8; 32], u8)| match chamber {
                0 => key_text(key),
                chamber => format!("{}:{chamber}", key_text(key)),
            };
            c.appointment_roots.iter().map(shown).collect::<Vec<_>>().join(",")
        },
        ..KEY
    },
    Key {
        name: "appointments.observers",
        help: "Other nodes whose word counts on what a practice's website says.",
        allowed: "a list of at most 64 node keys of 64 hexadecimal digits",
        default: "[]",
        set: |c, v| set_keys(&mut c.appointment_observers, v),
        get: |c| c.appointment_observers.iter().map(key_text).collect::<Vec<_>>().join(","),
        ..KEY
    },
    Key {
        name: "appointments.pins",
        help: "Therapists you know yourself, whose word on colleagues counts.",
        allowed: "a list of at most 64 practices' keys of 64 hexadecimal digits",
        default: "[]",
        set: |c, v| set_keys(&mut c.appointment_pins, v),
        get: |c| c.appointment_pins.iter().map(key_text).collect::<Vec<_>>().join(","),
        ..KEY
    },
];

fn root(text: &str) -> Option<([u8; 32], u8)> {
    match text.split_once(':') {
        None => Some((key_of(text)?, 0)),
        Some((key, chamber)) => {
            let chamber = chamber.parse().ok().filter(|chamber| (1..=12).contains(chamber))?;
            Some((key_of(key)?, chamber))
        }
    }
}

fn set_keys(field: &mut Vec<[u8; 32]>, value: &Value) -> Option<()> {
    let list = value.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
    let keys: Option<Vec<_>> = list.iter().map(|item| key_of(item)).collect();
    *field = keys?;
    Some(())
}

fn key_of(text: &str) -> Option<[u8; 32]> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        let digits = text.get(2 * place..2 * place + 2).filter(|_| is_hex)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(key)
}

fn key_text(key: &[u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn set_bool(field: &mut bool, value: &Value) -> Option<()> {
    *field = value.bool()?;
    Some(())
}

fn set_u32(field: &mut u32, value: &Value, min: u32, max: u32) -> Option<()> {
    *field = value.u32(min, max)?;
    Some(())
}

fn set_address(field: &mut Option<SocketAddr>, value: &Value) -> Option<()> {
    *field = match value.text()? {
        "" => None,
        text => Some(text.parse().ok()?),
    };
    Some(())
}

fn set_text(field: &mut String, value: &Value, fits: impl Fn(&str) -> bool) -> Option<()> {
    *field = value.text().filter(|text| fits(text))?.to_owned();
    Some(())
}

fn set_secret(field: &mut Secret, value: &Value, fits: impl Fn(&str) -> bool) -> Option<()> {
    let text = value.text().filter(|text| fits(text))?;
    *field = Secret(Zeroizing::new(text.to_owned()));
    Some(())
}

fn set_path(field: &mut PathBuf, value: &Value, may_be_empty: bool) -> Option<()> {
    let text = value.text().filter(|text| may_be_empty || !text.is_empty())?;
    *field = PathBuf::from(text);
    Some(())
}

fn set_word<T>(field: &mut T, value: &Value, parse: fn(&str) -> Option<T>) -> Option<()> {
    *field = parse(value.text()?)?;
    Some(())
}

fn set_interfaces(field: &mut Vec<String>, value: &Value) -> Option<()> {
    // The kernel's names have at most 15 bytes.
    let is_name = |name: &String| (1..=16).contains(&name.len()) && !name.contains(['/', ' ']);
    let list = value.list().filter(|list| list.len() <= LIST_LEN_MAX)?;
    *field = list.iter().all(is_name).then_some(list)?;
    Some(())
}

fn comma(list: &[SocketAddr]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn hidden(secret: &Secret) -> String {
    if secret.is_empty() { String::new() } else { "(set)".into() }
}

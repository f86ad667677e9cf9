//! Looks for what must not be in a bundle, in the finished text, in another way than it was taken out:
//! whatever is found is a mistake, and nothing is written then.

use std::net::IpAddr;

use serde_json::Value;

use super::redact::{HEX_MIN, tells_nothing};

/// Something that must not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leak {
    /// Where in the bundle.
    pub(super) place: String,
    /// What it looks like; never the value itself.
    pub(super) what: &'static str,
}

/// Everything in `bundle` that is one of `secrets`, or has the shape of an address, a key or a file.
pub(super) fn scan(bundle: &Value, secrets: &[&str]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    walk(bundle, "", &mut |place, text| {
        for what in leaks_in(text, secrets) {
            leaks.push(Leak { place: place.to_owned(), what });
        }
    });
    leaks
}

fn walk(value: &Value, place: &str, look: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => look(place, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}[{index}]"), look);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                walk(field, &format!("{place}.{name}"), look);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn leaks_in(text: &str, secrets: &[&str]) -> Vec<&'static str> {
    let mut found = Vec::new();
    if secrets.iter().any(|secret| has_word(text, secret)) {
        found.push("a value that was to be replaced");
    }
    // Every stretch without what separates words, brackets, and schemes of URIs.
    for piece in text.split(|c: char| c.is_whitespace() || "[]()<>\"'{},;=%|".contains(c)) {
        let bare = piece.rsplit("//").next().unwrap_or(piece);
        let without_port = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
        let is_ip = |t: &str| t.parse::<IpAddr>().is_ok_and(|ip| !tells_nothing(ip));
        if [bare, without_port, bare.trim_end_matches(['.', ':'])].into_iter().any(is_ip) {
            found.push("an IP address");
        }
        if bare.starts_with('/') && bare.len() > 1 && bare.as_bytes()[1].is_ascii_alphanumeric() {
            found.push("a path");
        }
        let is_hex =
            |run: &str| run.len() >= HEX_MIN && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        if bare.split(|c: char| !c.is_ascii_alphanumeric()).any(is_hex) {
            found.push("an address, a key or an id");
        }
    }
    found
}

/// Whether `secret` stands in `text` as a word of its own.
fn has_word(text: &str, secret: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(secret).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + secret.len()..].chars().next();
        // Inside of a placeholder it is the placeholder's own word.
        let in_placeholder = before == Some('<') && after == Some('-');
        !before.is_some_and(is_word) && !after.is_some_and(is_word) && !in_placeholder
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // CLI-47: a leak of every kind, planted where the redaction was forgotten.
    #[test]
    fn a_planted_leak_is_found_wherever_it_is() {
        for planted in [
            "00112233445566778899aabbccddeeff",
            "sent to 00112233445566778899AABBCCDDEEFF.",
            "a16f2c3d4e5f6071",
            "tcp://192.168.1.7:7743",
            "tcp://[fe80::1%eth0]:7743",
            "2001:db8::1 is gone",
            "see /home/ada/mesh",
            "hello Ada",
        ] {
            let clean = json!({"a": {"b": ["fine", 7, true, null]}, "c": "tcp://<ip-1>:7743"});
            assert_eq!(scan(&clean, &["Ada"]), []);
            let mut dirty = clean.clone();
            dirty["a"]["b"][0] = json!(planted);
            let leaks = scan(&dirty, &["Ada"]);
            assert!(!leaks.is_empty(), "{planted} was not found");
            assert_eq!(leaks[0].place, ".a.b[0]");
        }
    }

    // CLI-47
    #[test]
    fn what_tells_nothing_is_no_leak() {
        for fine in [
            "tcp://[::]:7743",
            "127.0.0.1:7743",
            "[ff12::eae2:f4a]:7744",
            "<id-1> via <ip-2>%eth0, <path-3>",
            "# HELP quicprochat_peers Neighbours on live links.",
            "messages/s 12 1/8",
            "0.1.0",
        ] {
            assert_eq!(leaks_in(fine, &["Ada"]), Vec::<&str>::new(), "{fine}");
        }
    }
}

//! Replaces whatever tells who and where by placeholders: equal values by equal ones, within one bundle
//! and never across two.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An address, a key, an id: hexadecimal digits.
    Id,
    /// An IP or hardware address.
    Ip,
    /// A host.
    Host,
    /// What people call nodes, channels, networks, this machine and themselves.
    Name,
    /// A file.
    Path,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Ip => "ip",
            Self::Host => "host",
            Self::Name => "name",
            Self::Path => "path",
        }
    }
}

/// The placeholders of one bundle.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    /// Value → placeholder.
    known: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, u32>,
}

impl Redactor {
    /// The placeholder for a value; the same for the same value.
    pub(super) fn learn(&mut self, kind: Kind, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        if let Some(placeholder) = self.known.get(value) {
            return placeholder.clone();
        }
        let count = self.counts.entry(kind.as_str()).or_default();
        *count += 1;
        let placeholder = format!("<{}-{count}>", kind.as_str());
        self.known.insert(value.to_owned(), placeholder.clone());
        placeholder
    }

    /// How many different values of each kind were replaced.
    pub(super) fn counts(&self) -> &BTreeMap<&'static str, u32> {
        &self.counts
    }

    /// The values that must not be in the bundle.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// A text without any value that tells who or where: first what is known, then what has the
    /// shape of it.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let (len, replaced) = self.next(rest, out.chars().next_back());
            out.push_str(&replaced);
            rest = &rest[len..];
        }
        out
    }

    /// The next piece of a text: how long it is, and what stands in its place.
    fn next(&mut self, rest: &str, before: Option<char>) -> (usize, String) {
        let at_start = before.is_none_or(|c| !is_word(c));
        if at_start && let Some((len, placeholder)) = self.known_at(rest) {
            return (len, placeholder);
        }
        let first = rest.chars().next().unwrap_or_default();
        if at_start && first == '/' && !rest.starts_with("//") && before != Some('/') {
            let path = run(rest, |c| !c.is_whitespace() && !"\"'<>(),;".contains(c));
            if path.len() > 1 {
                return (path.len(), self.learn(Kind::Path, path));
            }
        }
        if at_start && (first.is_ascii_alphanumeric() || first == ':') {
            let token = run(rest, |c| c.is_ascii_alphanumeric() || ".:_-".contains(c));
            return self.token(token);
        }
        let len = first.len_utf8();
        (len, rest[..len].to_owned())
    }

    /// The longest known value that begins here and ends at the end of a word.
    fn known_at(&self, rest: &str) -> Option<(usize, String)> {
        let ends = |value: &str| !rest[value.len()..].starts_with(is_word);
        let fits = self.known.iter().filter(|(value, _)| rest.starts_with(*value) && ends(value));
        fits.max_by_key(|(value, _)| value.len()).map(|(value, p)| (value.len(), p.clone()))
    }

    /// A run of letters, digits and what stands between those of addresses.
    fn token(&mut self, token: &str) -> (usize, String) {
        let ip_part = run(token, |c| c.is_ascii_hexdigit() || ".:".contains(c));
        let ip_part = ip_part.trim_end_matches(['.', ':']);
        for candidate in [ip_part, run(token, |c| c.is_ascii_digit() || c == '.')] {
            // The rest of the token, a port for example, is looked at by itself.
            if !token[candidate.len()..].starts_with(is_word)
                && let Some(replaced) = self.ip(candidate)
            {
                return (candidate.len(), replaced);
            }
        }
        let word = run(token, |c| c.is_ascii_alphanumeric());
        if word.len() >= HEX_MIN && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return (word.len(), self.learn(Kind::Id, word));
        }
        let host = run(token, |c| c.is_ascii_alphanumeric() || ".-".contains(c));
        let host = host.trim_end_matches(['.', '-']);
        let labels = host.split('.').filter(|label| !label.is_empty()).count();
        let ends = host.rsplit('.').next().unwrap_or_default();
        let is_host = labels > 1 && ends.bytes().all(|b| b.is_ascii_alphabetic()) && ends.len() > 1;
        if is_host && !token[host.len()..].starts_with('_') {
            return (host.len(), self.learn(Kind::Host, host));
        }
        let len = word.len().max(1);
        (len, token[..len].to_owned())
    }

    fn ip(&mut self, text: &str) -> Option<String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(if tells_nothing(ip) { text.into() } else { self.learn(Kind::Ip, text) });
        }
        let is_hardware = text.len() == 17 && text.split(':').all(|part| part.len() == 2);
        is_hardware.then(|| self.learn(Kind::Ip, text))
    }
}

/// Addresses that every machine has, and groups.
pub(super) fn tells_nothing(ip: IpAddr) -> bool {
    let own = [IpAddr::V4(Ipv4Addr::BROADCAST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || own.contains(&ip)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn run(text: &str, is_in: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !is_in(c)).unwrap_or(text.len())]
}

/// Shorter runs of hexadecimal digits name nothing: instances have 16, addresses 32, keys 64.
pub(super) const HEX_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        let mut redactor = Redactor::default();
        redactor.learn(Kind::Name, "Ada Lovelace");
        redactor.learn(Kind::Name, "up");
        redactor.text(text)
    }

    // CLI-47
    #[test]
    fn what_tells_who_or_where_is_replaced() {
        for (text, expected) in [
            ("Link tcp://192.168.1.7:7743 up", "Link tcp://<ip-1>:7743 <name-2>"),
            ("tcp://[fe80::1%eth0]:7743 failed", "tcp://[<ip-1>%eth0]:7743 failed"),
            ("tcp://[2001:db8::1]:1, again 2001:db8::1", "tcp://[<ip-1>]:1, again <ip-1>"),
            ("tcp://[::]:7743 and 127.0.0.1:1", "tcp://[::]:7743 and 127.0.0.1:1"),
            ("[ff12::eae2:f4a]:7744", "[ff12::eae2:f4a]:7744"),
            ("node 00112233445566778899aabbccddeeff left", "node <id-1> left"),
            ("tcp://node.example.org:7743", "tcp://<host-1>:7743"),
            ("/home/ada/.config/q: no", "<path-1> no"),
            ("\"/run/x/qpcd.sock\", /run", "\"<path-1>\", <path-2>"),
            ("Ada Lovelace wrote; upper case stays", "<name-1> wrote; upper case stays"),
            ("mac 02:fc:00:00:00:01!", "mac <ip-1>!"),
            ("bytes_total 12345678901234567890", "bytes_total <id-1>"),
            ("3 of 17 at 0.5 %, 12:30:05", "3 of 17 at 0.5 %, 12:30:05"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    // CLI-47
    #[test]
    fn equal_values_have_equal_placeholders() {
        let mut redactor = Redactor::default();
        let once = redactor.text("10.0.0.1 10.0.0.2 10.0.0.1");
        assert_eq!(once, "<ip-1> <ip-2> <ip-1>");
        assert_eq!(redactor.text("10.0.0.2"), "<ip-2>");
        assert_eq!(redactor.counts()["ip"], 2);
    }
}

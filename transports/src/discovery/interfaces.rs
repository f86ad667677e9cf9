//! Which interfaces discovery works on (`DSC-12`): those with a usable IPv6 link-local address that the
//! configuration does not exclude.

use std::{fs, io, net::Ipv6Addr};

use super::limits::INTERFACES_MAX;

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
}

/// The interfaces with a usable link-local address, by number; at most [`INTERFACES_MAX`].
///
/// # Errors
///
/// The kernel's list cannot be read: there is no IPv6.
pub fn read(filter: &Filter) -> io::Result<Vec<Interface>> {
    // Not /proc/net: that is a link to this, which services with a reduced /proc cannot follow.
    let text = fs::read_to_string("/proc/self/net/if_inet6")?;
    let mut interfaces = parse(&text);
    interfaces.retain(|interface| filter.takes(&interface.name));
    interfaces.truncate(INTERFACES_MAX);
    Ok(interfaces)
}

/// Reads lines of `address index prefix-length scope flags name`, numbers in hexadecimal.
fn parse(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = text.lines().filter_map(parse_line).collect();
    interfaces.sort_unstable();
    interfaces.dedup_by_key(|interface| interface.index);
    interfaces
}

fn parse_line(line: &str) -> Option<Interface> {
    let mut words = line.split_ascii_whitespace();
    let mut number = || u128::from_str_radix(words.next()?, 16).ok();
    let (address, index, _, _, flags) = (number()?, number()?, number()?, number()?, number()?);
    let name = words.next()?;
    let is_usable = flags & (FLAG_TENTATIVE | FLAG_DAD_FAILED) == 0;
    let is_link_local = Ipv6Addr::from(address).is_unicast_link_local();
    (is_usable && is_link_local)
        .then_some(Interface { index: u32::try_from(index).ok()?, name: name.to_owned() })
}

/// The address is being checked for duplicates: nothing can be sent from it yet.
const FLAG_TENTATIVE: u128 = 0x40;
/// The address is somebody else's.
const FLAG_DAD_FAILED: u128 = 0x08;

/// Which interfaces are used: names, with a `*` at the end for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these; empty: all.
    pub only_on: Vec<String>,
    /// Never these.
    pub never_on: Vec<String>,
}

impl Filter {
    /// Whether discovery may use the interface of this name.
    pub fn takes(&self, name: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| is_match(pattern, name));
        (self.only_on.is_empty() || fits(&self.only_on)) && !fits(&self.never_on)
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dsc_12_usable_link_local_addresses_are_found() {
        let text = "\
fd000000000000000000000000000002 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fe8000000000000000fc00fffe000009 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000002 0a 40 20 c0  wlan0
fe8000000000000000fc00fffe000003 0b 40 20 88  wlan1
fe8000000000000000fc00fffe000004 03 40 20 80  br-lan
fe80 nonsense

";
        let found = parse(text);
        let names: Vec<_> = found.iter().map(|i| (i.index, i.name.as_str())).collect();
        assert_eq!(names, [(3, "br-lan"), (4, "eth0")], "wlan0 is tentative, wlan1 a duplicate");
        for cut in 0..text.len() {
            parse(&text[..cut]);
        }
    }

    #[test]
    fn dsc_12_names_can_be_chosen_and_excluded() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let filter = |only, never| Filter { only_on: words(only), never_on: words(never) };
        assert!(Filter::default().takes("anything"));
        let some = filter(&["eth0", "br-*"], &["br-guest"]);
        assert!(some.takes("eth0") && some.takes("br-lan"));
        assert!(!some.takes("eth01") && !some.takes("br-guest") && !some.takes("wlan0"));
        assert!(!filter(&[], &["*"]).takes("eth0"));
        assert!(!filter(&[], &["docker*"]).takes("docker0"));
    }
}

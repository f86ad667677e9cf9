//! The client proxies against the introspection XML, in both directions (`API-10`).

use std::collections::BTreeSet;

const PROXIES: &str = concat!(
    include_str!("proxy.rs"),
    include_str!("proxy_fapp.rs"),
    include_str!("proxy_objects.rs")
);

/// `interface.Member` of every member the proxies have.
fn in_proxies() -> BTreeSet<String> {
    let mut interface = "";
    let mut members = BTreeSet::new();
    for line in PROXIES.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("interface = \"") {
            interface = rest.split('"').next().unwrap_or_default();
        }
        if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            members.insert(format!("{interface}.{}", pascal(name)));
        }
    }
    members
}

fn pascal(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

/// `interface.Member` of every member the XML has.
fn in_xml() -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for (interface, text) in crate::XML {
        for line in text.lines().map(str::trim) {
            let is_member =
                ["<method ", "<property ", "<signal "].iter().any(|tag| line.starts_with(tag));
            if is_member && let Some((_, rest)) = line.split_once("name=\"") {
                let name = rest.split('"').next().unwrap_or_default();
                members.insert(format!("{interface}.{name}"));
            }
        }
    }
    members
}

/// `API-10`
#[test]
fn proxies_and_xml_have_the_same_members() {
    assert_eq!(in_proxies(), in_xml());
}

#[test]
fn pascal_case_is_what_zbus_makes() {
    assert_eq!(pascal("trace_hop"), "TraceHop");
    assert_eq!(pascal("ping"), "Ping");
}

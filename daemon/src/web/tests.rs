//! What stands between a browser and the node.

use std::{
    fs,
    net::IpAddr,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use super::{
    guard::{Budgets, Doors},
    page,
    serve::is_loopback,
    *,
};

#[test]
fn web_04_a_token_is_kept_and_for_its_owner_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = Token::load(dir.path()).expect("made");
    let mode = fs::metadata(dir.path().join("web-token")).expect("kept").permissions().mode();
    assert_eq!((token.text().len(), mode & 0o777), (64, 0o600));
    let again = Token::load(dir.path()).expect("read");
    assert!(again.is(token.text()) && token.is(again.text()));
    let mut other = token.text().to_owned();
    other.replace_range(..1, if other.starts_with('0') { "1" } else { "0" });
    for shown in ["", "0", &token.text()[..63], &other] {
        assert!(!token.is(shown), "{shown}");
    }
    fs::write(dir.path().join("web-token"), "damaged").expect("writable");
    assert!(!Token::load(dir.path()).expect("made anew").is(token.text()));
}

#[test]
fn web_04_names_of_this_machine() {
    for host in ["127.0.0.1:7744", "127.0.0.1", "localhost:80", "[::1]:7744", "127.1.2.3:1"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in
        ["", "example.org", "localhost.example.org:7744", "10.0.0.1:7744", "127.0.0.1.example.org"]
    {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn web_06_budgets() {
    let budgets = Budgets::default();
    let source = |last: u8| IpAddr::from([10, 0, 0, last]);
    let start = Instant::now();
    let held: Vec<_> =
        (0..8).map(|_| budgets.admit(source(1), start).expect("eight at once")).collect();
    assert!(budgets.admit(source(1), start).is_none(), "and no more");
    assert!(budgets.admit(source(2), start).is_some(), "others are not in its way");
    drop(held);
    let burst = (0..100).filter(|_| budgets.admit(source(1), start).is_some()).count();
    assert_eq!(burst, 16, "of 24 in a row, eight were used");
    let later = start + Duration::from_secs(3);
    let refilled = (0..100).filter(|_| budgets.admit(source(1), later).is_some()).count();
    assert_eq!(refilled, 6, "two a second");
    let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
    let one = (0..200).filter(|last| budgets.admit(v6(*last), start).is_some()).count();
    assert_eq!(one, 24, "a network is one source");
    let all: Vec<_> = (0..=255).filter_map(|last| budgets.admit(source(last), later)).collect();
    assert_eq!(all.len(), 32, "together");
}

#[test]
fn web_05_one_source_does_not_take_every_place() {
    let doors = Arc::new(Doors::default());
    let source = |last: u8| IpAddr::from([10, 0, 0, last]);
    let held: Vec<_> = (0..64).filter_map(|_| doors.open(source(1))).collect();
    assert_eq!(held.len(), 16);
    assert!(doors.open(source(2)).is_some(), "others come in");
    drop(held);
    assert!(doors.open(source(1)).is_some(), "and so does the first again");
}

#[test]
fn web_01_the_page_that_is_built_in_unpacks() {
    let html = page::plain();
    assert!(html.starts_with(b"<!doctype html>") && html.ends_with(b"</html>\n"));
    assert!(
        page::POLICY.contains("default-src 'none'") && page::POLICY.contains("connect-src 'self'")
    );
    assert_eq!(page::SHA256.len(), 64);
}

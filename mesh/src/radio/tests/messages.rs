//! Messages over one hop and over two.

use core::time::Duration;

use super::Air;

#[test]
fn two_nodes_exchange_messages() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(60));
    let there = air.send(0, 1, b"hello");
    air.run(Duration::from_secs(120));
    assert_eq!(air.shown(1), [b"hello"]);
    assert!(air.received(0, there));
    let back = air.send(1, 0, b"and you?");
    air.run(Duration::from_secs(60));
    assert_eq!(air.shown(0), [b"and you?"]);
    assert!(air.received(1, back));
}

#[test]
fn three_in_a_line() {
    let mut air = Air::line(3);
    air.run(Duration::from_secs(120));
    let there = air.send(0, 2, b"hello");
    air.run(Duration::from_secs(300));
    assert_eq!(air.shown(2), [b"hello"]);
    assert!(air.received(0, there));
}

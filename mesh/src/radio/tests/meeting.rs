//! Hellos, keys, ups and downs.

use core::time::Duration;

use super::Air;

#[test]
fn rad_04_two_ports_meet() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(60));
    for station in &air.stations {
        assert_eq!((station.ups, station.downs, station.links.len()), (1, 0, 1));
    }
    let peer = air.stations[0].port.neighbours().next().map(|view| view.peer);
    assert_eq!(peer, Some(air.stations[1].identity.public()));
}

#[test]
fn rad_04_a_crowd_meets_and_then_says_nothing() {
    let mut air = Air::crowd(8);
    air.run(Duration::from_secs(600));
    for station in &air.stations {
        assert_eq!(station.links.len(), 7, "{:?}", station.port.counters());
    }
    let met = air.trace.len();
    air.run(Duration::from_secs(1_800));
    assert!(air.trace.len() - met <= 16, "{} payloads in half an hour", air.trace.len() - met);
}

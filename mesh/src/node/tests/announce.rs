use super::*;

/// The newest sequence of host 0 that host 1 knows.
fn known_seq(net: &Net) -> u32 {
    let origin = net.address(0);
    net.hosts[1].node.routing.seq(&origin).expect("announced")
}

#[test]
fn ann_19_at_most_two_announces_a_second_whoever_asks() {
    let mut net = Net::line(2);
    net.run(Duration::from_secs(2));
    let before = known_seq(&net);
    for _ in 0..1_000 {
        let wanted = known_seq(&net) + 1;
        net.hosts[0].node.announce_self(net.now, wanted);
        net.run(Duration::from_millis(10));
    }
    let made = known_seq(&net) - before;
    assert!((19..=21).contains(&made), "{made} in 10 s");
}

#[test]
fn ann_19_an_announce_is_repeated_after_about_half_its_validity() {
    let mut net = Net::line(2);
    net.run(Duration::from_secs(2));
    let before = known_seq(&net);
    net.run(Duration::from_secs(4 * 1_024 + 10));
    let made = known_seq(&net) - before;
    assert!((4..=5).contains(&made), "{made} in four times half a validity");
}

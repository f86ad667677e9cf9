//! One check per routing rule that a mutant breaks (`ATK-20`): whether the rule is kept.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    MODE,
    bench::{Bench, address, announce, announces, fast, link},
};
use crate::{
    announce::{Advertisement, KIND_ANNOUNCES},
    routing::{RoutingConfig, RoutingEvent},
    rules::Rules,
};

const D: u16 = 50;

fn bench(rules: Rules, routes_max: u32, neighbours: u16) -> Bench {
    let config = RoutingConfig { routes_max, mode: MODE, rules, ..RoutingConfig::default() };
    let mut bench = Bench::with(config);
    (1..=neighbours).for_each(|n| bench.up(n, fast()));
    bench.events();
    bench
}

fn small(rules: Rules) -> Bench {
    bench(rules, 1_000, 3)
}

/// `RT-10`
pub(crate) fn no_route_at_or_above_what_was_published(rules: Rules) -> bool {
    let mut bench = small(rules);
    bench.hear(1, D, 1, 1, 500);
    // Published at 1,500: a neighbour that says 1,500 may have it from us.
    bench.hear(2, D, 1, 1, 1_500);
    bench.hear_retract(1, D, 1);
    bench.next_hop(D).is_none()
}

/// `RT-15`
pub(crate) fn the_distance_survives_a_restart(rules: Rules) -> bool {
    let mut before = small(rules);
    before.hear(1, D, 3, 1, 500);
    before.pass(Duration::from_secs(6));
    let mut after = bench(rules, 1_000, 0);
    for record in before.records() {
        let value = record.value.unwrap_or_default();
        after.routing.restore(after.now, &record.key, &value).expect("our own row");
    }
    after.up(2, fast());
    after.hear(2, D, 3, 1, 1_500);
    let infeasible = after.next_hop(D).is_none();
    after.hear(2, D, 3, 1, 1_400);
    infeasible && after.next_hop(D) == Some(link(2))
}

/// `RT-01`
pub(crate) fn older_sequences_change_nothing(rules: Rules) -> bool {
    let mut bench = small(rules);
    bench.hear(1, D, 9, 1, 500);
    bench.hear(2, D, 5, 1, 1);
    bench.routing.seq(&address(D)) == Some(9) && bench.next_hop(D) == Some(link(1))
}

/// `RT-02`
pub(crate) fn a_rolled_back_origin_overtakes_itself(rules: Rules) -> bool {
    let mut bench = small(rules);
    bench.routing.set_own(bench.now, announce(0, 4));
    bench.hear(1, 0, 70, 3, 500);
    bench.events().contains(&RoutingEvent::OwnSeqWanted { min_seq: 71 })
}

/// `ID-04`, `ANN-05`
pub(crate) fn forged_announces_make_no_route(rules: Rules) -> bool {
    let mut bench = small(rules);
    let mut forged = announce(D, 1);
    forged.seq = 2;
    let entry = Advertisement { hops: 1, cost: 1, announce: forged };
    bench.frame(1, KIND_ANNOUNCES, &announces(&[entry])).expect("well-formed");
    bench.flush();
    bench.next_hop(D).is_none()
}

/// `RT-40`
pub(crate) fn inventions_fill_a_quarter(rules: Rules) -> bool {
    let mut bench = bench(rules, 40, 2);
    let invented: Vec<u16> = (100..130).collect();
    for n in &invented {
        bench.hear(1, *n, 1, 1, 500);
    }
    bench.routing.len() == 2 + 10
}

/// `RT-32`
pub(crate) fn a_liar_gets_an_eighth(rules: Rules) -> bool {
    let mut bench = small(rules);
    bench.hear(2, D, 1, 4, 1_500);
    bench.hear(1, D, 1, 1, 1);
    bench.receipt(D, 2);
    let spread = bench.spread(D, 80);
    spread == [10, 70, 0, 0]
}

//! The check of the radio rule that a mutant breaks (`ATK-20`): whether the rule is kept.

use core::time::Duration;

use super::{Air, RadioConfig, RadioPort, Signal, sf8};
use crate::{radio::keys::TAG_LEN, rules::Rules};

/// `RAD-05`: whoever heard a frame says it again under a tag of its own.
pub(crate) fn a_false_tag_is_nobodys(rules: Rules) -> bool {
    let mut air = Air::crowd(2);
    for station in &mut air.stations {
        let config = RadioConfig { senses_channel: true, rules, ..RadioConfig::new(sf8()) };
        let entropy = [station.address().as_bytes()[0]; 32];
        station.port = RadioPort::new(air.now, config, &station.identity, entropy);
    }
    air.run(Duration::from_secs(120));
    air.send(0, 1, b"once");
    air.run(Duration::from_secs(120));
    assert_eq!(air.shown(1), [b"once"]);
    let frames = air.stations[1].frames;
    let said: alloc::vec::Vec<_> =
        air.trace.iter().filter(|(_, who, _)| *who == 0).map(|(.., bytes)| bytes.clone()).collect();
    for mut payload in said {
        let at = payload.len() - TAG_LEN;
        payload[at] ^= 1;
        air.stations[1].port.handle_heard(air.now, &payload, Signal::default());
        air.stations[1].settle(air.now);
    }
    air.stations[1].frames == frames
}

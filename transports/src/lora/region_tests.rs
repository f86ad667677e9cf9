use alloc::{format, string::ToString};

use super::{Refusal, Region, Setting, Settings};

const DIPOLE: i16 = 215;

fn at(frequency_hz: u32, bandwidth_hz: u32, spreading_factor: u8, tx_power_dbm: u8) -> Settings {
    Settings { frequency_hz, bandwidth_hz, spreading_factor, coding_rate: 5, tx_power_dbm }
}

fn band(region: Region, settings: Settings) -> &'static str {
    match region.check(&settings, DIPOLE) {
        Ok(band) => band.name,
        Err(refusal) => panic!("{settings}: {refusal}"),
    }
}

#[test]
fn air_10_a_channel_lies_in_one_sub_band() {
    let eu = Region::Eu868;
    assert_eq!(band(eu, at(869_525_000, 125_000, 8, 27)), "EU868/P");
    // Edge to edge, and one hertz beyond on either side.
    assert_eq!(band(eu, at(869_525_000, 250_000, 11, 14)), "EU868/P");
    for off in [869_524_999, 869_525_001] {
        let refused = eu.check(&at(off, 250_000, 11, 14), DIPOLE);
        assert!(matches!(refused, Err(Refusal::Channel { .. })), "{off}");
    }
    assert_eq!(band(eu, at(868_100_000, 125_000, 7, 14)), "EU868/M");
    assert_eq!(band(eu, at(864_000_000, 125_000, 7, 14)), "EU868/K");
    assert_eq!(band(eu, at(867_500_000, 500_000, 7, 14)), "EU868/L");
    assert_eq!(band(eu, at(869_000_000, 125_000, 7, 14)), "EU868/N");
    // 868.0 MHz is a border: half the channel on either side is in no sub-band as a whole.
    // The alarms' channels, and what is outside of everything.
    for frequency in [868_000_000, 868_650_000, 869_300_000, 870_000_000, 862_900_000, 0, u32::MAX]
    {
        let refused = eu.check(&at(frequency, 125_000, 8, 0), DIPOLE);
        assert!(matches!(refused, Err(Refusal::Channel { .. })), "{frequency}");
    }
    assert_eq!(band(Region::Eu433, at(433_500_000, 125_000, 8, 10)), "EU433");
    assert!(Region::Eu433.check(&at(869_525_000, 125_000, 8, 10), DIPOLE).is_err());
    assert_eq!(band(Region::Us915, at(915_000_000, 500_000, 8, 30)), "US915/DTS");
    assert_eq!(band(Region::Au915, at(917_000_000, 500_000, 8, 27)), "AU915/digital");
    assert_eq!(band(Region::As923, at(923_300_000, 250_000, 8, 13)), "AS923");
}

#[test]
fn air_10_refusals_quote_the_rule() {
    let said = |region: Region, settings: Settings| {
        region.check(&settings, DIPOLE).expect_err("it is not allowed").to_string()
    };
    let text = said(Region::Eu868, at(868_300_000, 125_000, 8, 20));
    assert_eq!(
        text,
        "EU868/M allows 14 dBm ERP: with an antenna of 2.15 dBi that is txp 14, not 20 \
         (EN 300 220-2 band M: 25 mW, 1 %)"
    );
    let text = said(Region::Eu868, at(869_600_000, 250_000, 8, 14));
    assert!(text.starts_with("the channel from 869.475 to 869.725 MHz is in no sub-band of EU868"));
    assert!(text.contains("EU868/P 869.4 to 869.65"), "{text}");
    let text = said(Region::Us915, at(915_000_000, 125_000, 8, 20));
    assert!(text.contains("at least 500000 Hz") && text.contains("15.247"), "{text}");
    let text = said(Region::As923, at(923_300_000, 125_000, 10, 13));
    assert!(text.contains("400 ms a transmission"), "{text}");
}

#[test]
fn air_11_radiated_power() {
    let quiet = at(869_850_000, 125_000, 8, 7);
    assert_eq!(band(Region::Eu868, quiet), "EU868/Q", "nobody counts the hour at 5 mW");
    assert_eq!(band(Region::Eu868, at(869_850_000, 125_000, 8, 8)), "EU868/R");
    // A strong antenna takes from the connector what it adds; a long cable gives it back.
    let strong = at(869_525_000, 125_000, 8, 24);
    assert!(Region::Eu868.check(&strong, 515).is_ok());
    assert!(Region::Eu868.check(&strong, 516).is_err());
    assert!(Region::Eu868.check(&at(869_525_000, 125_000, 8, 30), -85).is_ok());
    assert!(Region::Us915.check(&at(915_000_000, 500_000, 8, 30), 600).is_ok());
    assert!(Region::Us915.check(&at(915_000_000, 500_000, 8, 30), 601).is_err());
    assert!(Region::Us915.check(&at(915_000_000, 500_000, 8, 29), 700).is_ok());
    assert_eq!(band(Region::Au915, at(917_000_000, 125_000, 8, 2)), "AU915/low");
    for gain in [i16::MIN, i16::MAX] {
        for region in Region::ALL {
            let _ = region.check(&strong, gain);
        }
    }
}

#[test]
fn air_12_what_chips_have() {
    let good = at(869_525_000, 125_000, 8, 14);
    let mut bad = [(good, Setting::Bandwidth); 6];
    bad[0].0.bandwidth_hz = 125_001;
    bad[1].0.bandwidth_hz = 0;
    bad[2] = (Settings { spreading_factor: 4, ..good }, Setting::SpreadingFactor);
    bad[3] = (Settings { spreading_factor: 13, ..good }, Setting::SpreadingFactor);
    bad[4] = (Settings { coding_rate: 9, ..good }, Setting::CodingRate);
    bad[5] = (Settings { tx_power_dbm: 38, ..good }, Setting::TxPower);
    for (settings, expected) in bad {
        match Region::Eu868.check(&settings, DIPOLE) {
            Err(Refusal::Hardware { setting, .. }) => assert_eq!(setting, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn air_10_names_round_trip() {
    for region in Region::ALL {
        assert_eq!(Region::parse(&format!("{region}")), Some(region));
        assert_eq!(Region::parse(&region.as_str().to_lowercase()), Some(region));
        for band in region.bands() {
            assert!(band.name.starts_with(region.as_str()));
            assert!(band.low_hz < band.high_hz);
        }
    }
    assert_eq!(Region::parse("EU"), None);
}

//! Speeds with names (`AIR-15`).

use super::{region::Region, settings::Settings};

/// A name for bandwidth, spreading factor and coding rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// As people type it.
    pub name: &'static str,
    /// The channel's width.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u8,
    /// 5 to 8.
    pub coding_rate: u8,
}

impl Preset {
    /// The preset of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The preset with the speed of `settings`.
    pub fn of(settings: &Settings) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| {
            (preset.bandwidth_hz, preset.spreading_factor, preset.coding_rate)
                == (settings.bandwidth_hz, settings.spreading_factor, settings.coding_rate)
        })
    }

    /// Its speed on the frequency and with the power of `settings`.
    pub const fn on(&self, settings: Settings) -> Settings {
        Settings {
            bandwidth_hz: self.bandwidth_hz,
            spreading_factor: self.spreading_factor,
            coding_rate: self.coding_rate,
            ..settings
        }
    }
}

impl Region {
    /// What a radio is set to where nothing else was said: where two nodes find each other.
    pub const fn defaults(self) -> Settings {
        match self {
            // The middle of the widest share of time there is.
            Self::Eu868 => settings(869_525_000, 125_000, 8, 14),
            Self::Eu433 => settings(433_650_000, 125_000, 8, 10),
            Self::Us915 => settings(915_000_000, 500_000, 8, 20),
            Self::Au915 => settings(917_000_000, 500_000, 8, 20),
            // A full frame in less than 400 ms.
            Self::As923 => settings(923_300_000, 250_000, 8, 13),
        }
    }
}

const fn settings(
    frequency_hz: u32,
    bandwidth_hz: u32,
    spreading_factor: u8,
    tx_power_dbm: u8,
) -> Settings {
    Settings { frequency_hz, bandwidth_hz, spreading_factor, coding_rate: 5, tx_power_dbm }
}

const fn preset(name: &'static str, bandwidth_hz: u32, sf: u8, cr: u8) -> Preset {
    Preset { name, bandwidth_hz, spreading_factor: sf, coding_rate: cr }
}

/// All of them, fast ones first; `mesh` is what most regions start with.
pub const PRESETS: &[Preset] = &[
    preset("mesh", 125_000, 8, 5),
    preset("wide", 500_000, 8, 5),
    preset("short-turbo", 500_000, 7, 5),
    preset("short-fast", 250_000, 7, 5),
    preset("short-slow", 250_000, 8, 5),
    preset("medium-turbo", 500_000, 9, 5),
    preset("medium-fast", 250_000, 9, 5),
    preset("medium-slow", 250_000, 10, 5),
    preset("narrow", 62_500, 8, 5),
    preset("long-turbo", 500_000, 11, 8),
    preset("long-fast", 250_000, 11, 5),
    preset("long-moderate", 125_000, 11, 8),
    preset("long-slow", 125_000, 12, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn air_15_names_and_speeds() {
        for preset in PRESETS {
            assert_eq!(Preset::find(preset.name), Some(preset));
            let settings = preset.on(Region::Eu868.defaults());
            assert_eq!(Preset::of(&settings), Some(preset), "two names for one speed");
        }
        assert_eq!(Preset::find("Mesh"), None);
        let long_fast = Preset::find("long-fast").expect("it is in the table");
        assert_eq!((long_fast.bandwidth_hz, long_fast.spreading_factor), (250_000, 11));
        // Where there is room for 250 kHz only, what is wider is refused like anything else.
        let eu = Region::Eu868.defaults();
        assert!(Region::Eu868.check(&long_fast.on(eu), 215).is_ok());
        let turbo = Preset::find("long-turbo").expect("it is in the table");
        assert!(Region::Eu868.check(&turbo.on(eu), 215).is_err());
    }

    #[test]
    fn air_15_every_region_allows_its_own() {
        for region in Region::ALL {
            assert!(region.check(&region.defaults(), 215).is_ok(), "{region}");
            assert!(Preset::of(&region.defaults()).is_some(), "{region}");
        }
    }
}

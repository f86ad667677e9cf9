//! Levels (dBm) and ratios (dB) in hundredths of a decibel.
//!
//! Every decision of the model compares these integers, so that the last bit of a logarithm, which
//! differs between machines, decides nothing.

use std::ops::{Add, Neg, Sub};

/// Hundredths of a decibel: a ratio, or a level above a milliwatt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decibel(i32);

impl Decibel {
    /// Nothing at all: no signal is as weak as this.
    pub const NOTHING: Self = Self(-100_000);

    /// No way between two radios.
    pub const NO_WAY: Self = Self(1_000_000);

    /// From hundredths.
    pub const fn hundredths(value: i32) -> Self {
        Self(value)
    }

    /// From whole decibels.
    pub const fn whole(value: i32) -> Self {
        Self(value * 100)
    }

    /// From decibels, rounded.
    pub fn from_f64(value: f64) -> Self {
        Self((value * 100.0).round().clamp(-1e6, 1e6) as i32)
    }

    /// In hundredths.
    pub const fn in_hundredths(self) -> i32 {
        self.0
    }

    /// In decibels.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// In whole decibels, rounded down.
    pub const fn floor(self) -> i32 {
        self.0.div_euclid(100)
    }

    /// The level of several signals together.
    pub fn total(levels: impl IntoIterator<Item = Self>) -> Self {
        let milliwatts = |level: Self| 10_f64.powf(f64::from(level.0) / 1_000.0);
        let mut levels = levels.into_iter().filter(|level| *level > Self::NOTHING);
        let Some(first) = levels.next() else { return Self::NOTHING };
        // One signal alone keeps its level to the last digit.
        let Some(second) = levels.next() else { return first };
        let sum = milliwatts(first) + milliwatts(second) + levels.map(milliwatts).sum::<f64>();
        Self((sum.log10() * 1_000.0).round() as i32)
    }
}

impl Add for Decibel {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Decibel {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Decibel {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_add_as_powers() {
        let level = Decibel::whole(-100);
        assert_eq!(Decibel::total([]), Decibel::NOTHING);
        assert_eq!(Decibel::total([level]), level);
        assert_eq!(Decibel::total([level, level]), Decibel::hundredths(-9_699));
        assert_eq!(Decibel::total([level, Decibel::whole(-140)]), level);
        assert_eq!(Decibel::total([level; 10]), Decibel::whole(-90));
    }

    #[test]
    fn conversions_round_and_saturate() {
        assert_eq!(Decibel::from_f64(-7.5), Decibel::hundredths(-750));
        assert_eq!(Decibel::from_f64(f64::NEG_INFINITY), -Decibel::NO_WAY);
        assert_eq!(Decibel::hundredths(-12_301).floor(), -124);
        assert_eq!(Decibel::whole(3) - Decibel::hundredths(50), Decibel::hundredths(250));
    }
}

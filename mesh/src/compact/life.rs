//! Lifetimes, ages and costs in fewer bits (`CMP-05`, `CMP-06`, `CMP-22`).

/// The lifetimes that have a code, those a lite envelope may have: 1, 2, 5, 10 and 30 minutes, 1, 2,
/// 4, 8 and 12 hours, 1, 2, 3, 7, 14 and 30 days.
pub const LIFETIMES_S: [u32; 16] = [
    60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 259_200,
    604_800, 1_209_600, 2_592_000,
];

/// The code of a lifetime that has one.
pub fn lifetime_code(lifetime_s: u32) -> Option<u8> {
    LIFETIMES_S.binary_search(&lifetime_s).ok().map(|index| index as u8)
}

/// An age in 256ths of the lifetime, rounded up; `None` when that is a whole life, or more than a
/// header holds.
pub(super) fn age_code(age_ms: u32, lifetime_s: u32) -> Option<u8> {
    let lifetime_ms = u64::from(lifetime_s) * 1_000;
    if lifetime_ms == 0 {
        return None;
    }
    let code = u8::try_from((u64::from(age_ms) * AGE_STEPS).div_ceil(lifetime_ms)).ok()?;
    age_of(code, lifetime_s).map(|_| code)
}

/// The age of a code: not less than what was coded, and coded alike again. `None` beyond what a
/// header holds.
pub(super) fn age_of(code: u8, lifetime_s: u32) -> Option<u32> {
    u32::try_from(u64::from(code) * u64::from(lifetime_s) * 1_000 / AGE_STEPS).ok()
}

/// A cost as eleven bits and an exponent of five, rounded up; `None` when that is beyond 32 bits.
pub(crate) const fn cost_code(cost: u32) -> Option<u16> {
    if cost < COST_EXACT {
        return Some(cost as u16);
    }
    let mut exponent = 1;
    let mut mantissa = cost as u64;
    while mantissa >= 2 * COST_EXACT as u64 {
        mantissa = mantissa.div_ceil(2);
        exponent += 1;
    }
    if exponent > COST_EXPONENT_MAX {
        return None;
    }
    Some(exponent << COST_BITS | (mantissa as u16 - COST_EXACT as u16))
}

/// The cost of a code; `None` for codes that are not given.
pub(super) const fn cost_of(code: u16) -> Option<u32> {
    let (exponent, mantissa) = (code >> COST_BITS, (code & (COST_EXACT as u16 - 1)) as u32);
    match exponent {
        0 => Some(mantissa),
        1..=COST_EXPONENT_MAX => Some((mantissa + COST_EXACT) << (exponent - 1)),
        _ => None,
    }
}

const AGE_STEPS: u64 = 256;
const COST_BITS: u16 = 11;
/// Costs below twice this are exact.
const COST_EXACT: u32 = 1 << COST_BITS;
/// 4,095 × 2^20 is the highest cost below 2^32.
const COST_EXPONENT_MAX: u16 = 21;

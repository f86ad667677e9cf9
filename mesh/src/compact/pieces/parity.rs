//! One or two pieces from which as many lost ones follow: a sum and a weighted sum over GF(2^8).

use alloc::{vec, vec::Vec};

use super::PARITY_MAX;

/// Most pieces parity is made of: so many powers of two are different in GF(2^8).
pub(super) const COUNT_MAX: u16 = 255;

/// The parity piece number `which` of pieces that count as filled up with zeros to `len`: the sum
/// of all, or of all times 2^index.
pub(super) fn of<'a>(
    pieces: impl DoubleEndedIterator<Item = &'a [u8]>,
    which: u8,
    len: usize,
) -> Vec<u8> {
    let mut sum = vec![0; len];
    for piece in pieces.rev() {
        if which > 0 {
            sum.iter_mut().for_each(|byte| *byte = double(*byte));
        }
        add(&mut sum, piece);
    }
    sum
}

/// Finds the one missing piece. `rest` is what a parity piece is beyond the sum of the others.
pub(super) fn solve_one(rest: &[u8], which: u8, index: u16) -> Vec<u8> {
    let weight = if which == 0 { 1 } else { power(index) };
    let inverse = invert(weight);
    rest.iter().map(|byte| multiply(*byte, inverse)).collect()
}

/// Finds two missing pieces `a` and `b`: their sum is `sum`, their weighted sum `weighted`.
pub(super) fn solve_two(sum: &[u8], weighted: &[u8], a: u16, b: u16) -> (Vec<u8>, Vec<u8>) {
    let (weight, inverse) = (power(a), invert(power(a) ^ power(b)));
    let second: Vec<u8> = sum
        .iter()
        .zip(weighted)
        .map(|(sum, weighted)| multiply(weighted ^ multiply(weight, *sum), inverse))
        .collect();
    let first = sum.iter().zip(&second).map(|(sum, second)| sum ^ second).collect();
    (first, second)
}

/// Adds, which is also subtracting.
pub(super) fn add(sum: &mut [u8], piece: &[u8]) {
    sum.iter_mut().zip(piece).for_each(|(sum, byte)| *sum ^= byte);
}

/// How many parity pieces make a message of `count` pieces cheapest to deliver, when `loss` of
/// 1,000 frames get lost, a piece takes `piece_us` on the air, and asking for repairs `ask_us`
/// including what the two turns cost (`CMP-38`).
///
/// With m of them a round of questions is needed when more than m of all are lost, and as many
/// pieces as are lost beyond m; what is repeated is lost as often as what was sent first.
pub fn pays(count: u16, loss: u16, piece_us: u64, ask_us: u64) -> u8 {
    if count > COUNT_MAX || loss == 0 {
        return 0;
    }
    let loss = u64::from(loss.min(900)) * ONE / 1_000;
    let cost = |parity: u8| {
        let (sent, parity) = (u64::from(count) + u64::from(parity), u64::from(parity));
        let none = (0..sent).fold(ONE, |chance, _| chance * (ONE - loss) / ONE);
        let one = sent * none * loss / (ONE - loss);
        let (beyond, asked) = match parity {
            0 => (sent * loss, ONE - none),
            1 => (sent * loss + none, ONE - none + ONE - one),
            _ => (sent * loss + 2 * none + one, 0),
        };
        let two = sent * (sent - 1) / 2 * (none * loss / (ONE - loss)) * loss / (ONE - loss);
        let asked = match parity {
            0 => asked,
            1 => ONE.saturating_sub(none + one),
            _ => ONE.saturating_sub(none + one + two),
        };
        let repeated = beyond.saturating_sub(parity * ONE) * ONE / (ONE - loss);
        piece_us * (parity * ONE + repeated) + ask_us * asked * ONE / (ONE - loss)
    };
    (0..=PARITY_MAX).min_by_key(|parity| cost(*parity)).unwrap_or(0)
}

/// Probabilities are parts of a million or so.
const ONE: u64 = 1 << 20;

/// 2^exponent in the field.
fn power(exponent: u16) -> u8 {
    (0..exponent).fold(1, |value, _| double(value))
}

/// Times two, modulo x^8 + x^4 + x^3 + x^2 + 1.
const fn double(value: u8) -> u8 {
    value << 1 ^ if value & 0x80 == 0 { 0 } else { 0x1d }
}

fn multiply(a: u8, b: u8) -> u8 {
    let mut sum = 0;
    let mut shifted = a;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            sum ^= shifted;
        }
        shifted = double(shifted);
    }
    sum
}

/// a^254, since a^255 is 1 for all but zero.
fn invert(value: u8) -> u8 {
    (0..253).fold(value, |power, _| multiply(power, value))
}

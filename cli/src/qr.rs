//! QR codes out of half blocks: two modules a character, the quiet zone that readers need around.

use qrcode::{Color, EcLevel, QrCode};

/// The lines of the QR code of `text`, light modules drawn; `None` when it is too long for one.
///
/// The lowest level of error correction: a screen has no scratches, and every module counts on a
/// small terminal.
pub fn lines(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width() as isize;
    let is_light = |x: isize, y: isize| {
        let inside = (0..width).contains(&x) && (0..width).contains(&y);
        let on_paper = (-QUIET..width + QUIET).contains(&y);
        match inside {
            true => code[(x as usize, y as usize)] == Color::Light,
            false => on_paper,
        }
    };
    let row = |y: isize| {
        let half = |x| match (is_light(x, y), is_light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (-QUIET..width + QUIET).map(half).collect()
    };
    Some((-QUIET..width + QUIET).step_by(2).map(row).collect())
}

/// Light modules around the code; the standard asks for 4.
const QUIET: isize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules of a drawing, light ones `true`.
    fn modules(lines: &[String]) -> Vec<Vec<bool>> {
        let halves = |line: &String, upper: bool| {
            line.chars()
                .map(|half| matches!((half, upper), ('█', _) | ('▀', true) | ('▄', false)))
                .collect()
        };
        lines.iter().flat_map(|line| [halves(line, true), halves(line, false)]).collect()
    }

    // CLI-86
    #[test]
    fn the_drawing_has_the_codes_modules_and_a_quiet_zone() {
        let text = "QPC-INVITE:ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let code = QrCode::with_error_correction_level(text, EcLevel::L).expect("short");
        let (width, quiet) = (code.width(), QUIET as usize);
        let drawn = modules(&lines(text).expect("short"));
        assert!(drawn.len() >= width + 2 * quiet);
        for (y, row) in drawn.iter().enumerate().take(width + 2 * quiet) {
            assert_eq!(row.len(), width + 2 * quiet);
            for (x, light) in row.iter().enumerate() {
                let inside =
                    (quiet..quiet + width).contains(&x) && (quiet..quiet + width).contains(&y);
                let expected = !inside || code[(x - quiet, y - quiet)] == Color::Light;
                assert_eq!(*light, expected, "{x},{y}");
            }
        }
    }

    // CLI-86
    #[test]
    fn invites_of_any_length_fit_and_longer_texts_do_not() {
        assert!(lines(&"A".repeat(1_945)).is_some());
        assert_eq!(lines(&"a".repeat(8_000)), None);
    }
}

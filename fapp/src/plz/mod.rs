//! German postal codes, and how far they are from each other (`FAP-10` to `FAP-13`).
//!
//! The table is 5.5 bytes a code, made by `cargo run -p quicprochat-fapp --example pack_plz`.

use core::fmt;

#[cfg(test)]
mod pack;
mod table;

/// Who made the table, to be shown wherever it is used.
pub const ATTRIBUTION: &str = "Postal codes: GeoNames (geonames.org), CC BY 4.0; filtered, one \
     coordinate per code, rounded";

/// A German postal code: five digits, kept as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plz(u32);

/// Why a text is no postal code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlzError {
    /// Not five digits 0 to 9.
    Form,
    /// Five digits that are nobody's code.
    Unknown,
}

impl fmt::Display for PlzError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a German postal code has five digits, such as 80331",
            Self::Unknown => "there is no such postal code in Germany",
        })
    }
}

impl core::error::Error for PlzError {}

impl Plz {
    /// Reads five digits, which must be a code of the table.
    ///
    /// # Errors
    /// [`PlzError`].
    pub fn parse(text: &str) -> Result<Self, PlzError> {
        if text.len() != 5 {
            return Err(PlzError::Form);
        }
        let digits = PlzPrefix::parse(text).map_err(|_| PlzError::Form)?;
        let plz = Self(digits.number);
        if plz.place().is_some() { Ok(plz) } else { Err(PlzError::Unknown) }
    }

    /// The code of a number. One that this table does not know may be new.
    pub const fn from_number(number: u32) -> Option<Self> {
        if number >= 1_000 && number <= 99_999 { Some(Self(number)) } else { None }
    }

    /// The code as a number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its first two digits: the region that announces are spread by, 0 to 99.
    pub const fn region(self) -> u8 {
        (self.0 / 1_000) as u8
    }

    /// Kilometres to another code, from middle to middle; `None` when the table lacks one of them.
    pub fn distance_km(self, other: Self) -> Option<f32> {
        let (here, there) = (self.place()?, other.place()?);
        Some(here.distance_m(there) as f32 / 1_000.0)
    }

    /// Where it is; `None` when the table does not know it.
    pub fn place(self) -> Option<Place> {
        table::place(self)
    }

    /// Every code of the table, with its place, in order.
    pub fn places() -> impl Iterator<Item = (Self, Place)> {
        table::places()
    }

    /// Every code of the table, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        table::places().map(|(plz, _)| plz)
    }
}

impl fmt::Display for Plz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05}", self.0)
    }
}

impl fmt::Debug for Plz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plz({self})")
    }
}

/// The middle of a postal code's area, in steps of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    lat: u16,
    lon: u16,
}

impl Place {
    /// Degrees north.
    pub fn latitude(self) -> f64 {
        47.0 + f64::from(self.lat) / 8_000.0
    }

    /// Degrees east.
    pub fn longitude(self) -> f64 {
        5.0 + f64::from(self.lon) / 6_000.0
    }

    /// Metres to another place. The earth is taken as flat between the two, which over the length of
    /// Germany is within one part in a hundred of the great circle.
    pub fn distance_m(self, other: Self) -> u32 {
        let north = (self.latitude() - other.latitude()) * METRES_PER_DEGREE;
        let middle = (self.latitude() + other.latitude()) / 2.0;
        let east = (self.longitude() - other.longitude()) * METRES_PER_DEGREE * cosine(middle);
        // At most 1.2e6 squared twice: far below 2^63.
        ((north * north + east * east) as u64).isqrt() as u32
    }
}

/// Of a degree of a great circle, for the mean radius of 6,371 km.
const METRES_PER_DEGREE: f64 = 111_194.93;

/// The cosine of an angle below 60 degrees, by its series: within 1e-7.
fn cosine(degrees: f64) -> f64 {
    let x = degrees * core::f64::consts::PI / 180.0;
    let x2 = x * x;
    1.0 - x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0 * (1.0 - x2 / 56.0 * (1.0 - x2 / 90.0))))
}

/// The first digits of postal codes, one to five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlzPrefix {
    number: u32,
    digits: u8,
}

impl PlzPrefix {
    /// Reads one to five digits.
    ///
    /// # Errors
    /// [`PlzError::Form`].
    pub fn parse(text: &str) -> Result<Self, PlzError> {
        let digits = text.as_bytes();
        if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(PlzError::Form);
        }
        let number = digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Ok(Self { number, digits: digits.len() as u8 })
    }

    /// Whether a code begins so.
    pub const fn covers(self, plz: Plz) -> bool {
        plz.0 / 10_u32.pow(5 - self.digits as u32) == self.number
    }

    /// Its first two digits, if it has two.
    pub const fn region(self) -> Option<u8> {
        if self.digits < 2 {
            return None;
        }
        Some((self.number / 10_u32.pow(self.digits as u32 - 2)) as u8)
    }
}

impl fmt::Display for PlzPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.number, width = usize::from(self.digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fap_10_what_is_no_code_is_refused() {
        for text in ["80331", "01067", "10115"] {
            let plz = Plz::parse(text).expect("a code");
            assert_eq!(alloc::format!("{plz}"), text);
            assert_eq!(Plz::from_number(plz.number()), Some(plz));
        }
        for text in ["", "8033", "803311", "８０３３１", "8033a", " 80331", "+8033", "D-803"] {
            assert_eq!(Plz::parse(text), Err(PlzError::Form), "{text}");
        }
        for text in ["00123", "00000", "99999", "01000"] {
            assert_eq!(Plz::parse(text), Err(PlzError::Unknown), "{text}");
        }
        assert_eq!(Plz::from_number(999), None);
        assert_eq!(Plz::from_number(100_000), None);
    }

    #[test]
    fn fap_11_prefixes_and_regions() {
        let plz = Plz::parse("01067").expect("a code");
        assert_eq!(plz.region(), 1);
        for (prefix, covers) in
            [("0", true), ("01", true), ("01067", true), ("1", false), ("010", true)]
        {
            assert_eq!(PlzPrefix::parse(prefix).expect("digits").covers(plz), covers, "{prefix}");
        }
        assert_eq!(PlzPrefix::parse("803").expect("digits").region(), Some(80));
        assert_eq!(PlzPrefix::parse("8").expect("digits").region(), None);
        assert!(PlzPrefix::parse("8x").is_err() && PlzPrefix::parse("").is_err());
    }

    fn great_circle_km(a: Place, b: Place) -> f64 {
        let (p, q) = (a.latitude().to_radians(), b.latitude().to_radians());
        let l = (a.longitude() - b.longitude()).to_radians();
        let h = ((p - q) / 2.0).sin().powi(2) + p.cos() * q.cos() * (l / 2.0).sin().powi(2);
        2.0 * 6_371.0 * h.sqrt().asin()
    }

    #[test]
    fn fap_12_distances_are_within_one_part_in_a_hundred() {
        let some: alloc::vec::Vec<Place> = Plz::all().step_by(101).filter_map(Plz::place).collect();
        for a in &some {
            for b in &some {
                let (flat, round) =
                    (f64::from(a.distance_m(*b)) / 1_000.0, great_circle_km(*a, *b));
                assert!((flat - round).abs() <= 0.01 * round + 0.01, "{flat} {round}");
            }
        }
        // Munich to Berlin is 504 km.
        let munich = Plz::parse("80331").expect("a code");
        let berlin = Plz::parse("10115").expect("a code");
        assert!((munich.distance_km(berlin).expect("known") - 505.0).abs() < 6.0);
        assert_eq!(munich.distance_km(munich), Some(0.0));
    }
}

//! The datagram of the own group (`DSC-10`): bytes in, an announcement out, nothing else.

use std::{fmt, num::NonZeroU16, str::FromStr};

use super::limits::VALIDITY_S_MAX;

/// Length of every datagram.
pub const DATAGRAM_LEN: usize = 18;

const MAGIC: [u8; 3] = *b"qpc";
const VERSION: u8 = 1;

/// Names a node from its start to its end, and nothing beyond (`DSC-01`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub [u8; 8]);

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnInstance;

impl fmt::Display for NotAnInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instance is 16 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotAnInstance {}

impl FromStr for Instance {
    type Err = NotAnInstance;

    fn from_str(text: &str) -> Result<Self, NotAnInstance> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NotAnInstance);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| NotAnInstance)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// Where a node can be dialled, and for how long that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// Its TCP port.
    pub port: NonZeroU16,
    /// Seconds, 1 to [`VALIDITY_S_MAX`].
    pub validity_s: u16,
}

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// I am here.
    Announce(Here),
    /// Who is here? And, unless nobody can dial me: I am here.
    Ask(Option<Here>),
    /// I am here, too.
    Answer(Here),
    /// I am not here any more.
    Leaving,
}

/// A datagram of the own group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// What it says.
    pub kind: Kind,
    /// Who says it.
    pub instance: Instance,
}

/// Why bytes are no datagram: their sender's fault, or another program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramError {
    /// Not [`DATAGRAM_LEN`] bytes.
    Length,
    /// Another program's.
    Foreign,
    /// A version that this node does not speak.
    Version,
    /// A field with a value that it cannot have.
    Malformed,
}

impl DatagramError {
    /// The name used in counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Foreign => "foreign",
            Self::Version => "version",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a datagram has 18 bytes",
            Self::Foreign => "this is no datagram of quicprochat",
            Self::Version => "a version that is not known here",
            Self::Malformed => "a field has a value that it cannot have",
        })
    }
}

impl std::error::Error for DatagramError {}

impl Datagram {
    /// The bytes on the wire.
    pub fn encode(&self) -> [u8; DATAGRAM_LEN] {
        let (kind, here) = match self.kind {
            Kind::Announce(here) => (0, Some(here)),
            Kind::Ask(here) => (1, here),
            Kind::Answer(here) => (2, Some(here)),
            Kind::Leaving => (3, None),
        };
        let port = here.map_or(0, |here| here.port.get());
        let validity_s = here.map_or(0, |here| here.validity_s);
        let mut bytes = [0; DATAGRAM_LEN];
        bytes[..3].copy_from_slice(&MAGIC);
        bytes[3] = VERSION;
        bytes[4] = kind;
        bytes[6..8].copy_from_slice(&port.to_le_bytes());
        bytes[8..10].copy_from_slice(&validity_s.to_le_bytes());
        bytes[10..].copy_from_slice(&self.instance.0);
        bytes
    }

    /// Reads a datagram; every value has one encoding.
    ///
    /// # Errors
    ///
    /// [`DatagramError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DatagramError> {
        let bytes: &[u8; DATAGRAM_LEN] = bytes.try_into().map_err(|_| DatagramError::Length)?;
        let [m0, m1, m2, version, kind, reserved, p0, p1, v0, v1, instance @ ..] = *bytes;
        if [m0, m1, m2] != MAGIC {
            return Err(DatagramError::Foreign);
        }
        if version != VERSION {
            return Err(DatagramError::Version);
        }
        let here = here(u16::from_le_bytes([p0, p1]), u16::from_le_bytes([v0, v1]))?;
        let kind = match (kind, here) {
            (0, Some(here)) => Kind::Announce(here),
            (1, here) => Kind::Ask(here),
            (2, Some(here)) => Kind::Answer(here),
            (3, None) => Kind::Leaving,
            _ => return Err(DatagramError::Malformed),
        };
        if reserved != 0 {
            return Err(DatagramError::Malformed);
        }
        Ok(Self { kind, instance: Instance(instance) })
    }
}

/// Both or neither.
fn here(port: u16, validity_s: u16) -> Result<Option<Here>, DatagramError> {
    match (NonZeroU16::new(port), validity_s) {
        (None, 0) => Ok(None),
        (Some(port), 1..=VALIDITY_S_MAX) => Ok(Some(Here { port, validity_s })),
        _ => Err(DatagramError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here_at(port: u16, validity_s: u16) -> Here {
        Here { port: NonZeroU16::new(port).expect("not 0"), validity_s }
    }

    fn samples() -> [Datagram; 5] {
        let instance = Instance([1, 2, 3, 4, 5, 6, 7, 8]);
        let here = here_at(7_743, 105);
        [
            Datagram { kind: Kind::Announce(here), instance },
            Datagram { kind: Kind::Ask(Some(here)), instance },
            Datagram { kind: Kind::Ask(None), instance },
            Datagram { kind: Kind::Answer(here), instance },
            Datagram { kind: Kind::Leaving, instance },
        ]
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn dsc_10_layout() {
        let snapshots = [
            "71706301".to_owned() + "0000" + "3f1e" + "6900" + "0102030405060708",
            "71706301".to_owned() + "0100" + "3f1e" + "6900" + "0102030405060708",
            "71706301".to_owned() + "0100" + "0000" + "0000" + "0102030405060708",
            "71706301".to_owned() + "0200" + "3f1e" + "6900" + "0102030405060708",
            "71706301".to_owned() + "0300" + "0000" + "0000" + "0102030405060708",
        ];
        for (datagram, snapshot) in samples().iter().zip(snapshots) {
            assert_eq!(hex(&datagram.encode()), snapshot);
        }
    }

    #[test]
    fn dsc_10_round_trip() {
        for datagram in samples() {
            assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
        }
        for (port, validity_s) in [(1, 1), (u16::MAX, VALIDITY_S_MAX)] {
            let kind = Kind::Announce(here_at(port, validity_s));
            let datagram = Datagram { kind, instance: Instance([0xff; 8]) };
            assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
        }
    }

    #[test]
    fn dsc_10_every_other_length_is_refused() {
        for datagram in samples() {
            let mut bytes = datagram.encode().to_vec();
            for len in 0..DATAGRAM_LEN {
                assert_eq!(Datagram::decode(&bytes[..len]), Err(DatagramError::Length));
            }
            bytes.push(0);
            assert_eq!(Datagram::decode(&bytes), Err(DatagramError::Length));
        }
    }

    /// Whatever is read from altered bytes is what those bytes mean: nothing is read twice.
    #[test]
    fn dsc_10_no_flipped_bit_is_read_as_something_impossible() {
        for datagram in samples() {
            let bytes = datagram.encode();
            for bit in 0..DATAGRAM_LEN * 8 {
                let mut altered = bytes;
                altered[bit / 8] ^= 1 << (bit % 8);
                let read = Datagram::decode(&altered);
                match bit / 8 {
                    0..=2 => assert_eq!(read, Err(DatagramError::Foreign)),
                    3 => assert_eq!(read, Err(DatagramError::Version)),
                    5 => assert_eq!(read, Err(DatagramError::Malformed)),
                    _ => assert!(read.is_err() || read.map(|d| d.encode()) == Ok(altered)),
                }
                assert_ne!(read, Ok(datagram));
            }
        }
    }

    #[test]
    fn dsc_10_what_cannot_be_is_refused() {
        let leaving = samples()[4].encode();
        let announce = samples()[0].encode();
        for (bytes, at, value) in [
            (leaving, 6, 1),    // leaving with a port
            (leaving, 8, 1),    // leaving with a validity
            (announce, 8, 0),   // a port that holds for no time
            (announce, 9, 255), // longer than the longest
            (announce, 4, 4),   // an unknown kind
            (announce, 4, 3),   // leaving with a port and a validity
        ] {
            let mut bytes = bytes;
            bytes[at] = value;
            assert_eq!(Datagram::decode(&bytes), Err(DatagramError::Malformed), "{bytes:x?}");
        }
    }

    #[test]
    fn dsc_17_instances_have_one_name() {
        let instance = Instance([0, 0xab, 2, 3, 4, 5, 6, 0xff]);
        assert_eq!(instance.to_string(), "00ab0203040506ff");
        assert_eq!("00ab0203040506ff".parse(), Ok(instance));
        for text in
            ["", "00AB0203040506ff", "+0ab0203040506ff", "00ab0203040506f", "00ab0203040506fff"]
        {
            assert_eq!(text.parse::<Instance>(), Err(NotAnInstance), "{text}");
        }
    }
}

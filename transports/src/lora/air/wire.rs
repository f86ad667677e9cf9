//! What an air and its radios say to each other over a socket (`VIR-12`).
//!
//! Each message is its length (u16, little endian, without itself), a kind and fields. Both ends
//! are programs of one release on one machine; a version byte in the first message is all the
//! negotiation there is.

use std::io;

use mesh::radio::{Modulation, Signal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Decibel;

/// From a radio.
#[derive(Clone, Debug, PartialEq)]
pub enum FromRadio {
    /// It is there. Always the first, and only the first message.
    Attach(Attach),
    /// It listens with these settings, or not at all.
    Tune(Option<Modulation>),
    /// It transmits.
    Transmit {
        /// How.
        modulation: Modulation,
        /// How strongly.
        power_dbm: i8,
        /// What.
        frame: Vec<u8>,
    },
}

/// What a radio says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attach {
    /// Its name on the map; without one it gets the first place that is free.
    pub name: Option<String>,
    /// Where it is, in metres east and north, when the map is not to say it.
    pub at: Option<(i32, i32)>,
}

/// To a radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToRadio {
    /// It is on the air.
    Attached {
        /// Its number.
        radio: u32,
        /// Millionths by which its clock is to be too fast.
        drift_ppm: i32,
    },
    /// It cannot be.
    Refused(String),
    /// It has received a frame.
    Heard {
        /// How well.
        signal: Signal,
        /// What.
        frame: Vec<u8>,
    },
    /// Its frame has left the antenna.
    Sent,
    /// Somebody is heard, or nobody any more.
    Channel {
        /// Whether somebody is.
        busy: bool,
        /// What the signal meter shows.
        rssi: Decibel,
    },
}

impl FromRadio {
    /// The message as bytes, its length before it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        match self {
            Self::Attach(Attach { name, at }) => {
                out.bytes(&[ATTACH, VERSION, at.is_some().into()]);
                let (x, y) = at.unwrap_or_default();
                out.bytes(&x.to_le_bytes()).bytes(&y.to_le_bytes());
                out.bytes(name.as_deref().unwrap_or_default().as_bytes());
            }
            Self::Tune(None) => {
                out.bytes(&[TUNE]);
            }
            Self::Tune(Some(modulation)) => {
                out.bytes(&[TUNE]).modulation(modulation);
            }
            Self::Transmit { modulation, power_dbm, frame } => {
                out.bytes(&[TRANSMIT]).modulation(modulation).bytes(&power_dbm.to_le_bytes());
                out.bytes(frame);
            }
        }
        out.finish()
    }

    /// Reads the message without its length.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut fields = Fields(message);
        Some(match fields.array()? {
            [ATTACH] => {
                let [VERSION, placed @ 0..=1] = fields.array()? else { return None };
                let (x, y) = (fields.array()?, fields.array()?);
                let (x, y) = (i32::from_le_bytes(x), i32::from_le_bytes(y));
                let name = std::str::from_utf8(fields.rest()).ok()?;
                let name = (!name.is_empty()).then(|| name.to_owned());
                Self::Attach(Attach { name, at: (placed == 1).then_some((x, y)) })
            }
            [TUNE] if fields.0.is_empty() => Self::Tune(None),
            [TUNE] => Self::Tune(Some(fields.modulation()?)).complete(&fields)?,
            [TRANSMIT] => {
                let modulation = fields.modulation()?;
                let power_dbm = i8::from_le_bytes(fields.array()?);
                Self::Transmit { modulation, power_dbm, frame: fields.rest().to_vec() }
            }
            _ => return None,
        })
    }

    fn complete(self, fields: &Fields<'_>) -> Option<Self> {
        fields.0.is_empty().then_some(self)
    }
}

impl ToRadio {
    /// The message as bytes, its length before it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        match self {
            Self::Attached { radio, drift_ppm } => {
                out.bytes(&[ATTACHED]).bytes(&radio.to_le_bytes()).bytes(&drift_ppm.to_le_bytes())
            }
            Self::Refused(why) => out.bytes(&[REFUSED]).bytes(why.as_bytes()),
            Self::Heard { signal, frame } => out
                .bytes(&[HEARD])
                .bytes(&signal.rssi_dbm.to_le_bytes())
                .bytes(&signal.snr_quarter_db.to_le_bytes())
                .bytes(frame),
            Self::Sent => out.bytes(&[SENT]),
            Self::Channel { busy, rssi } => {
                out.bytes(&[CHANNEL, (*busy).into()]).bytes(&rssi.in_hundredths().to_le_bytes())
            }
        };
        out.finish()
    }

    /// Reads the message without its length.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut fields = Fields(message);
        let decoded = match fields.array()? {
            [ATTACHED] => {
                let radio = u32::from_le_bytes(fields.array()?);
                Self::Attached { radio, drift_ppm: i32::from_le_bytes(fields.array()?) }
            }
            [REFUSED] => Self::Refused(String::from_utf8_lossy(fields.rest()).into_owned()),
            [HEARD] => {
                let rssi_dbm = i16::from_le_bytes(fields.array()?);
                let snr_quarter_db = i16::from_le_bytes(fields.array()?);
                let signal = Signal { rssi_dbm, snr_quarter_db };
                Self::Heard { signal, frame: fields.rest().to_vec() }
            }
            [SENT] => Self::Sent,
            [CHANNEL] => {
                let [busy @ 0..=1] = fields.array()? else { return None };
                let rssi = Decibel::hundredths(i32::from_le_bytes(fields.array()?));
                Self::Channel { busy: busy == 1, rssi }
            }
            _ => return None,
        };
        fields.0.is_empty().then_some(decoded)
    }
}

/// Reads one message; `None` at the end of the stream. Not safe to cancel half-way.
///
/// # Errors
///
/// The socket's, and `InvalidData` for what cannot be a message.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 2];
    match stream.read_exact(&mut len).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let len = usize::from(u16::from_le_bytes(len));
    if len > MESSAGE_LEN_MAX {
        return Err(invalid());
    }
    let mut message = vec![0; len];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

/// Writes one encoded message.
///
/// # Errors
///
/// The socket's.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    stream.write_all(message).await
}

/// What cannot be a message of this protocol.
pub(super) fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the other end does not speak of radios")
}

#[derive(Default)]
struct Encoder(Vec<u8>);

impl Encoder {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn modulation(&mut self, modulation: &Modulation) -> &mut Self {
        self.bytes(&modulation.frequency_hz.to_le_bytes())
            .bytes(&modulation.bandwidth_hz.to_le_bytes())
            .bytes(&[modulation.spreading_factor, modulation.coding_rate])
            .bytes(&modulation.preamble_symbols.to_le_bytes())
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.truncate(MESSAGE_LEN_MAX);
        let len = u16::try_from(self.0.len()).unwrap_or(0);
        [&len.to_le_bytes(), &self.0[..]].concat()
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn modulation(&mut self) -> Option<Modulation> {
        let frequency_hz = u32::from_le_bytes(self.array()?);
        let bandwidth_hz = u32::from_le_bytes(self.array()?);
        let [spreading_factor, coding_rate] = self.array()?;
        let preamble_symbols = u16::from_le_bytes(self.array()?);
        let sane = bandwidth_hz > 0
            && (5..=12).contains(&spreading_factor)
            && (5..=8).contains(&coding_rate);
        sane.then_some(Modulation {
            frequency_hz,
            bandwidth_hz,
            spreading_factor,
            coding_rate,
            preamble_symbols,
        })
    }
}

/// A frame, and what is said of it.
const MESSAGE_LEN_MAX: usize = 512;

const VERSION: u8 = 1;

const ATTACH: u8 = 1;
const TUNE: u8 = 2;
const TRANSMIT: u8 = 3;

const ATTACHED: u8 = 1;
const REFUSED: u8 = 2;
const HEARD: u8 = 3;
const SENT: u8 = 4;
const CHANNEL: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const SF8: Modulation = Modulation::rnode(869_525_000, 125_000, 8, 5);

    /// `VIR-12`
    #[test]
    fn vir_12_messages_survive_the_way_and_truncations_do_not() {
        let signal = Signal { rssi_dbm: -86, snr_quarter_db: -30 };
        let from = [
            FromRadio::Attach(Attach { name: Some("anna".into()), at: Some((-5, 70_000)) }),
            FromRadio::Attach(Attach::default()),
            FromRadio::Tune(None),
            FromRadio::Tune(Some(SF8)),
            FromRadio::Transmit { modulation: SF8, power_dbm: -3, frame: vec![1; 255] },
        ];
        for message in from {
            let encoded = message.encode();
            assert_eq!(usize::from(encoded[0]) + 256 * usize::from(encoded[1]), encoded.len() - 2);
            assert_eq!(FromRadio::decode(&encoded[2..]), Some(message.clone()));
            for len in 2..encoded.len() {
                assert_ne!(FromRadio::decode(&encoded[2..len]), Some(message.clone()));
            }
        }
        let to = [
            ToRadio::Attached { radio: 7, drift_ppm: -20 },
            ToRadio::Refused("full".into()),
            ToRadio::Heard { signal, frame: vec![2; 255] },
            ToRadio::Sent,
            ToRadio::Channel { busy: true, rssi: Decibel::hundredths(-11_703) },
        ];
        for message in to {
            let encoded = message.encode();
            assert_eq!(ToRadio::decode(&encoded[2..]), Some(message.clone()));
            for len in 2..encoded.len() {
                assert_ne!(ToRadio::decode(&encoded[2..len]), Some(message.clone()));
            }
        }
    }

    /// `VIR-12`
    #[test]
    fn vir_12_nonsense_is_refused() {
        for nonsense in [&[][..], &[9], &[ATTACH, 2, 0], &[TUNE, 1], &[ATTACH, VERSION, 7]] {
            assert_eq!(FromRadio::decode(nonsense), None, "{nonsense:?}");
        }
        let mut tune = FromRadio::Tune(Some(SF8)).encode();
        tune[2 + 1 + 8] = 4;
        assert_eq!(FromRadio::decode(&tune[2..]), None);
        assert_eq!(ToRadio::decode(&[SENT, 0]), None);
    }
}

//! Addresses of modems: `rnode:///dev/serial/by-id/…?region=EU868`, `rnode://HOST:PORT?…`
//! (`RND-30` … `RND-33`).

use std::fmt;

use super::{
    preset::Preset,
    refusal::{Centi, Refusal},
    region::{Band, DIPOLE_GAIN_CENTI_DBI, Region},
    settings::Settings,
};
use crate::tcp::{TargetError, TcpTarget};

/// A modem and what it is to be set to. Lawful when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RnodeTarget {
    place: Place,
    radio: Radio,
    band: &'static Band,
}

/// Where a modem is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A serial port's path.
    Serial(String),
    /// A TCP port.
    Tcp(TcpTarget),
}

/// A radio's settings and what decides whether they are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radio {
    /// Whose rules hold where it stands.
    pub region: Region,
    /// What the modem is told.
    pub settings: Settings,
    /// Of the antenna less the cable, in hundredths of a dBi.
    pub gain_centi_dbi: i16,
}

impl Radio {
    /// What a radio in `region` is set to if nobody says anything.
    pub const fn new(region: Region) -> Self {
        Self { region, settings: region.defaults(), gain_centi_dbi: DIPOLE_GAIN_CENTI_DBI as i16 }
    }

    /// The sub-band whose rules count.
    ///
    /// # Errors
    ///
    /// [`Refusal`], with the rule.
    pub fn check(&self) -> Result<&'static Band, Refusal> {
        self.region.check(&self.settings, self.gain_centi_dbi)
    }

    /// These settings with some changed, as in an address: `sf=9&txp=10`. Nothing changes unless all
    /// of it is right.
    ///
    /// # Errors
    ///
    /// [`RnodeTargetError`].
    pub fn with(&self, parameters: &str) -> Result<Self, RnodeTargetError> {
        let given = Given::parse(parameters)?;
        let region = given.region.unwrap_or(self.region);
        // Another region's frequency would not be allowed: its defaults are the beginning there.
        let start = if region == self.region { *self } else { Self::new(region) };
        given.apply(start)
    }
}

impl RnodeTarget {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or which rule forbids it.
    pub fn parse(uri: &str) -> Result<Self, RnodeTargetError> {
        let (scheme, rest) = uri.split_once("://").ok_or(RnodeTargetError::Form)?;
        if !scheme.eq_ignore_ascii_case("rnode") {
            return Err(RnodeTargetError::Form);
        }
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let place = Place::parse(place)?;
        let given = Given::parse(parameters)?;
        let region = given.region.ok_or(RnodeTargetError::NoRegion)?;
        Self::new(place, given.apply(Radio::new(region))?)
    }

    /// A modem that is set to something.
    ///
    /// # Errors
    ///
    /// Which rule forbids it.
    pub fn new(place: Place, radio: Radio) -> Result<Self, RnodeTargetError> {
        let band = radio.check().map_err(RnodeTargetError::Refused)?;
        Ok(Self { place, radio, band })
    }

    /// Where it is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// What it is set to.
    pub const fn radio(&self) -> &Radio {
        &self.radio
    }

    /// The sub-band it sends in.
    pub const fn band(&self) -> &'static Band {
        self.band
    }
}

impl fmt::Display for RnodeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Radio { region, settings, gain_centi_dbi } = self.radio;
        let Settings { frequency_hz, bandwidth_hz, spreading_factor, coding_rate, tx_power_dbm } =
            settings;
        write!(
            f,
            "{}?freq={frequency_hz}&bw={bandwidth_hz}&sf={spreading_factor}&cr={coding_rate}\
             &txp={tx_power_dbm}&region={region}",
            self.place
        )?;
        if i32::from(gain_centi_dbi) != DIPOLE_GAIN_CENTI_DBI {
            write!(f, "&gain={}", Centi(gain_centi_dbi))?;
        }
        Ok(())
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, RnodeTargetError> {
        if text.starts_with('/') {
            let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'&'));
            if text.len() < 2 || text.len() > PATH_LEN_MAX || !is_plain {
                return Err(RnodeTargetError::Path);
            }
            return Ok(Self::Serial(text.to_owned()));
        }
        // Brackets have colons of their own.
        let has_port = text.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        let port = if has_port { String::new() } else { format!(":{TCP_PORT}") };
        TcpTarget::parse(&format!("tcp://{text}{port}"))
            .map(Self::Tcp)
            .map_err(RnodeTargetError::Host)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(path) => write!(f, "rnode://{path}"),
            Self::Tcp(target) => {
                let text = target.to_string();
                write!(f, "rnode://{}", text.strip_prefix("tcp://").unwrap_or(&text))
            }
        }
    }
}

/// Parameters that were given.
#[derive(Default)]
struct Given {
    region: Option<Region>,
    preset: Option<&'static Preset>,
    frequency_hz: Option<u32>,
    bandwidth_hz: Option<u32>,
    spreading_factor: Option<u8>,
    coding_rate: Option<u8>,
    tx_power_dbm: Option<u8>,
    gain_centi_dbi: Option<i16>,
}

impl Given {
    fn parse(parameters: &str) -> Result<Self, RnodeTargetError> {
        let mut given = Self::default();
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(RnodeTargetError::Parameter)?;
            given.take(name, value)?;
        }
        Ok(given)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), RnodeTargetError> {
        match name {
            "region" => set(&mut self.region, Region::parse(value), "region"),
            "preset" => set(&mut self.preset, Preset::find(value), "preset"),
            "freq" => set(&mut self.frequency_hz, number(value), "freq"),
            "bw" => set(&mut self.bandwidth_hz, number(value), "bw"),
            "sf" => set(&mut self.spreading_factor, number(value), "sf"),
            "cr" => set(&mut self.coding_rate, number(value), "cr"),
            "txp" => set(&mut self.tx_power_dbm, number(value), "txp"),
            "gain" => set(&mut self.gain_centi_dbi, hundredths(value), "gain"),
            _ => Err(RnodeTargetError::Parameter),
        }
    }

    fn apply(&self, start: Radio) -> Result<Radio, RnodeTargetError> {
        let settings = self.preset.map_or(start.settings, |preset| preset.on(start.settings));
        let radio = Radio {
            region: start.region,
            settings: Settings {
                frequency_hz: self.frequency_hz.unwrap_or(settings.frequency_hz),
                bandwidth_hz: self.bandwidth_hz.unwrap_or(settings.bandwidth_hz),
                spreading_factor: self.spreading_factor.unwrap_or(settings.spreading_factor),
                coding_rate: self.coding_rate.unwrap_or(settings.coding_rate),
                tx_power_dbm: self.tx_power_dbm.unwrap_or(settings.tx_power_dbm),
            },
            gain_centi_dbi: self.gain_centi_dbi.unwrap_or(start.gain_centi_dbi),
        };
        radio.check().map(|_| radio).map_err(RnodeTargetError::Refused)
    }
}

fn set<T>(
    place: &mut Option<T>,
    value: Option<T>,
    name: &'static str,
) -> Result<(), RnodeTargetError> {
    if place.is_some() {
        return Err(RnodeTargetError::Twice(name));
    }
    *place = Some(value.ok_or(RnodeTargetError::Value(name))?);
    Ok(())
}

/// Digits only: `+8` is no number here.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `-1`, `5`, `2.15`.
fn hundredths(text: &str) -> Option<i16> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let part = match part.len() {
        1 => number::<i16>(part)? * 10,
        2 => number(part)?,
        _ => return None,
    };
    let whole: i16 = number(whole)?;
    (whole <= GAIN_MAX_DBI).then(|| sign * (whole * 100 + part))
}

/// Why an address of a modem was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RnodeTargetError {
    /// Not of the form.
    Form,
    /// A path that no device has.
    Path,
    /// What is wrong with host or port.
    Host(TargetError),
    /// No region: nobody can tell what is allowed.
    NoRegion,
    /// A parameter that there is not.
    Parameter,
    /// A parameter that is there twice.
    Twice(&'static str),
    /// A parameter whose value is none.
    Value(&'static str),
    /// A rule forbids it.
    Refused(Refusal),
}

impl fmt::Display for RnodeTargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str(
                "an address of a modem looks like rnode:///dev/serial/by-id/…?region=EU868 or \
                 rnode://HOST:PORT?region=EU868",
            ),
            Self::Path => f.write_str("a serial port has a path like /dev/serial/by-id/…"),
            Self::Host(error) => error.fmt(f),
            Self::NoRegion => {
                f.write_str("the region is missing, and with it what the law allows: region=")?;
                list(f, Region::ALL.iter().map(|region| region.as_str()))
            }
            Self::Parameter => f.write_str(
                "the parameters of a modem are region, preset, freq, bw, sf, cr, txp and gain",
            ),
            Self::Twice(name) => write!(f, "{name} is there twice"),
            Self::Value("region") => {
                f.write_str("the regions are ")?;
                list(f, Region::ALL.iter().map(|region| region.as_str()))
            }
            Self::Value("preset") => {
                f.write_str("the presets are ")?;
                list(f, super::preset::PRESETS.iter().map(|preset| preset.name))
            }
            Self::Value("gain") => f.write_str("gain is in dBi, like 2.15 or -1, at most 99"),
            Self::Value(name) => {
                let unit = match *name {
                    "freq" | "bw" => " of hertz",
                    "txp" => " of dBm",
                    _ => "",
                };
                write!(f, "{name} is a whole number{unit}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

fn list<'a>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    for (at, name) in names.enumerate() {
        write!(f, "{}{name}", if at == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl std::error::Error for RnodeTargetError {}

/// Where modems listen.
const TCP_PORT: u16 = 7_633;

/// As the system has it, less than PATH_MAX so that status lines stay readable.
const PATH_LEN_MAX: usize = 512;

/// No antenna has more.
const GAIN_MAX_DBI: i16 = 99;

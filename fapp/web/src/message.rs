//! What page and core say to each other: the length of a JSON object (u32, little endian), the object, and bytes.

use fapp::{UnixSeconds, query::SlotQuery, trust::Tier, vocabulary::Term};
use serde::Deserialize;

/// An operation, as the page asks for it. Fields that an operation does not need are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// Which one.
    pub op: String,
    /// The page's clock, in seconds since 1970.
    pub now: u64,
    /// 32 random bytes in hexadecimal digits.
    pub seed: String,
    /// Any text: a postal code, contact data.
    pub text: String,
    /// Names a slot, a reservation or a node, in hexadecimal digits.
    pub id: String,
    /// Names a question that was asked.
    pub token: u64,
    /// How many nonces to try.
    pub tries: u32,
    /// Mailbox nodes for answers, the best first.
    pub mailboxes: Vec<String>,
    /// What is looked for.
    pub query: Query,
    /// What was stored: keys and values in hexadecimal digits.
    pub rows: Vec<(String, String)>,
}

/// A search, in the words of the page. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// First digits of the postal code.
    pub plz_prefix: Option<String>,
    /// Around this postal code.
    pub plz: Option<String>,
    /// How far around it, in kilometres.
    pub radius_km: Option<u16>,
    /// Training.
    pub beruf: Option<String>,
    /// Verfahren.
    pub fachrichtung: Option<String>,
    /// Where and how.
    pub modalitaet: Option<String>,
    /// Who pays.
    pub kostentraeger: Option<String>,
    /// Who is treated.
    pub gruppe: Option<String>,
    /// In which company.
    pub setting: Option<String>,
    /// What for.
    pub leistung: Option<String>,
    /// How the practice is reached.
    pub zugang: Option<String>,
    /// A language, two letters.
    pub sprache: Option<String>,
    /// Slots that begin at or after this.
    pub from: Option<u64>,
    /// Slots that begin before this.
    pub to: Option<u64>,
    /// At least this tier.
    pub trust: Option<u8>,
    /// At most this many.
    pub limit: u16,
}

impl Query {
    /// The same as the core searches.
    ///
    /// # Errors
    /// A sentence for whoever searches.
    pub fn read(&self) -> Result<SlotQuery, String> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let tier = |number: u8| {
            let tier = Tier::ALL.iter().copied().find(|tier| tier.number() == number);
            tier.ok_or_else(|| String::from("trust is 0 to 3"))
        };
        Ok(SlotQuery {
            plz_prefix: filled(&self.plz_prefix),
            plz: filled(&self.plz),
            radius_km: self.radius_km,
            beruf: word(self.beruf.as_ref())?,
            fachrichtung: word(self.fachrichtung.as_ref())?,
            modalitaet: word(self.modalitaet.as_ref())?,
            kostentraeger: word(self.kostentraeger.as_ref())?,
            gruppe: word(self.gruppe.as_ref())?,
            setting: word(self.setting.as_ref())?,
            leistung: word(self.leistung.as_ref())?,
            zugang: word(self.zugang.as_ref())?,
            sprache: filled(&self.sprache),
            from: self.from.map(UnixSeconds),
            to: self.to.map(UnixSeconds),
            trust: self.trust.map(tier).transpose()?,
            limit: self.limit,
        })
    }
}

fn word<T: Term>(text: Option<&String>) -> Result<Option<T>, String> {
    let filled = text.filter(|text| !text.is_empty());
    filled.map(|text| T::parse(text).map_err(|error| error.to_string())).transpose()
}

/// Takes a message apart.
///
/// # Errors
/// A sentence for whoever writes pages.
pub fn read(message: &[u8]) -> Result<(Call, &[u8]), String> {
    let (len, rest) = message.split_first_chunk().ok_or("a message has a length")?;
    let len = u32::from_le_bytes(*len) as usize;
    let (json, bytes) = rest.split_at_checked(len).ok_or("a message is as long as it says")?;
    let call = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok((call, bytes))
}

/// Puts one together.
pub fn write(json: &serde_json::Value, bytes: &[u8]) -> Vec<u8> {
    let json = json.to_string().into_bytes();
    let mut out = Vec::with_capacity(4 + json.len() + bytes.len());
    // A JSON object of ours is far below 4 GiB: its lists are bounded.
    out.extend_from_slice(&(json.len() as u32).to_le_bytes());
    out.extend_from_slice(&json);
    out.extend_from_slice(bytes);
    out
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Hexadecimal digits as bytes; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
    let digits: Option<Vec<u8>> = text.as_bytes().iter().map(digit).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The same for a fixed number of them.
///
/// # Errors
/// A sentence.
pub fn unhex_array<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| format!("this takes {} hexadecimal digits", 2 * N))
}

//! Rows of alerts (`FAP-94`): `n` the counter, `s` an alert, `r` a slot that one has reported. `s` comes
//! behind `r` in the alphabet, so that a driver that plays rows back from the last key to the first, as it
//! does with tombstones, restores alerts before what they reported.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use mesh::{
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use super::{AlertBook, AlertId, Reported};
use crate::{
    SlotId, UnixSeconds, query::SlotQuery, reservation::Row, trust::Tier, vocabulary::Term,
};

const FORMAT: u8 = 1;
const COUNTER: u8 = b'n';
const ALERT: u8 = b's';
const REPORTED: u8 = b'r';
/// Longest text of a query: a postal code, its first digits, a language.
const TEXT_LEN_MAX: usize = 5;

pub(super) enum Stored {
    Counter(u32),
    Alert(AlertId, String, SlotQuery),
    Reported(Reported),
}

pub(super) fn put_counter(next: u32) -> Row {
    Row::put(alloc::vec![COUNTER], next.to_le_bytes().to_vec())
}

pub(super) fn put_alert(id: AlertId, label: &str, query: &SlotQuery) -> Row {
    let mut value = Vec::new();
    Writer::new(&mut value).u8(FORMAT).prefixed(label.as_bytes());
    write(query, &mut value);
    Row::put(alert_key(id), value)
}

pub(super) fn delete_alert(id: AlertId) -> Row {
    Row::delete(alert_key(id))
}

pub(super) fn put_reported(hit: &Reported) -> Row {
    let mut value = Vec::with_capacity(40);
    Writer::new(&mut value).array(&hit.therapist).u64(hit.start.0);
    Row::put(reported_key(hit.alert, &hit.slot), value)
}

pub(super) fn delete_reported(id: AlertId, slot: &SlotId) -> Row {
    Row::delete(reported_key(id, slot))
}

fn alert_key(id: AlertId) -> Vec<u8> {
    [&[ALERT][..], &id.0.to_le_bytes()].concat()
}

fn reported_key(id: AlertId, slot: &SlotId) -> Vec<u8> {
    [&[REPORTED][..], &id.0.to_le_bytes(), &slot.0].concat()
}

impl Stored {
    pub(super) fn parse(key: &[u8], value: &[u8]) -> Result<Self, Error> {
        let (mut k, mut v) = (Reader::new(key), Reader::new(value));
        let stored = match k.u8("alert row")? {
            COUNTER => Self::Counter(v.u32("alert counter")?),
            ALERT => {
                let id = AlertId(k.u32("alert id")?);
                let format = v.u8("alert format")?;
                if format != FORMAT {
                    return Err(Unsupported::Version(format).into());
                }
                let label = v.prefixed(AlertBook::LABEL_LEN_MAX, "alert label")?;
                Self::Alert(id, text(label)?, read(&mut v)?)
            }
            REPORTED => Self::Reported(Reported {
                alert: AlertId(k.u32("alert id")?),
                slot: SlotId(k.array("slot id")?),
                therapist: v.array("therapist")?,
                start: UnixSeconds(v.u64("slot start")?),
            }),
            _ => return Err(Malformed::OutOfRange("alert row").into()),
        };
        k.finish("alert key")?;
        v.finish("alert row")?;
        Ok(stored)
    }
}

/// A field is a byte 0 when it does not matter, or 1 and its value.
fn write(query: &SlotQuery, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    for text in [&query.plz_prefix, &query.plz, &query.sprache] {
        match text {
            None => w.u8(0),
            Some(text) => w.u8(1).prefixed(text.as_bytes()),
        };
    }
    match query.radius_km {
        None => w.u8(0),
        Some(km) => w.u8(1).u16(km),
    };
    for at in [query.from, query.to] {
        match at {
            None => w.u8(0),
            Some(at) => w.u8(1).u64(at.0),
        };
    }
    let number = |term: Option<u8>| term.map_or([0, 0], |number| [1, number]);
    w.array(&number(query.beruf.map(Term::number)));
    w.array(&number(query.fachrichtung.map(Term::number)));
    w.array(&number(query.modalitaet.map(Term::number)));
    w.array(&number(query.kostentraeger.map(Term::number)));
    w.array(&number(query.gruppe.map(Term::number)));
    w.array(&number(query.setting.map(Term::number)));
    w.array(&number(query.leistung.map(Term::number)));
    w.array(&number(query.zugang.map(Term::number)));
    w.array(&number(query.trust.map(Tier::number)));
}

fn read(r: &mut Reader<'_>) -> Result<SlotQuery, Malformed> {
    let short = |r: &mut Reader<'_>| -> Result<Option<String>, Malformed> {
        if is_there(r)? {
            text(r.prefixed(TEXT_LEN_MAX, "alert text")?).map(Some)
        } else {
            Ok(None)
        }
    };
    let time = |r: &mut Reader<'_>| -> Result<Option<UnixSeconds>, Malformed> {
        if is_there(r)? { Ok(Some(UnixSeconds(r.u64("alert time")?))) } else { Ok(None) }
    };
    Ok(SlotQuery {
        plz_prefix: short(r)?,
        plz: short(r)?,
        sprache: short(r)?,
        radius_km: if is_there(r)? { Some(r.u16("alert radius")?) } else { None },
        from: time(r)?,
        to: time(r)?,
        beruf: term(r)?,
        fachrichtung: term(r)?,
        modalitaet: term(r)?,
        kostentraeger: term(r)?,
        gruppe: term(r)?,
        setting: term(r)?,
        leistung: term(r)?,
        zugang: term(r)?,
        trust: numbered(r, &Tier::ALL, Tier::number)?,
        limit: 0,
    })
}

fn is_there(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8("alert field")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::NonCanonical("alert field")),
    }
}

fn term<T: Term>(r: &mut Reader<'_>) -> Result<Option<T>, Malformed> {
    numbered(r, T::ALL, T::number)
}

fn numbered<T: Copy>(
    r: &mut Reader<'_>,
    all: &[T],
    number: impl Fn(T) -> u8,
) -> Result<Option<T>, Malformed> {
    let is_there = is_there(r)?;
    let wanted = r.u8("alert word")?;
    if !is_there {
        return if wanted == 0 { Ok(None) } else { Err(Malformed::NonCanonical("alert word")) };
    }
    let known = all.iter().copied().find(|known| number(*known) == wanted);
    known.map(Some).ok_or(Malformed::OutOfRange("alert word"))
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let text = core::str::from_utf8(bytes).map_err(|_| Malformed::OutOfRange("alert text"))?;
    Ok(text.to_owned())
}

//! The announce as bytes (`FAP-31`).

use alloc::{boxed::Box, vec::Vec};

use mesh::{
    Address,
    crypto::hash::{Domain, digest32},
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use super::{ANNOUNCE_LEN_MAX, MAILBOXES_MAX, Profile, SLOTS_MAX, SlotAnnounce, check};
use crate::{
    AnnounceId, UnixSeconds,
    plz::Plz,
    slot::Slot,
    vocabulary::{Sprachen, Terms},
};

/// Version 1 of type 1.
pub(super) const FORMAT: [u8; 2] = [1, 1];
const SIGNATURE_LEN: usize = 64;

impl SlotAnnounce {
    /// Reads an announce; its signature is not verified.
    ///
    /// # Errors
    /// [`Malformed`] bytes, a rule that a well-formed announce keeps, or [`Unsupported::Version`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > ANNOUNCE_LEN_MAX {
            return Err(Malformed::TooLong("announce").into());
        }
        let mut r = Reader::new(bytes);
        let format: [u8; 2] = r.array("announce format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format[0]).into());
        }
        let (therapist, sub_key) = (r.array("therapist")?, r.array("sub-key")?);
        let sequence = r.u32("sequence")?;
        let issued = UnixSeconds(u64::from(r.u32("issued")?) * 60);
        let expires = UnixSeconds(issued.0 + u64::from(r.u16("lifetime")?) * 3_600);
        let plz = Plz::from_number(u24(&mut r, "PLZ")?).ok_or(Malformed::OutOfRange("PLZ"))?;
        let profile = read_profile(&mut r)?;
        let credential_ref = r.array("credential")?;
        let mailboxes = read_mailboxes(&mut r)?;
        let slots = read_slots(&mut r, issued)?;
        let signature = r.array("signature")?;
        r.finish("announce")?;
        let announce = Self {
            therapist,
            sub_key,
            sequence,
            issued,
            expires,
            plz,
            profile,
            credential_ref,
            mailboxes,
            slots,
            signature,
            id: AnnounceId(digest(&bytes[..bytes.len() - SIGNATURE_LEN])),
        };
        check::well_formed(&announce)?;
        Ok(announce)
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.signed_bytes();
        out.extend_from_slice(&self.signature);
        out
    }

    /// Fixed-width fields, all but the signature.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ANNOUNCE_LEN_MAX);
        let minutes = self.issued.0 / 60;
        let hours = (self.expires.0 - self.issued.0) / 3_600;
        Writer::new(&mut out)
            .array(&FORMAT)
            .array(&self.therapist)
            .array(&self.sub_key)
            .u32(self.sequence)
            .u32(minutes as u32)
            .u16(hours as u16)
            .bytes(&self.plz.number().to_le_bytes()[..3]);
        write_profile(&self.profile, &mut out);
        let mut w = Writer::new(&mut out);
        w.array(&self.credential_ref).u8(self.mailboxes.len() as u8);
        self.mailboxes.iter().for_each(|mailbox| {
            w.array(mailbox.as_bytes());
        });
        w.u8(self.slots.len() as u8);
        for slot in &self.slots {
            let after = (slot.start.0 - self.issued.0) / 60;
            w.bytes(&(after as u32).to_le_bytes()[..3])
                .u8(slot.duration_min as u8)
                .u8(slot.leistung << 4 | slot.modalitaeten.bits() as u8);
        }
        out
    }
}

pub(super) fn digest(signed: &[u8]) -> [u8; 32] {
    digest32(Domain::FappAnnounce, &[signed])
}

fn u24(r: &mut Reader<'_>, what: &'static str) -> Result<u32, Malformed> {
    let [a, b, c] = r.array(what)?;
    Ok(u32::from_le_bytes([a, b, c, 0]))
}

fn read_profile(r: &mut Reader<'_>) -> Result<Profile, Malformed> {
    let beruf = Terms::from_bits(r.u8("Beruf")?.into());
    let fachrichtungen = Terms::from_bits(r.u16("Fachrichtung")?);
    let modalitaeten = Terms::from_bits(r.u8("Modalitaet")?.into());
    let kostentraeger = Terms::from_bits(r.u16("Kostentraeger")?);
    let whom = r.u8("Gruppe and Setting")?;
    let zugang = Terms::from_bits(r.u8("Zugang")?.into());
    let sprachen = Sprachen::from_bits(r.u32("languages")?);
    Ok(Profile {
        beruf,
        fachrichtungen,
        modalitaeten,
        kostentraeger,
        gruppen: Terms::from_bits((whom & 15).into()),
        settings: Terms::from_bits((whom >> 4).into()),
        zugang,
        sprachen: sprachen.ok_or(Malformed::OutOfRange("languages"))?,
    })
}

fn write_profile(profile: &Profile, out: &mut Vec<u8>) {
    let whom = profile.settings.bits() << 4 | profile.gruppen.bits();
    Writer::new(out)
        .u8(profile.beruf.bits() as u8)
        .u16(profile.fachrichtungen.bits())
        .u8(profile.modalitaeten.bits() as u8)
        .u16(profile.kostentraeger.bits())
        .u8(whom as u8)
        .u8(profile.zugang.bits() as u8)
        .u32(profile.sprachen.bits());
}

fn read_mailboxes(r: &mut Reader<'_>) -> Result<Box<[Address]>, Malformed> {
    let count = usize::from(r.u8("mailbox count")?);
    if count > MAILBOXES_MAX {
        return Err(Malformed::OutOfRange("mailbox count"));
    }
    (0..count).map(|_| Ok(Address::from_bytes(r.array("mailbox")?))).collect()
}

fn read_slots(r: &mut Reader<'_>, issued: UnixSeconds) -> Result<Box<[Slot]>, Malformed> {
    let count = usize::from(r.u8("slot count")?);
    if count > SLOTS_MAX {
        return Err(Malformed::OutOfRange("slot count"));
    }
    let read = |r: &mut Reader<'_>| {
        let start = UnixSeconds(issued.0 + u64::from(u24(r, "slot start")?) * 60);
        let duration_min = r.u8("slot duration")?.into();
        let what = r.u8("slot purpose")?;
        let modalitaeten = Terms::from_bits((what & 15).into());
        Ok(Slot { start, duration_min, modalitaeten, leistung: what >> 4 })
    };
    (0..count).map(|_| read(r)).collect()
}

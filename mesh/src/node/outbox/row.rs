//! Rows of [`crate::Table::Outbox`].

use alloc::vec::Vec;
use core::time::Duration;

use super::Kind;
use crate::{
    address::Address,
    command::SendOptions,
    envelope::Priority,
    error::{Error, Malformed},
    limits,
    node::inner::MessageHead,
    wire::{Reader, Writer},
};

const FLAG_SIGNED: u8 = 1;
const FLAG_SEALED: u8 = 2;
const FLAG_FORWARDED: u8 = 4;
const FLAG_ASKS_PROOF: u8 = 8;
const FLAG_PROOF: u8 = 16;
const FLAG_INTRODUCTION: u8 = 32;
const FLAG_ANSWER: u8 = 64;
const FLAGS: u8 = 127;
/// At most one of them says what the message is.
const FLAGS_KIND: u8 = FLAG_FORWARDED | FLAG_PROOF | FLAG_INTRODUCTION | FLAG_ANSWER;

pub(super) fn encode(
    to: &Address,
    head: &MessageHead,
    kind: Kind,
    options: &SendOptions,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(48 + payload.len());
    let mut w = Writer::new(&mut out);
    w.array(to.as_bytes());
    w.u64(head.lineage);
    w.varint(head.counter);
    w.varint(options.lifetime.as_secs());
    w.u8(options.priority as u8);
    let signed = if options.signed { FLAG_SIGNED } else { 0 };
    let sealed = if options.sealed { FLAG_SEALED } else { 0 };
    let asks = if options.proof { FLAG_ASKS_PROOF } else { 0 };
    let kind = match kind {
        Kind::User => 0,
        Kind::Forwarded => FLAG_FORWARDED,
        Kind::Proof => FLAG_PROOF,
        Kind::Introduction => FLAG_INTRODUCTION,
        Kind::Answer => FLAG_ANSWER,
    };
    w.u8(signed | sealed | asks | kind);
    w.bytes(payload);
    out
}

pub(super) type Decoded = (Address, MessageHead, Kind, SendOptions, Vec<u8>);

pub(super) fn decode(value: &[u8]) -> Result<Decoded, Error> {
    let mut r = Reader::new(value);
    let to = Address::from_bytes(r.array("recipient")?);
    let (lineage, counter) = (r.u64("lineage")?, r.varint("message counter")?);
    let lifetime = Duration::from_secs(r.varint("lifetime")?);
    let priority = *Priority::ALL
        .get(usize::from(r.u8("priority")?))
        .ok_or(Malformed::OutOfRange("priority"))?;
    let flags = r.u8("flags")?;
    let payload = r.rest();
    if flags & !FLAGS != 0 || lifetime > limits::LIFETIME_MAX {
        return Err(Malformed::OutOfRange("outbox row").into());
    }
    if payload.len() > limits::ENVELOPE_LEN_MAX {
        return Err(Malformed::TooLong("payload").into());
    }
    let (signed, sealed) = (flags & FLAG_SIGNED != 0, flags & FLAG_SEALED != 0);
    let proof = flags & FLAG_ASKS_PROOF != 0;
    let options = SendOptions { priority, lifetime, durable: true, signed, proof, sealed };
    let kind = match flags & FLAGS_KIND {
        0 => Kind::User,
        FLAG_FORWARDED => Kind::Forwarded,
        FLAG_PROOF => Kind::Proof,
        FLAG_INTRODUCTION => Kind::Introduction,
        FLAG_ANSWER => Kind::Answer,
        _ => return Err(Malformed::OutOfRange("outbox row").into()),
    };
    Ok((to, MessageHead { lineage, counter, floor: 0 }, kind, options, payload.to_vec()))
}

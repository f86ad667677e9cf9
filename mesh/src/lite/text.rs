//! What is inside a lite envelope (`MLL-10` to `MLL-13`): the plaintext of [NODE-03], or a message
//! that is named by reference.
//!
//! ```text
//! first byte   rest
//! 1 … 31       NODE-03's text
//! 12           note: anchor u32 | generation u8 (1 … 7) | NODE-03's text
//! g·32 + m     payload; m: the low five bits of the message's counter, g: a generation
//! ```
//!
//! A note agrees on a *reference*: its message's lineage and counter, and the counter of the
//! envelope (its anchor). Messages that follow in order need no name of their own.

use alloc::vec::Vec;

use crate::{
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

/// NODE-03's kind of a user's message.
const MESSAGE: u8 = 1;

/// A note, in lite and in full sessions.
const NOTE: u8 = 12;

/// Generations: 1 to 7.
const GENERATIONS: usize = 7;

/// The generation of what the first frame of a handshake tells without a word.
const FIRST_GENERATION: u8 = 1;

/// How far above a reference its messages are named by it. After that the sender tells its floor
/// again (`NODE-05`).
const REACH: u32 = 64;

/// A message is named if its counter is at most so much above what the envelope's counter lets
/// expect. Below it may be by 31 less that: what is sent again, and what is no message.
const ABOVE: u64 = 7;

/// A reference that was told is told again after so many envelopes without a receipt.
const TELL_AGAIN: u32 = 8;

/// Which message goes with which envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    lineage: u64,
    /// A message's counter.
    counter: u64,
    /// Its envelope's counter.
    anchor: u32,
}

/// Lineage and counter of a message.
pub(crate) type MessageName = (u64, u64);

/// The name of the message that a NODE-03 text is, if it is one that asks for nothing else.
pub(crate) fn name_of(text: &[u8]) -> Option<MessageName> {
    let mut reader = Reader::new(text);
    let name = read_name(&mut reader)?;
    reader.varint("floor").ok()?;
    Some(name)
}

impl Reference {
    /// Of a message that came before the first envelope.
    const fn of_first((lineage, counter): MessageName) -> Self {
        Self { lineage, counter, anchor: 0 }
    }

    /// The counter of the message in the envelope of `at` whose low five bits are `low`.
    fn resolve(&self, at: u32, low: u8) -> Option<u64> {
        let steps = at.checked_sub(self.anchor).filter(|steps| *steps < REACH)?;
        let top = self.counter.checked_add(u64::from(steps))?.checked_add(ABOVE)?;
        // The highest number up to `top` with these low bits.
        top.checked_sub(top.wrapping_sub(u64::from(low)) % 32).filter(|found| *found < u64::MAX)
    }

    const fn is_young(&self, at: u32) -> bool {
        at.saturating_sub(self.anchor) < TELL_AGAIN
    }
}

/// The sender's side: what it told and what of that has arrived.
#[derive(Default)]
pub(super) struct Sent {
    /// The newest that has arrived.
    agreed: Option<(u8, Reference)>,
    /// The newest told; earlier ones that arrive late are of no use.
    told: Option<(u8, Reference)>,
}

/// How a text goes into an envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Bytes that replace the first `skip` bytes of the text.
    pub(super) head: Vec<u8>,
    pub(super) skip: usize,
    /// The generation of the reference that it tells.
    pub(super) generation: Option<u8>,
}

impl Sent {
    /// The form of a text whose first part is `head`, in the envelope of `counter`.
    pub(super) fn form(&mut self, counter: u32, head: &[u8]) -> Form {
        let plain = Form { head: Vec::new(), skip: 0, generation: None };
        let Some((lineage, message)) = read_head(head) else { return plain };
        if let Some((generation, reference)) = self.agreed.filter(|(_, r)| r.lineage == lineage) {
            let low = (message % 32) as u8;
            if reference.resolve(counter, low) == Some(message) {
                let byte = generation << 5 | low;
                return Form { head: alloc::vec![byte], skip: head.len(), generation: None };
            }
        }
        if self.told.is_some_and(|(_, told)| told.lineage == lineage && told.is_young(counter)) {
            // Its receipt may be on the way.
            return plain;
        }
        self.note(counter, (lineage, message))
    }

    /// The peer may not have what it was told.
    pub(super) const fn forget(&mut self) {
        self.agreed = None;
    }

    /// A note that the message of this name goes with the envelope of `anchor`.
    fn note(&mut self, anchor: u32, (lineage, counter): (u64, u64)) -> Form {
        let last = self.told.map_or(0, |(generation, _)| generation);
        let generation = last % GENERATIONS as u8 + 1;
        self.told = Some((generation, Reference { lineage, counter, anchor }));
        let mut head = Vec::with_capacity(NOTE_LEN);
        Writer::new(&mut head).u8(NOTE).u32(anchor).u8(generation);
        Form { head, skip: 0, generation: Some(generation) }
    }

    /// The note for a text that goes in a full session; other texts than messages carry none.
    pub(super) fn note_beside(&mut self, anchor: u32, head: &[u8]) -> Option<Form> {
        read_head(head).map(|name| self.note(anchor, name))
    }

    /// The first frame of a handshake had a message of this name: that is the first reference.
    pub(super) const fn agree(&mut self, name: MessageName) {
        self.told = Some((FIRST_GENERATION, Reference::of_first(name)));
        self.agreed = self.told;
    }

    /// The envelope that told a reference has arrived.
    pub(super) fn on_arrived(&mut self, generation: u8) {
        self.agreed = self.told.filter(|(told, _)| *told == generation).or(self.agreed);
    }
}

/// Lineage and counter of a user's message that asks for nothing else, from the part before its
/// payload.
fn read_head(head: &[u8]) -> Option<MessageName> {
    let mut reader = Reader::new(head);
    let name = read_name(&mut reader)?;
    reader.varint("floor").ok()?;
    reader.finish("head").ok()?;
    Some(name)
}

fn read_name(reader: &mut Reader<'_>) -> Option<MessageName> {
    let message = reader.u8("kind").ok()? == MESSAGE;
    let name = (reader.u64("lineage").ok()?, reader.varint("counter").ok()?);
    message.then_some(name)
}

/// The recipient's side: the newest reference of each generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct References([Option<Reference>; GENERATIONS]);

impl References {
    /// NODE-03's text of what the envelope of `counter` held.
    pub(super) fn read_text(&mut self, counter: u32, mut text: Vec<u8>) -> Result<Vec<u8>, Error> {
        let first = *text.first().ok_or(Malformed::MissingData("lite kind"))?;
        if first == NOTE {
            self.take_note(&mut text)?;
            return Ok(text);
        }
        let (generation, low) = (first >> 5, first % 32);
        let Some(slot) = usize::from(generation).checked_sub(1) else { return Ok(text) };
        // Lost in a crash, or of another life of the peer: it has to tell it again.
        let reference = self.0[slot].ok_or(Unsupported::UnknownSession)?;
        let message = reference.resolve(counter, low).ok_or(Unsupported::UnknownSession)?;
        let mut long = Vec::with_capacity(20 + text.len());
        Writer::new(&mut long).u8(MESSAGE).u64(reference.lineage).varint(message).varint(0);
        long.extend_from_slice(&text[1..]);
        Ok(long)
    }

    /// Takes the note off a text; gives its anchor. A text without one stays as it is.
    pub(super) fn take_note(&mut self, text: &mut Vec<u8>) -> Result<u32, Error> {
        let mut reader = Reader::new(text);
        if reader.u8("note kind")? != NOTE {
            return Err(Malformed::OutOfRange("note kind").into());
        }
        let anchor = reader.u32("note anchor")?;
        let generation = reader.u8("note generation")?;
        if reader.u8("noted kind")? != MESSAGE {
            return Err(Malformed::OutOfRange("noted kind").into());
        }
        let lineage = reader.u64("lineage")?;
        let counter = reader.varint("message counter")?;
        let slot = usize::from(generation).checked_sub(1).filter(|slot| *slot < GENERATIONS);
        let slot = slot.ok_or(Malformed::OutOfRange("note generation"))?;
        if self.0[slot].is_none_or(|known| known.anchor < anchor) {
            self.0[slot] = Some(Reference { lineage, counter, anchor });
        }
        text.drain(..NOTE_LEN);
        Ok(anchor)
    }

    /// The first frame of a handshake had a message of this name.
    pub(super) const fn agree(&mut self, name: MessageName) {
        self.0[FIRST_GENERATION as usize - 1] = Some(Reference::of_first(name));
    }

    /// Appends one byte for each generation, 1 if there is a reference, which follows.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        for slot in &self.0 {
            match slot {
                None => writer.u8(0),
                Some(Reference { lineage, counter, anchor }) => {
                    writer.u8(1).u64(*lineage).u64(*counter).u32(*anchor)
                }
            };
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut references = Self::default();
        for slot in &mut references.0 {
            *slot = match reader.u8("lite reference")? {
                0 => None,
                1 => Some(Reference {
                    lineage: reader.u64("reference lineage")?,
                    counter: reader.u64("reference counter")?,
                    anchor: reader.u32("reference anchor")?,
                }),
                _ => return Err(Malformed::OutOfRange("lite reference").into()),
            };
        }
        Ok(references)
    }
}

/// Kind, anchor, generation.
const NOTE_LEN: usize = 1 + 4 + 1;

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;

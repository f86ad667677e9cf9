//! Messages of ours that a relay keeps, across restarts (`NODE-13`).
//!
//! A restarted sender that forgot who keeps what would seal and send its whole outbox again, and
//! every relay on the way would keep one more copy. So it is written down, but only when the
//! receipt takes its time: most are here before a row would be worth writing.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{CUSTODY_PAUSE_MIN, Flight, Outbox};
use crate::{
    address::Address,
    envelope::{EnvelopeId, MessageId},
    error::{Error, Malformed},
    record::{Record, Table},
    time::Instant,
    view::{MessageState, TryResult, WaitingFor},
    wire::{Reader, Writer},
};

/// A message in custody is written down when its receipt is not here by then.
pub(super) const NOTED_AFTER: Duration = Duration::from_secs(1);

impl Outbox {
    /// Writes down what has been in custody for a while.
    pub(in crate::node) fn note_departed(&mut self, now: Instant) {
        while let Some((_, id)) = self.departed.pop_front_if(|(at, _)| *at <= now) {
            let Some(message) = self.messages.get_mut(&id) else { continue };
            let Some(Flight { lock, envelope: Some(envelope), custody: true, .. }) = message.flight
            else {
                continue;
            };
            if !message.options.durable {
                continue;
            }
            let custodian = message.tries.back().and_then(|past| past.next_hop);
            let value = Some(encode(&lock, &envelope, custodian.unwrap_or(message.to)));
            message.is_noted = true;
            self.records.push(Record { table: Table::Departed, key: id.0.to_vec(), value });
        }
    }

    /// Plays back one row of [`Table::Departed`]: the message is in custody and will be repeated
    /// after the usual pause, counted from now.
    pub(in crate::node) fn restore_departed(
        &mut self,
        now: Instant,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Error> {
        let (lock, envelope, custodian) = decode(value)?;
        let id = MessageId(key.try_into().map_err(|_| Malformed::OutOfRange("departed row key"))?);
        let message = self.messages.get_mut(&id).ok_or(Malformed::OutOfRange("departed row"))?;
        message.flight = Some(Flight {
            lock,
            envelope: Some(envelope),
            session: None,
            lite: None,
            link: None,
            sent_at: None,
            custody: true,
        });
        message.is_noted = true;
        message.state = MessageState::InCustody;
        message.waiting_for = WaitingFor::Receipt;
        message.note(now, Some(custodian), TryResult::Custody);
        message.locks = VecDeque::from([lock]);
        self.in_custody += 1;
        self.by_lock.insert(lock, id);
        self.by_envelope.insert(envelope, id);
        self.set_timer(id, now + CUSTODY_PAUSE_MIN);
        Ok(())
    }
}

fn encode(lock: &[u8; 16], envelope: &EnvelopeId, custodian: Address) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    let mut w = Writer::new(&mut out);
    w.array(lock);
    w.array(&envelope.0);
    w.array(custodian.as_bytes());
    out
}

fn decode(value: &[u8]) -> Result<([u8; 16], EnvelopeId, Address), Malformed> {
    let mut r = Reader::new(value);
    let lock = r.array("lock")?;
    let envelope = EnvelopeId(r.array("envelope id")?);
    let custodian = Address::from_bytes(r.array("custodian")?);
    r.finish("departed row")?;
    Ok((lock, envelope, custodian))
}

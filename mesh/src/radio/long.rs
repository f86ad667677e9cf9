//! Frames too long for one payload, in pieces with repair.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    AirClass, NeighbourId, RadioEvent, RadioPort,
    neighbour::Long,
    wire::{BODY_MAX, PAYLOAD_LEN_MAX},
};
use crate::{
    compact::{
        self, CompactType, DecodeError,
        pieces::{Outgoing, Progress, Verdict, parity_pays},
    },
    error::Error,
    time::Instant,
};

impl RadioPort {
    /// How long the next piece of a neighbour may take, others' turns between included.
    fn pause(&self) -> Duration {
        (self.timing.air_max + self.timing.gap + self.timing.slot * 8) * 2
    }

    pub(super) fn start_pieces(&mut self, now: Instant, id: NeighbourId, long: Long<Vec<u8>>) {
        let Long { pieces: message, class, turn, lock, introduces } = long;
        let pause = self.pause();
        let piece_us = self.config.modulation.time_on_air_us(PAYLOAD_LEN_MAX + 1);
        let ask_us = u64::try_from(self.timing.ack_timeout(self.timing.ack_air).as_micros());
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let count = u16::try_from(message.len().div_ceil(BODY_MAX)).unwrap_or(u16::MAX);
        // In thousandths; averaged over frames, so that one lost frame is no reason for parity.
        let loss = u16::from(u8::MAX - neighbour.success) * 4;
        let parity = parity_pays(count, loss, piece_us, ask_us.unwrap_or(u64::MAX >> 24));
        let message_id = neighbour.next_message;
        neighbour.next_message = message_id.wrapping_add(1);
        let outgoing = Outgoing::new(now, message_id, message, BODY_MAX, parity, pause);
        neighbour.outgoing = outgoing.map(|pieces| Long { pieces, class, turn, lock, introduces });
    }

    /// Puts the next piece for a neighbour on the air.
    pub(super) fn begin_piece(
        &mut self,
        now: Instant,
        id: NeighbourId,
        buf: &mut Vec<u8>,
    ) -> Option<AirClass> {
        let neighbour = self.neighbours.get_mut(&id)?;
        let long = neighbour.outgoing.as_mut()?;
        let (class, mut body) = (long.class, Vec::with_capacity(BODY_MAX));
        if !long.pieces.poll(now, &mut body) {
            return None;
        }
        let bytes = neighbour.payload(self.me.hint(), CompactType::PIECE, &body);
        buf.extend_from_slice(&bytes);
        self.spend(Some(id), bytes.len());
        Some(class)
    }

    pub(super) fn on_piece(
        &mut self,
        now: Instant,
        id: NeighbourId,
        body: &[u8],
    ) -> Result<(), Error> {
        let pause = self.pause();
        let Some(neighbour) = self.neighbours.get_mut(&id).filter(|n| n.up) else { return Ok(()) };
        let Progress::Whole(message) = self.incoming.on_piece(now, id.0, body, pause)? else {
            return Ok(());
        };
        let Some((first, body)) = message.split_first() else { return Ok(()) };
        let mut frame = Vec::new();
        let of = compact::split_type(*first)?;
        match compact::decode(of, body, &mut neighbour.labels, &mut frame) {
            Ok(()) => self.deliver(id, frame),
            Err(DecodeError::Unknown(unknown)) => self.say_unknown(id, &unknown),
            Err(DecodeError::Error(error)) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn on_repair(
        &mut self,
        now: Instant,
        id: NeighbourId,
        body: &[u8],
    ) -> Result<(), Error> {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        if let Some(long) = &mut neighbour.outgoing {
            long.pieces.on_repair(now, body)?;
        }
        self.finish_pieces(now, id);
        Ok(())
    }

    /// Forgets a message that is through or given up, and begins the next.
    fn finish_pieces(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let over = |long: &mut Long<Outgoing>| long.pieces.verdict() != Verdict::UnderWay;
        let Some(Long { pieces: done, introduces, lock, .. }) = neighbour.outgoing.take_if(over)
        else {
            return;
        };
        let delivered = done.verdict() == Verdict::Delivered;
        if delivered {
            neighbour.labels.acknowledged(&introduces);
        }
        let (sent, repeated) = done.counts();
        neighbour.on_delivery(delivered && repeated * 4 <= sent);
        self.events.push_back(RadioEvent::Delivery {
            neighbour: id,
            transmissions: if delivered { (1 + repeated * 2 / sent.max(1)) as u8 } else { 4 },
            delivered,
            lock,
        });
        if let Some(long) = neighbour.long.take() {
            self.start_pieces(now, id, long);
        }
        if !delivered {
            self.on_failure(now, id);
        }
    }

    pub(super) fn on_piece_timers(&mut self, now: Instant) {
        self.incoming.handle_timeout(now);
        let ids: Vec<NeighbourId> = self.neighbours.keys().copied().collect();
        for id in ids {
            let outgoing = self.neighbours.get_mut(&id).and_then(|n| n.outgoing.as_mut());
            if let Some(long) = outgoing {
                long.pieces.handle_timeout(now);
                self.finish_pieces(now, id);
            }
        }
    }

    /// What has to be said about pieces that came in.
    pub(super) fn take_repair(&mut self, now: Instant, buf: &mut Vec<u8>) -> bool {
        let mut body = Vec::new();
        while let Some(id) = self.incoming.poll(now, &mut body) {
            if let Some(neighbour) = self.neighbours.get_mut(&NeighbourId(id)) {
                let bytes = neighbour.payload(self.me.hint(), CompactType::REPAIR, &body);
                buf.extend_from_slice(&bytes);
                self.spend(Some(NeighbourId(id)), bytes.len());
                return true;
            }
            self.incoming.forget(id);
            body.clear();
        }
        false
    }
}

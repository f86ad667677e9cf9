//! Meshtastic's frame: a plain header of 16 bytes, then what nobody here needs to decipher.

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A direct message under the two nodes' keys; the load's number of it.
    Direct { message: u32, frame_len: u8 },
    /// An acknowledgement of packet `request`, which every member of the channel can read.
    Ack { request: u32 },
}

/// Whose packet it is: its first sender and the number that sender gave it.
pub(super) type Key = (u32, u32);

/// A packet as one node sends or receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) to: u32,
    pub(super) from: u32,
    pub(super) id: u32,
    pub(super) hop_limit: u8,
    pub(super) hop_start: u8,
    pub(super) want_ack: bool,
    /// Last byte of the node asked to relay; 0 asks everyone.
    pub(super) next_hop: u8,
    /// Last byte of the node that sent this copy.
    pub(super) relay: u8,
    pub(super) body: Body,
    /// How well it was heard, in quarters of a dB; `None` for a packet made here.
    pub(super) heard_snr: Option<i16>,
}

impl Packet {
    pub(super) fn key(&self) -> Key {
        (self.from, self.id)
    }

    /// Hops it came by the time it was heard.
    pub(super) fn hops_away(&self) -> u8 {
        self.hop_start.saturating_sub(self.hop_limit)
    }

    /// Bytes on air.
    pub(super) fn len(&self) -> usize {
        match self.body {
            Body::Direct { frame_len, .. } => usize::from(frame_len),
            Body::Ack { .. } => ACK_LEN,
        }
    }

    /// Goes first when higher: acknowledgements, own text, text of others that wants an answer.
    pub(super) fn priority(&self) -> u8 {
        match (self.body, self.heard_snr) {
            (Body::Ack { .. }, _) => 120,
            (Body::Direct { .. }, None) => 100,
            (Body::Direct { .. }, Some(_)) => 70,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        for word in [self.to, self.from, self.id] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let flags = self.hop_limit & 7 | u8::from(self.want_ack) << 3 | self.hop_start << 5;
        out.extend_from_slice(&[flags, CHANNEL_HASH, self.next_hop, self.relay]);
        let (kind, value) = match self.body {
            Body::Direct { message, .. } => (0, message),
            Body::Ack { request } => (1, request),
        };
        out.push(kind);
        out.extend_from_slice(&value.to_le_bytes());
        out.resize(self.len(), 0);
    }

    pub(super) fn read(frame: &[u8], snr: i16) -> Option<Self> {
        let word = |at: usize| {
            let bytes = frame.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let byte = |at: usize| frame.get(at).copied();
        let (flags, channel, value) = (byte(12)?, byte(13)?, word(17)?);
        if channel != CHANNEL_HASH {
            return None;
        }
        let body = match byte(16)? {
            0 => Body::Direct { message: value, frame_len: u8::try_from(frame.len()).ok()? },
            1 if frame.len() == ACK_LEN => Body::Ack { request: value },
            _ => return None,
        };
        Some(Self {
            to: word(0)?,
            from: word(4)?,
            id: word(8)?,
            hop_limit: flags & 7,
            hop_start: flags >> 5,
            want_ack: flags & 8 != 0,
            next_hop: byte(14)?,
            relay: byte(15)?,
            body,
            heard_snr: Some(snr),
        })
    }
}

/// A direct message's frame: header 16, port 2, bitfield 2, text 2 + length, tag and nonce 12.
pub fn direct_len(text_len: usize) -> usize {
    HEADER_LEN + 2 + 2 + 2 + text_len + 12
}

/// Header 16, port 2, bitfield 2, the routing message "no error" 4, request number 5.
pub const ACK_LEN: usize = HEADER_LEN + 2 + 2 + 4 + 5;
const HEADER_LEN: usize = 16;
const CHANNEL_HASH: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// `RSM-03`: 44, 84, 134, 235 bytes for 10, 50, 100, 200 (the last has a two-byte length).
    #[test]
    fn published_sizes_of_direct_messages() {
        assert_eq!([10, 50, 100].map(direct_len), [44, 84, 134]);
    }

    #[test]
    fn what_is_written_is_read() {
        let packet = Packet {
            to: 7,
            from: 0x0102_0304,
            id: 99,
            hop_limit: 5,
            hop_start: 7,
            want_ack: true,
            next_hop: 3,
            relay: 4,
            body: Body::Direct { message: 12, frame_len: 84 },
            heard_snr: Some(-12),
        };
        let mut frame = Vec::new();
        packet.write(&mut frame);
        assert_eq!(frame.len(), 84);
        assert_eq!(Packet::read(&frame, -12), Some(packet));
        assert_eq!(Packet::read(&frame[..20], 0), None);
    }
}

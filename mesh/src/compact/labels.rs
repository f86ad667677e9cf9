//! What two neighbours remember of each other, so that it need not be said again (`CMP-10`).

use alloc::vec::Vec;

use super::{Unknown, recent::Recent};
use crate::{
    address::Address,
    announce::MeshAnnounce,
    crypto::hash::{self, Domain},
    envelope::HEADER_LEN,
    limits::{
        COMPACT_ANNOUNCES_MAX, COMPACT_HEARD_MAX, COMPACT_LABELS_MAX, COMPACT_SENT_MAX,
        ENVELOPE_LEN_MAX,
    },
    wire::VERSION,
};

/// The codec's memory for one neighbour, both directions, from one start of either side to the next.
///
/// Dropping it is always safe: what the neighbour then refers to is answered with
/// [`Unknown`], and what we send is long once more.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Ours for destinations, and whether the neighbour is known to have them.
    given: Recent<Given>,
    next_label: u16,
    /// The neighbour's for destinations.
    taken: Recent<(u16, Address)>,
    /// Envelopes we sent: what its answers name.
    sent: Recent<Known>,
    /// Envelopes it sent: what our answers name.
    heard: Recent<Known>,
    /// Announces we sent it.
    told: Recent<Told>,
    /// Announces it sent us.
    known: Recent<(Address, MeshAnnounce)>,
    is_broadcast: bool,
}

#[derive(Clone, Copy, Debug)]
struct Given {
    label: u16,
    dest: Address,
    confirmed: bool,
}

/// An envelope by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: [u8; 16],
    pub(super) lock: [u8; 16],
    pub(super) dest: Address,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    address: Address,
    seq: u32,
    /// Of the announce: another one with the same sequence is another one.
    signature: [u8; 8],
    confirmed: bool,
}

/// What a body says for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduced {
    pub(super) label: Option<u16>,
    pub(super) announces: Vec<(Address, u32)>,
}

impl Introduced {
    /// Nothing.
    pub const NONE: Self = Self { label: None, announces: Vec::new() };

    /// Whether there is nothing to confirm.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }
}

/// What an envelope's destination is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) label: u16,
    /// Whether the label alone says enough.
    pub(super) is_known: bool,
}

impl Default for Labels {
    fn default() -> Self {
        Self::new()
    }
}

impl Labels {
    /// For one neighbour, when it or we have just started.
    pub const fn new() -> Self {
        Self {
            given: Recent::new(COMPACT_LABELS_MAX),
            next_label: 0,
            taken: Recent::new(COMPACT_LABELS_MAX),
            sent: Recent::new(COMPACT_SENT_MAX),
            heard: Recent::new(COMPACT_HEARD_MAX),
            told: Recent::new(COMPACT_ANNOUNCES_MAX),
            known: Recent::new(COMPACT_ANNOUNCES_MAX),
            is_broadcast: false,
        }
    }

    /// For what goes to every neighbour in one transmission. It gives no labels and refers to no
    /// envelope, since each neighbour remembers others; announces it may refer to once they count as
    /// acknowledged, and is told by [`Labels::on_unknown`] where one did not arrive.
    ///
    /// Neighbours decode such a body with their [`Labels`] for its sender.
    pub fn for_broadcast() -> Self {
        Self { is_broadcast: true, ..Self::new() }
    }

    /// The neighbour has a body (a hop acknowledgement, or it was heard forwarding the frame): what
    /// the body introduced need not be said again.
    pub fn acknowledged(&mut self, introduced: &Introduced) {
        if let Some(label) = introduced.label
            && let Some(given) = self.given.iter_mut().find(|given| given.label == label)
        {
            given.confirmed = true;
        }
        for (address, seq) in &introduced.announces {
            let told = self.told.iter_mut().find(|it| it.address == *address && it.seq == *seq);
            if let Some(told) = told {
                told.confirmed = true;
            }
        }
    }

    /// The neighbour did not understand a reference of ours: it is said in full from now on.
    pub fn on_unknown(&mut self, unknown: &Unknown) {
        match *unknown {
            Unknown::Label(label) => {
                let given = self.given.iter_mut().find(|given| given.label == label);
                given.into_iter().for_each(|given| given.confirmed = false);
            }
            Unknown::Announce(prefix) => {
                let told =
                    self.told.iter_mut().filter(|it| it.address.as_bytes().starts_with(&prefix));
                told.for_each(|told| told.confirmed = false);
            }
            Unknown::Id(prefix) => self.heard.remove(|it| it.id.starts_with(&prefix)),
            Unknown::Lock(prefix) => self.heard.remove(|it| it.lock.starts_with(&prefix)),
        }
    }

    /// The label for a destination, given now if there was none; `None` for a broadcast.
    pub(super) fn name(&mut self, dest: &Address) -> Option<Named> {
        if self.is_broadcast {
            return None;
        }
        if let Some(given) = self.given.touch(|given| given.dest == *dest) {
            return Some(Named { label: given.label, is_known: given.confirmed });
        }
        let label = self.free_label();
        self.given.push(Given { label, dest: *dest, confirmed: false });
        Some(Named { label, is_known: false })
    }

    /// Numbers go round; one in use is passed by, so that no number ever means two destinations.
    fn free_label(&mut self) -> u16 {
        loop {
            let label = self.next_label;
            self.next_label = label.wrapping_add(1);
            if self.given.find(|given| given.label == label).is_none() {
                return label;
            }
        }
    }

    /// The neighbour gave a destination a label.
    pub(super) fn learn(&mut self, label: u16, dest: Address) {
        self.taken.remove(|(it, _)| *it == label);
        self.taken.push((label, dest));
    }

    /// The destination of one of the neighbour's labels.
    pub(super) fn resolve(&mut self, label: u16) -> Option<Address> {
        self.taken.touch(|(it, _)| *it == label).map(|(_, dest)| *dest)
    }

    /// Remembers an envelope that goes to the neighbour.
    pub(super) fn sent_envelope(&mut self, envelope: &[u8]) {
        if let Some(known) = Known::of(envelope).filter(|_| !self.is_broadcast) {
            self.sent.remove(|it| it.id == known.id);
            self.sent.push(known);
        }
    }

    /// Remembers an envelope that came from the neighbour.
    pub(super) fn heard_envelope(&mut self, envelope: &[u8]) {
        if let Some(known) = Known::of(envelope) {
            self.heard.remove(|it| it.id == known.id);
            self.heard.push(known);
        }
    }

    /// Whether an answer may name an envelope by what `name` takes of it.
    pub(super) fn may_name<const N: usize>(
        &self,
        is_it: impl Fn(&Known) -> bool,
        name: impl Fn(&Known) -> [u8; N],
    ) -> Option<[u8; N]> {
        let short = name(self.heard.find(is_it)?);
        self.heard.find_only(|it| name(it) == short).map(|_| short)
    }

    /// The envelope of ours that an answer names.
    pub(super) fn named(&self, is_it: impl Fn(&Known) -> bool) -> Option<&Known> {
        self.sent.find_only(is_it)
    }

    /// Whether the neighbour is known to have this announce, and nothing else of ours looks like it.
    pub(super) fn has_announce(&mut self, address: &Address, announce: &MeshAnnounce) -> bool {
        let signature = signature_prefix(announce);
        let told = self.told.touch(|it| prefix_of(&it.address) == prefix_of(address));
        told.is_some_and(|it| {
            let is_it = it.address == *address && it.seq == announce.seq;
            is_it && it.signature == signature && it.confirmed
        })
    }

    /// Whether the neighbour has the announce of this address and sequence.
    pub(super) fn has_seq(&self, address: &Address, seq: u32) -> bool {
        let told = self.told.find(|it| prefix_of(&it.address) == prefix_of(address));
        told.is_some_and(|it| it.address == *address && it.seq == seq && it.confirmed)
    }

    /// Remembers an announce that goes to the neighbour, the last one with its prefix.
    pub(super) fn tell(&mut self, address: Address, announce: &MeshAnnounce) {
        let prefix = prefix_of(&address);
        self.told.remove(|it| prefix_of(&it.address) == prefix);
        let signature = signature_prefix(announce);
        self.told.push(Told { address, seq: announce.seq, signature, confirmed: false });
    }

    /// The sequence of the announce with this prefix.
    pub(crate) fn known_seq(&self, prefix: [u8; 4]) -> Option<u32> {
        self.known.find(|(it, _)| prefix_of(it) == prefix).map(|(_, announce)| announce.seq)
    }

    /// Remembers an announce that came from the neighbour.
    pub(crate) fn know(&mut self, announce: &MeshAnnounce) {
        let address = announce.address();
        let prefix = prefix_of(&address);
        self.known.remove(|(it, _)| prefix_of(it) == prefix);
        self.known.push((address, *announce));
    }

    /// The announce that the neighbour refers to.
    pub(super) fn recall(&mut self, prefix: [u8; 4], seq: u8) -> Option<(Address, MeshAnnounce)> {
        let is_it = |(address, announce): &(Address, MeshAnnounce)| {
            prefix_of(address) == prefix && announce.seq.to_le_bytes()[0] == seq
        };
        self.known.touch(is_it).copied()
    }

    /// Most bytes one neighbour can make us remember, bookkeeping of the heap left out.
    pub const BYTES_MAX: usize = COMPACT_LABELS_MAX
        * (size_of::<Given>() + size_of::<(u16, Address)>())
        + (COMPACT_SENT_MAX + COMPACT_HEARD_MAX) * size_of::<Known>()
        + COMPACT_ANNOUNCES_MAX * (size_of::<Told>() + size_of::<(Address, MeshAnnounce)>());

    #[cfg(test)]
    pub(super) fn go_on_at(&mut self, label: u16) {
        self.next_label = label;
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> [usize; 6] {
        let [a, b] = [self.given.len(), self.taken.len()];
        [a, b, self.sent.len(), self.heard.len(), self.told.len(), self.known.len()]
    }
}

const _: () = assert!(Labels::BYTES_MAX < 128 << 10, "a neighbour costs less than 128 KiB");

impl Known {
    /// The names of an envelope in its full form, computed from its bytes (`ENV-04`); `None` for
    /// what is no envelope of a known class.
    pub(super) fn of(envelope: &[u8]) -> Option<Self> {
        let (header, body) = envelope.split_first_chunk::<HEADER_LEN>()?;
        let [version, class, ..] = *header;
        if version != VERSION || class > 3 || envelope.len() > ENVELOPE_LEN_MAX {
            return None;
        }
        let signed_len = if class == 0 { body.len().checked_sub(64)? } else { body.len() };
        // Class, version, then from `hops_max` to the lock as they stand.
        let mut immutable = [0; 40];
        immutable[0] = class;
        immutable[1] = version;
        immutable[2..].copy_from_slice(&header[7..]);
        let body = hash::sha256(&body[..signed_len]);
        let id = hash::digest16(Domain::Envelope, &[&immutable, &body]);
        let dest = Address::from_bytes(*header[13..].first_chunk()?);
        Some(Self { id, lock: *header[29..].first_chunk()?, dest })
    }
}

/// The first bytes of an address, by which a route update names it.
pub(super) fn prefix_of(address: &Address) -> [u8; 4] {
    let [a, b, c, d, ..] = *address.as_bytes();
    [a, b, c, d]
}

fn signature_prefix(announce: &MeshAnnounce) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = announce.signature;
    [a, b, c, d, e, f, g, h]
}

//! How two neighbours find out which channels both are members of (`CH-22`, `CH-24`).

use alloc::{collections::BTreeMap, vec::Vec};

use super::{ChannelId, keys::ChannelKeys};
use crate::{
    address::Address,
    crypto::hash::{Domain, digest16, digest32},
    error::{Error, Malformed, Unsupported},
    limits::CHANNELS_MAX,
    reconcile::{Label, Scope, budget::TokenBucket},
    time::Instant,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// What one node shows another to be recognised by fellow members.
pub(super) type Tag = [u8; 16];

/// State of the handshake on one link.
pub(super) struct Handshake {
    /// Our challenge, once sent.
    pub(super) ours: Option<[u8; 32]>,
    /// The neighbour's, once here.
    pub(super) theirs: Option<Challenge>,
    pub(super) their_tags: Vec<Tag>,
    pub(super) has_their_tags: bool,
    /// Channels both are members of, with the label of their sets.
    matched: BTreeMap<ChannelId, Label>,
    /// Channels of which the neighbour proved to be a member, and we are none.
    proven: BTreeMap<ChannelId, Label>,
    /// Channels of ours for whose history we asked the neighbour.
    asked: BTreeMap<ChannelId, Label>,
    /// Answers owed to a neighbour that repeats itself are limited.
    pub(super) budget: TokenBucket,
    pub(super) retry_at: Option<Instant>,
    pub(super) retries: u32,
}

/// The start of a handshake, from either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) nonce: [u8; 32],
    /// The sender keeps messages of channels it is no member of, and hands them to members.
    pub(super) keeps_for_others: bool,
    /// Tags follow: the sender is a member of something.
    pub(super) has_tags: bool,
    /// The sender has the receiver's challenge.
    pub(super) has_yours: bool,
}

/// A message of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Challenge(Challenge),
    Tags(&'a [Tag]),
    Prove { access_key: [u8; 32], signature: [u8; 64] },
}

const CHALLENGE: u8 = 1;
const TAGS: u8 = 2;
const PROVE: u8 = 3;

const KEEPS_FOR_OTHERS: u8 = 1;
const HAS_TAGS: u8 = 2;
const HAS_YOURS: u8 = 4;

/// Most tags in a message: [`CHANNELS_MAX`], itself a power of two.
const TAGS_MAX: usize = CHANNELS_MAX.next_power_of_two();

/// Messages a neighbour may have answered at once, and per second.
const ANSWERS_BURST: u64 = 2 * CHANNELS_MAX as u64;
const ANSWERS_PER_S: u64 = 1;

impl Handshake {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            ours: None,
            theirs: None,
            their_tags: Vec::new(),
            has_their_tags: false,
            matched: BTreeMap::new(),
            proven: BTreeMap::new(),
            asked: BTreeMap::new(),
            budget: TokenBucket::new(now, ANSWERS_PER_S, ANSWERS_BURST),
            retry_at: None,
            retries: 0,
        }
    }

    /// What both challenges and both addresses make of this link: nothing said under one binding
    /// is of use under another.
    pub(super) fn binding(&self, own: Address, peer: Address) -> Option<[u8; 32]> {
        let (ours, theirs) = (self.ours?, self.theirs?.nonce);
        let own = (own, ours);
        let peer = (peer, theirs);
        let (low, high) = if own < peer { (own, peer) } else { (peer, own) };
        Some(digest32(
            Domain::ChannelAccess,
            &[low.0.as_bytes(), &low.1, high.0.as_bytes(), &high.1],
        ))
    }

    /// A neighbour that starts anew gets a new binding.
    pub(super) fn restart_with(&mut self, theirs: Challenge) {
        self.theirs = Some(theirs);
        self.their_tags.clear();
        self.has_their_tags = false;
        self.matched.clear();
        self.proven.clear();
        self.asked.clear();
    }

    /// Whether all that is expected from the neighbour is here.
    pub(super) fn is_complete(&self) -> bool {
        self.theirs
            .is_some_and(|theirs| theirs.has_yours && (!theirs.has_tags || self.has_their_tags))
    }

    pub(super) fn add_matched(&mut self, channel: ChannelId, label: Label) {
        self.matched.insert(channel, label);
        self.asked.remove(&channel);
        self.proven.remove(&channel);
    }

    pub(super) fn is_matched(&self, channel: ChannelId) -> bool {
        self.matched.contains_key(&channel)
    }

    pub(super) fn add_asked(&mut self, channel: ChannelId, label: Label) {
        self.asked.insert(channel, label);
    }

    pub(super) fn is_asked(&self, channel: ChannelId) -> bool {
        self.asked.contains_key(&channel)
    }

    /// Forgets that the neighbour was asked for a channel; `false` when it was not.
    pub(super) fn forget_asked(&mut self, channel: ChannelId) -> bool {
        self.asked.remove(&channel).is_some()
    }

    /// Whether this is a set for which we asked the neighbour.
    pub(super) fn is_asked_under(&self, label: Label) -> bool {
        self.asked.values().any(|known| *known == label)
    }

    /// Notes a proof; `false` when the neighbour has proven as many as a node can be a member of.
    pub(super) fn add_proven(&mut self, channel: ChannelId, label: Label) -> bool {
        if self.proven.len() >= CHANNELS_MAX && !self.proven.contains_key(&channel) {
            return false;
        }
        self.proven.insert(channel, label);
        true
    }

    /// The channel whose set the neighbour may reconcile under this label, and whether both sides
    /// read its messages.
    pub(super) fn channel_of(&self, label: Label) -> Option<(ChannelId, bool)> {
        let find = |labels: &BTreeMap<ChannelId, Label>| {
            labels.iter().find(|(_, known)| **known == label).map(|(channel, _)| *channel)
        };
        find(&self.matched)
            .map(|channel| (channel, true))
            .or_else(|| find(&self.asked).map(|channel| (channel, false)))
            .or_else(|| find(&self.proven).map(|channel| (channel, false)))
    }

    /// The label of a channel's set, and whether both sides read its messages.
    pub(super) fn label_of(&self, channel: ChannelId) -> Option<(Label, bool)> {
        let matched = self.matched.get(&channel).map(|label| (*label, true));
        let other = self.asked.get(&channel).or_else(|| self.proven.get(&channel));
        matched.or_else(|| other.map(|label| (*label, false)))
    }

    pub(super) fn forget(&mut self, channel: ChannelId) {
        self.matched.remove(&channel);
        self.proven.remove(&channel);
        self.asked.remove(&channel);
    }
}

/// The tag a member with this address shows under a binding.
pub(super) fn tag(keys: &ChannelKeys, binding: &[u8; 32], member: Address) -> Tag {
    keys.presence_tag(&[&binding[..], member.as_bytes()].concat())
}

/// The label under which two members reconcile.
pub(super) fn member_label(keys: &ChannelKeys, binding: &[u8; 32]) -> Label {
    Label(keys.presence_tag(&[&binding[..], b"label"].concat()))
}

/// The label under which a member and a node that keeps its channel reconcile.
pub(super) fn relay_label(access_key: &[u8; 32], binding: &[u8; 32]) -> Label {
    Label(digest16(Domain::ChannelAccess, &[b"label", access_key, binding]))
}

/// What a member signs with the access key to ask a node for history.
pub(super) fn proof_digest(access_key: &[u8; 32], binding: &[u8; 32], member: Address) -> [u8; 32] {
    digest32(Domain::ChannelAccess, &[b"prove", access_key, binding, member.as_bytes()])
}

impl<'a> Message<'a> {
    /// Reads what follows the scope byte.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(body);
        match r.u8("handshake kind")? {
            CHALLENGE => {
                let (nonce, flags) = (r.array("nonce")?, r.u8("flags")?);
                r.finish("challenge")?;
                if flags & !(KEEPS_FOR_OTHERS | HAS_TAGS | HAS_YOURS) != 0 {
                    return Err(Malformed::OutOfRange("flags").into());
                }
                Ok(Self::Challenge(Challenge {
                    nonce,
                    keeps_for_others: flags & KEEPS_FOR_OTHERS != 0,
                    has_tags: flags & HAS_TAGS != 0,
                    has_yours: flags & HAS_YOURS != 0,
                }))
            }
            TAGS => {
                let (tags, rest) = r.rest().as_chunks();
                if !rest.is_empty() || tags.is_empty() || tags.len() > TAGS_MAX {
                    return Err(Malformed::OutOfRange("tags").into());
                }
                Ok(Self::Tags(tags))
            }
            PROVE => {
                let (access_key, signature) = (r.array("access key")?, r.array("signature")?);
                r.finish("proof")?;
                Ok(Self::Prove { access_key, signature })
            }
            other => Err(Unsupported::Kind(other).into()),
        }
    }

    /// A whole frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, FrameKind::RECONCILE);
        let mut w = Writer::new(&mut out);
        w.u8(Scope::Handshake as u8);
        match self {
            Self::Challenge(challenge) => {
                let flags = (u8::from(challenge.keeps_for_others) * KEEPS_FOR_OTHERS)
                    | (u8::from(challenge.has_tags) * HAS_TAGS)
                    | (u8::from(challenge.has_yours) * HAS_YOURS);
                w.u8(CHALLENGE).array(&challenge.nonce).u8(flags);
            }
            Self::Tags(tags) => {
                w.u8(TAGS).bytes(tags.as_flattened());
            }
            Self::Prove { access_key, signature } => {
                w.u8(PROVE).array(access_key).array(signature);
            }
        }
        out
    }
}

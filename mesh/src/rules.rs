//! Rules that a test breaks on purpose, to show that its checker notices (`ATK-20`).
//!
//! A checker that cannot fail proves nothing. Each [`Rule`] names one defence and stands at the one
//! place where the defence is; [`Rules::without`] takes it away. That constructor exists in tests
//! and under the feature `simulation` only: in a daemon [`Rules`] has no size, every rule holds, and
//! the question is answered by the compiler.

/// A defence that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// *Accepted* is said when the message is on disk (`NODE-02`).
    AcceptedDurable,
    /// A neighbour's custody acknowledgement counts for what that neighbour was sent (`STO-05`).
    AckFromHolder,
    /// What announces say is believed when their signature holds (`ID-04`).
    AnnounceSigned,
    /// What a blocked node sends is not shown (`MEET-15`).
    BlockList,
    /// Each start mixes fresh randomness into every message key (`SES-11`).
    BootSalt,
    /// Only contacts learn what a node keeps for others (`STO-10`).
    CarriersOnly,
    /// What proves channel messages was signed by who sent them (`MLG-15`).
    CheckpointSigned,
    /// Strangers' work or token is checked before their mail is kept (`ENV-12`).
    ContactAdmission,
    /// A first contact that stands alone is opened once (`SES-15`).
    ContactOnce,
    /// A copy that may go further replaces the one that is kept (`STO-11`).
    CopyHops,
    /// Custody is acknowledged when the envelope is on disk (`STO-02`).
    CustodyDurable,
    /// A destination behind next hops that only swallow is not told to others (`RT-37`).
    DeadEndsRetracted,
    /// Relays check the signature of signed envelopes (`ENV-06`).
    EnvelopeSigned,
    /// What has outlived its lifetime is refused (`ENV-08`).
    Expiry,
    /// A next hop must be nearer than what was ever published (`RT-10`).
    Feasibility,
    /// That distance survives a restart (`RT-15`).
    FeasibilityStored,
    /// Every hop takes one from the hops left (`ENV-07`).
    HopLimit,
    /// On a radio a neighbour is whoever has its key (`RAD-05`).
    HopTagged,
    /// A neighbour that keeps what is never received loses rank (`RT-36`).
    KeeperJudged,
    /// A key that a contact never had blocks sending to it (`NODE-09`).
    KeyPinned,
    /// A message key is forgotten when it was used (`SES-10`).
    KeyUsedOnce,
    /// A lite envelope is opened once (`MLL-08`).
    LiteKeyUsedOnce,
    /// Lite counters are used when their reservation is on disk (`MLL-06`).
    LiteReservationDurable,
    /// One neighbour's inventions fill a quarter of the routing table (`RT-40`).
    NeighbourShare,
    /// The sender keeps its message whatever custodians say (`NODE-07`).
    OriginKeeps,
    /// A neighbour that sends rubbish is not listened to for a while (`HOP-10`).
    Patience,
    /// Beside a proven next hop an unproven one gets every eighth packet (`RT-32`).
    ProbeShare,
    /// One neighbour and one destination fill half of the store (`STO-03`).
    Quota,
    /// A receipt opens the lock of what it is for (`ENV-10`).
    ReceiptOpensLock,
    /// Counters are used when their reservation is on disk (`SES-09`).
    ReservationDurable,
    /// Older sequences of an announce change nothing (`RT-01`).
    SequenceOrder,
    /// Our own sequence goes beyond what others have of us (`RT-02`).
    SequenceOvertakes,
    /// A message is shown, and its receipt sent, when it is on disk (`NODE-06`).
    ShownDurable,
    /// A message is shown once, whichever envelopes carry it (`NODE-05`).
    ShownOnce,
    /// Nothing weaker than what a contact was once reached with (`SES-14`).
    SuiteFloor,
}

impl Rule {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::AcceptedDurable,
        Self::AckFromHolder,
        Self::AnnounceSigned,
        Self::BlockList,
        Self::BootSalt,
        Self::CarriersOnly,
        Self::CheckpointSigned,
        Self::ContactAdmission,
        Self::ContactOnce,
        Self::CopyHops,
        Self::CustodyDurable,
        Self::DeadEndsRetracted,
        Self::EnvelopeSigned,
        Self::Expiry,
        Self::Feasibility,
        Self::FeasibilityStored,
        Self::HopLimit,
        Self::HopTagged,
        Self::KeeperJudged,
        Self::KeyPinned,
        Self::KeyUsedOnce,
        Self::LiteKeyUsedOnce,
        Self::LiteReservationDurable,
        Self::NeighbourShare,
        Self::OriginKeeps,
        Self::Patience,
        Self::ProbeShare,
        Self::Quota,
        Self::ReceiptOpensLock,
        Self::ReservationDurable,
        Self::SequenceOrder,
        Self::SequenceOvertakes,
        Self::ShownDurable,
        Self::ShownOnce,
        Self::SuiteFloor,
    ];
}

/// Which rules hold: all, but for one that a test may have broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    #[cfg(any(test, feature = "simulation"))]
    broken: Option<Rule>,
}

impl Rules {
    /// All rules.
    pub const ALL: Self = Self {
        #[cfg(any(test, feature = "simulation"))]
        broken: None,
    };

    /// All rules but this one. Does not exist in a daemon.
    #[cfg(any(test, feature = "simulation"))]
    pub const fn without(rule: Rule) -> Self {
        Self { broken: Some(rule) }
    }

    /// Whether a rule holds.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) const fn holds(self, rule: Rule) -> bool {
        match self.broken {
            Some(broken) => broken as u8 != rule as u8,
            None => true,
        }
    }

    /// Whether a rule holds: always.
    #[cfg(not(any(test, feature = "simulation")))]
    #[expect(clippy::unused_self, reason = "the same call with and without the feature")]
    pub(crate) const fn holds(self, _rule: Rule) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;

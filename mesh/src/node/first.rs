//! First contacts of one short frame, over ways on which a full one takes seconds (`MLL-18`).

use super::{Node, send::Blocked};
use crate::{
    address::Address,
    envelope::{EnvelopeIn, Priority},
    error::{Error, Unsupported},
    limits,
    session::{Answer, Opened, SealParams, Sealed},
    time::Instant,
};

/// Lifetime of the second frame of a handshake.
const SECOND_LIFETIME_S: u32 = 600;

/// The text of a second frame that says nothing.
const NOTHING: &[u8] = &[0];

impl Node {
    /// Opens an envelope for us, whatever it was sealed in.
    pub(super) fn open_envelope(
        &mut self,
        now: Instant,
        envelope: &EnvelopeIn<'_>,
    ) -> Result<Opened, Error> {
        let (identity, prekeys) = (&self.identity, &self.prekeys);
        let opened = self.sessions.open(now, identity, prekeys, envelope);
        if opened != Err(Error::Unsupported(Unsupported::UnknownSession)) {
            return opened;
        }
        let Some((claimed, _)) = self.sessions.first_claim(identity, prekeys, envelope) else {
            return opened;
        };
        let from = claimed.address();
        // It shows no work, and says who wrote it only to who has the writer's bundle.
        let asked = self.work_asked() > 0 && self.is_undecided(&from);
        let bundle = self.bundles.get(&from, None).filter(|_| !asked);
        let Some(bundle) = bundle else { return opened };
        let (identity, prekeys) = (&self.identity, &self.prekeys);
        let first = self.sessions.open_first(now, identity, prekeys, bundle, envelope);
        let (opened, answer) = first?;
        let undecided = self.is_undecided(&from) || self.meetings.is_blocked(&from);
        if let Some(answer) = answer.filter(|_| !undecided) {
            // If it cannot be sent now, the next first contact is answered.
            let _ = self.answer_first(now, from, answer);
        }
        Ok(opened)
    }

    /// Whether an opened envelope only brought keys.
    pub(super) fn is_bare(opened: &Opened) -> bool {
        opened.inner == NOTHING
    }

    fn answer_first(&mut self, now: Instant, to: Address, answer: Answer) -> Result<(), Blocked> {
        let link = self.route_to(now, &to)?;
        let params = SealParams {
            hops_max: limits::HOPS_MAX,
            priority: Priority::High,
            durable: false,
            lifetime_s: SECOND_LIFETIME_S,
            signed: None,
        };
        let (sessions, rng) = (&mut self.sessions, &mut self.rng);
        let sealed = sessions.seal_second(now, answer, &params, &[NOTHING], rng);
        let sealed = sealed.map_err(|_| Blocked::Bundle)?;
        self.queue_sealed(now, link, sealed);
        Ok(())
    }

    /// Seals a first contact of one frame for a contact whose bundle is here, if it may be had.
    pub(super) fn seal_first(
        &mut self,
        now: Instant,
        to: Address,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Option<Sealed> {
        if !self.contacts.contains(&to) || !self.sessions.may_try_first(&to) {
            return None;
        }
        let bundle = self.bundles.get(&to, self.routing.bundle_version(&to))?;
        let (identity, prekeys, rng) = (&self.identity, &self.prekeys, &mut self.rng);
        self.sessions.seal_first(now, identity, prekeys, bundle, params, inner, rng).ok()
    }
}

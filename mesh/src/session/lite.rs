//! Lite sessions beside full ones: their keys follow from these (`MLL-05`), and what is sealed in
//! them opens like what is sealed in these.

use alloc::vec::Vec;

use super::{
    Opened, SealError, SealParams, Sealed, SessionId, Sessions, first::lite_header, schedule,
};
use crate::{
    address::Address,
    crypto::kdf::Secret,
    envelope::{Admitted, EnvelopeIn, HEADER_LEN, LiteBody},
    error::Error,
    identity::MeshIdentity,
    limits::ENVELOPE_LEN_MAX,
    lite::{LiteError, LiteId, LiteMark, LitePeer, LiteSeed},
    time::Instant,
};

impl Sessions {
    /// Seals the parts of `inner` for a slow way: in a lite session if the peer has one with us, in
    /// a full one otherwise. The first part is what NODE-03 puts before a payload.
    ///
    /// # Errors
    /// As [`Sessions::seal`].
    pub fn seal_short(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        to: &Address,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<Sealed, SealError> {
        match self.seal_lite(now, to, params, inner) {
            Err(SealError::NoSession) => {}
            done => return done,
        }
        let head = inner.first().copied().unwrap_or_default();
        let note = self.choose(now, to).and_then(|id| self.lite.note(LiteId(id.0), head));
        let Some((note, mark)) = note else { return self.seal(now, identity, to, params, inner) };
        let mut parts = Vec::with_capacity(inner.len() + 1);
        parts.push(&note[..]);
        parts.extend_from_slice(inner);
        let sealed = self.seal(now, identity, to, params, &parts)?;
        Ok(Sealed { lite: Some(mark), ..sealed })
    }

    /// Seals in a lite session.
    ///
    /// # Errors
    /// [`SealError::NoSession`] when none can be used now, [`SealError::AwaitingCommit`],
    /// [`SealError::TooLong`].
    pub fn seal_lite(
        &mut self,
        now: Instant,
        to: &Address,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<Sealed, SealError> {
        self.clock.start(now);
        let len: usize = inner.iter().map(|part| part.len()).sum();
        if params.signed.is_some() || len == 0 {
            return Err(SealError::NoSession);
        }
        if HEADER_LEN + LITE_OVERHEAD_MAX + len > ENVELOPE_LEN_MAX {
            return Err(SealError::TooLong);
        }
        let header = lite_header(params, *to);
        let (now_s, floor) = (self.clock.seconds(now), self.floor(to));
        let sealed =
            self.lite.seal(now_s, self.rules, floor, header, inner).map_err(
                |error| match error {
                    LiteError::NoSession => SealError::NoSession,
                    LiteError::AwaitingCommit => SealError::AwaitingCommit,
                },
            )?;
        let mut bytes = Vec::with_capacity(HEADER_LEN + sealed.body.len());
        sealed.header.write(&mut bytes);
        bytes.extend_from_slice(&sealed.body);
        let session = Some(SessionId(sealed.mark.id.0));
        let lock = sealed.header.lock;
        let envelope = Admitted::new(None, sealed.header, bytes);
        Ok(Sealed { lock, session, lite: Some(sealed.mark), envelope })
    }

    /// Takes in a lite session whose keys were agreed on otherwise; `confirmed` if the peer has it.
    pub fn open_lite_session(
        &mut self,
        now: Instant,
        id: LiteId,
        peer: LitePeer,
        seed: &LiteSeed,
        confirmed: bool,
    ) {
        self.clock.start(now);
        let now_s = self.clock.seconds(now);
        self.lite.open_session(now_s, id, peer, seed, confirmed, &self.protected);
    }

    /// Takes in the lite session of a secret that two people agreed on (`MLL-21`). It is sealed in
    /// at once, and only listened to when the peer turns out not to have it yet.
    pub fn open_by_secret(&mut self, now: Instant, peer: LitePeer, seed: &LiteSeed) {
        self.clock.start(now);
        let now_s = self.clock.seconds(now);
        self.lite.open_by_secret(now_s, peer, seed, &self.protected);
    }

    /// A receipt came for an envelope that was sealed, or told of a session, by this mark.
    pub fn on_lite_arrived(&mut self, mark: &LiteMark) {
        self.lite.on_arrived(mark);
    }

    /// The recipient refused an envelope because it knows no session for it.
    pub fn on_lite_refused(&mut self, mark: &LiteMark) {
        self.lite.on_refused(mark);
    }

    /// How many lite sessions there are.
    pub fn lite_len(&self) -> usize {
        self.lite.len()
    }

    pub(super) fn export_lite(
        &mut self,
        id: SessionId,
        (transcript, shared): (&[u8; 32], &Secret),
        initiator: bool,
    ) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (identity, root_key, suite) = (session.peer, session.root_key, session.suite);
        let peer = LitePeer { identity, root_key, suite };
        let exported = schedule::exporter(transcript, shared);
        let seed = LiteSeed::from_exporter(&exported, b"qpc lite session", initiator);
        let (id, confirmed) = (LiteId(id.0), session.confirmed);
        let created_s = session.created_s;
        self.lite.open_session(created_s, id, peer, &seed, confirmed, &self.protected);
    }

    pub(super) fn open_lite(
        &mut self,
        now: Instant,
        envelope: &EnvelopeIn<'_>,
        body: &LiteBody<'_>,
    ) -> Result<Opened, Error> {
        let now_s = self.clock.seconds(now);
        let lite = self.lite.open(now_s, self.rules, envelope.header(), body)?;
        let id = SessionId(lite.id.0);
        if lite.text.is_some() {
            self.lite.confirm(lite.id);
            let session = self.sessions.get_mut(&id);
            if let Some(answered) = session.and_then(|session| session.answered.take()) {
                self.contacts.remove(&answered.contact);
            }
            self.confirm(&id);
        }
        Ok(Opened {
            peer: lite.peer.identity,
            root_key: lite.peer.root_key,
            suite: lite.peer.suite,
            fresh: lite.text.is_some(),
            inner: lite.text.unwrap_or_default(),
            preimage: lite.preimage.to_receipt(),
            first_contact: false,
            session_signed: false,
        })
    }
}

/// Session tag 3, note 6, and a byte for a name.
const LITE_OVERHEAD_MAX: usize = 10;

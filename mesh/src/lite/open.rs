//! Opening what was sealed in lite sessions (`MLL-08`).

use alloc::vec::Vec;

use super::{
    chain::{self, Judged},
    form::{associated, lite_tag},
    session::{LiteId, LitePeer, LiteSessions},
    short::ShortPreimage,
    text::{MessageName, References},
};
use crate::{
    envelope::{Header, LiteBody},
    error::{Error, Unsupported},
    rules::{Rule, Rules},
};

/// A lite envelope, opened.
pub(crate) struct LiteOpened {
    pub(crate) id: LiteId,
    pub(crate) peer: LitePeer,
    pub(crate) preimage: ShortPreimage,
    /// NODE-03's text, unless it was opened before.
    pub(crate) text: Option<Vec<u8>>,
}

impl LiteSessions {
    /// Opens an envelope. Memory changes; rows after [`Self::keep`].
    pub(crate) fn open(
        &mut self,
        now_s: u64,
        rules: Rules,
        header: &Header,
        body: &LiteBody<'_>,
    ) -> Result<LiteOpened, Error> {
        let tag = body.session_tag;
        let (first, last) = ((tag, LiteId([0; 8]), 0), (tag, LiteId([255; 8]), u32::MAX));
        let candidates: Vec<_> =
            self.index.range(first..=last).map(|(_, id, counter)| (*id, *counter)).collect();
        let mut refusal = Error::from(Unsupported::UnknownSession);
        for candidate in candidates {
            match self.try_open(now_s, rules, candidate, header, body) {
                Err(Error::PeerMisbehaved(forged)) => refusal = forged.into(),
                Err(Error::Unsupported(Unsupported::UnknownSession)) => {}
                done => return done,
            }
        }
        Err(refusal)
    }

    fn try_open(
        &mut self,
        now_s: u64,
        rules: Rules,
        (id, counter): (LiteId, u32),
        header: &Header,
        body: &LiteBody<'_>,
    ) -> Result<LiteOpened, Error> {
        let unknown = Unsupported::UnknownSession;
        let session = self.sessions.get_mut(&id).ok_or(unknown)?;
        let tag = lite_tag(&header.lock);
        let derived = match session.receiving.judge(counter) {
            Judged::Opened(preimage) if preimage.tag() == tag => {
                return Ok(LiteOpened { id, peer: session.peer, preimage, text: None });
            }
            // Of another life of the peer: its counters cannot be told from those before.
            Judged::Opened(_) | Judged::Gone => return Err(unknown.into()),
            Judged::Fresh(derived) => derived,
        };
        let mut text = body.ciphertext.to_vec();
        let key = chain::message_key(&derived.key);
        let associated = associated(header, &body.session_tag);
        let preimage = key.open(&associated, &mut text, &tag)?;
        let before = session.receiving.window();
        if rules.holds(Rule::LiteKeyUsedOnce) {
            session.receiving.opened(counter, preimage, derived);
        }
        session.used_s = now_s;
        let peer = session.peer;
        let text = session.receiving.references.read_text(counter, text);
        self.follow(id, before);
        Ok(LiteOpened { id, peer, preimage, text: Some(text?) })
    }

    /// Takes the note, if there is one, off a text that came in the full session of `id`.
    pub(crate) fn take_note(&mut self, id: LiteId, text: &mut Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            // Given up here: the peer will be told when it goes on in it.
            let _ = References::default().take_note(text);
            return;
        };
        let before = session.receiving.window();
        if let Ok(anchor) = session.receiving.references.take_note(text) {
            session.receiving.raise(anchor);
            self.follow(id, before);
        }
    }

    /// A first frame with a message of this name was opened, and the session came of it
    /// (`MLL-20`).
    pub(crate) fn agree_opened(&mut self, id: LiteId, name: MessageName) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.receiving.references.agree(name);
        }
    }

    /// Listens to the tags of the window as it is now instead of those before.
    fn follow(&mut self, id: LiteId, before: core::ops::Range<u32>) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (now, tags) = (session.receiving.window(), session.receiving.tags.clone());
        self.index_remove(id, &tags, before.start..now.start.min(before.end));
        for (counter, tag) in chain::tags_of(&tags, before.end.max(now.start)..now.end) {
            self.index.insert((tag, id, counter));
        }
    }
}

//! Who practices are (`TRU-01` to `TRU-54`): the book, kept and followed.

use std::fmt;

use fapp::{
    UnixSeconds,
    trust::{
        CHAMBERS, Credential, Domain, Endorsement, Held, Observation, PracticeFile, Refused, Root,
        Standing, Statement, TextError, Tiers, TrustBook,
    },
    vocabulary::{Beruf, Term},
};
use mesh::{
    crypto::sign::SigningKey,
    error::{Error, Malformed},
};

use super::{Appointments, kind};

/// What the configuration trusts.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Issuers.
    pub roots: Vec<Root>,
    /// Node keys whose observations count, besides this node's.
    pub observers: Vec<[u8; 32]>,
    /// Root keys of people whose word counts.
    pub pins: Vec<[u8; 32]>,
}

/// What is known about a practice, and what that rests on.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The practice's key.
    pub therapist: [u8; 32],
    /// What follows.
    pub standing: Standing,
    /// Whether an announce of it is here.
    pub announced: bool,
    /// Everything that is held about it, whether it counts or not.
    pub statements: Vec<Statement>,
    /// The domain that this practice named as its own; of this node's practice alone.
    pub own_domain: Option<Domain>,
    /// Whether it is this node's practice.
    pub is_own: bool,
}

/// Why nothing was taken or said.
#[derive(Debug)]
pub enum TrustError {
    /// This node has no root key to speak with.
    NoRootKey,
    /// A text that is no statement.
    Text(TextError),
    /// The book does not hold it.
    Refused(Refused),
    /// The file of a domain is none.
    File(Malformed),
    /// The file does not name the practice, or not at this time.
    NotNamed,
    /// An endorsement that nobody can give.
    Endorsement(Malformed),
    /// Nobody knows what the practice is: the profession has to be told.
    Beruf,
    /// A credential of this practice that has no time left.
    Over,
    /// The announce with the new reference cannot be.
    Offer(super::OfferError),
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRootKey => f.write_str("this node has no root key, and so no practice"),
            Self::Text(error) => error.fmt(f),
            Self::Refused(Refused::Time) => f.write_str("it is not its time, or not any more"),
            Self::Refused(Refused::Stranger) => f.write_str(
                "nobody in appointments.roots, or appointments.observers, stands behind it",
            ),
            Self::Refused(Refused::Full) => f.write_str("there is no room for it"),
            Self::File(error) => write!(f, "that is no fapp.json: {}", Error::from(*error)),
            Self::NotNamed => f.write_str("the file does not name this practice's key today"),
            Self::Endorsement(error) => {
                write!(f, "nobody can vouch like that: {}", Error::from(*error))
            }
            Self::Beruf => {
                f.write_str("the practice's announce does not name one profession; say which")
            }
            Self::Over => f.write_str("the credential has expired, or is not valid yet"),
            Self::Offer(error) => error.fmt(f),
        }
    }
}

/// How long an endorsement lasts: 365 days.
const ENDORSED_S: u64 = 365 * 86_400;
/// Rows of this practice alone.
const OWN_CREDENTIAL: u8 = b'o';
const OWN_DOMAIN: u8 = b'w';
/// Between two looks for what has expired, in seconds.
const EXPIRE_S: u64 = 3_600;

/// The book, what it is followed with, and this practice's own.
#[derive(Debug, Default)]
pub(super) struct Trust {
    book: TrustBook,
    tiers: Tiers,
    credential: Option<Credential>,
    domain: Option<Domain>,
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    expire_at: u64,
    /// Rows that were played back before the machine knew the time: none is judged by a wrong clock.
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Trust {
    pub(super) fn hand_rows(&mut self, rows: &mut Vec<super::BesideRow>) {
        self.rows.extend(self.book.drain_rows().into_iter().map(|row| (row.key, row.value)));
        let rows_of = self.rows.drain(..);
        rows.extend(rows_of.map(|(key, value)| (false, super::prefixed(kind::TRUST, &key), value)));
    }

    /// What this practice's announces carry.
    pub(super) fn own_reference(&self) -> [u8; 32] {
        self.credential.as_ref().map(Credential::reference).unwrap_or_default()
    }
}

impl Appointments {
    /// Sets what the configuration trusts; before [`Self::restore`].
    pub fn trust(&mut self, trusted: &Trusted) {
        let mut observers = vec![*self.identity.public().node_key()];
        observers.extend(&trusted.observers);
        self.trust.book.configure(&trusted.roots, &observers, &trusted.pins);
    }

    pub(super) fn restore_trust(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> bool {
        match key {
            [OWN_CREDENTIAL] => {
                let own = Credential::parse_verified(value).ok();
                self.trust.credential = own.filter(|own| own.holder == self.key());
                self.trust.credential.is_some()
            }
            [OWN_DOMAIN] => {
                let text = std::str::from_utf8(value).ok();
                self.trust.domain = text.and_then(|text| Domain::parse(text).ok());
                self.trust.domain.is_some()
            }
            _ if now == UnixSeconds(0) => {
                self.trust.waiting.push((key.to_vec(), value.to_vec()));
                true
            }
            _ => self.trust.book.restore(now, key, value).is_ok(),
        }
    }

    /// Rows that waited for the time.
    fn restore_waiting(&mut self, now: UnixSeconds) {
        for (key, value) in std::mem::take(&mut self.trust.waiting) {
            if self.trust.book.restore(now, &key, &value).is_err() {
                tracing::warn!("a row of appointments does not hold");
                self.trust.rows.push((key, None));
            }
        }
        self.follow_trust(now);
    }

    /// The tier of a practice's announce, as the book has it.
    pub(super) fn settle_tier(&mut self, now: UnixSeconds, therapist: &[u8; 32]) {
        let Trust { book, tiers, .. } = &mut self.trust;
        tiers.settle(now, book, &mut self.router, therapist);
    }

    /// All tiers as the book has them; alerts hear of those that changed.
    pub(super) fn follow_trust(&mut self, now: UnixSeconds) {
        let Trust { book, tiers, .. } = &mut self.trust;
        for therapist in tiers.follow(now, book, &mut self.router) {
            self.alert_to(now, &therapist);
        }
    }

    pub(super) fn look_at_trust(&mut self, now: UnixSeconds) {
        if !self.trust.waiting.is_empty() {
            self.restore_waiting(now);
        }
        if self.trust.expire_at <= now.0 {
            self.trust.expire_at = now.0 + EXPIRE_S;
            self.trust.book.expire(now);
        }
        if self.trust.tiers.due().is_some_and(|due| due <= now) {
            self.follow_trust(now);
        }
    }

    /// What is known about a practice; of this node's when none is named.
    pub fn known(&mut self, now: UnixSeconds, therapist: Option<[u8; 32]>) -> Known {
        let own = self.key();
        let therapist = therapist.unwrap_or(own);
        let is_own = therapist == own;
        let announced = self.router.cache().get(&therapist).map(|(a, _)| *a.credential_ref());
        let reference = announced.or_else(|| is_own.then(|| self.trust.own_reference()));
        let standing = self.trust.book.standing(now, &therapist, &reference.unwrap_or_default());
        Known {
            therapist,
            standing,
            announced: announced.is_some(),
            statements: self.statements(&therapist, is_own),
            own_domain: self.trust.domain.clone().filter(|_| is_own),
            is_own,
        }
    }

    fn statements(&self, therapist: &[u8; 32], is_own: bool) -> Vec<Statement> {
        let book = &self.trust.book;
        let seen = book.observations().filter(|seen| seen.practice == *therapist);
        let said = book.endorsements().filter(|said| said.subject == *therapist);
        let own = self.trust.credential.as_ref().filter(|_| is_own);
        let certified = own.or_else(|| book.credential(therapist));
        seen.cloned()
            .map(Statement::Observation)
            .chain(said.cloned().map(Statement::Endorsement))
            .chain(certified.cloned().map(Statement::Credential))
            .collect()
    }

    /// Takes a statement that somebody handed over; whom it is about. A credential of this practice is
    /// named in its announces from now on.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn take(&mut self, now: UnixSeconds, text: &str) -> Result<[u8; 32], TrustError> {
        let statement: Statement = text.parse().map_err(TrustError::Text)?;
        let subject = *statement.subject();
        let own = match &statement {
            Statement::Credential(own) if own.holder == self.key() => Some(own.clone()),
            _ => None,
        };
        match (self.trust.book.hold(now, statement), own) {
            // Others may trust the issuer.
            (Ok(_) | Err(Refused::Stranger), Some(own)) => self.certified(now, own)?,
            (Ok(Held::New | Held::Known), None) => {}
            (Err(refused), _) => return Err(TrustError::Refused(refused)),
        }
        self.follow_trust(now);
        Ok(subject)
    }

    fn certified(&mut self, now: UnixSeconds, own: Credential) -> Result<(), TrustError> {
        own.holds_until(now).ok_or(TrustError::Over)?;
        if self.trust.credential.as_ref() == Some(&own) {
            return Ok(());
        }
        self.trust.rows.push((vec![OWN_CREDENTIAL], Some(own.bytes())));
        self.trust.credential = Some(own);
        if let Some(announce) = self.own().cloned() {
            let composed = self.composed(now, Vec::new());
            self.reissue(now, &announce, composed).map_err(TrustError::Offer)?;
        }
        Ok(())
    }

    /// Remembers the practice's domain; the file to be put there.
    ///
    /// # Errors
    /// [`TrustError::NoRootKey`].
    pub fn own_domain(&mut self, now: UnixSeconds, domain: Domain) -> Result<String, TrustError> {
        let key = self.identity.root_key().ok_or(TrustError::NoRootKey)?;
        let value = domain.as_str().as_bytes().to_vec();
        self.trust.rows.push((vec![OWN_DOMAIN], Some(value)));
        self.trust.domain = Some(domain);
        Ok(PracticeFile::text_for(now, &key))
    }

    /// A file that a domain had just now: whether it names a practice is held.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn observe(
        &mut self,
        now: UnixSeconds,
        therapist: &[u8; 32],
        domain: &Domain,
        file: &[u8],
    ) -> Result<(), TrustError> {
        let file = PracticeFile::parse(file).map_err(TrustError::File)?;
        let seen = Observation::signed(now, &self.identity, domain, &file, therapist);
        let seen = seen.ok_or(TrustError::NotNamed)?;
        self.trust.book.observe(now, seen).map_err(TrustError::Refused)?;
        self.follow_trust(now);
        Ok(())
    }

    /// Vouches for a colleague for a year; the statement to be handed to them.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn endorse(
        &mut self,
        now: UnixSeconds,
        therapist: [u8; 32],
        beruf: Option<Beruf>,
        chamber: u8,
    ) -> Result<String, TrustError> {
        let seed = self.identity.root_seed().ok_or(TrustError::NoRootKey)?;
        let beruf = beruf.or_else(|| self.beruf_of(&therapist)).ok_or(TrustError::Beruf)?;
        let until = UnixSeconds(now.0 + ENDORSED_S);
        // Numbers of professions begin with 1 here: 0 is none.
        let profession = beruf.number() + 1;
        let signer = SigningKey::from_seed(&seed);
        let said = Endorsement::signed(now, &signer, therapist, profession, chamber, until);
        let said = said.map_err(TrustError::Endorsement)?;
        self.trust.book.endorse(now, said.clone()).map_err(TrustError::Refused)?;
        self.follow_trust(now);
        Ok(Statement::Endorsement(said).to_string())
    }

    /// The one profession that a practice's announce names.
    fn beruf_of(&self, therapist: &[u8; 32]) -> Option<Beruf> {
        let (announce, _) = self.router.cache().get(therapist)?;
        let named = |beruf: &&Beruf| announce.profile().beruf.contains(**beruf);
        let mut all = Beruf::ALL.iter().filter(named);
        all.next().copied().filter(|_| all.next().is_none())
    }
}

/// The number of a chamber, by its short name.
pub(crate) fn chamber(name: &str) -> Option<u8> {
    let place = CHAMBERS.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    u8::try_from(place + 1).ok()
}

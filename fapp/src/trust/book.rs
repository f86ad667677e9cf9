//! What a node holds about others, and what follows (`TRU-01`, `TRU-21`, `TRU-22`, `TRU-40`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use super::{Credential, Domain, Endorsement, Observation, Tier, rows};
use crate::{UnixSeconds, cache::CacheRow};

/// An issuer that the configuration trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its key.
    pub key: [u8; 32],
    /// For which chamber; 0 for any.
    pub chamber: u8,
}

/// What is known about a key at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How much.
    pub tier: Tier,
    /// Until when; `None` for tier 0, which does not end.
    pub until: Option<UnixSeconds>,
    /// Number of the profession that is vouched for, in tiers 2 and 3.
    pub profession: Option<u8>,
    /// Number of the chamber, in tiers 2 and 3.
    pub chamber: Option<u8>,
    /// The domain that names the key, whatever the tier.
    pub domain: Option<Domain>,
}

/// What became of something that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is held.
    New,
    /// It was there, or something newer is.
    Known,
}

/// Why something is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not its time.
    Time,
    /// Who says it is nobody this node asks.
    Stranger,
    /// There is no room.
    Full,
}

/// The book.
#[derive(Clone, Default)]
pub struct TrustBook {
    roots: Vec<Root>,
    observers: BTreeSet<[u8; 32]>,
    pins: BTreeSet<[u8; 32]>,
    observations: BTreeMap<[u8; 32], Observation>,
    credentials: BTreeMap<[u8; 32], Credential>,
    /// By subject and signer.
    endorsements: BTreeMap<([u8; 32], [u8; 32]), Endorsement>,
    /// Who is grounded, and what is vouched for; computed for a time, until something changes.
    grounded: BTreeMap<[u8; 32], Vouched>,
    computed: Option<(UnixSeconds, UnixSeconds)>,
    pub(super) rows: Vec<CacheRow>,
}

#[derive(Clone, Copy)]
struct Vouched {
    tier: Tier,
    /// Until when the tier lasts.
    until: UnixSeconds,
    /// Until when its word counts: a pinned key's for ever.
    ground: UnixSeconds,
    /// Profession and chamber; pinned keys have none.
    office: Option<(u8, u8)>,
}

impl TrustBook {
    /// Most endorsements.
    pub const ENDORSEMENTS_MAX: usize = 8_192;
    /// Most endorsements of one subject.
    pub const PER_SUBJECT_MAX: usize = 8;
    /// Most endorsements of one signer.
    pub const PER_SIGNER_MAX: usize = 64;
    /// Endorsements of one signer that count (`TRU-22`).
    pub const COUNTED_PER_SIGNER: usize = 16;
    /// Most credentials, and most observations.
    pub const KEYS_MAX: usize = 4_096;
    /// Most roots.
    pub const ROOTS_MAX: usize = 64;
    /// Most observers, and most pins.
    pub const CONFIGURED_MAX: usize = 256;

    /// Sets what the configuration trusts: issuers, nodes whose observations count (this one
    /// included), and keys the user pinned. Beyond the bounds the rest is left out.
    pub fn configure(&mut self, roots: &[Root], observers: &[[u8; 32]], pins: &[[u8; 32]]) {
        self.roots = roots.iter().take(Self::ROOTS_MAX).copied().collect();
        self.observers = observers.iter().take(Self::CONFIGURED_MAX).copied().collect();
        self.pins = pins.iter().take(Self::CONFIGURED_MAX).copied().collect();
        let Self { roots, observers, observations, credentials, rows, .. } = self;
        keep(observations, rows, |seen| observers.contains(&seen.observer));
        keep(credentials, rows, |credential| is_rooted(roots, credential));
        self.computed = None;
    }

    /// Holds an observation.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn observe(&mut self, now: UnixSeconds, seen: Observation) -> Result<Held, Refused> {
        if !self.observers.contains(&seen.observer) {
            return Err(Refused::Stranger);
        }
        seen.counts_until(now).ok_or(Refused::Time)?;
        if let Some(known) = self.observations.get(&seen.practice) {
            if known.seen_at >= seen.seen_at {
                return Ok(Held::Known);
            }
        } else if self.observations.len() >= Self::KEYS_MAX {
            let rows = &mut self.rows;
            keep(&mut self.observations, rows, |seen| seen.counts_until(now).is_some());
            if self.observations.len() >= Self::KEYS_MAX {
                return Err(Refused::Full);
            }
        }
        self.rows.push(rows::put(&seen, seen.bytes()));
        self.observations.insert(seen.practice, seen);
        Ok(Held::New)
    }

    /// Holds a credential. A later one of the same holder takes the place of an earlier.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn certify(&mut self, now: UnixSeconds, credential: Credential) -> Result<Held, Refused> {
        if !is_rooted(&self.roots, &credential) {
            return Err(Refused::Stranger);
        }
        credential.holds_until(now).ok_or(Refused::Time)?;
        if let Some(known) = self.credentials.get(&credential.holder) {
            if known.not_before >= credential.not_before && known.holds_until(now).is_some() {
                return Ok(Held::Known);
            }
        } else if self.credentials.len() >= Self::KEYS_MAX {
            let rows = &mut self.rows;
            keep(&mut self.credentials, rows, |held| held.holds_until(now).is_some());
            if self.credentials.len() >= Self::KEYS_MAX {
                return Err(Refused::Full);
            }
        }
        self.rows.push(rows::put(&credential, credential.bytes()));
        self.credentials.insert(credential.holder, credential);
        self.computed = None;
        Ok(Held::New)
    }

    /// Holds an endorsement. A later one of the same signer and subject takes the place of an earlier.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn endorse(&mut self, now: UnixSeconds, said: Endorsement) -> Result<Held, Refused> {
        if !said.is_live(now) {
            return Err(Refused::Time);
        }
        let key = (said.subject, said.signer);
        match self.endorsements.get(&key) {
            Some(known) if known.issued_at >= said.issued_at => return Ok(Held::Known),
            Some(_) => {}
            None => self.make_room(now, &said)?,
        }
        self.rows.push(rows::put(&said, said.bytes()));
        self.endorsements.insert(key, said);
        self.computed = None;
        Ok(Held::New)
    }

    /// What is known of a key whose announce carries this reference.
    pub fn standing(
        &mut self,
        now: UnixSeconds,
        practice: &[u8; 32],
        credential_ref: &[u8; 32],
    ) -> Standing {
        self.compute(now);
        let seen =
            self.observations.get(practice).filter(|seen| self.observers.contains(&seen.observer));
        let seen = seen.and_then(|seen| seen.counts_until(now).map(|until| (until, &seen.domain)));
        let domain = seen.map(|(_, domain)| domain.clone());
        if let Some(credential) = self.certified(now, practice)
            && credential.reference() == *credential_ref
        {
            return Standing {
                tier: Tier::Issuer,
                until: credential.holds_until(now),
                profession: Some(credential.profession),
                chamber: Some(credential.chamber),
                domain,
            };
        }
        match self.grounded.get(practice) {
            Some(Vouched {
                tier: Tier::Colleagues,
                until,
                office: Some((profession, chamber)),
                ..
            }) => Standing {
                tier: Tier::Colleagues,
                until: Some(*until),
                profession: Some(*profession),
                chamber: Some(*chamber),
                domain,
            },
            _ => Standing {
                tier: if domain.is_some() { Tier::Domain } else { Tier::SelfSigned },
                until: seen.map(|(until, _)| until),
                domain,
                ..Standing::default()
            },
        }
    }

    /// Everything that is held and has not expired, for the disk and for neighbours.
    pub fn endorsements(&self) -> impl Iterator<Item = &Endorsement> {
        self.endorsements.values()
    }

    /// The credentials that are held.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.credentials.values()
    }

    /// The observations that are held.
    pub fn observations(&self) -> impl Iterator<Item = &Observation> {
        self.observations.values()
    }

    /// The credential of a key, whether it is its time or not.
    pub fn credential(&self, holder: &[u8; 32]) -> Option<&Credential> {
        self.credentials.get(holder)
    }

    /// Keys about which something is held.
    pub fn subjects(&self) -> BTreeSet<[u8; 32]> {
        let endorsed = self.endorsements.keys().map(|(subject, _)| subject);
        self.observations.keys().chain(self.credentials.keys()).chain(endorsed).copied().collect()
    }

    /// Lets go of what has expired.
    pub fn expire(&mut self, now: UnixSeconds) {
        let rows = &mut self.rows;
        keep(&mut self.observations, rows, |seen| seen.counts_until(now).is_some());
        keep(&mut self.credentials, rows, |held| held.holds_until(now).is_some());
        keep(&mut self.endorsements, rows, |said| now < said.expires);
        self.computed = None;
    }

    fn certified(&self, now: UnixSeconds, holder: &[u8; 32]) -> Option<&Credential> {
        self.credentials.get(holder).filter(|held| held.holds_until(now).is_some())
    }

    fn make_room(&mut self, now: UnixSeconds, said: &Endorsement) -> Result<(), Refused> {
        let keys = || self.endorsements.keys();
        // A signer's own share is its own affair: it makes room for nobody.
        if keys().filter(|(_, signer)| *signer == said.signer).count() >= Self::PER_SIGNER_MAX {
            return Err(Refused::Full);
        }
        let of_subject = keys().filter(|(subject, _)| *subject == said.subject).count();
        let crowded = of_subject >= Self::PER_SUBJECT_MAX;
        let full = self.endorsements.len() >= Self::ENDORSEMENTS_MAX;
        if !crowded && !full {
            return Ok(());
        }
        self.compute(now);
        if !self.grounded.contains_key(&said.signer) {
            return Err(Refused::Full);
        }
        let goes = self
            .endorsements
            .iter()
            .filter(|((subject, _), _)| !crowded || *subject == said.subject)
            .find(|((_, signer), held)| !held.is_live(now) || !self.grounded.contains_key(signer))
            .map(|(key, _)| *key)
            .ok_or(Refused::Full)?;
        if let Some(gone) = self.endorsements.remove(&goes) {
            self.rows.push(rows::delete(&gone));
        }
        Ok(())
    }

    /// From the ground up: keys of tier 3 and pinned ones, then whoever two of them vouch for.
    fn compute(&mut self, now: UnixSeconds) {
        if self.computed.is_some_and(|(from, until)| from <= now && now < until) {
            return;
        }
        let mut grounded = BTreeMap::new();
        let forever = UnixSeconds(u64::MAX);
        for pin in &self.pins {
            let vouched =
                Vouched { tier: Tier::SelfSigned, until: forever, ground: forever, office: None };
            grounded.insert(*pin, vouched);
        }
        for (holder, credential) in &self.credentials {
            if let Some(until) = credential.holds_until(now) {
                let office = Some((credential.profession, credential.chamber));
                let ground = if self.pins.contains(holder) { forever } else { until };
                grounded.insert(*holder, Vouched { tier: Tier::Issuer, until, ground, office });
            }
        }
        let counted = self.counted(now);
        for _ in 0..ROUNDS {
            let lifted = lift(&counted, &grounded);
            if lifted.is_empty() {
                break;
            }
            grounded.extend(lifted);
        }
        let ends = grounded.values().map(|vouched| vouched.until);
        // What is not yet its time is looked at again within the hour.
        let until = ends.chain([UnixSeconds(now.0.saturating_add(3_600))]).min().unwrap_or(now);
        self.grounded = grounded;
        self.computed = Some((now, until));
    }

    /// Endorsements that count: live ones, the oldest of each signer.
    fn counted(&self, now: UnixSeconds) -> Vec<&Endorsement> {
        let mut live: Vec<&Endorsement> =
            self.endorsements.values().filter(|said| said.is_live(now)).collect();
        live.sort_by_key(|said| (said.signer, said.issued_at, said.subject));
        let mut counted: Vec<&Endorsement> = Vec::with_capacity(live.len());
        let (mut signer, mut had) = ([0; 32], 0);
        for said in live {
            if said.signer != signer {
                (signer, had) = (said.signer, 0);
            }
            if had < Self::COUNTED_PER_SIGNER {
                counted.push(said);
            }
            had += 1;
        }
        counted.sort_by_key(|said| (said.subject, said.profession, said.chamber, said.signer));
        counted
    }
}

/// Keys that become grounded by two that are.
fn lift(
    counted: &[&Endorsement],
    grounded: &BTreeMap<[u8; 32], Vouched>,
) -> Vec<([u8; 32], Vouched)> {
    let same = |a: &&Endorsement, b: &&Endorsement| {
        (a.subject, a.profession, a.chamber) == (b.subject, b.profession, b.chamber)
    };
    let mut lifted: Vec<([u8; 32], Vouched)> = Vec::new();
    for group in counted.chunk_by(same) {
        let [first, ..] = group else { continue };
        let before = grounded.get(&first.subject);
        let lifted_now = lifted.last().is_some_and(|(subject, _)| *subject == first.subject);
        if lifted_now || before.is_some_and(|vouched| vouched.office.is_some()) {
            continue;
        }
        // Until when each word counts: as long as it lasts, and its signer's standing.
        let mut ends: Vec<UnixSeconds> = group
            .iter()
            .filter_map(|said| grounded.get(&said.signer).map(|by| said.expires.min(by.ground)))
            .collect();
        ends.sort_unstable();
        // The second longest: from then on fewer than two are left.
        if let Some(until) = ends.len().checked_sub(2).map(|second| ends[second]) {
            let office = Some((first.profession, first.chamber));
            let ground = before.map_or(until, |pinned| pinned.ground);
            let vouched = Vouched { tier: Tier::Colleagues, until, ground, office };
            lifted.push((first.subject, vouched));
        }
    }
    lifted
}

/// Keeps what fits; rows of the rest are deleted.
fn keep<K: Ord, T: rows::Kept>(
    held: &mut BTreeMap<K, T>,
    rows: &mut Vec<CacheRow>,
    fits: impl Fn(&T) -> bool,
) {
    held.retain(|_, one| {
        let stays = fits(one);
        if !stays {
            rows.push(rows::delete(one));
        }
        stays
    });
}

fn is_rooted(roots: &[Root], credential: &Credential) -> bool {
    roots.iter().any(|root| {
        root.key == *credential.root() && (root.chamber == 0 || root.chamber == credential.chamber)
    })
}

impl fmt::Debug for TrustBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TrustBook({} credentials, {} endorsements, {} observations)",
            self.credentials.len(),
            self.endorsements.len(),
            self.observations.len()
        )
    }
}

/// How far from the ground tier 2 reaches.
const ROUNDS: usize = 4;

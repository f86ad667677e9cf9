//! What the page's core knows, and every operation (`WEB-20` to `WEB-26`).

mod letters;
mod places;
mod reservations;
#[cfg(test)]
mod tests;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use fapp::{
    UnixSeconds,
    announce::SlotAnnounce,
    cache::Cache,
    plz::Plz,
    reservation::{Draft, Patient, RequestId},
    trust::Tier,
};
use mesh::crypto::{Mode, hash, rng::NodeRng, sign};
use serde_json::{Value, json};

use crate::message::{self, Call};
use letters::Letters;

/// Announces of one page: every one of a large region and its neighbours, 20 MB.
pub const ANNOUNCES_MAX: usize = 20_000;
/// Signatures verified at once.
const BATCH: usize = 64;

/// One page's core.
#[derive(Default)]
pub struct Core {
    cache: Option<Cache>,
    patient: Patient,
    /// A request whose work is being done.
    draft: Option<(Draft, Option<String>)>,
    /// Contact data to be given once a reservation is confirmed.
    contacts: BTreeMap<RequestId, String>,
    letters: Letters,
    rng: Option<NodeRng>,
    /// Rows of contacts that the page has not stored yet.
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What an operation says: an object, and bytes.
type Said = Result<(Value, Vec<u8>), String>;

fn said(value: Value) -> Said {
    Ok((value, Vec::new()))
}

impl Core {
    /// Does what a message asks. The answer is `{"ok": …}` or `{"error": "a sentence"}`, and bytes.
    pub fn call(&mut self, message: &[u8]) -> Vec<u8> {
        let done = message::read(message).and_then(|(call, bytes)| self.act(&call, bytes));
        match done {
            Ok((ok, bytes)) => message::write(&json!({ "ok": ok }), &bytes),
            Err(error) => message::write(&json!({ "error": error }), &[]),
        }
    }

    fn act(&mut self, call: &Call, bytes: &[u8]) -> Said {
        let now = UnixSeconds(call.now);
        match call.op.as_str() {
            "start" => self.start(call),
            "words" => said(views::words()),
            "plz" => places::plz(&call.text),
            "places" => said(places::middles()),
            "regions" => places::regions(&call.query).map(|regions| (json!(regions), Vec::new())),
            "load" => self.load(now, bytes),
            "unload" => self.unload(),
            "search" => self.search(now, call),
            "reserve" => self.reserve(now, call),
            "work" => self.work(call.tries),
            "cancel" => self.cancel(now, &call.id),
            "reservations" => said(self.reservations()),
            "tick" => self.tick(now),
            "question" => self.question(now),
            "bundle" => self.bundle(&call.id, bytes),
            "answer" => self.answer(now, call.token, bytes),
            "rows" => said(self.rows()),
            "committed" => self.committed(),
            "restore" => self.restore(now, &call.rows),
            "hash" => said(json!(message::hex(&hash::sha256(bytes)))),
            op => Err(format!("there is no operation {op}")),
        }
    }

    /// Forgets everything, and begins with this seed.
    fn start(&mut self, call: &Call) -> Said {
        let seed = message::unhex_array(&call.seed)?;
        *self = Self {
            rng: Some(NodeRng::from_seed(seed)),
            cache: Some(Cache::new(ANNOUNCES_MAX)),
            ..Self::default()
        };
        said(Value::Null)
    }

    fn rng(&mut self) -> Result<&mut NodeRng, String> {
        self.rng.as_mut().ok_or_else(|| "the core was not started".into())
    }

    /// Takes the announces of a region: `(length u16, tier u8, announce)` one after the other. What does
    /// not verify is left out; a node that is curious and no liar sends none of that.
    fn load(&mut self, now: UnixSeconds, mut bytes: &[u8]) -> Said {
        let mut read = Vec::new();
        let mut refused = 0_u32;
        while let Some((head, rest)) = bytes.split_first_chunk::<3>() {
            let len = usize::from(u16::from_le_bytes([head[0], head[1]]));
            let (announce, rest) =
                rest.split_at_checked(len).ok_or("the region's data ends too soon")?;
            bytes = rest;
            match (SlotAnnounce::parse(announce), tier(head[2])) {
                (Ok(announce), Some(tier)) if read.len() < ANNOUNCES_MAX => {
                    read.push((announce, tier));
                }
                _ => refused += 1,
            }
        }
        if !bytes.is_empty() {
            return Err("the region's data ends too soon".into());
        }
        let mut verdicts = Vec::with_capacity(read.len());
        let rng = self.rng()?;
        for part in read.chunks(BATCH) {
            let mut batch = sign::Batch::new(Mode::Real);
            part.iter().for_each(|(announce, _)| announce.verify_in(&mut batch));
            verdicts.append(&mut batch.verify(rng));
        }
        let cache = self.cache.as_mut().ok_or("the core was not started")?;
        let mut taken = 0_u32;
        for ((announce, tier), holds) in read.into_iter().zip(verdicts) {
            let therapist = *announce.therapist();
            let is_known = |(known, _): (&SlotAnnounce, Tier)| known.id() == announce.id();
            if cache.get(&therapist).is_some_and(is_known) {
                cache.set_tier(&therapist, tier);
                taken += 1;
            } else if holds && cache.insert(now, announce, tier, None).is_ok() {
                taken += 1;
            } else {
                refused += 1;
            }
        }
        cache.expire(now);
        // Nothing is stored of it: the next page asks again.
        cache.drain_rows();
        let slots: usize = cache.announces().map(|announce| announce.slots().len()).sum();
        said(
            json!({ "taken": taken, "refused": refused, "announces": cache.len(), "slots": slots }),
        )
    }

    /// Forgets all announces, before what is newer is loaded: what was withdrawn is gone then.
    fn unload(&mut self) -> Said {
        self.cache = Some(Cache::new(ANNOUNCES_MAX));
        said(Value::Null)
    }

    fn search(&self, now: UnixSeconds, call: &Call) -> Said {
        let query = call.query.read()?;
        let cache = self.cache.as_ref().ok_or("the core was not started")?;
        let search = query.at(now).map_err(|error| error.to_string())?;
        let hits = cache.search(&search);
        said(hits.iter().map(views::slot).collect())
    }

    /// Every change that is not stored yet; `committed` says that it is.
    fn rows(&mut self) -> Value {
        while let Some(row) = self.patient.poll_row() {
            let key = [&[PATIENT][..], &row.key].concat();
            self.rows.push((key, row.value.map(|value| value.to_vec())));
        }
        let hex = |(key, value): &(Vec<u8>, Option<Vec<u8>>)| {
            json!([message::hex(key), value.as_deref().map(message::hex)])
        };
        self.rows.iter().map(hex).collect()
    }

    fn committed(&mut self) -> Said {
        self.rows.clear();
        self.patient.handle_committed();
        said(Value::Null)
    }

    /// Plays rows back. Those that do not hold are named, so that the page deletes them.
    fn restore(&mut self, now: UnixSeconds, rows: &[(String, String)]) -> Said {
        let mut bad = BTreeSet::new();
        for (name, value) in rows {
            let (key, value) = (message::unhex(name), message::unhex(value));
            let holds = match (key.as_deref().and_then(<[u8]>::split_first), value) {
                (Some((&PATIENT, key)), Some(value)) => self.patient.restore(key, &value).is_ok(),
                (Some((&CONTACT, key)), Some(value)) => self.restore_contact(key, value),
                _ => false,
            };
            if !holds {
                bad.insert(name.as_str());
            }
        }
        self.patient.handle_timeout(now);
        said(json!(bad))
    }

    fn region_of(&self, therapist: &[u8; 32]) -> Option<Plz> {
        self.cache.as_ref()?.get(therapist).map(|(announce, _)| announce.plz())
    }
}

fn tier(number: u8) -> Option<Tier> {
    Tier::ALL.iter().copied().find(|tier| tier.number() == number)
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({:?})", self.letters)
    }
}

/// First bytes of rows.
const PATIENT: u8 = b'q';
const CONTACT: u8 = b'c';

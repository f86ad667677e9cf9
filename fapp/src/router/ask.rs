//! A search over the mesh, when somebody asks for one (`FAP-80` to `FAP-83`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use mesh::{
    error::{Error, Malformed},
    wire::Reader,
};

use super::{
    FappEvent, FappRouter, NeighbourId, QUERIES_MAX,
    wire::{self, ANSWER, HOPS_MAX, Query},
};
use crate::{
    UnixSeconds,
    plz::PlzPrefix,
    query::{QueryError, SlotQuery},
    vocabulary::{Term, Terms},
};

/// Queries of others whose way back is remembered: 1,024 × 40 B.
const PASSED_MAX: usize = 1_024;
/// Own queries that wait or are under way.
const OWN_MAX: usize = 16;
/// Announces in one answer.
const ANSWER_MAX: usize = 16;
/// Longest frame of an answer.
const ANSWER_LEN_MAX: usize = 8_192;
/// A query waits up to this long before it leaves, in seconds.
const DELAY_MAX_S: u64 = 20;
/// Small frames that wait for a neighbour.
pub(super) const OUT_MAX: usize = 64;

#[derive(Debug)]
struct Own {
    number: u64,
    query: Query,
    /// When it leaves; `None` when it has.
    due: Option<UnixSeconds>,
}

/// Queries under way.
#[derive(Debug, Default)]
pub(super) struct Asking {
    own: VecDeque<Own>,
    passed: BTreeMap<[u8; 16], NeighbourId>,
    order: VecDeque<[u8; 16]>,
    next: u64,
}

impl Asking {
    pub(super) fn due(&self) -> Option<UnixSeconds> {
        self.own.iter().filter_map(|own| own.due).min()
    }

    pub(super) fn forget(&mut self, neighbour: NeighbourId) {
        self.passed.retain(|_, from| *from != neighbour);
    }

    fn knows(&self, id: &[u8; 16]) -> bool {
        self.passed.contains_key(id) || self.own.iter().any(|own| own.query.id == *id)
    }

    fn remember(&mut self, id: [u8; 16], from: NeighbourId) {
        self.passed.insert(id, from);
        self.order.push_back(id);
        if self.order.len() > PASSED_MAX
            && let Some(old) = self.order.pop_front()
        {
            self.passed.remove(&old);
        }
    }
}

impl FappRouter {
    /// Asks neighbours, and theirs, for announces of a region; the number comes back with
    /// [`FappEvent::Answered`]. It tells two digits of a postal code, Fachrichtung and Kostenträger to
    /// whoever is in reach, and nothing else; it leaves after up to 20 s, under a name of its own.
    ///
    /// # Errors
    /// [`QueryError::RadiusWithoutPlz`] when the query has no postal code to take two digits from, or
    /// what else is wrong with it.
    pub fn send_query(&mut self, now: UnixSeconds, query: &SlotQuery) -> Result<u64, QueryError> {
        query.check()?;
        let text = query.plz.as_ref().or(query.plz_prefix.as_ref());
        let prefix = text.and_then(|text| PlzPrefix::parse(text).ok());
        let region = prefix.and_then(PlzPrefix::region);
        let region = region.ok_or(QueryError::RadiusWithoutPlz)?;
        let number = self.asking.next;
        self.asking.next += 1;
        let bits = |bits: Option<u8>| bits.map_or(0, |number| 1_u16 << number);
        let query = Query {
            id: self.rng.array(),
            hops: HOPS_MAX,
            region,
            fachrichtungen: bits(query.fachrichtung.map(Term::number)),
            kostentraeger: bits(query.kostentraeger.map(Term::number)),
        };
        if self.asking.own.len() >= OWN_MAX {
            self.asking.own.pop_front();
        }
        let due = Some(UnixSeconds(now.0 + self.rng.below(DELAY_MAX_S + 1)));
        self.asking.own.push_back(Own { number, query, due });
        Ok(number)
    }

    pub(super) fn send_due_queries(&mut self, now: UnixSeconds) {
        let mut leaving = Vec::new();
        for own in &mut self.asking.own {
            if own.due.take_if(|due| *due <= now).is_some() {
                leaving.push(own.query);
            }
        }
        for query in leaving {
            self.pass_on(query, None);
        }
    }

    fn pass_on(&mut self, query: Query, from: Option<NeighbourId>) {
        let mut frame = Vec::with_capacity(wire::QUERY_LEN);
        query.write(&mut frame, &self.rng.array());
        for (id, neighbour) in &mut self.neighbours {
            if Some(*id) != from && neighbour.out.len() < OUT_MAX {
                neighbour.out.push_back(frame.clone());
            }
        }
    }

    pub(super) fn on_query(
        &mut self,
        now: UnixSeconds,
        id: NeighbourId,
        r: &mut Reader<'_>,
    ) -> Result<(), Error> {
        let query = Query::read(r)?;
        if r.remaining() > 0 {
            return Err(Malformed::TrailingData("query").into());
        }
        if self.asking.knows(&query.id) || !self.may_ask(now, id) {
            return Ok(());
        }
        self.asking.remember(query.id, id);
        self.answer(id, &query);
        if let Some(hops) = query.hops.checked_sub(1).filter(|hops| *hops > 0) {
            self.pass_on(Query { hops, ..query }, Some(id));
        }
        Ok(())
    }

    fn may_ask(&mut self, now: UnixSeconds, id: NeighbourId) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let refill = now.0.saturating_sub(neighbour.queries_at.0) / 10;
        if refill > 0 {
            let refill = u8::try_from(refill).unwrap_or(u8::MAX);
            neighbour.queries = neighbour.queries.saturating_add(refill).min(QUERIES_MAX);
            neighbour.queries_at = now;
        }
        let granted = neighbour.queries > 0;
        neighbour.queries = neighbour.queries.saturating_sub(1);
        granted
    }

    fn answer(&mut self, to: NeighbourId, query: &Query) {
        let meets = |wanted: u16, offered: u16| wanted == 0 || wanted & offered != 0;
        let fits = self.cache.of_region(query.region).filter(|announce| {
            let profile = announce.profile();
            meets(query.fachrichtungen, Terms::bits(profile.fachrichtungen))
                && meets(query.kostentraeger, Terms::bits(profile.kostentraeger))
        });
        let mut frame = Vec::new();
        frame.push(ANSWER);
        frame.extend_from_slice(&query.id);
        let empty = frame.len();
        for announce in fits.take(ANSWER_MAX) {
            wire::write_object(&mut frame, &announce.bytes());
        }
        if frame.len() > empty {
            self.push_answer(to, frame);
        }
    }

    fn push_answer(&mut self, to: NeighbourId, frame: Vec<u8>) {
        if let Some(neighbour) = self.neighbours.get_mut(&to)
            && neighbour.out.len() < OUT_MAX
            && frame.len() <= ANSWER_LEN_MAX
        {
            neighbour.out.push_back(frame);
        }
    }

    pub(super) fn on_answer(
        &mut self,
        now: UnixSeconds,
        id: NeighbourId,
        r: &mut Reader<'_>,
    ) -> Result<(), Error> {
        let query: [u8; 16] = r.array("query id")?;
        let objects = r.rest();
        let own = self.asking.own.iter().find(|own| own.query.id == query).map(|own| own.number);
        let back = self.asking.passed.get(&query).copied();
        if own.is_none() && back.is_none() {
            // The way back is forgotten: nobody's fault.
            return Ok(());
        }
        let new = self.on_objects(now, id, &mut Reader::new(objects))?;
        if let Some(query) = own {
            self.say(FappEvent::Answered { query, new });
        }
        if let Some(back) = back {
            let mut frame = Vec::with_capacity(17 + objects.len());
            frame.push(ANSWER);
            frame.extend_from_slice(&query);
            frame.extend_from_slice(objects);
            self.push_answer(back, frame);
        }
        Ok(())
    }
}

//! Events of a file together: which of them stand for a time of another (`CAL-25`).

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::{ALWAYS, ImportError, Why, event::Event};
use crate::{
    UnixSeconds,
    calendar::{Span, recur},
};

/// Events of a file, and which of them stand for others' times.
#[derive(Default)]
pub(super) struct Events {
    all: Vec<(u32, Event)>,
    /// Names by which events belong together, for as long as the file is read.
    names: BTreeMap<String, u32>,
    /// For each name the times that are replaced.
    instead: BTreeMap<u32, Instead>,
}

/// Times of one event that others stand for.
#[derive(Default)]
struct Instead {
    single: Vec<UnixSeconds>,
    /// From when on, how much later, and how long; none when it is cancelled.
    onward: Vec<(UnixSeconds, Option<(i64, u64)>)>,
}

impl Instead {
    /// What becomes of a time.
    fn apply(&self, span: Span) -> Option<Span> {
        if self.single.binary_search(&span.start).is_ok() {
            return None;
        }
        let after = self.onward.partition_point(|(from, _)| *from <= span.start);
        let Some((from, change)) = after.checked_sub(1).and_then(|place| self.onward.get(place))
        else {
            return Some(span);
        };
        // The first of them is an event of its own.
        let (later, length) = (*change).filter(|_| *from != span.start)?;
        let start = UnixSeconds(span.start.0.saturating_add_signed(later));
        Span::new(start, UnixSeconds(start.0.saturating_add(length)))
    }
}

impl Events {
    pub(super) fn add(&mut self, name: Option<&str>, event: Event) {
        // Without a name an event belongs to no other.
        let next = self.all.len() as u32;
        let name = match name.filter(|name| !name.is_empty()) {
            Some(name) => *self.names.entry(name.to_string()).or_insert(next),
            None => next,
        };
        if let Some((at, onward)) = event.instead_of {
            let instead = self.instead.entry(name).or_default();
            if onward {
                instead.onward.push((at, event.change_from(at)));
            } else {
                instead.single.push(at);
            }
        }
        self.all.push((name, event));
    }

    /// Hands over each event that takes place, with its times in a window; the time of one that does not come
    /// back wherever it is, if `anywhere`.
    pub(super) fn each(
        mut self,
        window: Span,
        anywhere: bool,
        budget: &mut u32,
        mut take: impl FnMut(&Event, Result<Vec<Span>, Why>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        for instead in self.instead.values_mut() {
            instead.single.sort_unstable();
            instead.onward.sort_unstable();
        }
        for (name, event) in self.all.iter().filter(|(_, event)| event.held) {
            let window = if anywhere && !event.recurs() { ALWAYS } else { window };
            let mut found = event.times(window, budget);
            // What one rule may take is no longer there: what follows would be judged by its place.
            if found == Err(Why::TooMany) && *budget < recur::STEPS_MAX {
                return Err(ImportError::TooManyTimes);
            }
            let instead = self.instead.get(name).filter(|_| event.instead_of.is_none());
            if let (Some(instead), Ok(spans)) = (instead, &mut found) {
                *spans = spans.iter().filter_map(|span| instead.apply(*span)).collect();
            }
            take(event, found)?;
        }
        Ok(())
    }
}

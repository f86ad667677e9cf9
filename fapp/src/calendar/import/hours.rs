//! Hours that somebody keeps (`CAL-27`; RFC 7953).

use alloc::vec::Vec;

use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarProperty};

use super::{
    ALWAYS, Why,
    event::{self, Event},
    zone::Zones,
};
use crate::calendar::{Span, merged, without};

/// All else within the time is busy, of whatever kind.
pub(super) struct Hours {
    whole: Span,
    open: Vec<Event>,
}

impl Hours {
    pub(super) fn read(file: &ICalendar, line: u32, zones: &Zones) -> Result<Self, Why> {
        let mut parts = file.components.iter();
        let Some(whole) = parts.next() else { return Err(Why::NoStart) };
        let bound = |name| whole.property(&name).is_some();
        let whole = if bound(ICalendarProperty::Dtstart) {
            let event = Event::read(whole, line, zones)?;
            let start = event.start.zone.moment(event.start.local).ok_or(Why::Time)?;
            let ends = bound(ICalendarProperty::Dtend) || bound(ICalendarProperty::Duration);
            let end = if ends { event.end().ok_or(Why::Time)? } else { ALWAYS.end };
            Span::new(start, end).ok_or(Why::EndBeforeStart)?
        } else if bound(ICalendarProperty::Dtend) {
            let end = event::moment(whole, &ICalendarProperty::Dtend, zones)?;
            Span::new(ALWAYS.start, end).ok_or(Why::EndBeforeStart)?
        } else {
            ALWAYS
        };
        let open = parts
            .filter(|part| part.component_type == ICalendarComponentType::Available)
            .map(|part| Event::read(part, line, zones))
            .collect::<Result<_, _>>()?;
        Ok(Self { whole, open })
    }

    pub(super) fn busy(&self, window: Span, budget: &mut u32) -> Result<Vec<Span>, Why> {
        let Some(whole) = self.whole.within(window) else { return Ok(Vec::new()) };
        let mut open = Vec::new();
        for event in &self.open {
            open.extend(event.times(whole, budget)?);
        }
        Ok(without(whole, &merged(open)))
    }
}

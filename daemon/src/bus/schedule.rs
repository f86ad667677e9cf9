//! A practice's schedule, as `org.quicprochat.Appointments1` has it.
//!
//! Calendar files are read here, beside the actor: a large one takes a while. What goes to the actor is times.

use api::Error;
use fapp::{
    UnixSeconds,
    calendar::{
        Span,
        import::{self, Remainder},
    },
    vocabulary::Leistung,
};

use super::appointments::{Appointments, invalid, leistung, word};
use crate::appointments::{NotOffered, ScheduleError, Weekly};

/// How far ahead busy times are kept.
const AHEAD_S: u64 = import::WINDOW_DAYS_MAX * 86_400;

impl Appointments {
    pub(super) async fn add(&self, text: &str, options: api::PatternOptions) -> Result<u32, Error> {
        let pattern = text.parse().map_err(|error| invalid(ScheduleError::Text(error)))?;
        let leistung = options.leistung.as_deref().map_or(Ok(Leistung::Sprechstunde), word)?;
        let weekly = Weekly { pattern, leistung };
        let id = self.act(move |machine, _, now| machine.add_pattern(now, weekly)).await?;
        let id = id.map_err(invalid)?;
        self.durably().await?;
        Ok(id)
    }

    pub(super) async fn take_busy(
        &self,
        name: String,
        ics: String,
    ) -> Result<api::Imported, Error> {
        let now = self.act(|_, _, now| now).await?;
        let window = Span { start: now, end: UnixSeconds(now.0.saturating_add(AHEAD_S)) };
        let busy = aside(move || import::busy(ics.as_bytes(), window)).await?;
        let busy = busy.map_err(|error| invalid(ScheduleError::File(error)))?;
        let (count, left_out) = (busy.times.len(), busy.left_out.clone());
        let done = self.act(move |machine, _, now| {
            machine.take_busy(now, &name, busy)?;
            Ok(machine.own().map_or(0, |own| own.slots().len()))
        });
        let offered = done.await?.map_err(|error: ScheduleError| invalid(error))?;
        self.durably().await?;
        Ok(api::Imported {
            // At most 4,800, and 64.
            busy: count as u32,
            offered: offered as u32,
            left_out_count: left_out.count,
            left_out: remainder(&left_out),
        })
    }

    pub(super) async fn take_file(
        &self,
        ics: String,
        options: api::OfferOptions,
    ) -> Result<api::OfferedFile, Error> {
        let (leistung, offer) = (leistung(&options)?, self.offer(&options).await?);
        let now = self.act(|_, _, now| now).await?;
        let file = aside(move || import::slots_of(ics.as_bytes(), now)).await?;
        let file = file.map_err(|error| invalid(ScheduleError::File(error)))?;
        let mut left_out = remainder(&file.left_out);
        let count = file.left_out.count;
        let done = self
            .act(move |machine, node, now| machine.publish_file(node, now, &file, leistung, offer));
        let done = done.await?.map_err(invalid)?;
        self.durably().await?;
        let more = done.left_out.len();
        left_out.extend(done.left_out.into_iter().take(import::LEFT_OUT_MAX).map(not_offered));
        let offered = self.offered_as(done.published).await?;
        Ok(api::OfferedFile {
            sequence: offered.sequence,
            therapist: offered.therapist,
            slots: offered.slots,
            mailboxes: offered.mailboxes,
            // At most 64, and 4,096.
            added: done.added as u32,
            left_out_count: count.saturating_add(more as u32),
            left_out,
        })
    }
}

pub(super) fn pattern((id, weekly): (u32, &Weekly)) -> api::Pattern {
    let text = weekly.pattern.to_string();
    api::Pattern { id, text, leistung: weekly.leistung.to_string() }
}

/// Does what takes a while where nobody waits behind it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| {
        Error::InvalidArgument("the calendar file could not be read to its end".into())
    })
}

fn remainder(left_out: &Remainder) -> Vec<api::LeftOut> {
    let one = |one: &import::LeftOut| api::LeftOut {
        line: Some(one.line),
        start: one.start.map(|at| at.0),
        why: one.why.to_string(),
    };
    left_out.first.iter().map(one).collect()
}

fn not_offered((start, why): (UnixSeconds, NotOffered)) -> api::LeftOut {
    api::LeftOut { line: None, start: Some(start.0), why: why.to_string() }
}

//! `org.quicprochat.Appointments1`.

use std::str::FromStr;

use api::Error;
use fapp::{
    SlotId, UnixSeconds,
    announce::Profile,
    calendar::pattern::Pause,
    plz::Plz,
    query::{Hit, SlotQuery},
    reservation::{Hold, Reason, RequestId, State, Status},
    slot::Slot,
    trust::{Language, Tier},
    vocabulary::{Leistung, Sprachen, Term, Terms},
};
use zbus::interface;

use super::{Context, schedule};
use crate::appointments::{Appointments as Machine, Offer, Published, ScheduleError, Wish};

/// FAPP: free appointments of psychotherapists.
#[derive(Debug)]
pub(crate) struct Appointments(pub(super) Context);

#[interface(name = "org.quicprochat.Appointments1")]
impl Appointments {
    /// Publishes free slots of this node's practice, beside those that are offered already: when
    /// each begins, in seconds since 1970, and how many minutes it lasts.
    pub(crate) async fn publish(
        &self,
        slots: Vec<(u64, u16)>,
        options: api::OfferOptions,
    ) -> Result<api::Offered, Error> {
        let leistung = leistung(&options)?;
        let slot = |(start, minutes): &(u64, u16)| {
            Slot::new(UnixSeconds(*start), *minutes).for_leistung(leistung)
        };
        let slots = slots.iter().map(slot).collect();
        let offer = Offer { slots, ..self.offer(&options).await? };
        let done = self.act(move |machine, node, now| machine.publish(node, now, offer));
        let published = done.await?.map_err(invalid)?;
        self.durably().await?;
        self.offered_as(published).await
    }

    /// Takes one slot back, or `all`; how many.
    pub(crate) async fn withdraw(&self, slot: &str) -> Result<u32, Error> {
        let slot = match slot {
            "all" => None,
            name => Some(slot_id(name)?),
        };
        let gone = self.act(move |machine, _, now| machine.withdraw(now, slot)).await?;
        let gone = gone.map_err(invalid)?;
        self.durably().await?;
        // At most 64.
        Ok(gone as u32)
    }

    /// What this practice offers now.
    async fn offered(&self) -> Result<api::Offered, Error> {
        let own = self.act(|machine, _, _| machine.own().cloned()).await?;
        let Some(own) = own else { return Ok(api::Offered::default()) };
        self.offered_as(Published::of(&own)).await
    }

    /// Free slots that this node knows, the nearest and soonest first. Nothing is sent for it.
    async fn search(&self, options: api::SearchOptions) -> Result<Vec<api::Slot>, Error> {
        let query = query(options)?;
        let found = self.act(move |machine, _, now| {
            let search = machine.router().search(now, &query)?;
            Ok(machine.router().hits(&search).iter().map(slot_of).collect())
        });
        found.await?.map_err(|error: fapp::query::QueryError| invalid(error))
    }

    /// Asks neighbours for announces of a region. They learn two digits of a postal code,
    /// Fachrichtung and Kostentraeger; what comes is found by a later search.
    async fn ask(&self, options: api::SearchOptions) -> Result<(), Error> {
        let query = query(options)?;
        let sent = self.act(move |machine, _, now| machine.ask_mesh(now, &query)).await?;
        sent.map(|_| ()).map_err(invalid)
    }

    /// Asks the practice for a slot; the reservation's name. Asked for is not booked.
    pub(crate) async fn reserve(
        &self,
        slot: &str,
        options: api::ReserveOptions,
    ) -> Result<String, Error> {
        let hold = if options.online == Some(true) { Hold::Online } else { Hold::Kept };
        let wish = Wish { slot: slot_id(slot)?, contact: options.contact, hold };
        let asked = self.act(move |machine, node, now| machine.reserve(node, now, wish)).await?;
        let id = asked.map_err(invalid)?;
        self.durably().await?;
        Ok(id.to_string())
    }

    /// Reservations of this node's user.
    pub(crate) async fn reservations(&self) -> Result<Vec<api::Reservation>, Error> {
        self.act(|machine, _, _| {
            machine.patient().reservations().map(|r| reservation(&r)).collect()
        })
        .await
    }

    /// Requests for this practice's slots.
    pub(crate) async fn requests(&self) -> Result<Vec<api::SlotRequest>, Error> {
        self.act(|machine, _, _| machine.practice().requests().map(|r| request(&r)).collect()).await
    }

    /// Gives a slot to a request; others that wait for it are declined.
    pub(crate) async fn confirm(&self, request: &str) -> Result<(), Error> {
        let id = request_id(request)?;
        self.act(move |machine, _, now| machine.confirm(now, &id)).await?.map_err(invalid)?;
        self.durably().await
    }

    /// Declines a request.
    pub(crate) async fn decline(&self, request: &str) -> Result<(), Error> {
        let id = request_id(request)?;
        self.act(move |machine, _, now| machine.decline(now, &id)).await?.map_err(invalid)?;
        self.durably().await
    }

    /// The address of the page on this machine, with the token that makes it the owner's. It is offered
    /// from now on when it was not before. For the daemon's user and root only.
    async fn page(&self) -> Result<String, Error> {
        self.0.only_owner()?;
        #[cfg(feature = "web")]
        {
            let data_dir = self.0.handle.ask(|actor| actor.config().data_dir.clone()).await?;
            let (handle, shared) = (self.0.handle.clone(), std::sync::Arc::clone(&self.0.shared));
            let url = self.0.shared.web.url(handle, shared, &data_dir).await;
            url.map_err(|error| {
                Error::StorageFailed(format!("the page cannot be offered: {error}"))
            })
        }
        #[cfg(not(feature = "web"))]
        Err(Error::InvalidArgument("this daemon was built without its page".into()))
    }

    /// Takes a reservation back, or a confirmed request of this practice.
    pub(crate) async fn cancel(&self, id: &str) -> Result<(), Error> {
        let id = request_id(id)?;
        self.act(move |machine, _, now| machine.cancel(now, &id)).await?.map_err(invalid)?;
        self.durably().await
    }

    /// Publishes the slots of a calendar file (iCalendar), beside those that are offered already.
    async fn publish_file(
        &self,
        ics: String,
        options: api::OfferOptions,
    ) -> Result<api::OfferedFile, Error> {
        self.take_file(ics, options).await
    }

    /// Offers slots each week, `Di 09:00-12:00/50m`; the pattern's number.
    pub(crate) async fn add_pattern(
        &self,
        text: &str,
        options: api::PatternOptions,
    ) -> Result<u32, Error> {
        self.add(text, options).await
    }

    /// Removes a pattern, and its slots from the offer.
    pub(crate) async fn remove_pattern(&self, id: u32) -> Result<(), Error> {
        let done = self.act(move |machine, _, now| machine.remove_pattern(now, id)).await?;
        done.map_err(invalid)?;
        self.durably().await
    }

    /// Patterns by number.
    pub(crate) async fn patterns(&self) -> Result<Vec<api::Pattern>, Error> {
        self.act(|machine, _, _| machine.patterns().map(schedule::pattern).collect()).await
    }

    /// Offers nothing from a day to another, `2027-08-02..2027-08-20`; the pause's number.
    pub(crate) async fn pause(&self, days: &str) -> Result<u32, Error> {
        let pause = days.parse().map_err(|error| invalid(ScheduleError::Text(error)))?;
        let id = self.act(move |machine, _, now| machine.pause(now, pause)).await?;
        let id = id.map_err(invalid)?;
        self.durably().await?;
        Ok(id)
    }

    /// Ends a pause.
    pub(crate) async fn remove_pause(&self, id: u32) -> Result<(), Error> {
        let done = self.act(move |machine, _, now| machine.remove_pause(now, id)).await?;
        done.map_err(invalid)?;
        self.durably().await
    }

    /// Pauses by number.
    pub(crate) async fn pauses(&self) -> Result<Vec<api::Pause>, Error> {
        let pause = |(id, pause): (u32, Pause)| api::Pause { id, text: pause.to_string() };
        self.act(move |machine, _, _| machine.pauses().map(pause).collect()).await
    }

    /// Takes the busy times of a calendar file, and nothing else of it, in place of those that the
    /// calendar of this name had. Slots that stand against them are offered no longer.
    pub(crate) async fn import_busy(
        &self,
        name: String,
        ics: String,
    ) -> Result<api::Imported, Error> {
        self.take_busy(name, ics).await
    }

    /// Confirmed appointments as a calendar file, those of the practice and those of the patient.
    pub(crate) async fn calendar(&self) -> Result<String, Error> {
        self.act(|machine, _, now| machine.calendar(now)).await?.map_err(invalid)
    }

    /// Slots, requests and reservations as FHIR R4 records in JSON.
    async fn fhir(&self) -> Result<String, Error> {
        self.act(|machine, _, now| machine.fhir(now)).await?.map_err(invalid)
    }
}

impl Appointments {
    /// The same for the page, which asks as the daemon's owner.
    #[cfg(feature = "web")]
    pub(crate) const fn of(context: Context) -> Self {
        Self(context)
    }

    pub(super) async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Machine, &mut mesh::Node, UnixSeconds) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.0.handle.ask(move |actor| actor.appointments(act)).await?;
        done.ok_or_else(|| {
            Error::NoClock("appointments need a clock, and this machine has none".into())
        })
    }

    /// Waits until what was done would survive a crash.
    pub(super) async fn durably(&self) -> Result<(), Error> {
        let written = self.0.handle.ask(crate::actor::Actor::durably).await?;
        tokio::time::timeout(PATIENCE, written)
            .await
            .map_err(|_| Error::StorageFailed("it is done, but the disk does not keep it".into()))?
            .map_err(|_| Error::ShuttingDown("the daemon is stopping".into()))
    }

    /// What a practice says of itself, without slots.
    pub(super) async fn offer(&self, options: &api::OfferOptions) -> Result<Offer, Error> {
        let mut mailboxes = Vec::new();
        for mailbox in options.mailboxes.iter().flatten() {
            mailboxes.push(self.0.resolve(mailbox).await?);
        }
        let plz =
            options.plz.as_deref().map(|text| Plz::parse(text).map_err(invalid)).transpose()?;
        Ok(Offer { plz, profile: profile(options)?, slots: Vec::new(), mailboxes })
    }

    pub(super) async fn offered_as(&self, published: Published) -> Result<api::Offered, Error> {
        let key = self.act(|machine, _, _| machine.therapist()).await?;
        Ok(api::Offered {
            sequence: published.sequence,
            therapist: hex(&key),
            slots: published.slots.iter().map(|(id, _)| id.to_string()).collect(),
            mailboxes: published.mailboxes.iter().map(ToString::to_string).collect(),
        })
    }
}

/// How long a change may take to the disk.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) fn invalid(error: impl std::fmt::Display) -> Error {
    Error::InvalidArgument(error.to_string())
}

pub(super) use super::convert::hex;

fn slot_id(text: &str) -> Result<SlotId, Error> {
    text.parse()
        .map_err(|_| Error::InvalidArgument("a slot's name is 32 hexadecimal digits".into()))
}

fn request_id(text: &str) -> Result<RequestId, Error> {
    // The same 16 bytes in hexadecimal.
    slot_id(text)
        .map(|SlotId(id)| RequestId(id))
        .map_err(|_| Error::InvalidArgument("a reservation's name is 32 hexadecimal digits".into()))
}

pub(super) fn word<T: Term>(text: &str) -> Result<T, Error> {
    T::parse(text).map_err(invalid)
}

/// What the slots are for.
pub(super) fn leistung(options: &api::OfferOptions) -> Result<Leistung, Error> {
    options.leistung.as_deref().map_or(Ok(Leistung::Sprechstunde), word)
}

fn words<T: Term>(texts: Option<&Vec<String>>) -> Result<Terms<T>, Error> {
    texts.into_iter().flatten().map(|text| word::<T>(text)).collect()
}

fn profile(options: &api::OfferOptions) -> Result<Profile, Error> {
    let mut sprachen = Sprachen::default();
    for sprache in options.sprachen.iter().flatten() {
        sprachen = sprachen.with(sprache).map_err(invalid)?;
    }
    Ok(Profile {
        beruf: words(options.beruf.as_ref())?,
        fachrichtungen: words(options.fachrichtung.as_ref())?,
        modalitaeten: words(options.modalitaet.as_ref())?,
        kostentraeger: words(options.kostentraeger.as_ref())?,
        gruppen: words(options.gruppe.as_ref())?,
        settings: words(options.setting.as_ref())?,
        zugang: words(options.zugang.as_ref())?,
        sprachen,
    })
}

fn maybe<T: FromStr<Err: std::fmt::Display>>(text: Option<String>) -> Result<Option<T>, Error> {
    text.map(|text| text.parse().map_err(invalid)).transpose()
}

pub(super) fn query(options: api::SearchOptions) -> Result<SlotQuery, Error> {
    let tier = |number: u8| {
        let tiers = Tier::ALL.iter().copied();
        tiers
            .into_iter()
            .find(|tier| tier.number() == number)
            .ok_or_else(|| invalid("trust is 0 to 3"))
    };
    Ok(SlotQuery {
        plz_prefix: options.plz_prefix,
        plz: options.plz,
        radius_km: options.radius_km,
        beruf: maybe(options.beruf)?,
        fachrichtung: maybe(options.fachrichtung)?,
        modalitaet: maybe(options.modalitaet)?,
        kostentraeger: maybe(options.kostentraeger)?,
        gruppe: maybe(options.gruppe)?,
        setting: maybe(options.setting)?,
        leistung: maybe(options.leistung)?,
        zugang: maybe(options.zugang)?,
        sprache: options.sprache,
        from: options.from.map(UnixSeconds),
        to: options.to.map(UnixSeconds),
        trust: options.trust.map(tier).transpose()?,
        limit: options.limit.unwrap_or(0),
    })
}

fn names<T: Term>(terms: Terms<T>) -> Vec<String> {
    terms.names().into_iter().map(str::to_owned).collect()
}

pub(super) fn slot_of(hit: &Hit<'_>) -> api::Slot {
    let profile = hit.announce.profile();
    api::Slot {
        id: hit.id.to_string(),
        therapist: hex(hit.announce.therapist()),
        start: hit.slot.start.0,
        duration_min: hit.slot.duration_min,
        plz: hit.announce.plz().to_string(),
        leistung: hit.slot.leistung().map(|leistung| leistung.name().to_owned()),
        fachrichtung: names(profile.fachrichtungen),
        modalitaet: names(hit.announce.modalitaeten_of(hit.slot)),
        kostentraeger: names(profile.kostentraeger),
        gruppe: names(profile.gruppen),
        sprachen: profile.sprachen.subtags(),
        trust: hit.tier.number(),
        trust_label: hit.tier.label(Language::German).to_owned(),
        distance_km: hit.distance_m.map(|metres| f64::from(metres) / 1_000.0),
    }
}

fn why(reason: Reason) -> Option<String> {
    let text = match reason {
        Reason::None => return None,
        Reason::Taken => "taken",
        Reason::Practice => "practice",
        Reason::Busy => "busy",
        Reason::Gone => "gone",
        Reason::Patient => "patient",
    };
    Some(text.to_owned())
}

fn reservation(view: &fapp::reservation::ReservationView<'_>) -> api::Reservation {
    let (state, reason) = match view.state {
        State::Requested => ("requested", None),
        State::Confirmed => ("confirmed", None),
        State::Declined { reason, .. } => ("declined", why(reason)),
        State::Expired => ("expired", None),
        State::Cancelled { reason, .. } => ("cancelled", why(reason)),
    };
    api::Reservation {
        id: view.id.to_string(),
        slot: view.about.slot.to_string(),
        therapist: hex(view.therapist),
        start: view.start.0,
        duration_min: view.minutes,
        made_at: view.made_at.0,
        state: state.to_owned(),
        reason,
        contact_given: view.contact_given,
        alternatives: view.alternatives.iter().map(|other| other.slot.to_string()).collect(),
    }
}

fn request(view: &fapp::reservation::RequestView<'_>) -> api::SlotRequest {
    let state = match view.status {
        Status::Requested => "requested",
        Status::Confirmed { .. } => "confirmed",
        Status::Declined { .. } => "declined",
        Status::Expired { .. } => "expired",
        Status::Cancelled { .. } => "cancelled",
    };
    api::SlotRequest {
        id: view.id.to_string(),
        slot: view.about.slot.to_string(),
        start: view.start.0,
        duration_min: view.minutes,
        made_at: view.made_at.0,
        until: view.until.0,
        state: state.to_owned(),
        contact: view.contact.map(str::to_owned),
    }
}

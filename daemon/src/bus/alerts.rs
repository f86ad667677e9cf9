//! `org.quicprochat.Alerts1`.

use api::Error;
use fapp::{
    alert::{AlertId, AlertView, Reported},
    query::{Hit, SlotQuery},
    vocabulary::Term,
};
use zbus::{interface, object_server::SignalEmitter};

use super::{
    Context,
    appointments::{self, Appointments, hex, invalid},
};
use crate::appointments::Appointments as Machine;

/// Searches that stay.
#[derive(Debug)]
pub(super) struct Alerts(pub(super) Context);

#[interface(name = "org.quicprochat.Alerts1")]
impl Alerts {
    /// Adds an alert; its name. What is known already is reported at once.
    async fn add(&self, options: api::SearchOptions, label: &str) -> Result<u32, Error> {
        let query = appointments::query(options)?;
        let label = label.to_owned();
        let bus = Appointments(self.0.clone());
        let added = bus.act(move |machine, _, now| machine.alert_add(now, &query, &label));
        let id = added.await?.map_err(invalid)?;
        bus.durably().await?;
        Ok(id.0)
    }

    /// All alerts with what they found.
    async fn list(&self) -> Result<Vec<api::Alert>, Error> {
        let bus = Appointments(self.0.clone());
        bus.act(|machine, _, _| {
            machine.alerts().alerts().map(|view| alert(machine, &view)).collect()
        })
        .await
    }

    /// Forgets an alert.
    async fn remove(&self, id: u32) -> Result<(), Error> {
        let bus = Appointments(self.0.clone());
        if !bus.act(move |machine, _, _| machine.alert_remove(AlertId(id))).await? {
            return Err(Error::InvalidArgument(format!("there is no alert {id}")));
        }
        bus.durably().await
    }

    /// An alert found a slot that it had not found before: when it begins, in seconds since 1970.
    #[zbus(signal)]
    async fn hit(
        emitter: &SignalEmitter<'_>,
        alert: u32,
        slot: &str,
        therapist: &str,
        start: u64,
    ) -> zbus::Result<()>;
}

/// Tells a client of a hit.
pub(super) async fn tell(emitter: &SignalEmitter<'_>, hit: &Reported) -> zbus::Result<()> {
    let (slot, therapist) = (hit.slot.to_string(), hex(&hit.therapist));
    Alerts::hit(emitter, hit.alert.0, &slot, &therapist, hit.start.0).await
}

fn alert(machine: &Machine, view: &AlertView<'_>) -> api::Alert {
    let found = machine.alerts().reported(view.id);
    api::Alert {
        id: view.id.0,
        label: view.label.to_owned(),
        search: options(view.query),
        slots: found.iter().filter_map(|hit| slot(machine, view.query, hit)).collect(),
        full: view.is_full,
    }
}

/// A slot that was reported, while it is offered.
fn slot(machine: &Machine, query: &SlotQuery, hit: &Reported) -> Option<api::Slot> {
    let (announce, tier) = machine.router().cache().get(&hit.therapist)?;
    let slot = announce.slots().iter().find(|slot| slot.id(&hit.therapist) == hit.slot)?;
    let middle = query.plz.as_deref().and_then(|plz| fapp::plz::Plz::parse(plz).ok()?.place());
    let place = announce.plz().place();
    let distance_m = middle.zip(place).map(|(middle, place)| place.distance_m(middle));
    Some(appointments::slot_of(&Hit { id: hit.slot, slot, announce, tier, distance_m }))
}

fn options(query: &SlotQuery) -> api::SearchOptions {
    fn name<T: Term>(term: Option<T>) -> Option<String> {
        term.map(|term| term.name().to_owned())
    }
    api::SearchOptions {
        plz_prefix: query.plz_prefix.clone(),
        plz: query.plz.clone(),
        radius_km: query.radius_km,
        beruf: name(query.beruf),
        fachrichtung: name(query.fachrichtung),
        modalitaet: name(query.modalitaet),
        kostentraeger: name(query.kostentraeger),
        gruppe: name(query.gruppe),
        setting: name(query.setting),
        leistung: name(query.leistung),
        zugang: name(query.zugang),
        sprache: query.sprache.clone(),
        from: query.from.map(|at| at.0),
        to: query.to.map(|at| at.0),
        trust: query.trust.map(fapp::trust::Tier::number),
        limit: None,
    }
}

//! What the node's owner may ask (`WEB-04`): the practice and its requests, and reservations that the daemon keeps.
//!
//! It is the API of `org.quicprochat.Appointments1` in JSON; what is done there is done here.

use hyper::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    serve::{Answer, Refusal, Site, bytes, json as as_json, refuse},
    views,
};
use crate::bus::{AppointmentsApi, Context, hex};

/// What is to be published, in the page's words.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Offer {
    plz: Option<String>,
    beruf: Option<Vec<String>>,
    fachrichtung: Option<Vec<String>>,
    modalitaet: Option<Vec<String>>,
    kostentraeger: Option<Vec<String>>,
    gruppe: Option<Vec<String>>,
    setting: Option<Vec<String>>,
    zugang: Option<Vec<String>>,
    sprachen: Option<Vec<String>>,
    leistung: Option<String>,
    slots: Vec<Start>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    start: u64,
    duration_min: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotNamed {
    slot: String,
}

/// One of the two.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change<T> {
    Add(String),
    Remove(T),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calendar {
    ics: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    slot: String,
    contact: Option<String>,
}

fn api(site: &Site) -> AppointmentsApi {
    AppointmentsApi::of(Context::new(site.handle.clone(), site.shared.clone(), true))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        refuse(StatusCode::BAD_REQUEST, &format!("this is not what is expected here: {error}"))
    })
}

fn failed(error: api::Error) -> Refusal {
    let status = match &error {
        api::Error::InvalidArgument(_) | api::Error::InvalidAddress(_) => StatusCode::BAD_REQUEST,
        api::Error::NoClock(_) | api::Error::ShuttingDown(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refuse(status, &error.to_string())
}

/// The calendar that the page imports, in place of the one before.
const CALENDAR: &str = "Kalender";

/// Answers `/v1/own/…`.
pub(super) async fn answer(site: &Site, what: &str, is_get: bool, body: &[u8]) -> Answer {
    let said = match (what, is_get) {
        ("state", true) => state(site).await?,
        ("publish", false) => publish(site, read(body)?).await?,
        ("withdraw", false) => {
            let SlotNamed { slot } = read(body)?;
            json!({ "withdrawn": api(site).withdraw(&slot).await.map_err(failed)? })
        }
        ("confirm", false) => {
            let Named { id } = read(body)?;
            api(site).confirm(&id).await.map_err(failed)?;
            json!({})
        }
        ("decline", false) => {
            let Named { id } = read(body)?;
            api(site).decline(&id).await.map_err(failed)?;
            json!({})
        }
        ("cancel", false) => {
            let Named { id } = read(body)?;
            api(site).cancel(&id).await.map_err(failed)?;
            json!({})
        }
        ("pattern", false) => match read(body)? {
            Change::Add(text) => {
                let options = api::PatternOptions::default();
                json!({ "id": api(site).add_pattern(&text, options).await.map_err(failed)? })
            }
            Change::Remove(id) => {
                api(site).remove_pattern(id).await.map_err(failed)?;
                json!({})
            }
        },
        ("pause", false) => match read(body)? {
            Change::Add(days) => json!({ "id": api(site).pause(&days).await.map_err(failed)? }),
            Change::Remove(id) => {
                api(site).remove_pause(id).await.map_err(failed)?;
                json!({})
            }
        },
        ("import", false) => {
            let Calendar { ics } = read(body)?;
            let taken = api(site).import_busy(CALENDAR.into(), ics).await.map_err(failed)?;
            json!({ "busy": taken.busy, "skipped": taken.left_out_count })
        }
        ("reserve", false) => {
            let Wish { slot, contact } = read(body)?;
            let options = api::ReserveOptions { contact, online: None };
            json!({ "id": api(site).reserve(&slot, options).await.map_err(failed)? })
        }
        _ => return Err(refuse(StatusCode::NOT_FOUND, "there is nothing here")),
    };
    Ok(as_json(&said))
}

async fn publish(site: &Site, offer: Offer) -> Result<Value, Refusal> {
    let slots = offer.slots.iter().map(|slot| (slot.start, slot.duration_min)).collect();
    // An empty list is one that the person emptied: it stays as it was, as at the command line.
    let options = api::OfferOptions {
        plz: offer.plz,
        beruf: offer.beruf,
        fachrichtung: offer.fachrichtung,
        modalitaet: offer.modalitaet,
        kostentraeger: offer.kostentraeger,
        gruppe: offer.gruppe,
        setting: offer.setting,
        zugang: offer.zugang,
        sprachen: offer.sprachen,
        leistung: offer.leistung.filter(|leistung| !leistung.is_empty()),
        mailboxes: None,
    };
    let offered = api(site).publish(slots, options).await.map_err(failed)?;
    Ok(json!({ "slots": offered.slots }))
}

async fn state(site: &Site) -> Result<Value, Refusal> {
    let api = api(site);
    let requests = api.requests().await.map_err(failed)?;
    let reservations = api.reservations().await.map_err(failed)?;
    let told =
        site.handle.ask(|actor| actor.appointments(|machine, _, _| views::practice(machine)));
    let mut practice = told.await?.ok_or_else(|| {
        refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "appointments need a clock, and this machine has none",
        )
    })?;
    let patterns = api.patterns().await.map_err(failed)?;
    let pauses = api.pauses().await.map_err(failed)?;
    practice["patterns"] = patterns.iter().map(views::pattern).collect();
    practice["pauses"] = pauses.iter().map(views::pause).collect();
    practice["requests"] = requests.iter().map(views::request).collect();
    practice["feed"] = feed_url(site);
    Ok(json!({
        "practice": practice,
        "reservations": reservations.iter().map(views::reservation).collect::<Value>(),
    }))
}

/// The feed's own token: whoever is given the feed's address reads the calendar, and can do nothing else.
fn feed_token(site: &Site) -> Option<String> {
    use sha2::{Digest, Sha256};
    let token = site.token.as_ref()?;
    let digest = Sha256::digest(format!("qpc calendar feed 1{}", token.text()));
    Some(hex(&digest))
}

fn feed_url(site: &Site) -> Value {
    feed_token(site).map_or(Value::Null, |token| json!(format!("/calendar.ics?token={token}")))
}

/// Appointments as a calendar to subscribe to, on loopback.
pub(super) async fn feed(site: &Site, query: Option<&str>) -> Answer {
    let shown = query.and_then(|query| query.strip_prefix("token="));
    let wanted = feed_token(site);
    let is_owner = wanted.zip(shown).is_some_and(|(wanted, shown)| {
        use sha2::{Digest, Sha256};
        Sha256::digest(&wanted) == Sha256::digest(shown)
    });
    if !is_owner {
        return Err(refuse(StatusCode::UNAUTHORIZED, "the calendar's address has a token"));
    }
    let text = api(site).calendar().await.map_err(failed)?;
    Ok(bytes(text.into_bytes(), "text/calendar; charset=utf-8"))
}

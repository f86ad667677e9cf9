//! `demo fapp` (`CLI-152`): a practice, a patient, and a node between them that keeps their letters.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use ::fapp::{UnixSeconds, calendar::BerlinTime};
use api::{AppointmentsProxy, OfferOptions, ReserveOptions, SearchOptions};
use tokio::time::sleep;

use super::{DemoNode, Stage, scratch::Scratch};
use crate::{
    client::Client,
    failure::{Failure, Stop},
};

/// Plays it.
pub(super) async fn play(
    stage: &mut Stage<'_>,
    qpcd: &Path,
    scratch: &Scratch,
) -> Result<(), Stop> {
    stage.say("A practice, a patient, and a node between them, each with its own keys:")?;
    for name in ["praxis", "knoten", "patient"] {
        let node = DemoNode::start(qpcd, scratch.path(), name).await?;
        stage.say(&format!("  {name:<8} {}", node.address))?;
        stage.nodes.push(node);
    }
    let uri = stage.nodes[NODE].uri();
    for end in [PRACTICE, PATIENT] {
        stage.nodes[end].link_to(&uri).await?;
    }
    let practice = stage.nodes[PRACTICE].address.clone();
    let hops = stage.nodes[PATIENT].wait_for_route(&practice).await?;
    stage.step("the practice is two hops away from the patient", hops == 2)?;

    let (slot, start) = publish(stage, scratch).await?;
    let id = find_and_ask(stage, &slot).await?;
    confirm(stage, &id).await?;
    calendars(stage, start).await
}

async fn publish(stage: &mut Stage<'_>, scratch: &Scratch) -> Result<(String, u64), Stop> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Next week at nine in the morning, UTC.
    let start = (now.as_secs() / 86_400 + 7) * 86_400 + 9 * 3_600;
    let file = scratch.path().join("termine.ics");
    std::fs::write(&file, calendar(start))
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    let (client, fapp) = fapp(&stage.nodes[PRACTICE]).await?;
    let options = OfferOptions {
        plz: Some("80331".into()),
        fachrichtung: Some(vec!["Verhaltenstherapie".into()]),
        modalitaet: Some(vec!["Praxis".into()]),
        kostentraeger: Some(vec!["GKV".into()]),
        ..OfferOptions::default()
    };
    let offered = client.renewed().ask(fapp.publish_file(&text, options)).await?;
    stage.say(&format!(
        "\nThe practice publishes {} appointments of its calendar file.",
        offered.slots.len()
    ))?;
    stage.step("a calendar file becomes an offer", offered.slots.len() == 2)?;
    let first = offered.slots.into_iter().next();
    let first = first.ok_or_else(|| Failure::failed("nothing was offered"))?;
    Ok((first, start))
}

/// A diary with two free hours, as any calendar program writes it.
fn calendar(start: u64) -> String {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Praxis//DE\r\n");
    for (number, at) in [start, start + 3_600].into_iter().enumerate() {
        let stamp = |at: u64| {
            let time = BerlinTime::from_unix(UnixSeconds(at)).rfc3339();
            time.chars().filter(|c| !matches!(c, '-' | ':')).take(15).collect::<String>()
        };
        text += &format!(
            "BEGIN:VEVENT\r\nUID:{number}@praxis.example\r\nDTSTAMP:{start}\r\nDTSTART;TZID=Europe/Berlin:{from}\r\n\
             DTEND;TZID=Europe/Berlin:{to}\r\nSUMMARY:frei\r\nEND:VEVENT\r\n",
            start = stamp(start) + "Z",
            from = stamp(at),
            to = stamp(at + 3_000),
        );
    }
    text + "END:VCALENDAR\r\n"
}

async fn find_and_ask(stage: &mut Stage<'_>, slot: &str) -> Result<String, Stop> {
    let (client, fapp) = fapp(&stage.nodes[PATIENT]).await?;
    let found = loop {
        let near = SearchOptions {
            plz: Some("80799".into()),
            radius_km: Some(10),
            kostentraeger: Some("GKV".into()),
            ..SearchOptions::default()
        };
        let found = client.renewed().ask(fapp.search(near)).await?;
        if let Some(found) = found.into_iter().find(|found| found.id == slot) {
            break found;
        }
        sleep(POLL).await;
    };
    stage.say(&format!(
        "The patient searches around 80799, which sends nothing, and finds: {}, PLZ {}, {:.1} km, {}.",
        BerlinTime::from_unix(UnixSeconds(found.start)).rfc3339(),
        found.plz,
        found.distance_km.unwrap_or(0.0),
        found.trust_label,
    ))?;
    stage.step("the patient finds the appointment", found.plz == "80331")?;
    let options = ReserveOptions { contact: Some(CONTACT.into()), online: None };
    let id = client.renewed().ask(fapp.reserve(slot, options)).await?;
    stage.say("\nThe patient asks for it. Asked for is not booked.")?;
    Ok(id)
}

async fn confirm(stage: &mut Stage<'_>, id: &str) -> Result<(), Stop> {
    let (client, fapp_of_practice) = fapp(&stage.nodes[PRACTICE]).await?;
    let request = loop {
        let requests = client.renewed().ask(fapp_of_practice.requests()).await?;
        if let Some(request) = requests.into_iter().find(|request| request.id == id) {
            break request;
        }
        sleep(POLL).await;
    };
    stage.say("The practice has a request, and does not know from whom.")?;
    stage.step("the request tells nothing of the patient", request.contact.is_none())?;
    client.renewed().ask(fapp_of_practice.confirm(id)).await?;
    let (patient, fapp_of_patient) = fapp(&stage.nodes[PATIENT]).await?;
    loop {
        let all = patient.renewed().ask(fapp_of_patient.reservations()).await?;
        if all.iter().any(|one| one.id == id && one.state == "confirmed") {
            break;
        }
        sleep(POLL).await;
    }
    stage.say("The practice confirms, and the patient knows it.")?;
    let told = loop {
        let requests = client.renewed().ask(fapp_of_practice.requests()).await?;
        let contact = requests.into_iter().find(|request| request.id == id);
        if let Some(contact) = contact.and_then(|request| request.contact) {
            break contact;
        }
        sleep(POLL).await;
    };
    stage.say(&format!("Now, and not before, the practice reads: {told}"))?;
    stage.step("contact data comes after the confirmation", told == CONTACT)
}

async fn calendars(stage: &mut Stage<'_>, start: u64) -> Result<(), Stop> {
    stage.say("")?;
    let wanted = BerlinTime::from_unix(UnixSeconds(start)).rfc3339();
    for (end, name) in [(PRACTICE, "practice"), (PATIENT, "patient")] {
        let (client, fapp) = fapp(&stage.nodes[end]).await?;
        let text = client.renewed().ask(fapp.calendar()).await?;
        let events = text.matches("BEGIN:VEVENT").count();
        stage.say(&format!("The {name}'s calendar file has {events} appointment, {wanted}."))?;
        stage.step(&format!("the {name} has it in a calendar file"), events == 1)?;
    }
    Ok(())
}

async fn fapp(node: &DemoNode) -> Result<(Client, AppointmentsProxy<'static>), Failure> {
    // Each question has its own time.
    let client = node.client().renewed();
    let proxy = AppointmentsProxy::new(node.client().connection());
    let proxy = client.ask(async { Ok(proxy.await?) }).await?;
    Ok((client, proxy))
}

const PRACTICE: usize = 0;
const NODE: usize = 1;
const PATIENT: usize = 2;
const CONTACT: &str = "Kim Beispiel, 0151 5550100";
/// Between two looks.
const POLL: Duration = Duration::from_millis(250);

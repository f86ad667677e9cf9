//! What a message costs on a radio, and what it waits for there (`CLI-25`, `CLI-27`).

use api::{PeersProxy, Radio, RadiosProxy, Route, RouteOptions, RoutesProxy};
use mesh::radio::Modulation;

use crate::{
    client::Client,
    show::{json, text},
};

/// The way to somebody.
pub(super) struct Way {
    /// As the daemon knows it.
    pub(super) route: Route,
    /// The medium of its first hop.
    pub(super) medium: Option<String>,
    /// The radio over which it begins, if it does.
    pub(super) radio: Option<Radio>,
}

/// The way to somebody, if one is known. Whoever cannot know does not say.
pub(super) async fn way_to(client: &Client, to: &str) -> Option<Way> {
    let connection = client.connection();
    let routes = client.ask(async {
        let options = RouteOptions { address: Some(to.to_owned()), ..RouteOptions::default() };
        RoutesProxy::new(connection).await?.list(options).await
    });
    let route = routes.await.ok()?.into_iter().next()?;
    let peers = client.ask(async { PeersProxy::new(connection).await?.list().await }).await;
    let neighbour = peers.ok().and_then(|peers| peers.into_iter().find(|p| p.link == route.link));
    let medium = neighbour.map(|neighbour| neighbour.medium);
    let leads =
        |radio: &Radio| radio.neighbours.iter().any(|one| one.link.as_ref() == Some(&route.link));
    let radio = radios(client).await.into_iter().find(leads);
    Some(Way { route, medium, radio })
}

/// All modems; none when the daemon does not say.
pub(super) async fn radios(client: &Client) -> Vec<Radio> {
    let connection = client.connection();
    let radios = client.ask(async { RadiosProxy::new(connection).await?.list().await });
    radios.await.unwrap_or_default()
}

/// A radio that must be silent because its share of the hour is used up: nobody is met over it.
pub(super) async fn silent_radio(client: &Client) -> Option<Radio> {
    radios(client).await.into_iter().find(is_silent)
}

/// That a radio may not send now, and until when.
pub(super) fn silence(radio: &Radio) -> Option<String> {
    let wait = text::span(radio.message_wait_ms as f64 / 1e3);
    is_silent(radio).then(|| format!("air time is used up, messages go out again in about {wait}"))
}

fn is_silent(radio: &Radio) -> bool {
    radio.state == "up" && radio.message_wait_ms > 0
}

fn account(radio: &Radio) -> Option<&api::RadioAirtime> {
    radio.airtime.iter().find(|account| account.band == radio.settings.band)
}

/// What `len` bytes of text cost on the first hop, once keys are agreed, and when they go out.
pub(super) fn cost(radio: &Radio, len: usize) -> String {
    let air = text::span(air_us(radio, len) as f64 / 1e6);
    format!("{air} of air time to the first relay or recipient; {}", wait(radio, len))
}

/// The same for programs.
pub(super) fn document(radio: &Radio, len: usize) -> json::OnAir {
    let reason = reason(radio, len);
    json::OnAir {
        modem: radio.id.clone(),
        air_ms: air_us(radio, len) as f64 / 1e3,
        waits_for: match reason {
            Reason::Modem => "modem",
            Reason::AirTime { .. } => "air-time",
            Reason::Turn { .. } => "channel",
        },
        wait_s: match reason {
            Reason::AirTime { wait_ms, .. } => Some(wait_ms as f64 / 1e3),
            Reason::Modem | Reason::Turn { .. } => None,
        },
    }
}

/// What a radio waits for before it can send.
pub(super) fn wait(radio: &Radio, len: usize) -> String {
    match reason(radio, len) {
        Reason::Modem => "waits for the modem, which is not there".to_owned(),
        Reason::AirTime { wait_ms, account } => {
            let span = |ms: u64| text::span(ms as f64 / 1e3);
            let out = match wait_ms {
                0 => "begins at once, and goes on as air time comes back".to_owned(),
                _ => format!("goes out in about {}", span(wait_ms)),
            };
            let used = account.map(|account| [account.used_ms, account.limit_ms].map(span));
            let used = used.map(|[used, limit]| {
                format!(": {used} of the {limit} that the law allows in an hour are used")
            });
            out + &used.unwrap_or_default()
        }
        Reason::Turn { load } if load > BUSY => {
            let percent = load * 100.0;
            format!("waits for its turn: the channel is busy {percent:.0} % of the time")
        }
        Reason::Turn { .. } => "goes out as soon as the channel is free".to_owned(),
    }
}

/// Why something did not go out yet.
enum Reason<'a> {
    Modem,
    /// The first of it may begin in `wait_ms`.
    AirTime {
        wait_ms: u64,
        account: Option<&'a api::RadioAirtime>,
    },
    Turn {
        load: f64,
    },
}

fn reason(radio: &Radio, len: usize) -> Reason<'_> {
    if radio.state != "up" {
        return Reason::Modem;
    }
    let (wait_ms, air_ms) = (radio.message_wait_ms, air_us(radio, len).div_ceil(1_000));
    let account = account(radio);
    let exceeds = |account: &api::RadioAirtime| {
        account.used_ms + air_ms > account.limit_ms / 100 * CONVERSATION_PERCENT
    };
    if wait_ms > 0 || account.is_some_and(exceeds) {
        return Reason::AirTime { wait_ms, account };
    }
    Reason::Turn { load: radio.channel_load.unwrap_or_default() }
}

fn air_us(radio: &Radio, len: usize) -> u64 {
    let settings = &radio.settings;
    let [factor, rate] = [settings.spreading_factor, settings.coding_rate]
        .map(|number| u8::try_from(number).unwrap_or(u8::MAX));
    let modulation = Modulation::rnode(settings.frequency_hz, settings.bandwidth_hz, factor, rate);
    let bytes = len + OVERHEAD;
    let (whole, rest) = (bytes / PIECE, bytes % PIECE);
    let rest_us = if rest > 0 { modulation.time_on_air_us(rest + PIECE_OVERHEAD) } else { 0 };
    modulation.time_on_air_us(PIECE + PIECE_OVERHEAD) * whole as u64 + rest_us
}

/// What a message in a session needs beside its text, once both know each other, without what is in
/// [`PIECE_OVERHEAD`].
const OVERHEAD: usize = 16;
/// What of it fits into one payload, and what each payload has besides.
const PIECE: usize = 232;
const PIECE_OVERHEAD: usize = 8;
/// The rest of the share is for control (`AIR-22`).
const CONVERSATION_PERCENT: u64 = 95;
/// From this load on people are told.
const BUSY: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    fn radio() -> Radio {
        Radio {
            state: "up".into(),
            settings: api::RadioSettings {
                band: "EU868/P".into(),
                frequency_hz: 869_525_000,
                bandwidth_hz: 125_000,
                spreading_factor: 8,
                coding_rate: 5,
                ..api::RadioSettings::default()
            },
            airtime: vec![api::RadioAirtime {
                band: "EU868/P".into(),
                used_ms: 1_000,
                limit_ms: 360_000,
                window_s: 3_600,
            }],
            ..Radio::default()
        }
    }

    #[test]
    fn costs_are_those_of_the_settings_and_waits_have_a_reason() {
        let mut radio = radio();
        // 74 bytes with the modem's own.
        assert_eq!(
            air_us(&radio, 50),
            Modulation::rnode(869_525_000, 125_000, 8, 5).time_on_air_us(74)
        );
        assert!(cost(&radio, 50).ends_with("goes out as soon as the channel is free"));
        radio.channel_load = Some(0.7);
        assert!(wait(&radio, 50).contains("busy 70 %"));
        radio.airtime[0].used_ms = 341_900;
        assert!(wait(&radio, 50).starts_with("begins at once, and goes on as air time comes back"));
        (radio.airtime[0].used_ms, radio.message_wait_ms) = (350_000, 40_000);
        let told =
            "goes out in about 40 s: 6 min of the 6 min that the law allows in an hour are used";
        assert_eq!(wait(&radio, 50), told);
        let on_air = document(&radio, 50);
        assert_eq!((on_air.waits_for, on_air.wait_s), ("air-time", Some(40.0)));
        radio.state = "backoff".into();
        assert!(wait(&radio, 50).contains("modem"));
        assert_eq!(document(&radio, 50).waits_for, "modem");
    }
}

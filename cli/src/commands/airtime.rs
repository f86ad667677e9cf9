//! What a message costs on a radio, and what it waits for there (`CLI-25`, `CLI-27`).

use api::{Radio, RadiosProxy, RouteOptions, RoutesProxy};
use mesh::radio::Modulation;

use crate::{client::Client, show::text};

/// The radio over which the way to somebody begins, if it does. Whoever cannot know does not say.
pub(super) async fn radio_to(client: &Client, to: &str) -> Option<Radio> {
    let radios = client.ask(async {
        let radios = RadiosProxy::new(client.connection()).await?;
        radios.list().await
    });
    let radios = radios.await.ok().filter(|radios| !radios.is_empty())?;
    let routes = client.ask(async {
        let routes = RoutesProxy::new(client.connection()).await?;
        let address = Some(to.to_owned());
        routes.list(RouteOptions { address, ..RouteOptions::default() }).await
    });
    let link = routes.await.ok()?.into_iter().next()?.link;
    let leads = |radio: &Radio| radio.neighbours.iter().any(|one| one.link.as_ref() == Some(&link));
    radios.into_iter().find(leads)
}

/// A radio that must be silent because its share of the hour is used up: nobody is met over it.
pub(super) async fn silent_radio(client: &Client) -> Option<Radio> {
    let radios = client.ask(async {
        let radios = RadiosProxy::new(client.connection()).await?;
        radios.list().await
    });
    radios.await.ok()?.into_iter().find(|radio| is_used_up(radio, 0))
}

fn is_used_up(radio: &Radio, air_ms: u64) -> bool {
    account(radio).is_some_and(|account| {
        account.used_ms + air_ms > account.limit_ms / 100 * CONVERSATION_PERCENT
    })
}

fn account(radio: &Radio) -> Option<&api::RadioAirtime> {
    radio.airtime.iter().find(|account| account.band == radio.settings.band)
}

/// What `len` bytes of text cost on the first hop, once keys are agreed, and when they go out.
pub(super) fn cost(radio: &Radio, len: usize) -> String {
    let air = text::span(air_us(radio, len) as f64 / 1e6);
    format!("{air} of air time to the first relay or recipient; {}", wait(radio, len))
}

/// What a radio waits for before it can send.
pub(super) fn wait(radio: &Radio, len: usize) -> String {
    if radio.state != "up" {
        return "waits for the modem, which is not there".to_owned();
    }
    let air_ms = air_us(radio, len).div_ceil(1_000);
    if let Some(account) = account(radio).filter(|_| is_used_up(radio, air_ms)) {
        let [used, limit] =
            [account.used_ms, account.limit_ms].map(|ms| text::span(ms as f64 / 1e3));
        return format!(
            "waits for air time: {used} of {limit} in this hour are used, and they come back minute by \
             minute"
        );
    }
    match radio.channel_load {
        Some(load) if load > BUSY => {
            format!("waits for its turn: the channel is busy {:.0} % of the time", load * 100.0)
        }
        _ => "goes out as soon as the channel is free".to_owned(),
    }
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
        radio.airtime[0].used_ms = 350_000;
        assert!(wait(&radio, 50).contains("waits for air time: 6 min of 6 min"));
        radio.state = "backoff".into();
        assert!(wait(&radio, 50).contains("modem"));
    }
}

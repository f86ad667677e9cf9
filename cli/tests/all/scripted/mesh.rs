//! Neighbours, routes, links, modems, and who was found.

use api::*;
use zbus::interface;

use super::{EVE, FAR, HILL, HOSTILE};

pub(super) struct Peers;

#[interface(name = "org.quicprochat.Peers1")]
impl Peers {
    fn list(&self) -> Vec<Peer> {
        vec![Peer {
            address: EVE.to_owned(),
            name: Some(HOSTILE.to_owned()),
            link: "1".to_owned(),
            medium: "tcp".to_owned(),
            rtt_us: Some(1_250),
            up_s: 60,
            ..Default::default()
        }]
    }
}

pub(super) struct Routes;

#[interface(name = "org.quicprochat.Routes1")]
impl Routes {
    fn list(&self, options: RouteOptions) -> Vec<Route> {
        let route = |address: &str, hops| Route {
            address: address.to_owned(),
            next_hop: EVE.to_owned(),
            hops,
            cost: 100 * u32::from(hops),
            age_s: 7,
            ..Default::default()
        };
        // Pages of one, so that more than one has to be asked for.
        let after = options.after.as_deref().unwrap_or_default();
        let mut routes = vec![route(EVE, 1), route(FAR, 2)];
        if options.address.as_deref() == Some(HILL) {
            routes.push(Route { link: "7".to_owned(), cost: 1_900_000, ..route(HILL, 3) });
        }
        routes.retain(|route| route.address.as_str() > after);
        routes.retain(|route| options.address.as_deref().is_none_or(|only| only == route.address));
        routes.truncate(1);
        routes
    }
}

pub(super) struct Links;

#[interface(name = "org.quicprochat.Links1")]
impl Links {
    fn list(&self) -> Vec<Link> {
        let dialled = Link {
            id: "1".to_owned(),
            uri: "tcp://127.0.0.1:1".to_owned(),
            direction: "dialled".to_owned(),
            origin: "api".to_owned(),
            state: "backoff".to_owned(),
            error: Some(HOSTILE.to_owned()),
            next_try_ms: Some(2_500),
            ..Default::default()
        };
        let modem = Link {
            id: "3".to_owned(),
            uri: "rnode:///dev/modem?freq=869525000".to_owned(),
            direction: "radio".to_owned(),
            origin: "api".to_owned(),
            state: "up".to_owned(),
            ..Default::default()
        };
        vec![dialled, modem]
    }
    fn add(&self, uri: &str) -> Result<String, Error> {
        match uri.starts_with("tcp://") {
            true => Ok("2".to_owned()),
            false => Err(Error::LinkInvalid("this daemon has no such medium".to_owned())),
        }
    }
    fn remove(&self, id: &str) -> Result<(), Error> {
        match id {
            "1" => Ok(()),
            _ => Err(Error::UnknownLink("no such link".to_owned())),
        }
    }
    fn probe(&self, _uri: &str) -> Probe {
        Probe {
            stage: "done".to_owned(),
            address: Some(HOSTILE.to_owned()),
            took_us: 1_500,
            ..Default::default()
        }
    }
}

pub(super) struct Radios;

#[interface(name = "org.quicprochat.Radios1")]
impl Radios {
    fn list(&self) -> Vec<Radio> {
        vec![Radio {
            id: "3".to_owned(),
            uri: "rnode:///dev/modem?freq=869525000".to_owned(),
            state: "up".to_owned(),
            error: Some(HOSTILE.to_owned()),
            settings: RadioSettings {
                region: "EU868".to_owned(),
                band: "EU868/P".to_owned(),
                preset: Some(HOSTILE.to_owned()),
                frequency_hz: 869_525_000,
                bandwidth_hz: 125_000,
                spreading_factor: 8,
                coding_rate: 5,
                tx_power_dbm: 14,
                antenna_gain_dbi: 2.15,
                bitrate_bps: 3_125,
            },
            airtime: vec![RadioAirtime {
                band: HOSTILE.to_owned(),
                used_ms: 36_000,
                limit_ms: 360_000,
                window_s: 3_600,
            }],
            message_wait_ms: 40_000,
            channel_load: Some(0.05),
            neighbours: vec![RadioNeighbour {
                address: EVE.to_owned(),
                name: Some(HOSTILE.to_owned()),
                link: Some("7".to_owned()),
                rssi_dbm: -97,
                snr_db: 6.25,
                success: 0.9,
                heard_ago_ms: 2_500,
                ..Default::default()
            }],
            ..Default::default()
        }]
    }
    fn set(&self, id: &str, parameters: &str) -> Result<String, Error> {
        match (id, parameters) {
            ("3", "sf=9&txp=10") => Ok("rnode:///dev/modem?sf=9".to_owned()),
            _ => Err(Error::LinkInvalid("EU868/P allows 27 dBm ERP".to_owned())),
        }
    }
    fn scan(&self, _id: &str, seconds: u32) -> Vec<RadioScan> {
        let preset = Some(HOSTILE.to_owned());
        vec![RadioScan { preset, heard: seconds, rssi_dbm: Some(-101), ..Default::default() }]
    }
}

pub(super) struct Discovery1;

#[interface(name = "org.quicprochat.Discovery1")]
impl Discovery1 {
    fn state(&self) -> Discovery {
        let found = Found {
            instance: HOSTILE.to_owned(),
            uri: HOSTILE.to_owned(),
            state: HOSTILE.to_owned(),
            ..Default::default()
        };
        Discovery {
            mdns: format!("failed: {HOSTILE}"),
            multicast: "works".to_owned(),
            interfaces: vec![HOSTILE.to_owned()],
            found: vec![found],
            ..Default::default()
        }
    }
}

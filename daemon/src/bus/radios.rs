//! `org.quicprochat.Radios1`.

use std::time::Duration;

use api::Error;
use transports::SetRadioError;
use zbus::interface;

use super::{Context, convert_radio as convert};
use crate::actor::RadioError;

/// LoRa modems.
#[derive(Debug)]
pub(super) struct Radios(pub(super) Context);

#[interface(name = "org.quicprochat.Radios1")]
impl Radios {
    /// All modems: settings, air time, channel load, neighbours.
    async fn list(&self) -> Result<Vec<api::Radio>, Error> {
        let asked = self.0.handle.ask(|actor| (actor.radios(), actor.link_rows(), actor.names()));
        let (radios, links, names) = asked.await?;
        let labels = super::convert::Labels { names, links };
        Ok(radios.iter().map(|radio| convert::radio(radio, &labels)).collect())
    }

    /// Changes settings of a modem while it runs, `sf=9&txp=10` as in its address; returns the
    /// address with them. What the law forbids is refused with the rule. A modem of the configuration
    /// is as that says again after the next start.
    async fn set(&self, id: &str, parameters: &str) -> Result<String, Error> {
        let (asked, wanted) = (id.to_owned(), parameters.to_owned());
        let set = self.0.handle.ask(move |actor| actor.set_radio(&asked, &wanted)).await?;
        set.map_err(|error| radio_error(&error, id))
    }

    /// Listens for `seconds` (1 to 60) at each lawful speed in turn, and sends nothing meanwhile.
    /// Neighbours of the modem may be lost for that time.
    async fn scan(&self, id: &str, seconds: u32) -> Result<Vec<api::RadioScan>, Error> {
        if !(1..=60).contains(&seconds) {
            return Err(Error::InvalidArgument(format!("seconds: {seconds}; allowed: 1 to 60")));
        }
        let (asked, dwell) = (id.to_owned(), Duration::from_secs(seconds.into()));
        let scan = self.0.handle.ask(move |actor| actor.scan_radio(&asked, dwell)).await?;
        let rows = scan.map_err(|error| radio_error(&error, id))?.await;
        Ok(rows.iter().map(convert::scan).collect())
    }
}

fn radio_error(error: &RadioError, id: &str) -> Error {
    match error {
        RadioError::Set(SetRadioError::Unknown) => {
            Error::UnknownLink(format!("there is no modem {id:?}"))
        }
        RadioError::Set(error) => Error::LinkInvalid(error.to_string()),
        RadioError::Keep(error) => {
            Error::StorageFailed(format!("the modem is set, but that cannot be kept: {error}"))
        }
    }
}

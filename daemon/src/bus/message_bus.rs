//! The same objects on the session or system bus. Who may ask there is the bus's own policy, and on
//! the system bus all others may ask to be let in ([`Visitors`]); what only the daemon's user may do,
//! only the private socket, the session bus and visitors' sockets offer.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use zbus::connection;

use super::{Context, Shared, signals, visitors::Visitors};
use crate::{actor::Handle, config::Bus};

/// Joins a bus, and joins it again when it goes away. A bus that is not there is reported, never
/// fatal.
pub async fn join(bus: Bus, handle: Handle, shared: Arc<Shared>) {
    let context = Context::new(handle, shared, bus == Bus::Session);
    let mut pause = RETRY_MIN;
    loop {
        match serve(bus, &context).await {
            Ok(()) => {
                tracing::info!("the {} bus is gone", bus.as_str());
                pause = RETRY_MIN;
            }
            Err(error) => {
                tracing::warn!("the {} bus cannot be joined: {error}", bus.as_str());
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

async fn serve(bus: Bus, context: &Context) -> zbus::Result<()> {
    let builder = match bus {
        Bus::System => {
            connection::Builder::system().serve_at(api::PATH, Visitors::new(context.clone()))
        }
        Bus::Auto | Bus::Session | Bus::Off => connection::Builder::session(),
    };
    let connection = context.serve(builder).name(api::BUS_NAME).build().await?;
    tracing::info!("serving {} on the {} bus", api::BUS_NAME, bus.as_str());
    signals::forward(&connection, context).await
}

const RETRY_MIN: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);

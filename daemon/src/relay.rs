//! An iroh relay for others, until there is a home server (`IRO-33`): a thread of its own, so that
//! what strangers send each other does not wait before our links, nor they behind it.

use std::{io, net::SocketAddr};

/// Starts serving a relay; a taken address is reported and tried again.
///
/// # Errors
///
/// There is no thread to be had.
#[cfg(feature = "iroh-relay")]
pub fn start(address: SocketAddr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("relay".into())
        .spawn(move || runtime.block_on(serve(address)))
        .map(drop)
}

/// Says that this build has no relay.
///
/// # Errors
///
/// None.
#[cfg(not(feature = "iroh-relay"))]
pub fn start(address: SocketAddr) -> io::Result<()> {
    tracing::error!("no relay at {address}: this build has none");
    Ok(())
}

#[cfg(feature = "iroh-relay")]
async fn serve(address: SocketAddr) {
    let relay = loop {
        match transports::iroh::Relay::serve(address).await {
            Ok(relay) => break relay,
            Err(error) => {
                tracing::error!("no relay at {address}: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    let address = relay.address().unwrap_or(address);
    tracing::info!("relay at http://{address}, without TLS");
    // It lives as long as the process.
    std::future::pending::<()>().await;
}

/// Time between two tries to have the address.
#[cfg(feature = "iroh-relay")]
const AGAIN: std::time::Duration = std::time::Duration::from_secs(10);

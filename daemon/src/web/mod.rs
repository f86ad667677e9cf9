//! The page for patients and practices, over HTTP (`specs/38-fapp-page.md`).
//!
//! - here: where it listens, and for whom.
//! - `serve`: one connection: limits, and which answer a path has.
//! - `guard`: who may ask for what: tokens, budgets.
//! - `visitor`: what everybody may ask: public data, and sealed bytes to be carried.
//! - `own`: what the node's owner may ask besides.
//! - `views`: answers as JSON.
//! - `page`: the page itself, built elsewhere (`fapp/web`).

mod guard;
mod own;
mod page;
mod serve;
#[cfg(test)]
mod tests;
mod views;
mod visitor;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use tokio::{net::TcpListener, sync::Mutex};

use guard::Budgets;
pub use guard::Token;

use crate::{actor::Handle, bus::Shared};

/// Where the page is offered.
#[derive(Debug, Default)]
pub struct Web {
    /// The first loopback address it listens on, and the owner's token.
    owner: Mutex<Option<(SocketAddr, Arc<Token>)>>,
    budgets: Arc<Budgets>,
}

/// Where the owner's page is by default; any free port when this one is taken.
const DEFAULT_PORT: u16 = 7744;

/// A socket for [`Web::offer`].
///
/// # Errors
/// When the address cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Web {
    /// Offers the page on a socket of [`bind`]: to the owner and visitors on loopback, to visitors alone elsewhere.
    ///
    /// # Errors
    /// When the socket is none any more, or the token cannot be kept.
    pub async fn offer(
        &self,
        socket: std::net::TcpListener,
        handle: Handle,
        shared: Arc<Shared>,
        data_dir: &Path,
    ) -> io::Result<SocketAddr> {
        let listener = TcpListener::from_std(socket)?;
        let bound = listener.local_addr()?;
        let token =
            if bound.ip().is_loopback() { Some(self.own(bound, data_dir).await?) } else { None };
        let site = serve::Site { handle, shared, token, budgets: Arc::clone(&self.budgets) };
        tokio::spawn(serve::accept(listener, site));
        Ok(bound)
    }

    async fn own(&self, bound: SocketAddr, data_dir: &Path) -> io::Result<Arc<Token>> {
        let mut owner = self.owner.lock().await;
        if let Some((_, token)) = &*owner {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(Token::load(data_dir)?);
        *owner = Some((bound, Arc::clone(&token)));
        Ok(token)
    }

    /// The owner's page with its token; it is offered from now on when it was not before.
    ///
    /// # Errors
    /// When no port can be bound, or the token cannot be kept.
    pub async fn url(
        &self,
        handle: Handle,
        shared: Arc<Shared>,
        data_dir: &Path,
    ) -> io::Result<String> {
        let known = || async { self.owner.lock().await.clone() };
        if known().await.is_none() {
            let wanted = SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT));
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            let socket = bind(wanted).or_else(|_| bind(any))?;
            self.offer(socket, handle, shared, data_dir).await?;
        }
        let (address, token) = known().await.ok_or_else(|| io::Error::other("no page"))?;
        Ok(format!("http://{address}/#token={}", token.text()))
    }
}

//! Listens, and shakes hands with whoever comes.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::Sender,
    time::{Instant, sleep},
};

use super::{HalfOpen, TcpLink, shake::shake_hands};
use crate::{
    manager::{Backoff, Connected, Credentials, HandleId, Outcome},
    secure::{HandshakeError, Local, Role},
};

/// A listener's surroundings.
pub(crate) struct Listening {
    pub handle: HandleId,
    pub address: SocketAddr,
    pub credentials: Arc<Credentials>,
    pub half_open: HalfOpen,
    pub backoff: Backoff,
    pub outcomes: Sender<Outcome>,
}

/// Binds, again and again until it works, then accepts for ever (`LNK-58`).
pub(crate) async fn listen(mut this: Listening) {
    let listener = loop {
        match TcpListener::bind(this.address).await {
            Ok(listener) => break listener,
            Err(error) => {
                let delay = this.backoff.next_delay(Credentials::random());
                this.tell_failed(error.kind(), delay).await;
                sleep(delay).await;
            }
        }
    };
    let address = listener.local_addr().unwrap_or(this.address);
    let bound = Outcome::Bound { handle: this.handle, address };
    if this.outcomes.send(bound).await.is_err() {
        return;
    }
    loop {
        match listener.accept().await {
            Ok((stream, from)) => this.welcome(stream, from),
            // Out of descriptors, or a connection that was gone before we looked: neither is
            // cured by asking again at once.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

impl Listening {
    async fn tell_failed(&self, kind: io::ErrorKind, retry_in: Duration) {
        let outcome = Outcome::BindFailed { handle: self.handle, kind, retry_in };
        // The manager is gone when nobody listens; the task ends with it.
        let _ = self.outcomes.send(outcome).await;
    }

    fn welcome(&self, stream: TcpStream, from: SocketAddr) {
        let Some(place) = self.half_open.enter(from.ip(), Instant::now()) else {
            let _ = self.outcomes.try_send(Outcome::TurnedAway);
            return;
        };
        let (outcomes, local) = (self.outcomes.clone(), self.credentials.current());
        let number = place.number();
        let task = tokio::spawn(async move {
            let outcome = match shake(stream, local.clone()).await {
                Ok(connected) => Outcome::Accepted { connected, local, uri: uri(from) },
                Err(error) => Outcome::Unwelcome(error),
            };
            let _ = outcomes.send(outcome).await;
            drop(place);
        });
        self.half_open.set_task(number, task.abort_handle());
    }
}

fn uri(from: SocketAddr) -> String {
    format!("tcp://{}", SocketAddr::new(from.ip().to_canonical(), from.port()))
}

async fn shake(mut stream: TcpStream, local: Arc<Local>) -> Result<Connected, HandshakeError> {
    stream.set_nodelay(true)?;
    let established = shake_hands(&mut stream, local, Role::Responder).await?;
    Ok(TcpLink::new(stream, established).into())
}

/// Wait after a failed accept: ten tries a second cost nothing and lose little.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

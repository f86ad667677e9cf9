//! Telling the service manager how we are (`sd_notify`).

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

/// Sends states to the socket in `NOTIFY_SOCKET`; without one it does nothing.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// What the environment says. A socket that cannot be reached counts as none.
    pub fn from_env() -> Self {
        let socket = env::var("NOTIFY_SOCKET").ok().and_then(|name| connect(&name).ok());
        let for_us =
            env::var("WATCHDOG_PID").map_or(true, |pid| pid.parse() == Ok(std::process::id()));
        let watchdog = env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| for_us)
            .and_then(|micros| micros.parse().ok())
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// How often [`Notifier::watchdog`] must be called: at half of what is asked for.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.socket.as_ref().and(self.watchdog).map(|interval| interval / 2)
    }

    /// Messages are taken.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read again; follow with [`Notifier::ready`].
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The loop turns.
    pub fn watchdog(&self) {
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, state: &str) {
        if let Some(socket) = &self.socket {
            // The service manager has gone or is slow: it will ask in its own way.
            let _ = socket.send(state.as_bytes());
        }
    }
}

fn connect(name: &str) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_reach_the_service_manager() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("bound");
        let socket = connect(path.to_str().expect("plain path")).expect("connected");
        let notifier = Notifier { socket: Some(socket), watchdog: Some(Duration::from_secs(10)) };
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_secs(5)));
        let mut buffer = [0; 256];
        let mut next = || {
            let len = manager.recv(&mut buffer).expect("sent");
            String::from_utf8_lossy(&buffer[..len]).into_owned()
        };
        notifier.ready("two peers");
        assert_eq!(next(), "READY=1\nSTATUS=two peers");
        notifier.reloading();
        assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        notifier.watchdog();
        assert_eq!(next(), "WATCHDOG=1");
        notifier.stopping();
        assert_eq!(next(), "STOPPING=1");
    }
}

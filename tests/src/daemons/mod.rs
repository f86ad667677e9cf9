//! Real daemons: started, cut off, killed and asked, through the programs a user has.

mod bridge;
mod browser;
mod cli;
mod daemon;
mod homes;
mod namespaces;
mod nats;
mod programs;
mod radios;
mod scratch;

pub use bridge::{Bridge, may_filter};
pub use browser::{Answer, Visitor, http};
pub use cli::{Failure, text_of};
pub use daemon::{Daemon, Place};
pub use homes::{Homes, Meeting, link_up};
pub use namespaces::{Line, may_make_namespaces};
pub use nats::{Nats, may_translate};
pub use programs::Programs;
pub use radios::Radios;
pub use scratch::Scratch;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

/// Asks again and again until `ask` has an answer or the time is over.
pub fn eventually<T>(within: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A loopback address nobody listens on. It is free for others again, too: whoever starts a daemon
/// on it right away is as good as sure to get it.
///
/// # Errors
///
/// The system has no port left.
pub fn free_loopback_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A number from the environment, or the default.
///
/// # Panics
///
/// When the variable is set to something else: the tester's mistake.
pub fn number_from_env(name: &str, default: u64) -> u64 {
    let Ok(value) = std::env::var(name) else { return default };
    value.parse().unwrap_or_else(|_| panic!("{name}: a number is expected, not {value:?}"))
}

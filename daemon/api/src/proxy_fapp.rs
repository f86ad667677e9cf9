//! Proxies of what belongs to appointments.

use zbus::proxy;

use crate::{Alert, EndorseOptions, Error, SearchOptions, Standing};

/// FAPP: searches that stay. Nothing is sent for them.
#[proxy(
    interface = "org.quicprochat.Alerts1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Alerts {
    /// Adds an alert; its name. What is known already is reported at once.
    fn add(&self, options: SearchOptions, label: &str) -> Result<u32, Error>;
    /// All alerts with what they found.
    fn list(&self) -> Result<Vec<Alert>, Error>;
    /// Forgets an alert.
    fn remove(&self, id: u32) -> Result<(), Error>;
    /// An alert found a slot that it had not found before: when it begins, in seconds since 1970.
    #[zbus(signal)]
    fn hit(&self, alert: u32, slot: &str, therapist: &str, start: u64);
}

/// FAPP: who a practice is, shown for what it is. `therapist` is 64 hexadecimal digits.
#[proxy(
    interface = "org.quicprochat.Trust1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Trust {
    /// What is known about a practice; about this node's own when `therapist` is empty.
    fn show(&self, therapist: &str) -> Result<Standing, Error>;
    /// Remembers the practice's domain; the file to be put there.
    fn domain(&self, domain: &str) -> Result<String, Error>;
    /// Asks a domain whether it names a practice, by HTTPS from this machine.
    fn check(&self, therapist: &str, domain: &str) -> Result<Standing, Error>;
    /// The same with the file as somebody fetched it just now.
    fn observe(&self, therapist: &str, domain: &str, file: &[u8]) -> Result<Standing, Error>;
    /// Vouches for a colleague for a year; the statement to be handed to them.
    fn endorse(&self, therapist: &str, options: EndorseOptions) -> Result<String, Error>;
    /// Takes a statement that somebody handed over; whom it is about.
    fn take(&self, statement: &str) -> Result<String, Error>;
}

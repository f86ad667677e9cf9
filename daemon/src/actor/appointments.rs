//! Appointments, as the actor drives them.

use fapp::UnixSeconds;
use mesh::{Event, Instant};

use super::{Actor, What};
use crate::appointments::Appointments;

impl Actor {
    fn unix(&self) -> Option<UnixSeconds> {
        self.clock.wall().map(|wall| UnixSeconds(wall.unix_secs))
    }

    pub(super) fn run_appointments(&mut self, now: Instant) {
        let wall = self.unix();
        let durable = &mut self.durable;
        self.appointments.run(&mut self.node, now, wall, || durable.ask());
        while let Some(hit) = self.appointments.poll_hit() {
            self.say(What::Alert(hit));
        }
    }

    pub(super) fn tell_appointments(&mut self, event: &Event) {
        let (now, wall) = (self.clock.now(), self.unix());
        self.appointments.on_event(&mut self.node, now, wall, event);
    }

    /// When appointments are to be looked at again.
    pub(super) fn look_at(&self) -> Option<Instant> {
        let wait = self.appointments.next_look().saturating_sub(self.unix()?.0);
        Some(self.clock.now() + std::time::Duration::from_secs(wait.max(1)))
    }

    /// Does something with appointments; `None` without a wall clock, which everything about them needs.
    pub fn appointments<T>(
        &mut self,
        act: impl FnOnce(&mut Appointments, &mut mesh::Node, UnixSeconds) -> T,
    ) -> Option<T> {
        let now = self.unix()?;
        self.appointments.wake();
        Some(act(&mut self.appointments, &mut self.node, now))
    }

    /// Carries a visitor's sealed question to a mailbox node (`WEB-06`).
    #[cfg(feature = "web")]
    pub fn carry(
        &mut self,
        to: mesh::Address,
        body: Vec<u8>,
    ) -> Option<tokio::sync::oneshot::Receiver<Option<Vec<u8>>>> {
        let (now, at) = (self.clock.now(), self.unix()?);
        self.appointments.carry(&mut self.node, now, at, to, body)
    }

    /// A node's signed keys, when they are known; they are asked for otherwise.
    #[cfg(feature = "web")]
    pub fn bundle_bytes(&mut self, address: mesh::Address) -> Option<Vec<u8>> {
        let now = self.clock.now();
        self.node.bundle_bytes(now, address)
    }

    /// Resolves when what was done until now is durable.
    pub fn durably(&mut self) -> tokio::sync::oneshot::Receiver<()> {
        let now = self.clock.now();
        self.run_appointments(now);
        self.durable.ask()
    }
}

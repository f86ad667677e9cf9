//! What the node shows in handshakes, shared by the tasks that shake hands.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use clatter::rand_core::RngCore;
use mesh::{identity::MeshIdentity, limits::LINK_MTU_MAX};

use crate::{
    limits::LINK_KEY_LIFE,
    noise::SystemRandom,
    secure::{LinkKeys, Local, NetworkKey},
};

/// The current [`Local`], renewed when its link keys grow old.
pub(crate) struct Credentials(Mutex<Arc<Local>>);

impl Credentials {
    pub(crate) fn new(identity: MeshIdentity, network_key: Option<NetworkKey>) -> Self {
        let keys = LinkKeys::generate(&mut SystemRandom, Instant::now())
            .expect("the operating system gives randomness");
        let epoch = SystemRandom.next_u64();
        Self(Mutex::new(Arc::new(Local { identity, keys, epoch, network_key, mtu: LINK_MTU_MAX })))
    }

    /// What a handshake that starts now shows. Link keys are replaced at half their life, so that
    /// no certificate ends within hours (`LNK-30`).
    pub(crate) fn current(&self) -> Arc<Local> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Arc<Local> {
        let mut local = self.lock();
        if local.keys.expires_in(now) < LINK_KEY_LIFE / 2
            && let Ok(keys) = LinkKeys::generate(&mut SystemRandom, now)
        {
            *local = Arc::new(Local { keys, ..(**local).clone() });
        }
        local.clone()
    }

    pub(crate) fn set_network_key(&self, network_key: Option<NetworkKey>) {
        let mut local = self.lock();
        *local = Arc::new(Local { network_key, ..(**local).clone() });
    }

    /// A number for jitter.
    pub(crate) fn random() -> u32 {
        SystemRandom.next_u32()
    }

    /// A seed for a machine with keys of its own.
    pub(crate) fn seed() -> [u8; 32] {
        let mut seed = [0; 32];
        SystemRandom.fill_bytes(&mut seed);
        seed
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Local>> {
        // Nothing panics while it holds the lock; the value stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certified(local: &Local, now: Instant) -> (u64, u64) {
        (local.epoch, local.keys.expires_in(now).as_secs())
    }

    #[test]
    fn lnk_30_link_keys_are_replaced_at_half_their_life() {
        let identity = MeshIdentity::from_seeds([1; 32], None);
        let credentials = Credentials::new(identity, None);
        let (begin, life) = (Instant::now(), LINK_KEY_LIFE);
        let first = credentials.at(begin);
        assert!(Arc::ptr_eq(&first, &credentials.at(begin + life / 3)));
        let later = begin + life;
        let second = credentials.at(later);
        assert_eq!(certified(&second, later), (first.epoch, life.as_secs()));
        assert!(Arc::ptr_eq(&second, &credentials.at(later)));
    }

    #[test]
    fn lnk_30_every_start_has_an_epoch_of_its_own() {
        let identity = || MeshIdentity::from_seeds([1; 32], None);
        let epoch = || Credentials::new(identity(), None).current().epoch;
        assert_ne!(epoch(), epoch());
    }
}

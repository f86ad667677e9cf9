//! Links on real loopback sockets, and our Noise beside an independent one.

mod hostile;
#[cfg(feature = "iroh-relay")]
mod iroh;
mod lora;
mod noise;
mod pair;
mod tcp;
mod wrapped;

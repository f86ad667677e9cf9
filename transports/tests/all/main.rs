//! Links on real loopback sockets, and our Noise beside an independent one.

mod hostile;
mod noise;
mod pair;
mod tcp;
mod wrapped;

//! Links on real loopback sockets.
#![allow(missing_docs)]

mod pair;
mod tcp;

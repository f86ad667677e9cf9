//! Links of the quicprochat mesh.
#![forbid(unsafe_code)]

pub mod limits;
pub mod link;
pub mod manager;
pub mod noise;
pub mod secure;
pub mod tcp;

pub use link::{DownReason, Flow, Link, Scratch};
pub use manager::{
    AddError, Counters, HandleId, LinkConfig, LinkEvent, LinkState, LinkStatus, SendState,
    TransportManager,
};
pub use secure::NetworkKey;

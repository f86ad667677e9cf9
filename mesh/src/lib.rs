//! The quicprochat protocol core.
//!
//! [`Node`] is a state machine without sockets, clocks, threads or files. Time, bytes and
//! randomness go in; frames, events and records come out. The daemon, the firmware and the
//! simulator are three small loops around it.
//!
//! ```text
//!  link ──frame→ handle_frame ── parse ── verify ─┬ not ours: routing | store → schedule ──poll_transmit(link)→ link
//!                                                └ ours: open → channel | payload ──────────poll_event→ daemon
//!  app ──command→ handle_command ── seal → fragment → schedule        must survive a crash ──poll_record→ disk / flash
//!  timer ──now→ handle_timeout ── announce | store | fragment | routing            one deadline: poll_timeout
//! ```
//!
//! # Driving a node
//!
//! 1. Build it with [`Node::new`], play stored rows back with [`Node::restore`], then call
//!    [`Node::start`].
//! 2. Feed it one input: `handle_link_up`, `handle_link_down`, `handle_frame`, `handle_command`,
//!    `handle_timeout`, `handle_committed`.
//! 3. Drain it, in this order: [`Node::poll_record`] (start writing), [`Node::poll_link`] and
//!    [`Node::poll_transmit`], [`Node::poll_event`], [`Node::poll_timeout`].
//! 4. When records are on disk, say so with [`Node::handle_committed`], and drain again. What may
//!    only be said after a record is durable (an acknowledgement, a receipt, *accepted*) waits
//!    inside until then; everything else does not wait for the disk.
//!
//! # Words
//!
//! *frame* one hop · *envelope* end to end · *fragment* piece of an envelope · *link* a path to a
//! neighbour · *peer* a neighbour · *node* us · *announce* signed self-description · *route* next
//! hop for an address · *record* a change that must survive a crash.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod announce;
mod base32;
pub mod bundle;
pub mod channel;
pub mod command;
pub mod compact;
pub mod crypto;
pub mod envelope;
pub mod error;
pub mod event;
pub mod fragment;
pub mod identity;
pub mod invite;
pub mod limits;
pub mod link;
pub mod lite;
pub mod node;
pub mod radio;
pub mod receipt;
pub mod reconcile;
pub mod record;
pub mod routing;
pub mod rules;
pub mod session;
pub mod store;
pub mod time;
pub mod view;
pub mod wire;

pub use address::Address;
pub use command::{Command, CommandError, Outcome, SendOptions};
pub use envelope::{MessageId, Priority};
pub use event::Event;
pub use identity::{MeshIdentity, PublicIdentity};
pub use link::{LinkCaps, LinkId, LinkUp, Medium, Transmit};
pub use node::{Config, Node};
pub use receipt::TransferableReceipt;
pub use record::{Record, RecordSeq, Table};
pub use rules::{Rule, Rules};
pub use time::{Instant, WallClock};

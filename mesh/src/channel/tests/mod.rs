//! `specs/07-channel.md`, rule by rule; several machines wired together by [`world::World`].

mod catchup;
mod flooding;
mod formats;
mod lite;
mod membership;
pub(crate) mod mutants;
mod storage;
mod world;

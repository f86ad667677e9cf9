//! `specs/07-channel.md`, rule by rule; several machines wired together by [`world::World`].

mod catching_up;
mod flooding;
mod formats;
mod membership;
mod storage;
mod world;

//! Broadcast channels (`specs/07-channel.md`).

mod id;

pub use id::{ChannelId, ParseChannelIdError};

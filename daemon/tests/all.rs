//! Real daemons, started as processes, asked through their API.

#[path = "all/rig.rs"]
mod rig;

#[path = "all/access.rs"]
mod access;
#[path = "all/api_surface.rs"]
mod api_surface;
#[path = "all/configuration.rs"]
mod configuration;
#[path = "all/decoders.rs"]
mod decoders;
#[path = "all/durability.rs"]
mod durability;
#[path = "all/leaks.rs"]
mod leaks;
#[path = "all/meeting.rs"]
mod meeting;
#[path = "all/messages.rs"]
mod messages;
#[path = "all/metrics.rs"]
mod metrics;
#[path = "all/radio.rs"]
mod radio;
#[path = "all/starting.rs"]
mod starting;

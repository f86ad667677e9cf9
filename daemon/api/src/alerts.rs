//! Dictionaries of `org.quicprochat.Alerts1`.

use zbus::{DeserializeDict, SerializeDict, Type};

use crate::{SearchOptions, Slot};

/// A search that stays.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Alert {
    /// Its name.
    pub id: u32,
    /// What its owner calls it; may be empty.
    pub label: String,
    /// What it looks for.
    pub search: SearchOptions,
    /// Slots that it reported, that are still offered and have not begun, the soonest first.
    pub slots: Vec<Slot>,
    /// Whether it reports nothing until some of these have begun, because it remembers no more.
    pub full: bool,
}

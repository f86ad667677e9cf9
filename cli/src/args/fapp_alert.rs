//! Arguments of alerts.

use clap::{Args, Subcommand};

use super::fapp::Search;

/// `qpc fapp alert`
#[derive(Clone, Debug, Subcommand)]
pub enum Alert {
    /// Report slots that fit, each once, as they become known; nothing is sent for it
    Add(Box<AlertAdd>),
    /// Alerts, and what they found that is still free
    List,
    /// Forget an alert
    Remove {
        /// Its number
        id: u32,
    },
    /// Slots as alerts find them, until interrupted
    Watch {
        /// End after so many
        #[arg(long)]
        count: Option<u32>,
    },
}

/// `qpc fapp alert add`
#[derive(Args, Clone, Debug)]
pub struct AlertAdd {
    /// What is looked for
    #[command(flatten)]
    pub search: Search,
    /// What you call it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub label: String,
}

//! Arguments of trust in practices.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `qpc fapp trust`
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Trust {
    /// A practice's key, as search shows it with --json [default: this node's own]
    #[arg(value_name = "THERAPIST", value_parser = key)]
    pub therapist: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Option<TrustCommand>,
}

/// `qpc fapp trust COMMAND`
#[derive(Clone, Debug, Subcommand)]
pub enum TrustCommand {
    /// Name your practice's domain, and print the file to put there
    Domain {
        /// Such as praxis-muster.de
        domain: String,
    },
    /// Ask a practice's domain whether it names the practice's key
    Check {
        /// The practice's key
        #[arg(value_name = "THERAPIST", value_parser = key)]
        therapist: String,
        /// The domain
        domain: String,
        /// The file that the domain has, fetched in another way just now; `-` for standard input
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Vouch for a colleague, for a year; hand them what is printed
    Endorse {
        /// The colleague's key
        #[arg(value_name = "THERAPIST", value_parser = key)]
        therapist: String,
        /// Their chamber, by its short name, such as ptkb
        #[arg(long)]
        kammer: String,
        /// Their profession [default: what their announce says]
        #[arg(long)]
        beruf: Option<String>,
    },
    /// Take your own credential, or another's; `-` for standard input
    Credential {
        /// The credential, as its issuer gave it
        file: PathBuf,
    },
    /// Take what a practice or a colleague handed you; `-` for standard input
    Take {
        /// The statement
        file: PathBuf,
    },
}

fn key(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a practice's key is 64 hexadecimal digits".into())
    }
}

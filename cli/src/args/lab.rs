//! Arguments of the laboratory.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::value;

/// `qpc lab`
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Lab {
    /// A part of it by itself.
    #[command(subcommand)]
    pub command: Option<LabCommand>,
    /// How many nodes there are, 2 to 32
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = value::lab_nodes, conflicts_with = "map")]
    pub nodes: usize,
    /// Where they are and what is between them; one node for each radio on the map
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Draw who hears whom
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// How long messages are waited for
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = value::seconds)]
    pub seconds: Duration,
}

/// Parts of a laboratory.
#[derive(Clone, Debug, Subcommand)]
pub enum LabCommand {
    /// Run an air that virtual radios can be attached to, until interrupted
    Air {
        /// The socket where radios attach; one that nobody listens at any more is replaced
        #[arg(long, value_name = "SOCKET")]
        listen: PathBuf,
        /// Where radios are, and what is between them [default: a village without shadows]
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
    },
    /// Run a virtual RNode-compatible modem with its radio on an air, until interrupted
    Rnode(Rnode),
}

/// `qpc lab rnode`
#[derive(Args, Clone, Debug)]
pub struct Rnode {
    /// The socket of the air
    #[arg(long, value_name = "SOCKET")]
    pub air: PathBuf,
    /// How its host reaches it.
    #[command(flatten)]
    pub line: ModemLine,
    /// Where it is, in metres [default: the next free place on the map]
    #[arg(long, value_name = "X,Y", value_parser = value::place, allow_hyphen_values = true)]
    pub at: Option<(i32, i32)>,
    /// Its name, by which the map may know its place
    #[arg(long, value_name = "NAME", value_parser = value::radio_name)]
    pub name: Option<String>,
}

/// How a host reaches a virtual modem: one of two.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct ModemLine {
    /// Let hosts connect to this port of 127.0.0.1; 0 for any that is free
    #[arg(long, value_name = "PORT")]
    pub tcp: Option<u16>,
    /// Let hosts open a pseudo-terminal through this symbolic link
    #[arg(long, value_name = "LINK")]
    pub pty: Option<PathBuf>,
}

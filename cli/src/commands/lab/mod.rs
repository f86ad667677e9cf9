//! `lab` (`CLI-49`): nodes with virtual radios on a map, and the parts they are made of.

mod air;
mod map;
mod rnode;
mod town;

use crate::{
    args::{Lab, LabCommand},
    failure::{Exit, Stop},
    show::Console,
};

/// `qpc lab …`
pub(super) async fn run(lab: &Lab, console: &mut Console) -> Result<Exit, Stop> {
    match &lab.command {
        None => town::run(lab, console).await,
        Some(LabCommand::Air { listen, map }) => air::run(listen, map.as_deref(), console).await,
        Some(LabCommand::Rnode(rnode)) => rnode::run(rnode, console).await,
    }
}

//! `lab` (`CLI-49`): virtual radios on this machine, and the air between them.

mod air;
mod map;
mod rnode;

use crate::{
    args::Lab,
    failure::{Exit, Stop},
    show::Console,
};

/// `qpc lab …`
pub(super) async fn run(lab: &Lab, console: &mut Console) -> Result<Exit, Stop> {
    match lab {
        Lab::Air { listen, map } => air::run(listen, map.as_deref(), console).await,
        Lab::Rnode(rnode) => rnode::run(rnode, console).await,
    }
}

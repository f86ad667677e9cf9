//! Whole meshes: simulated ones, and real daemons in network namespaces and under `kill -9`.
//!
//! One binary for all of them, because linking is what costs time. Tests that this machine cannot
//! run say so in capitals and pass.

mod alerts;
mod appointments;
mod attacks;
mod crashes;
mod discovery;
mod install;
mod mailbox;
mod meeting;
mod mutants;
mod namespaces;
mod nat;
mod page;
mod radio;
mod simulation;
mod specs;
mod visitors;

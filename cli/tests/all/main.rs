//! `qpc` from outside: the program is started, what it prints and how it ends is compared with
//! `specs/11-command-line.md`.
//!
//! [`scripted`] serves the API with made-up answers, hostile ones among them, which no real
//! daemon gives on demand; [`commands`], [`messages`], [`people`], [`radio`] and [`hostile`] run against it. [`daemons`] and [`demo`]
//! run against real ones.

mod commands;
mod daemons;
mod demo;
mod hostile;
#[cfg(feature = "lab")]
mod lab;
mod messages;
mod offline;
mod people;
mod prompt;
mod qpc;
mod radio;
mod scripted;

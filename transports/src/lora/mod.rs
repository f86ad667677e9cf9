//! LoRa: radios behind an RNode-compatible modem, and air for them to be tried in.

pub mod air;

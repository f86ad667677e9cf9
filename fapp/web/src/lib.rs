//! The core of the page on which patients search and reserve (`specs/38-fapp-page.md`).
//!
//! It is the same code that runs in a node, built for WebAssembly: announces are verified, searched and letters
//! sealed in the browser, so that the node that served the page sees ciphertext and a coarse region. A tour:
//!
//! 1. [`message`]: what the page and the core say to each other, a JSON object and bytes.
//! 2. [`core`]: what the core knows, and every operation.
//! 3. `ffi` (in WebAssembly alone): the three functions that the page calls.
//! 4. `pack` (everywhere else): makes one file of page, style, script and core.
//!
//! No clock, no network and no randomness of its own: the page hands in all three.

pub mod core;
#[cfg(target_family = "wasm")]
pub mod ffi;
pub mod message;
#[cfg(not(target_family = "wasm"))]
pub mod pack;

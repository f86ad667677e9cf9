//! What the core promises from outside: the one integration-test binary of this crate.

mod fuzz_smoke;

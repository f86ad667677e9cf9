//! What the crate promises to others: vectors, bad input, fuzz targets on the stable compiler.

mod bad_input;
mod fuzz;
mod vectors;

mod edge_cases;
mod exchange;
mod hashing;
mod random;
mod signatures;
mod vectors;

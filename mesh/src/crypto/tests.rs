mod exchange;
mod hashing;
mod random;
mod signatures;
mod vectors;

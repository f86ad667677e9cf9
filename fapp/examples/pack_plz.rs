//! Makes `fapp/data/plz-de.bin` from a table `plz,lat,lon,…` of German postal codes.
//!
//! `cargo run -p quicprochat-fapp --example pack_plz -- SOURCE.csv fapp/data/plz-de.bin`

#[path = "../src/plz/pack.rs"]
mod pack;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(target)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: pack_plz SOURCE.csv TARGET");
        std::process::exit(2);
    };
    let csv = std::fs::read_to_string(&source).expect("the source is readable");
    std::fs::write(&target, pack::pack(&csv)).expect("the target is writable");
}

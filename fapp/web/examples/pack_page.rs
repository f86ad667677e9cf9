//! Packs the page: `cargo run --example pack_page CORE.wasm`. See `fapp/web/build`.

use std::{error::Error, fs, path::Path};

use fapp_web::pack;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = fs::read(std::env::args().nth(1).ok_or("name the core")?)?;
    let packed = pack::pack(&here.join("page"), &core)?;
    let dist = here.join("dist");
    fs::create_dir_all(&dist)?;
    let gz = pack::gzip(packed.html.as_bytes());
    println!(
        "page {} B, compressed {} B; core {} B, compressed {} B",
        packed.html.len(),
        gz.len(),
        core.len(),
        pack::gzip(&core).len()
    );
    fs::write(dist.join("policy"), &packed.policy)?;
    fs::write(dist.join("termine.html.sha256"), packed.sha256())?;
    fs::write(dist.join("core.wasm"), core)?;
    fs::write(dist.join("termine.html"), packed.html)?;
    fs::write(dist.join("termine.html.gz"), gz)?;
    Ok(())
}

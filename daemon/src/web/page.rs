//! The page itself. It is built and committed in `fapp/web`, so that nobody else needs what builds it.

use std::{io::Read, sync::OnceLock};

/// The page, compressed.
pub(super) const GZIP: &[u8] = include_bytes!("../../../fapp/web/dist/termine.html.gz");
/// What a page that this node served may do.
pub(super) const POLICY: &str = include_str!("../../../fapp/web/dist/policy");
/// SHA-256 of the page, in hexadecimal digits.
pub(super) const SHA256: &str = include_str!("../../../fapp/web/dist/termine.html.sha256");

/// The page as it is for whoever does not take it compressed.
pub(super) fn plain() -> &'static [u8] {
    static PLAIN: OnceLock<Vec<u8>> = OnceLock::new();
    PLAIN.get_or_init(|| {
        let mut html = Vec::new();
        let read = flate2::read::GzDecoder::new(GZIP).read_to_end(&mut html);
        read.expect("a test unpacks the page that is built in");
        html
    })
}

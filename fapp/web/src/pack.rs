//! Makes one file of the page: `page/index.html` with the style, the scripts of `page/order` and the core, and a
//! policy that allows just these (`WEB-01`).

use std::{fmt, fs, io, io::Write, path::Path};

use flate2::{Compression, GzBuilder};
use mesh::crypto::hash::sha256;

/// The page, ready to be served or kept.
#[derive(Debug)]
pub struct Packed {
    /// One HTML file.
    pub html: String,
    /// The policy for a node's header: as in the file, and asking that node alone.
    pub policy: String,
}

impl Packed {
    /// SHA-256 of the file, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        crate::message::hex(&sha256(self.html.as_bytes()))
    }
}

/// Why there is no page.
#[derive(Debug)]
pub enum PackError {
    /// A source cannot be read.
    Read(String, io::Error),
    /// `index.html` lacks a place that something belongs in, or a source would end its element early.
    Source(String),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(name, error) => write!(f, "{name}: {error}"),
            Self::Source(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for PackError {}

/// Packs the page of a folder with a core.
///
/// # Errors
/// [`PackError`].
pub fn pack(page: &Path, core: &[u8]) -> Result<Packed, PackError> {
    let read = |name: &str| {
        fs::read_to_string(page.join(name)).map_err(|error| PackError::Read(name.into(), error))
    };
    let mut script = String::from("\"use strict\";\n");
    for name in read("order")?.lines().filter(|line| !line.trim().is_empty()) {
        script.push_str(&read(name.trim())?);
        script.push('\n');
    }
    let style = read("style.css")?;
    for (what, text) in [("</script", &script), ("</style", &style)] {
        if text.to_ascii_lowercase().contains(what) {
            return Err(PackError::Source(format!("a source contains {what}")));
        }
    }
    let mut html = read("index.html")?;
    for (place, text) in [
        (
            "<!--POLICY-->",
            format!(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">",
                policy(&script, &style, "http: https:")
            ),
        ),
        ("<!--STYLE-->", format!("<style>{style}</style>")),
        (
            "<!--CORE-->",
            format!(
                "<script type=\"application/octet-stream\" id=\"core\">{}</script>",
                base64(&gzip(core))
            ),
        ),
        ("<!--SCRIPT-->", format!("<script>{script}</script>")),
    ] {
        if html.matches(place).count() != 1 {
            return Err(PackError::Source(format!("index.html needs {place} once")));
        }
        html = html.replacen(place, &text, 1);
    }
    let policy = policy(&script, &style, "'self'") + "; frame-ancestors 'none'";
    Ok(Packed { html, policy })
}

/// What the page may do. Opened from disk it may ask any node, since its person chooses one.
fn policy(script: &str, style: &str, nodes: &str) -> String {
    let hash = |text: &str| base64(&sha256(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}' 'wasm-unsafe-eval'; style-src 'sha256-{}'; img-src data:; \
         connect-src {nodes}; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// The same bytes for the same input, wherever it is done.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out =
        GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    // A vector takes whatever it is given.
    let _ = out.write_all(bytes);
    out.finish().unwrap_or_default()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let bits = part
            .iter()
            .enumerate()
            .fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for digit in 0..4 {
            if digit <= part.len() {
                out.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `WEB-01`
    #[test]
    fn web_01_base64_as_rfc_4648_section_10_has_it() {
        for (text, wanted) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), wanted);
        }
    }

    /// `WEB-01`: what is committed is what the sources make.
    #[test]
    fn web_01_the_packed_page_is_the_one_of_its_sources() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let core = fs::read(here.join("dist/core.wasm")).expect("the core is committed");
        let packed = pack(&here.join("page"), &core).expect("packs");
        let kept =
            fs::read_to_string(here.join("dist/termine.html")).expect("the page is committed");
        assert!(packed.html == kept, "the page is not that of its sources: run fapp/web/build");
        let policy = fs::read_to_string(here.join("dist/policy")).expect("its policy is committed");
        assert_eq!(packed.policy, policy);
        let hash = fs::read_to_string(here.join("dist/termine.html.sha256"))
            .expect("its hash is committed");
        assert_eq!(packed.sha256(), hash);
        let gz = fs::read(here.join("dist/termine.html.gz")).expect("the page is committed");
        assert!(gzip(kept.as_bytes()) == gz, "the packed page is another: run fapp/web/build");
    }
}

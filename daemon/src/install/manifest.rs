//! What an installation put where (`INS-04`).
//!
//! A text of lines: `file SHA-256 PATH`, `dir PATH`, `account NAME`. Paths are absolute and are the
//! rest of their line; one with a line break in it cannot be installed to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{InstallError, service::ACCOUNT};

/// SHA-256.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// A manifest on disk is at most this long: some sixty files.
const LEN_MAX: u64 = 1 << 20;

/// What was put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    files: BTreeMap<PathBuf, Digest>,
    dirs: BTreeSet<PathBuf>,
    account: bool,
}

impl Manifest {
    /// Reads a manifest; an empty one when there is none.
    pub(super) fn load(path: &Path) -> Result<Self, InstallError> {
        match fs::metadata(path) {
            Ok(meta) if meta.len() > LEN_MAX => {
                return Err(InstallError(format!("{} is no manifest", path.display())));
            }
            _ => {}
        }
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| {
                InstallError(format!(
                    "{} is damaged; remove what is installed by hand, then this file",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(InstallError::at(path, &error)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut manifest = Self::default();
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ')?;
            match kind {
                "file" => {
                    let (hex, path) = rest.split_once(' ')?;
                    manifest.files.insert(absolute(path)?, digest_from(hex)?);
                }
                "dir" => {
                    manifest.dirs.insert(absolute(rest)?);
                }
                "account" if rest == ACCOUNT => manifest.account = true,
                _ => return None,
            }
        }
        Some(manifest)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&PathBuf, &Digest)> {
        self.files.iter()
    }

    pub(super) fn digest_of(&self, path: &Path) -> Option<Digest> {
        self.files.get(path).copied()
    }

    pub(super) fn names(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.files.remove(path);
    }

    pub(super) fn add_file(&mut self, path: &Path, digest: Digest) {
        self.files.insert(path.to_owned(), digest);
    }

    /// Notes the directories that have to be made for `file`.
    pub(super) fn add_missing_dirs(&mut self, file: &Path) {
        let missing = file.ancestors().skip(1).take_while(|dir| !dir.exists());
        self.dirs.extend(missing.map(Path::to_owned));
    }

    /// The account was made for us.
    pub(super) fn add_account(&mut self) {
        self.account = true;
    }

    pub(super) fn has_account(&self) -> bool {
        self.account
    }

    /// The manifest without the files for which `keep` is false.
    pub(super) fn retain(mut self, keep: impl Fn(&Path) -> bool) -> Self {
        self.files.retain(|path, _| keep(path));
        self
    }

    /// Directories made for the installation, a directory after everything in it.
    pub(super) fn dirs_deepest_first(&self) -> impl Iterator<Item = &PathBuf> {
        self.dirs.iter().rev()
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, digest) in &self.files {
            f.write_str("file ")?;
            digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            writeln!(f, " {}", path.display())?;
        }
        self.dirs.iter().try_for_each(|dir| writeln!(f, "dir {}", dir.display()))?;
        if self.account { writeln!(f, "account {ACCOUNT}") } else { Ok(()) }
    }
}

fn absolute(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    path.is_absolute().then_some(path)
}

fn digest_from(hex: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ins_04_a_manifest_is_read_as_it_was_written() {
        let mut manifest = Manifest::default();
        manifest.add_file(Path::new("/a b/c"), digest(b"x"));
        manifest.add_missing_dirs(Path::new("/no/such/place/c"));
        manifest.add_account();
        let text = manifest.to_string();
        assert_eq!(Manifest::parse(&text), Some(manifest.clone()));
        let dirs: Vec<_> = manifest.dirs_deepest_first().collect();
        assert_eq!(dirs, [Path::new("/no/such/place"), Path::new("/no/such"), Path::new("/no")]);
        for wrong in ["file", "file 00 /a", "dir relative", "account root", "else /x"] {
            assert_eq!(Manifest::parse(wrong), None, "{wrong}");
        }
        for len in 0..text.len() {
            // Cut anywhere it is refused or says less, and never something else.
            if let Some(cut) = Manifest::parse(&text[..len]) {
                assert!(cut.files.len() <= 1 && cut.dirs.len() <= 3);
            }
        }
    }
}

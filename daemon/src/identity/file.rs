//! The identity file (`DSK-21` to `DSK-24`).

use std::{
    error, fmt,
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use mesh::MeshIdentity;
use zeroize::Zeroizing;

use super::iroh_key;
use crate::store::{new_numbered_dir, sync_dir};

/// Magic and version 8, flags 1 (bit 0: root key), node seed 32, root seed 32 or zeros, CRC 4.
const LEN: usize = 8 + 1 + 32 + 32 + 4;
const MAGIC: &[u8; 8] = b"QPCID\x00\x01\n";
const FLAG_ROOT: u8 = 1;

/// The file's name in the data directory.
const NAME: &str = "identity";
/// An imported identity that takes the place of the present one at the next start.
const PENDING: &str = "identity.import";
/// The store's directory.
const STORE: &str = "store";

/// Why there is no identity to run with.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file cannot be read or written.
    Io(PathBuf, io::Error),
    /// The file does not hold.
    Damaged(PathBuf),
    /// There is a store, but no identity.
    Lost(PathBuf),
    /// Others may read the file.
    Exposed(PathBuf),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Damaged(path) => write!(
                f,
                "{} is damaged. Put a copy of it back; `--new-identity` starts over under a new \
                 address and sets everything stored under the old one aside.",
                path.display()
            ),
            Self::Lost(path) => write!(
                f,
                "{} is missing, but there are stored messages that belong to it. Put the file \
                 back; `--new-identity` starts over under a new address and sets the stored \
                 messages aside.",
                path.display()
            ),
            Self::Exposed(path) => write!(
                f,
                "{} can be read by others. Make it private (`chmod 600`) if nobody did, or start \
                 over with `--new-identity`.",
                path.display()
            ),
        }
    }
}

impl error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

/// An identity and how it was come by.
#[derive(Debug)]
pub struct Loaded {
    /// The keys.
    pub identity: MeshIdentity,
    /// Whether they were made just now.
    pub is_new: bool,
    /// Where the former identity and its store were set aside, when they were.
    pub set_aside: Option<PathBuf>,
}

/// Loads the identity of a data directory, or makes one on a fresh machine.
///
/// With `start_over`, whatever is there is set aside, and a new identity is made.
///
/// # Errors
///
/// Everything but a fresh directory and an intact file is an error: an identity is never replaced
/// silently.
pub fn load(data_dir: &Path, start_over: bool) -> Result<Loaded, IdentityError> {
    let path = data_dir.join(NAME);
    let pending = data_dir.join(PENDING);
    let io = |error| IdentityError::Io(path.clone(), error);
    let mut set_aside = None;
    if start_over || pending.exists() {
        set_aside = put_aside(data_dir).map_err(io)?;
    }
    if pending.exists() && !start_over {
        fs::rename(&pending, &path).and_then(|()| sync_dir(data_dir)).map_err(io)?;
    }
    if path.exists() {
        return Ok(Loaded { identity: read(&path)?, is_new: false, set_aside });
    }
    if data_dir.join(STORE).exists() {
        return Err(IdentityError::Lost(path));
    }
    let mut seeds = Zeroizing::new([[0; 32]; 2]);
    for seed in seeds.iter_mut() {
        getrandom::fill(seed).map_err(|error| io(io::Error::other(error)))?;
    }
    let identity = MeshIdentity::from_seeds(seeds[0], Some(seeds[1]));
    write(data_dir, NAME, &identity).map_err(io)?;
    Ok(Loaded { identity, is_new: true, set_aside })
}

/// Puts an imported identity where the next start finds it. The present one and its store are set
/// aside then, not now: they are in use.
///
/// # Errors
///
/// When the file cannot be written.
pub fn import(data_dir: &Path, identity: &MeshIdentity) -> io::Result<()> {
    write(data_dir, PENDING, identity)
}

/// Moves identity, store and endpoint key into `former-<n>`; `None` when there is none of them. The
/// endpoint key goes along: it would tell that the new node is the old one.
fn put_aside(data_dir: &Path) -> io::Result<Option<PathBuf>> {
    let present: Vec<&str> = [NAME, STORE, iroh_key::NAME]
        .into_iter()
        .filter(|name| data_dir.join(name).exists())
        .collect();
    if present.is_empty() {
        return Ok(None);
    }
    let former = new_numbered_dir(data_dir, "former")?;
    for name in present {
        fs::rename(data_dir.join(name), former.join(name))?;
    }
    sync_dir(&former)?;
    sync_dir(data_dir)?;
    Ok(Some(former))
}

fn read(path: &Path) -> Result<MeshIdentity, IdentityError> {
    let io = |error| IdentityError::Io(path.to_path_buf(), error);
    let mut file = OpenOptions::new().read(true).open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(IdentityError::Exposed(path.to_path_buf()));
    }
    let mut bytes = Zeroizing::new([0; LEN + 1]);
    let mut len = 0;
    while len < bytes.len() {
        match file.read(&mut bytes[len..]).map_err(io)? {
            0 => break,
            n => len += n,
        }
    }
    decode(&bytes[..len]).ok_or_else(|| IdentityError::Damaged(path.to_path_buf()))
}

/// Writes the file under a temporary name, syncs it, and renames it: there is never half a file.
fn write(data_dir: &Path, name: &str, identity: &MeshIdentity) -> io::Result<()> {
    let path = data_dir.join(name);
    let temporary = data_dir.join(format!("{name}.new"));
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(&encode(identity)[..])?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    sync_dir(data_dir)
}

/// The file's bytes.
pub(super) fn encode(identity: &MeshIdentity) -> Zeroizing<[u8; LEN]> {
    let mut bytes = Zeroizing::new([0; LEN]);
    bytes[..8].copy_from_slice(MAGIC);
    bytes[9..41].copy_from_slice(&*identity.node_seed());
    if let Some(root) = identity.root_seed() {
        bytes[8] = FLAG_ROOT;
        bytes[41..73].copy_from_slice(&*root);
    }
    let crc = crc32fast::hash(&bytes[..LEN - 4]);
    bytes[LEN - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The identity of a file's bytes; `None` when they do not hold.
pub(super) fn decode(bytes: &[u8]) -> Option<MeshIdentity> {
    let bytes: &[u8; LEN] = bytes.try_into().ok()?;
    let (body, crc) = bytes.split_at(LEN - 4);
    if !body.starts_with(MAGIC) || crc32fast::hash(body).to_le_bytes() != crc {
        return None;
    }
    let seed_at = |at: usize| {
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&body[at..at + 32]);
        seed
    };
    match body[8] {
        0 => Some(MeshIdentity::from_seeds(*seed_at(9), None)),
        FLAG_ROOT => Some(MeshIdentity::from_seeds(*seed_at(9), Some(*seed_at(41)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    /// `DSK-21`
    #[test]
    fn identity_is_made_once_and_private() {
        let dir = dir();
        let made = load(dir.path(), false).expect("a fresh directory");
        assert!(made.is_new && made.identity.root_key().is_some());
        let mode = fs::metadata(dir.path().join(NAME)).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = load(dir.path(), false).expect("the same file");
        assert!(!again.is_new);
        assert_eq!(again.identity.address(), made.identity.address());
        assert_eq!(again.identity.root_key(), made.identity.root_key());
    }

    /// `DSK-22`
    #[test]
    fn losing_the_identity_is_never_silent() {
        let dir = dir();
        let old = load(dir.path(), false).expect("a fresh directory");
        fs::create_dir(dir.path().join(STORE)).expect("room");
        fs::remove_file(dir.path().join(NAME)).expect("it is there");
        let error = load(dir.path(), false).expect_err("lost");
        assert!(matches!(error, IdentityError::Lost(_)));
        assert!(error.to_string().contains("--new-identity"), "{error}");
        let new = load(dir.path(), true).expect("asked for");
        assert_ne!(new.identity.address(), old.identity.address());
        assert!(new.set_aside.expect("the store is kept").join(STORE).exists());
    }

    /// `DSK-23`
    #[test]
    fn damaged_or_exposed_files_are_refused() {
        let dir = dir();
        load(dir.path(), false).expect("a fresh directory");
        let path = dir.path().join(NAME);
        let good = fs::read(&path).expect("readable");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).expect("writable");
            assert!(matches!(load(dir.path(), false), Err(IdentityError::Damaged(_))));
            fs::write(&path, &good[..at]).expect("writable");
            assert!(matches!(load(dir.path(), false), Err(IdentityError::Damaged(_))));
        }
        fs::write(&path, &good).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        assert!(matches!(load(dir.path(), false), Err(IdentityError::Exposed(_))));
    }

    /// `DSK-24`
    #[test]
    fn import_takes_effect_at_the_next_start() {
        let dir = dir();
        let old = load(dir.path(), false).expect("a fresh directory");
        let other = MeshIdentity::from_seeds([5; 32], None);
        import(dir.path(), &other).expect("writable");
        let new = load(dir.path(), false).expect("imported");
        assert_eq!(new.identity.address(), other.address());
        let aside = new.set_aside.expect("the old one is kept").join(NAME);
        let kept = read(&aside).expect("the old file");
        assert_eq!(kept.address(), old.identity.address());
    }
}

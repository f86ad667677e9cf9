//! The secret key of the QUIC endpoint: a key of its own, made once, kept in a file of its own
//! (`IRO-02`). Losing it costs the addresses that were handed out, not the node.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use super::file::IdentityError;
use crate::store::sync_dir;

/// The file's name in the data directory.
pub(super) const NAME: &str = "iroh-key";
/// Magic 8, secret 32, CRC 4.
const LEN: usize = 8 + 32 + 4;
const MAGIC: &[u8; 8] = b"QPCIR\x00\x01\n";

/// Loads the key of a data directory, or makes one.
///
/// # Errors
///
/// The file cannot be read or written, does not hold, or can be read by others. A key is never
/// replaced silently.
pub fn load(data_dir: &Path) -> Result<Zeroizing<[u8; 32]>, IdentityError> {
    let path = data_dir.join(NAME);
    let io = |error| IdentityError::Io(path.clone(), error);
    let mut file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return make(data_dir).map_err(io);
        }
        Err(error) => return Err(io(error)),
    };
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(IdentityError::Exposed(path));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LEN + 1));
    (&mut file).take(LEN as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    decode(&bytes).ok_or(IdentityError::Damaged(path))
}

fn make(data_dir: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(io::Error::other)?;
    let temporary = data_dir.join(format!("{NAME}.new"));
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(&encode(&secret)[..])?;
    file.sync_all()?;
    fs::rename(&temporary, data_dir.join(NAME))?;
    sync_dir(data_dir)?;
    Ok(secret)
}

fn encode(secret: &[u8; 32]) -> Zeroizing<[u8; LEN]> {
    let mut bytes = Zeroizing::new([0; LEN]);
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..40].copy_from_slice(secret);
    let crc = crc32fast::hash(&bytes[..40]);
    bytes[40..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let bytes: &[u8; LEN] = bytes.try_into().ok()?;
    let (body, crc) = bytes.split_at(40);
    if !body.starts_with(MAGIC) || crc32fast::hash(body).to_le_bytes() != crc {
        return None;
    }
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(&body[8..]);
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `IRO-02`
    #[test]
    fn endpoint_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let made = load(dir.path()).expect("a fresh directory");
        let path = dir.path().join(NAME);
        let mode = fs::metadata(&path).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(*load(dir.path()).expect("the same file"), *made);
        let other = tempfile::tempdir().expect("a temporary directory");
        assert_ne!(*load(other.path()).expect("a fresh directory"), *made);
        assert_eq!(encode(&[0xab; 32])[..10], *b"QPCIR\x00\x01\n\xab\xab");
    }

    /// `IRO-02`
    #[test]
    fn damaged_or_exposed_endpoint_keys_are_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        load(dir.path()).expect("a fresh directory");
        let path = dir.path().join(NAME);
        let good = fs::read(&path).expect("readable");
        for at in 0..good.len() {
            let mut bent = good.clone();
            bent[at] ^= 4;
            for bad in [&bent[..], &good[..at]] {
                fs::write(&path, bad).expect("writable");
                assert!(matches!(load(dir.path()), Err(IdentityError::Damaged(_))), "{at}");
            }
        }
        fs::write(&path, [&good[..], &[0]].concat()).expect("writable");
        assert!(matches!(load(dir.path()), Err(IdentityError::Damaged(_))), "too long");
        fs::write(&path, &good).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        assert!(matches!(load(dir.path()), Err(IdentityError::Exposed(_))));
    }
}

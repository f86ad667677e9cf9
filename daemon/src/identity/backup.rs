//! An identity under a passphrase (`DSK-25`): what `qpc identity export` gives and `import` takes.
//!
//! Session state is not in it: a restored session would reuse keys. Contacts' sessions start over.

use std::{error, fmt};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use mesh::MeshIdentity;
use zeroize::Zeroizing;

use super::file;

/// Magic and version 8, memory cost 4, time cost 4, salt 16, then ciphertext and tag.
const MAGIC: &[u8; 8] = b"QPCBAK\x01\n";
const HEADER_LEN: usize = 8 + 4 + 4 + 16;

/// Memory of one passphrase guess: 64 MiB, what a small router can still spend for a second.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// Costs that are accepted from a file: more would be an attack on this machine's memory.
const MEMORY_KIB_MAX: u32 = 256 << 10;
const PASSES_MAX: u32 = 16;

/// Shortest passphrase for an export.
pub const PASSPHRASE_LEN_MIN: usize = 8;

/// Why a backup was not made or not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupError {
    /// The passphrase is shorter than [`PASSPHRASE_LEN_MIN`] bytes.
    PassphraseTooShort,
    /// The bytes are no backup of this or an earlier version.
    Unreadable,
    /// The passphrase is wrong, or the bytes were changed.
    WrongPassphrase,
    /// The machine has no randomness or not enough memory.
    Machine,
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassphraseTooShort => {
                write!(f, "the passphrase needs at least {PASSPHRASE_LEN_MIN} bytes")
            }
            Self::Unreadable => f.write_str("this is no backup that this version can read"),
            Self::WrongPassphrase => f.write_str("the passphrase does not open this backup"),
            Self::Machine => f.write_str("not enough memory or randomness for the passphrase"),
        }
    }
}

impl error::Error for BackupError {}

/// Encrypts an identity under a passphrase. Takes about a quarter of a second and 64 MiB.
///
/// # Errors
///
/// A passphrase that is too short, or a machine without randomness or memory.
pub fn export(identity: &MeshIdentity, passphrase: &str) -> Result<Vec<u8>, BackupError> {
    if passphrase.len() < PASSPHRASE_LEN_MIN {
        return Err(BackupError::PassphraseTooShort);
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| BackupError::Machine)?;
    seal(identity, passphrase, salt, MEMORY_KIB, PASSES)
}

/// Decrypts a backup.
///
/// # Errors
///
/// Bytes that are no backup, or a wrong passphrase.
pub fn import(backup: &[u8], passphrase: &str) -> Result<MeshIdentity, BackupError> {
    let (header, body) = backup.split_at_checked(HEADER_LEN).ok_or(BackupError::Unreadable)?;
    let u32_at = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let (memory_kib, passes) = (u32_at(8), u32_at(12));
    if !header.starts_with(MAGIC) || memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX {
        return Err(BackupError::Unreadable);
    }
    let key = derive(passphrase, &header[16..], memory_kib, passes)?;
    let mut plain = Zeroizing::new(body.to_vec());
    ChaCha20Poly1305::new(&(*key).into())
        .decrypt_in_place(&[0; 12].into(), header, &mut *plain)
        .map_err(|_| BackupError::WrongPassphrase)?;
    file::decode(&plain).ok_or(BackupError::Unreadable)
}

fn seal(
    identity: &MeshIdentity,
    passphrase: &str,
    salt: [u8; 16],
    memory_kib: u32,
    passes: u32,
) -> Result<Vec<u8>, BackupError> {
    let mut backup = Vec::with_capacity(256);
    backup.extend_from_slice(MAGIC);
    backup.extend_from_slice(&memory_kib.to_le_bytes());
    backup.extend_from_slice(&passes.to_le_bytes());
    backup.extend_from_slice(&salt);
    let key = derive(passphrase, &salt, memory_kib, passes)?;
    let mut body = Vec::with_capacity(128);
    body.extend_from_slice(&file::encode(identity)[..]);
    // The salt makes every key new, so the nonce is constant.
    ChaCha20Poly1305::new(&(*key).into())
        .encrypt_in_place(&[0; 12].into(), &backup, &mut body)
        .map_err(|_| BackupError::Machine)?;
    backup.extend_from_slice(&body);
    Ok(backup)
}

fn derive(
    passphrase: &str,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
) -> Result<Zeroizing<[u8; 32]>, BackupError> {
    let params =
        Params::new(memory_kib, passes, LANES, Some(32)).map_err(|_| BackupError::Unreadable)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| BackupError::Machine)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (MeshIdentity, Vec<u8>) {
        let identity = MeshIdentity::from_seeds([1; 32], Some([2; 32]));
        let backup = seal(&identity, "correct horse", [3; 16], 64, 1).expect("memory");
        (identity, backup)
    }

    /// `DSK-25`
    #[test]
    fn backup_round_trips() {
        let (identity, backup) = sample();
        let back = import(&backup, "correct horse").expect("the same passphrase");
        assert_eq!(back.address(), identity.address());
        assert_eq!(back.root_key(), identity.root_key());
        assert_eq!(import(&backup, "wrong horse").err(), Some(BackupError::WrongPassphrase));
    }

    /// `DSK-25`
    #[test]
    fn backup_layout_is_fixed() {
        let (_, backup) = sample();
        assert_eq!(backup.len(), HEADER_LEN + 77 + 16);
        assert_eq!(backup[..16], *b"QPCBAK\x01\n\x40\0\0\0\x01\0\0\0");
    }

    /// `DSK-25`
    #[test]
    fn changed_backups_are_refused() {
        let (_, backup) = sample();
        for at in 0..backup.len() {
            assert!(import(&backup[..at], "correct horse").is_err(), "length {at}");
        }
        // The cost fields come first: a change there must not cost gigabytes.
        for at in (0..backup.len()).step_by(3) {
            let mut changed = backup.clone();
            changed[at] ^= 0x80;
            assert!(import(&changed, "correct horse").is_err(), "byte {at}");
        }
    }

    #[test]
    fn short_passphrases_are_refused() {
        let (identity, _) = sample();
        assert_eq!(export(&identity, "short").err(), Some(BackupError::PassphraseTooShort));
    }
}

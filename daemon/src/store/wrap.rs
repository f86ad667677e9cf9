//! A secret value on disk: where its key is, and the value encrypted under it (`DSK-10`).

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use mesh::Table;
use zeroize::Zeroizing;

use super::slots::SlotRef;

const VERSION: u8 = 1;

/// Version 1, slot 4, generation 8.
pub(crate) const HEADER_LEN: usize = 13;

/// Encrypts `value` under the key of the slot `at`. Each key encrypts one value, so the nonce is
/// constant.
pub(crate) fn wrap(
    key: &[u8; 32],
    at: SlotRef,
    table: Table,
    row_key: &[u8],
    value: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + value.len() + 16);
    out.push(VERSION);
    out.extend_from_slice(&at.slot.to_le_bytes());
    out.extend_from_slice(&at.generation.to_le_bytes());
    let mut body = Vec::with_capacity(value.len() + 16);
    body.extend_from_slice(value);
    let aad = associated(&out, table, row_key);
    ChaCha20Poly1305::new(&(*key).into())
        .encrypt_in_place(&[0; 12].into(), &aad, &mut body)
        .expect("a record is far below the cipher's limit of 256 GiB");
    out.extend_from_slice(&body);
    out
}

/// Where the key of a stored value is. `None` when the bytes are no wrapped value.
pub(crate) fn slot_of(stored: &[u8]) -> Option<SlotRef> {
    let header = stored.first_chunk::<HEADER_LEN>()?;
    let mut slot = [0; 4];
    slot.copy_from_slice(&header[1..5]);
    let mut generation = [0; 8];
    generation.copy_from_slice(&header[5..]);
    (header[0] == VERSION).then(|| SlotRef {
        slot: u32::from_le_bytes(slot),
        generation: u64::from_le_bytes(generation),
    })
}

/// The value, when key, row and bytes belong together.
pub(crate) fn unwrap(
    key: &[u8; 32],
    table: Table,
    row_key: &[u8],
    stored: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (header, body) = stored.split_at_checked(HEADER_LEN)?;
    let mut value = Zeroizing::new(body.to_vec());
    ChaCha20Poly1305::new(&(*key).into())
        .decrypt_in_place(&[0; 12].into(), &associated(header, table, row_key), &mut *value)
        .ok()
        .map(|()| value)
}

fn associated(header: &[u8], table: Table, row_key: &[u8]) -> Vec<u8> {
    let mut aad = header.to_vec();
    aad.push(table as u8);
    aad.extend_from_slice(row_key);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: SlotRef = SlotRef { slot: 3, generation: 9 };

    #[test]
    fn wrapped_values_round_trip() {
        let stored = wrap(&[1; 32], AT, Table::Sessions, b"peer", b"ratchet");
        assert_eq!(slot_of(&stored), Some(AT));
        let value = unwrap(&[1; 32], Table::Sessions, b"peer", &stored).expect("the right key");
        assert_eq!(&value[..], b"ratchet");
    }

    /// `DSK-10`: values cannot be changed, moved to another row, or read with another key.
    #[test]
    fn wrapped_values_are_bound_to_their_row() {
        let stored = wrap(&[1; 32], AT, Table::Sessions, b"peer", b"ratchet");
        assert!(unwrap(&[2; 32], Table::Sessions, b"peer", &stored).is_none());
        assert!(unwrap(&[1; 32], Table::PreKeys, b"peer", &stored).is_none());
        assert!(unwrap(&[1; 32], Table::Sessions, b"reep", &stored).is_none());
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 0x20;
            assert!(unwrap(&[1; 32], Table::Sessions, b"peer", &changed).is_none());
            assert!(unwrap(&[1; 32], Table::Sessions, b"peer", &stored[..at]).is_none());
        }
    }
}

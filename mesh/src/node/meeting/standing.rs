//! Who is let in without being a contact, and who is blocked (`MEET-14`, `MEET-15`).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    address::Address,
    command::CommandError,
    error::{Error, Malformed},
    limits::{BLOCKED_MAX, LET_IN_MAX},
    record::{Record, Table},
};

/// First byte of a row's key; the address follows.
pub(super) const KEY: u8 = b's';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    LetIn = 1,
    Blocked = 2,
}

/// What the user decided about nodes that are no contacts, and about contacts that are blocked.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: BTreeMap<Address, Standing>,
    blocked: usize,
    records: Vec<Record>,
}

impl Standings {
    pub(super) fn is_let_in(&self, address: &Address) -> bool {
        self.known.get(address) == Some(&Standing::LetIn)
    }

    pub(super) fn is_blocked(&self, address: &Address) -> bool {
        self.known.get(address) == Some(&Standing::Blocked)
    }

    pub(super) fn blocked(&self) -> impl Iterator<Item = Address> + '_ {
        self.known.iter().filter(|(_, s)| **s == Standing::Blocked).map(|(address, _)| *address)
    }

    /// Lets a node's messages in; it is not blocked any more.
    pub(super) fn let_in(&mut self, address: Address) -> Result<(), CommandError> {
        if !self.is_let_in(&address) && self.known.len() - self.blocked >= LET_IN_MAX {
            return Err(CommandError::ContactsFull);
        }
        self.put(address, Some(Standing::LetIn));
        Ok(())
    }

    /// Drops a node's messages from now on.
    pub(super) fn block(&mut self, address: Address) -> Result<(), CommandError> {
        if !self.is_blocked(&address) && self.blocked >= BLOCKED_MAX {
            return Err(CommandError::BlockedFull);
        }
        self.put(address, Some(Standing::Blocked));
        Ok(())
    }

    /// Whether it was blocked.
    pub(super) fn unblock(&mut self, address: &Address) -> bool {
        let was_blocked = self.is_blocked(address);
        if was_blocked {
            self.put(*address, None);
        }
        was_blocked
    }

    fn put(&mut self, address: Address, standing: Option<Standing>) {
        let before = match standing {
            Some(standing) => self.known.insert(address, standing),
            None => self.known.remove(&address),
        };
        if before == standing {
            return;
        }
        self.blocked -= usize::from(before == Some(Standing::Blocked));
        self.blocked += usize::from(standing == Some(Standing::Blocked));
        let mut key = alloc::vec![KEY];
        key.extend_from_slice(address.as_bytes());
        let value = standing.map(|standing| alloc::vec![standing as u8]);
        self.records.push(Record { table: Table::Meeting, key, value });
    }

    pub(super) fn restore(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let address = name.try_into().map_err(|_| Malformed::OutOfRange("standing row key"))?;
        let standing = match value {
            [1] => Standing::LetIn,
            [2] => Standing::Blocked,
            _ => return Err(Malformed::OutOfRange("standing row").into()),
        };
        if self.known.len() >= LET_IN_MAX + BLOCKED_MAX {
            return Err(Malformed::TooLong("standings").into());
        }
        let address = Address::from_bytes(address);
        if self.known.insert(address, standing).is_none() && standing == Standing::Blocked {
            self.blocked += 1;
        }
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

//! Petnames and pinned keys (`NODE-09`).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::Node;
use crate::{
    address::Address,
    command::{CommandError, Outcome},
    error::{Error, Malformed},
    event::Event,
    identity::{PublicIdentity, Suite},
    limits,
    lite::{LitePeer, SharedSecret},
    record::{Record, Table},
    time::Instant,
    wire::{Reader, Writer},
};

/// A pinned node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) name: String,
    pub(super) root_key: Option<[u8; 32]>,
    /// A verified bundle named this root key instead of the pinned one (`Some(None)`: none).
    pub(super) offered: Option<Option<[u8; 32]>>,
    /// A bundle was seen, so that the absence of a root key is pinned too.
    pub(super) pinned: bool,
    /// The name is what the node itself wished for or what we made up; the user chose none yet.
    pub(super) suggested: bool,
}

/// The contact list.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    contacts: BTreeMap<Address, Contact>,
    records: Vec<Record>,
}

impl Contacts {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Address, &Contact)> {
        self.contacts.iter()
    }

    pub(super) fn contains(&self, address: &Address) -> bool {
        self.contacts.contains_key(address)
    }

    /// Whether a session with this certified root key belongs to a contact with that very key.
    pub(super) fn is_verified(&self, address: &Address, root_key: Option<&[u8; 32]>) -> bool {
        self.contacts.get(address).is_some_and(|contact| {
            contact.pinned && contact.offered.is_none() && contact.root_key.as_ref() == root_key
        })
    }

    /// Whether nothing may be sent until the user decided about a changed key.
    pub(super) fn is_blocked(&self, address: &Address) -> bool {
        self.contacts.get(address).is_some_and(|contact| contact.offered.is_some())
    }

    fn put(&mut self, address: Address) {
        let Some(contact) = self.contacts.get(&address) else { return };
        let mut value = Vec::new();
        let mut w = Writer::new(&mut value);
        w.prefixed(contact.name.as_bytes());
        w.u8(u8::from(contact.pinned));
        write_key(&mut w, contact.root_key.as_ref());
        w.u8(u8::from(contact.offered.is_some()));
        write_key(&mut w, contact.offered.flatten().as_ref());
        w.u8(u8::from(contact.suggested));
        let key = address.as_bytes().to_vec();
        self.records.push(Record { table: Table::Contacts, key, value: Some(value) });
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(key);
        let address = Address::from_bytes(r.array("contact address")?);
        r.finish("contact key")?;
        let mut r = Reader::new(value);
        let name = r.prefixed(limits::NAME_LEN_MAX, "name")?;
        let name = core::str::from_utf8(name).map_err(|_| Malformed::OutOfRange("name"))?.into();
        let pinned = read_bool(&mut r)?;
        let root_key = read_key(&mut r)?;
        let changed = read_bool(&mut r)?;
        let offered = read_key(&mut r)?;
        // Rows from before there were suggestions end here.
        let suggested = r.remaining() > 0 && read_bool(&mut r)?;
        r.finish("contact")?;
        let offered = changed.then_some(offered);
        self.contacts.insert(address, Contact { name, root_key, offered, pinned, suggested });
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }

    /// Whether this address is known under a root key (or none) that is not this one.
    pub(super) fn is_pinned_to_another(
        &self,
        address: &Address,
        root_key: Option<&[u8; 32]>,
    ) -> bool {
        self.contacts
            .get(address)
            .is_some_and(|contact| contact.pinned && contact.root_key.as_ref() != root_key)
    }

    /// A free name for a node: what it wished for, with the beginning of its address when that is
    /// taken or could be mistaken for an address.
    fn free_name(&self, wanted: &str, address: &Address) -> String {
        let wanted = wanted.trim();
        let is_address = wanted.parse::<Address>().is_ok();
        if !is_address && self.check_name(wanted, Some(address)).is_ok() {
            return wanted.into();
        }
        let stem = if wanted.is_empty() || is_address { "guest" } else { wanted };
        let short = address.fmt_short().to_string();
        let mut end = stem.len().min(limits::NAME_LEN_MAX - short.len() - 1);
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        let name = format!("{}-{short}", &stem[..end]);
        // Two addresses may begin alike: then the address itself, which nobody else has.
        if self.check_name(&name, Some(address)).is_ok() { name } else { address.to_string() }
    }

    pub(super) fn check_name(
        &self,
        name: &str,
        except: Option<&Address>,
    ) -> Result<(), CommandError> {
        if name.is_empty() || name.len() > limits::NAME_LEN_MAX {
            return Err(CommandError::NameOutOfRange);
        }
        let taken = self.contacts.iter().any(|(a, c)| c.name == name && Some(a) != except);
        if taken { Err(CommandError::NameTaken) } else { Ok(()) }
    }
}

fn write_key(w: &mut Writer<'_>, key: Option<&[u8; 32]>) {
    w.u8(u8::from(key.is_some()));
    if let Some(key) = key {
        w.array(key);
    }
}

fn read_key(r: &mut Reader<'_>) -> Result<Option<[u8; 32]>, Malformed> {
    if read_bool(r)? { r.array("root key").map(Some) } else { Ok(None) }
}

fn read_bool(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8("flag")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::NonCanonical("flag")),
    }
}

impl Node {
    pub(super) fn contact_add(
        &mut self,
        now: Instant,
        name: String,
        address: Address,
        root_key: Option<[u8; 32]>,
    ) -> Result<Outcome, CommandError> {
        if address == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        self.contacts.check_name(&name, Some(&address))?;
        if self.contacts.contacts.len() >= limits::CONTACTS_MAX && !self.contacts.contains(&address)
        {
            return Err(CommandError::ContactsFull);
        }
        let before = self.contacts.contacts.remove(&address);
        let contact = match (before, root_key) {
            (Some(contact), None) => Contact { name, suggested: false, ..contact },
            (_, root_key) => {
                let pinned = root_key.is_some();
                Contact { name, root_key, offered: None, pinned, suggested: false }
            }
        };
        self.contacts.contacts.insert(address, contact);
        self.contacts.put(address);
        self.routing.pin(address, true);
        self.sessions.protect(&address, true);
        self.release_requests(address);
        // A bundle that is known already is judged at once.
        if let Some(root_key) = self.bundles.get(&address, None).map(|bundle| bundle.root_key) {
            self.note_root_key(now, address, root_key);
        }
        Ok(Outcome::Done)
    }

    /// Pins a node that we met by an invite, under `name` or else under one made of `wanted`, which
    /// is marked as suggested. A contact keeps its name unless there is a new one, and a key that
    /// changed stays changed. Returns the name; `None` when the list is full.
    pub(super) fn contact_meet(
        &mut self,
        address: Address,
        root_key: Option<[u8; 32]>,
        name: Option<String>,
        wanted: &str,
    ) -> Option<String> {
        let known = self.contacts.contacts.get(&address);
        if known.is_none() && self.contacts.contacts.len() >= limits::CONTACTS_MAX {
            return None;
        }
        let suggested = name.is_none() && known.is_none_or(|contact| contact.suggested);
        let name = match (name, known) {
            (Some(name), _) => name,
            (None, Some(contact)) => contact.name.clone(),
            (None, None) => self.contacts.free_name(wanted, &address),
        };
        let (root_key, offered) = match known.filter(|contact| contact.pinned) {
            Some(contact) => (contact.root_key, contact.offered),
            None => (root_key, None),
        };
        let contact = Contact { name: name.clone(), root_key, offered, pinned: true, suggested };
        self.contacts.contacts.insert(address, contact);
        self.contacts.put(address);
        self.routing.pin(address, true);
        self.sessions.protect(&address, true);
        Some(name)
    }

    pub(super) fn contact_remove(&mut self, address: Address) -> Result<Outcome, CommandError> {
        self.contacts.contacts.remove(&address).ok_or(CommandError::UnknownContact)?;
        let key = address.as_bytes().to_vec();
        self.contacts.records.push(Record { table: Table::Contacts, key, value: None });
        self.routing.pin(address, false);
        self.sessions.protect(&address, false);
        self.meetings.on_contact_removed(&address);
        Ok(Outcome::Done)
    }

    pub(super) fn contact_rename(
        &mut self,
        address: Address,
        name: String,
    ) -> Result<Outcome, CommandError> {
        self.contacts.check_name(&name, Some(&address))?;
        let contact = self.contacts.contacts.get_mut(&address);
        let contact = contact.ok_or(CommandError::UnknownContact)?;
        (contact.name, contact.suggested) = (name, false);
        self.contacts.put(address);
        Ok(Outcome::Done)
    }

    pub(super) fn contact_trust(
        &mut self,
        now: Instant,
        address: Address,
    ) -> Result<Outcome, CommandError> {
        let contact = self.contacts.contacts.get_mut(&address);
        let contact = contact.ok_or(CommandError::UnknownContact)?;
        if let Some(offered) = contact.offered.take() {
            contact.root_key = offered;
            self.contacts.put(address);
            self.pump(now, address);
        }
        Ok(Outcome::Done)
    }

    /// Two people agreed on a secret. Who else has it reads and writes in their names: it is the
    /// users' word, and says nothing about the contact's root key beyond its bundle.
    pub(super) fn contact_secret(
        &mut self,
        now: Instant,
        address: Address,
        secret: &SharedSecret,
    ) -> Result<Outcome, CommandError> {
        if !self.contacts.contains(&address) {
            return Err(CommandError::UnknownContact);
        }
        let bundle = self.bundles.get(&address, None);
        let root_key = bundle.and_then(|bundle| bundle.root_key);
        let heard = self.routing.node_key(&address).map(PublicIdentity::new);
        let identity = bundle.map(|bundle| bundle.identity).or(heard);
        let identity = identity.ok_or(CommandError::ContactUnheard)?;
        let peer = LitePeer { identity, root_key, suite: Suite::X25519 };
        let seed = secret.seed(self.public.node_key(), identity.node_key());
        self.sessions.open_by_secret(now, peer, &seed);
        self.pump(now, address);
        Ok(Outcome::Done)
    }

    /// A verified bundle or session of `address` is certified by this root key.
    pub(super) fn note_root_key(
        &mut self,
        now: Instant,
        address: Address,
        root_key: Option<[u8; 32]>,
    ) {
        let Some(contact) = self.contacts.contacts.get_mut(&address) else { return };
        if !contact.pinned {
            contact.pinned = true;
            contact.root_key = root_key;
            self.contacts.put(address);
        } else if contact.root_key == root_key {
            if contact.offered.take().is_some() {
                self.contacts.put(address);
                self.pump(now, address);
            }
        } else if contact.offered != Some(root_key) {
            contact.offered = Some(root_key);
            self.contacts.put(address);
            self.sessions.forget(&address);
            self.events.push_back(Event::ContactKeyChanged { address });
        }
    }
}

//! Contacts, invites, and strangers that wait.

use api::*;
use zbus::interface;

use super::{CODE, EVE, FAR, HOSTILE, SENT};

pub(super) struct Contacts;

#[interface(name = "org.quicprochat.Contacts1")]
impl Contacts {
    fn add(&self, name: &str, _address: &str, _options: ContactOptions) -> Result<(), Error> {
        match name {
            "taken" => Err(Error::NameTaken("another contact has this name".to_owned())),
            _ => Ok(()),
        }
    }
    fn list(&self) -> Vec<Contact> {
        vec![Contact {
            name: HOSTILE.to_owned(),
            address: EVE.to_owned(),
            root_key: Some("ab".repeat(32)),
            floor: Some("X-Wing (X25519 + ML-KEM-768)".to_owned()),
            key_changed: true,
            suggested: true,
        }]
    }
    fn remove(&self, _contact: &str) {}
    fn rename(&self, _contact: &str, _name: &str) {}
    fn trust(&self, _contact: &str) {}
    fn set_secret(&self, _contact: &str, secret: Vec<u8>) -> Result<(), Error> {
        match secret.len() {
            16..=1_024 => Ok(()),
            _ => Err(Error::InvalidArgument("a shared secret has 16 to 1,024 bytes".to_owned())),
        }
    }
}

pub(super) struct Invites;

#[interface(name = "org.quicprochat.Invites1")]
impl Invites {
    fn create(&self, options: InviteOptions) -> Result<NewInvite, Error> {
        match options.uses {
            Some(101..) => {
                Err(Error::InvalidArgument("an invite may be accepted 1 to 100 times".into()))
            }
            uses => Ok(NewInvite {
                id: SENT.to_owned(),
                code: CODE.to_owned(),
                expires_at: 1_795_181_400 + u64::from(options.lifetime_s.unwrap_or(0)),
                uses: uses.unwrap_or(0),
                hints: options.hints.unwrap_or_default(),
            }),
        }
    }
    fn accept(&self, code: &str, options: AcceptOptions) -> Result<Met, Error> {
        match code {
            CODE => Ok(Met {
                invite: SENT.to_owned(),
                address: EVE.to_owned(),
                name: options.name.unwrap_or_else(|| HOSTILE.to_owned()),
                links: vec!["tcp://192.0.2.7:7743".to_owned()],
                unused: vec![HOSTILE.to_owned()],
            }),
            "QPC-INVITE:OLD" => Err(Error::InviteExpired("the invite expired 5 s ago".to_owned())),
            _ => Err(Error::InviteInvalid("the invite is cut: its end is missing".to_owned())),
        }
    }
    fn list(&self) -> Vec<GivenInvite> {
        vec![GivenInvite {
            id: SENT.to_owned(),
            expires_at: 1_795_181_400,
            open: false,
            uses: 1,
            guests: vec![EVE.to_owned()],
        }]
    }
    fn revoke(&self, id: &str) -> Result<(), Error> {
        match id {
            SENT => Ok(()),
            _ => Err(Error::UnknownInvite("no such invite".to_owned())),
        }
    }
}

pub(super) struct Requests;

#[interface(name = "org.quicprochat.Requests1")]
impl Requests {
    fn list(&self) -> Vec<Request> {
        vec![Request {
            id: SENT.to_owned(),
            from: EVE.to_owned(),
            received_at: None,
            payload: HOSTILE.as_bytes().to_vec(),
            sealed: true,
        }]
    }
    fn accept(&self, node: &str, _options: RequestOptions) -> Result<(), Error> {
        match node {
            EVE | SENT => Ok(()),
            _ => Err(Error::UnknownRequest("nothing of this node waits".to_owned())),
        }
    }
    fn block(&self, _node: &str) {}
    fn unblock(&self, node: &str) -> Result<(), Error> {
        match node {
            FAR => Ok(()),
            _ => Err(Error::InvalidArgument("the node is not blocked".to_owned())),
        }
    }
    fn blocked(&self) -> Vec<String> {
        vec![FAR.to_owned()]
    }
}

//! Invites and requests.

use serde::Serialize;

use super::Payload;

/// `CLI-90`
#[derive(Debug, Serialize)]
pub struct Invite {
    /// The invite's name at this node.
    pub id: String,
    /// The text to hand over.
    pub code: String,
    /// Unix seconds until which it holds.
    pub expires_at: u64,
    /// How many may accept it.
    pub uses: u32,
    /// The links in it.
    pub hints: Vec<String>,
}

impl From<api::NewInvite> for Invite {
    fn from(invite: api::NewInvite) -> Self {
        Self {
            id: invite.id,
            code: invite.code,
            expires_at: invite.expires_at,
            uses: invite.uses,
            hints: invite.hints,
        }
    }
}

/// `CLI-91`
#[derive(Debug, Serialize)]
pub struct Invites {
    /// The invites given, oldest first.
    pub invites: Vec<GivenInvite>,
}

/// An invite that was given.
#[derive(Debug, Serialize)]
pub struct GivenInvite {
    /// Its name at this node.
    pub id: String,
    /// Unix seconds until which it holds.
    pub expires_at: u64,
    /// Whether somebody may still accept it.
    pub open: bool,
    /// How many may.
    pub uses: u32,
    /// Addresses of those who did.
    pub guests: Vec<String>,
}

impl From<api::GivenInvite> for GivenInvite {
    fn from(invite: api::GivenInvite) -> Self {
        Self {
            id: invite.id,
            expires_at: invite.expires_at,
            open: invite.open,
            uses: invite.uses,
            guests: invite.guests,
        }
    }
}

/// `CLI-92`
#[derive(Debug, Serialize)]
pub struct Accepted {
    /// The invite's name at the inviter.
    pub invite: String,
    /// The inviter.
    pub address: String,
    /// What it is called now.
    pub name: String,
    /// Links that were added.
    pub links: Vec<String>,
    /// Hints of no use here.
    pub unused: Vec<String>,
}

impl From<api::Met> for Accepted {
    fn from(met: api::Met) -> Self {
        Self {
            invite: met.invite,
            address: met.address,
            name: met.name,
            links: met.links,
            unused: met.unused,
        }
    }
}

/// `CLI-93`
#[derive(Debug, Serialize)]
pub struct Requests {
    /// Messages that wait for a decision, oldest first.
    pub requests: Vec<Request>,
    /// Addresses of blocked nodes.
    pub blocked: Vec<String>,
}

/// A stranger's message.
#[derive(Debug, Serialize)]
pub struct Request {
    /// The message.
    pub id: String,
    /// The stranger.
    pub from: String,
    /// Unix seconds of this node's clock.
    pub received_at: Option<u64>,
    /// What was sent.
    #[serde(flatten)]
    pub payload: Payload,
    /// Whether it came through the mailbox node.
    pub sealed: bool,
}

impl From<&api::Request> for Request {
    fn from(request: &api::Request) -> Self {
        Self {
            id: request.id.clone(),
            from: request.from.clone(),
            received_at: request.received_at,
            payload: Payload::from(&request.payload[..]),
            sealed: request.sealed,
        }
    }
}

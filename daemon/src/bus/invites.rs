//! `org.quicprochat.Invites1`.

use std::time::Duration;

use api::Error;
use mesh::{Command, Outcome, invite::Invite, limits};
use zbus::interface;

use super::{Context, convert};

/// First meeting by a code.
#[derive(Debug)]
pub(super) struct Invites(pub(super) Context);

#[interface(name = "org.quicprochat.Invites1")]
impl Invites {
    /// Makes an invite.
    async fn create(&self, options: api::InviteOptions) -> Result<api::NewInvite, Error> {
        let hints = match options.hints {
            Some(hints) => hints,
            None => self.0.handle.ask(|actor| actor.invite_hints()).await?,
        };
        let uses = options.uses.unwrap_or(1);
        let lifetime_s = options.lifetime_s.map(u64::from);
        let command = Command::InviteCreate {
            name: options.name.unwrap_or_default(),
            lifetime: lifetime_s.map_or(limits::INVITE_LIFETIME_DEFAULT, Duration::from_secs),
            // What does not fit is beyond the limit too, and refused as that.
            uses: u16::try_from(uses).unwrap_or(u16::MAX),
            hints: hints.clone(),
        };
        match self.0.command(command).await? {
            Outcome::Invite { id, code, expires_at } => {
                Ok(api::NewInvite { id: id.to_string(), code, expires_at, uses, hints })
            }
            _ => Err(Error::InvalidArgument("the node made no invite".into())),
        }
    }

    /// Accepts another node's invite: it becomes a contact, the links in the invite are added, and
    /// it learns of us as soon as it is reached.
    async fn accept(&self, code: &str, options: api::AcceptOptions) -> Result<api::Met, Error> {
        let command = Command::InviteAccept {
            code: code.to_owned(),
            name: options.name,
            introduce_as: options.introduce_as.unwrap_or_default(),
        };
        let met = match self.0.command(command).await {
            Err(error @ Error::InviteAccepted(_)) => {
                // Killed between the two, a daemon has the contact and not the links.
                if let Ok(invite) = Invite::decode(code) {
                    self.0.handle.ask(move |actor| actor.follow_hints(invite.hints)).await?;
                }
                return Err(error);
            }
            met => met?,
        };
        let Outcome::Met { invite, address, name, hints } = met else {
            return Err(Error::InvalidArgument("the node met nobody".into()));
        };
        let (links, unused) = self.0.handle.ask(move |actor| actor.follow_hints(hints)).await?;
        let (invite, address) = (invite.to_string(), address.to_string());
        Ok(api::Met { invite, address, name, links, unused })
    }

    /// Invites this node gave, oldest first.
    async fn list(&self) -> Result<Vec<api::GivenInvite>, Error> {
        let invites = self.0.handle.ask(|actor| actor.invites()).await?;
        Ok(invites.into_iter().map(convert::given_invite).collect())
    }

    /// Takes an invite back: nobody can accept it any more.
    async fn revoke(&self, id: &str) -> Result<(), Error> {
        let id = id.parse().map_err(|_| {
            Error::InvalidArgument(format!("{id:?} is no invite; 32 hexadecimal digits are"))
        })?;
        self.0.command(Command::InviteRevoke { id }).await.map(|_| ())
    }
}

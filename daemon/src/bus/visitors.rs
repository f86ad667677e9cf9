//! `org.quicprochat.Access1`, on the system bus alone: the way in for users who are not in the group,
//! if polkit says so (`API-19`).
//!
//! What is handed out is a socket on which the API is spoken as on the private one. So nothing else
//! has to know that there are visitors, and nobody waits in a call of somebody else while a person
//! types a password.

use std::{
    collections::HashMap,
    os::fd::OwnedFd as Fd,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use api::Error;
use tokio::{net::UnixStream, sync::Semaphore, time::timeout};
use zbus::{
    Connection, OwnedFd, Variant,
    fdo::DBusProxy,
    interface,
    message::{Flags, Header},
    names::{BusName, UniqueName},
};

use super::{
    Context,
    access::{self, Role},
    server::Client,
};

/// The door for visitors.
#[derive(Debug)]
pub(super) struct Visitors {
    context: Context,
    /// Who may wait for polkit, and who may be in, at once.
    waiting: Semaphore,
    places: Arc<Semaphore>,
    clients: AtomicU32,
}

impl Visitors {
    pub(super) fn new(context: Context) -> Self {
        let places = Arc::new(Semaphore::new(VISITORS_MAX));
        Self { context, waiting: Semaphore::new(WAITING_MAX), places, clients: AtomicU32::new(0) }
    }
}

#[interface(name = "org.quicprochat.Access1")]
impl Visitors {
    /// A socket on which the whole API is spoken, peer to peer: as `member` without what only the
    /// owner may do, as `owner` with it. Whoever may not by user or group needs polkit's consent;
    /// with the flag ALLOW_INTERACTIVE_AUTHORIZATION it may ask for a password. The client
    /// authenticates as its own user.
    async fn open(
        &self,
        role: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFd, Error> {
        let wanted = match role {
            "member" => Role::Member,
            "owner" => Role::Owner,
            _ => {
                let text = format!("{role:?} is no role; allowed: \"member\", \"owner\"");
                return Err(Error::InvalidArgument(text));
            }
        };
        let sender = header.sender().ok_or_else(|| denied("the caller has no name on the bus"))?;
        let caller = self.caller(connection, sender).await?;
        if !caller.may_as(wanted) {
            let _turn = self.waiting.try_acquire().map_err(|_| busy("wait for polkit"))?;
            let may_ask = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
            consent(connection, sender, wanted, may_ask).await?;
        }
        self.let_in(&caller, wanted)
    }
}

/// Who calls, as the bus has it from the kernel.
struct Caller {
    uid: u32,
    pid: Option<u32>,
    /// What it may be without asking anybody.
    role: Option<Role>,
}

impl Caller {
    fn may_as(&self, wanted: Role) -> bool {
        self.role == Some(Role::Owner) || self.role == Some(wanted)
    }
}

impl Visitors {
    async fn caller(
        &self,
        connection: &Connection,
        sender: &UniqueName<'_>,
    ) -> Result<Caller, Error> {
        let group = self.context.handle.ask(|actor| actor.config().api_group.clone()).await?;
        let bus = DBusProxy::new(connection).await?;
        let asked = bus.get_connection_credentials(BusName::Unique(sender.as_ref())).await;
        let known = asked.map_err(|error| denied(format!("nobody knows the caller: {error}")))?;
        let uid = known.unix_user_id().ok_or_else(|| denied("the caller is of no user"))?;
        let gids = known.unix_group_ids().map_or(&[][..], Vec::as_slice);
        let role = access::role_of(uid, gids, &group);
        Ok(Caller { uid, pid: known.process_id(), role })
    }

    fn let_in(&self, caller: &Caller, role: Role) -> Result<OwnedFd, Error> {
        let places = Arc::clone(&self.places);
        let place = places.try_acquire_owned().map_err(|_| busy("are let in"))?;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let client = Client {
            number: u64::from(self.clients.fetch_add(1, Ordering::Relaxed)) + 1,
            uid: caller.uid,
            pid: caller.pid,
            is_owner: role == Role::Owner,
        };
        tracing::info!(uid = caller.uid, "a visitor of the system bus is let in as {role:?}");
        let context = Context { is_owner: client.is_owner, ..self.context.clone() };
        tokio::spawn(async move {
            if let Err(error) = client.serve(ours, context).await {
                tracing::debug!("a visitor left: {error}");
            }
            drop(place);
        });
        let theirs = theirs.into_std().map_err(failed)?;
        Ok(Fd::from(theirs).into())
    }
}

/// Asks polkit about the connection that calls, which cannot become another process in between.
async fn consent(
    connection: &Connection,
    sender: &UniqueName<'_>,
    wanted: Role,
    may_ask: bool,
) -> Result<(), Error> {
    let action = match wanted {
        Role::Member => "org.quicprochat.daemon1.use",
        Role::Owner => "org.quicprochat.daemon1.manage",
    };
    let subject = ("system-bus-name", HashMap::from([("name", Variant::from(sender.as_str()))]));
    let details = HashMap::<&str, &str>::new();
    let question = (subject, action, details, u32::from(may_ask), "");
    let asked = connection.call_method(
        Some("org.freedesktop.PolicyKit1"),
        "/org/freedesktop/PolicyKit1/Authority",
        Some("org.freedesktop.PolicyKit1.Authority"),
        "CheckAuthorization",
        &question,
    );
    let patience = if may_ask { PASSWORD_MAX } else { ANSWER_MAX };
    let answer = timeout(patience, asked).await.map_err(|_| denied("polkit does not answer"))?;
    let answer = answer.map_err(|error| denied(format!("polkit cannot be asked: {error}")))?;
    let (is_authorized, is_challenge, _): (bool, bool, HashMap<String, String>) =
        answer.body().deserialize()?;
    match (is_authorized, is_challenge) {
        (true, _) => Ok(()),
        (false, true) => Err(denied(format!("{action} takes an authentication"))),
        (false, false) => Err(denied(format!("polkit does not allow {action}"))),
    }
}

fn denied(text: impl Into<String>) -> Error {
    Error::AccessDenied(text.into())
}

fn busy(what: &str) -> Error {
    Error::Busy(format!("too many visitors {what}"))
}

fn failed(error: std::io::Error) -> Error {
    Error::ZBus(error.into())
}

/// Visitors at once; some 60 kB each.
const VISITORS_MAX: usize = 32;

/// Questions to polkit at once.
const WAITING_MAX: usize = 16;

/// How long somebody may look for a password.
const PASSWORD_MAX: Duration = Duration::from_secs(120);

/// How long polkit may take without asking a person.
const ANSWER_MAX: Duration = Duration::from_secs(10);

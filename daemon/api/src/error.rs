//! Errors with names: `org.quicprochat.Error.<Variant>`.

/// What a call to the daemon can fail with. The D-Bus name is `org.quicprochat.Error.` and the
/// variant; the text is a sentence for people.
#[derive(Debug, zbus::DBusError, PartialEq)]
#[zbus(prefix = "org.quicprochat.Error")]
pub enum Error {
    /// The connection failed, or the error is one of `org.freedesktop.DBus.Error`.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The caller may not do this: only the daemon's owner and root may.
    AccessDenied(String),
    /// A message, ping or trace cannot go to this node itself.
    AddressIsOwn(String),
    /// The bytes are no backup, or damaged, or of a later version.
    BackupDamaged(String),
    /// Too much is in flight; try again shortly.
    Busy(String),
    /// Too many channels are joined.
    ChannelsFull(String),
    /// The configuration file does not hold: file, line, key and what is allowed.
    ConfigInvalid(String),
    /// The contact list is full.
    ContactsFull(String),
    /// An identity is there already; see [`crate::ImportOptions::replace`].
    IdentityExists(String),
    /// Neither 32 hexadecimal digits nor the name of a contact.
    InvalidAddress(String),
    /// An argument or option is out of range or unknown.
    InvalidArgument(String),
    /// This invite was accepted here before.
    InviteAccepted(String),
    /// The invite's time is over.
    InviteExpired(String),
    /// The invite string is damaged or of another version.
    InviteInvalid(String),
    /// The inviter is a contact already, pinned under another key than the invite names.
    InviteKeyDiffers(String),
    /// Too many invites are open.
    InvitesFull(String),
    /// The lifetime must be between 1 s and 30 days.
    LifetimeOutOfRange(String),
    /// Not a link that this daemon can open: `tcp://HOST:PORT`, `iroh://ENDPOINT?…`.
    LinkInvalid(String),
    /// Another contact has this name.
    NameTaken(String),
    /// A name has 1 to 64 bytes.
    NameOutOfRange(String),
    /// This machine has no clock that an invite could expire by.
    NoClock(String),
    /// The recipient has no mailbox node that we know.
    NoMailbox(String),
    /// Too many messages wait for receipts, or the disk is full.
    OutboxFull(String),
    /// The payload is too long.
    PayloadTooLarge(String),
    /// The daemon is stopping.
    ShuttingDown(String),
    /// The disk does not take what must be kept.
    StorageFailed(String),
    /// Reaching this contact would fall below the suite it was reached with before.
    SuiteFloor(String),
    /// No answer in time.
    TimedOut(String),
    /// No such channel.
    UnknownChannel(String),
    /// No such contact.
    UnknownContact(String),
    /// No such invite.
    UnknownInvite(String),
    /// No such link.
    UnknownLink(String),
    /// No such message.
    UnknownMessage(String),
    /// Nothing of this node waits for a decision.
    UnknownRequest(String),
    /// The passphrase does not open the backup.
    WrongPassphrase(String),
}

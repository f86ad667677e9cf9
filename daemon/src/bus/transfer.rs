//! Payloads in and out: one, one large, many.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    time::Duration,
};

use api::{
    Error,
    framing::{self, InboxHeader},
};
use mesh::{Address, CommandError, MessageId, SendOptions, limits::PAYLOAD_LEN_MAX};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use zbus::OwnedFd;

use super::{
    Context, DISK_PATIENCE,
    convert::{command_error, message_id, send_options},
};
use mesh::event::{FailReason, InboxMessage};

/// Resolves when messages are accepted.
type Acceptance = oneshot::Receiver<Result<(), FailReason>>;

/// Sends one message and waits until it is accepted.
pub(super) async fn send_one(
    context: &Context,
    to: &str,
    payload: Vec<u8>,
    options: &api::SendOptions,
) -> Result<String, Error> {
    let to = context.resolve(to).await?;
    let options = send_options(options)?;
    let sent = context
        .handle
        .ask(move |actor| actor.send_messages(to, vec![payload], options, false))
        .await?;
    if let Some((error, _)) = sent.refused {
        return Err(command_error(error));
    }
    accepted(context, &sent.ids, sent.accepted).await?;
    sent.ids.first().map(MessageId::to_string).ok_or_else(stopping)
}

/// Sends all items of a descriptor.
pub(super) async fn send_many(
    context: &Context,
    to: &str,
    payloads: OwnedFd,
    options: &api::SendOptions,
) -> Result<Vec<String>, Error> {
    let to = context.resolve(to).await?;
    let options = send_options(options)?;
    let mut items = read_items(payloads);
    let mut ids = Vec::new();
    let mut waiting = Vec::new();
    let mut chunk = Vec::with_capacity(CHUNK_ITEMS);
    while items.recv_many(&mut chunk, CHUNK_ITEMS).await > 0 {
        let payloads: Vec<Vec<u8>> =
            chunk.drain(..).collect::<io::Result<_>>().map_err(unreadable)?;
        send_chunk(context, to, options, payloads, &mut ids, &mut waiting).await?;
    }
    for (ids, wait) in waiting {
        accepted(context, &ids, wait).await?;
    }
    Ok(ids.iter().map(MessageId::to_string).collect())
}

/// Hands a chunk to the core; while it has no room, waits for receipts to make some.
async fn send_chunk(
    context: &Context,
    to: Address,
    options: SendOptions,
    mut payloads: Vec<Vec<u8>>,
    ids: &mut Vec<MessageId>,
    waiting: &mut Vec<(Vec<MessageId>, Acceptance)>,
) -> Result<(), Error> {
    let mut give_up = Instant::now() + STALL_MAX;
    loop {
        let sent = context
            .handle
            .ask(move |actor| actor.send_messages(to, payloads, options, true))
            .await?;
        if !sent.ids.is_empty() {
            give_up = Instant::now() + STALL_MAX;
            ids.extend_from_slice(&sent.ids);
            waiting.push((sent.ids, sent.accepted));
        }
        match sent.refused {
            None => return Ok(()),
            Some((CommandError::OutboxFull | CommandError::Busy, left))
                if Instant::now() < give_up =>
            {
                payloads = left;
                sleep(RETRY).await;
            }
            Some((error, _)) => {
                let text = format!("{} messages were accepted, then: {error}", ids.len());
                return Err(match command_error(error) {
                    Error::OutboxFull(_) => Error::OutboxFull(text),
                    Error::Busy(_) => Error::Busy(text),
                    Error::PayloadTooLarge(_) => Error::PayloadTooLarge(text),
                    other => other,
                });
            }
        }
    }
}

/// Waits until messages are accepted. When the disk does not take them they are withdrawn: nobody
/// was promised anything.
async fn accepted(context: &Context, ids: &[MessageId], mut wait: Acceptance) -> Result<(), Error> {
    loop {
        match timeout(DISK_PATIENCE, &mut wait).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(reason))) => {
                let text = format!("it was given up: {}", reason.as_str());
                return Err(Error::StorageFailed(text));
            }
            Ok(Err(_)) => return Err(stopping()),
            Err(_) => {}
        }
        let ids = ids.to_vec();
        let health = context.handle.ask(move |actor| actor.withdraw_unwritten(&ids)).await?;
        if let Some(health) = health {
            return Err(Error::StorageFailed(format!("the disk is {}", health.as_str())));
        }
    }
}

/// Reads items on a thread of its own: a descriptor may be a pipe that is slow.
fn read_items(fd: OwnedFd) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(CHUNK_ITEMS);
    tokio::task::spawn_blocking(move || {
        let mut input = io::BufReader::with_capacity(READ_BUFFER, File::from(into_std(fd)));
        loop {
            let item = match framing::read_item(&mut input) {
                Ok(Some(item)) => Ok(item),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let is_last = item.is_err();
            if sender.blocking_send(item).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Everything a descriptor gives, up to the longest payload.
pub(super) async fn read_all(fd: OwnedFd) -> Result<Vec<u8>, Error> {
    let read = tokio::task::spawn_blocking(move || {
        let mut payload = Vec::new();
        // One byte more tells a payload that is too long from one that just fits.
        let mut input = File::from(into_std(fd)).take(PAYLOAD_LEN_MAX as u64 + 1);
        input.read_to_end(&mut payload).map(|_| payload)
    });
    read.await.map_err(|_| stopping())?.map_err(unreadable)
}

/// Messages of the inbox as items of a file in memory.
pub(super) async fn inbox_fd(
    context: &Context,
    options: &api::InboxOptions,
) -> Result<OwnedFd, Error> {
    if options.take == Some(true) {
        return Err(Error::InvalidArgument("`take` is not possible with InboxFd".into()));
    }
    let since = options.since.as_deref().map(message_id).transpose()?;
    let after = options.after_seq;
    let limit = options.limit.map_or(usize::MAX, |limit| limit as usize);
    let messages =
        context.handle.ask(move |actor| actor.inbox(since, after, limit, INBOX_FD_BYTES)).await?;
    let file = tokio::task::spawn_blocking(move || write_inbox(&messages));
    let file = file.await.map_err(|_| stopping())?;
    let file = file.map_err(|error| Error::StorageFailed(error.to_string()))?;
    Ok(OwnedFd::from(std::os::fd::OwnedFd::from(file)))
}

fn write_inbox(messages: &[InboxMessage]) -> io::Result<File> {
    let file = rustix::fs::memfd_create("inbox", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut out = io::BufWriter::new(File::from(file));
    let mut item = Vec::new();
    for message in messages {
        let header = InboxHeader {
            seq: message.seq,
            id: message.id.0,
            from: *message.from.as_bytes(),
            received_at: message.received_at.map_or(0, |wall| wall.unix_secs),
            verified: message.verified,
            sealed: message.sealed,
        };
        item.clear();
        item.extend_from_slice(&header.to_bytes());
        item.extend_from_slice(&message.payload);
        framing::write_item(&mut out, &item)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.flush()?;
    file.rewind()?;
    Ok(file)
}

fn into_std(fd: OwnedFd) -> std::os::fd::OwnedFd {
    fd.into()
}

fn unreadable(error: io::Error) -> Error {
    Error::InvalidArgument(format!("the descriptor cannot be read: {error}"))
}

fn stopping() -> Error {
    Error::ShuttingDown("the daemon is stopping".into())
}

/// Messages handed over at once: few enough that frames do not wait for them.
const CHUNK_ITEMS: usize = 128;

const READ_BUFFER: usize = 64 << 10;

/// Payload bytes of one `InboxFd`.
const INBOX_FD_BYTES: usize = 64 << 20;

/// Pause before messages are offered again that found no room.
const RETRY: Duration = Duration::from_millis(2);

/// How long `SendMany` waits for room before it gives up.
const STALL_MAX: Duration = Duration::from_secs(60);

//! Tells when interfaces or their addresses may have changed: the kernel says so, nobody polls.

use std::{io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, socket_with},
};
use tokio::{
    io::unix::AsyncFd,
    time::{Instant, sleep_until},
};

use super::limits::{LOOK_DELAY, LOOK_INTERVAL};

/// A subscription to the kernel's news.
#[derive(Debug)]
pub(super) struct NetworkWatch {
    /// `None` where the kernel does not tell, as in some sandboxes: then looking now and then does.
    news: Option<AsyncFd<OwnedFd>>,
    /// News came, and until then more may.
    settles_at: Option<Instant>,
}

impl NetworkWatch {
    pub(super) fn open() -> Self {
        Self { news: subscribe().ok(), settles_at: None }
    }

    /// Waits for news, and then a moment more, because news come in bursts. Cancel-safe: what
    /// was not told yet is told next time, and no later for having been asked often.
    pub(super) async fn changed(&mut self) {
        let settles_at = match (self.settles_at, &self.news) {
            (Some(at), _) => at,
            (None, None) => Instant::now() + LOOK_INTERVAL,
            (None, Some(news)) => match news.readable().await {
                Ok(_still_readable) => Instant::now() + LOOK_DELAY,
                Err(_) => Instant::now() + LOOK_INTERVAL,
            },
        };
        self.settles_at = Some(settles_at);
        sleep_until(settles_at).await;
        self.settles_at = None;
        if let Some(news) = &self.news
            && let Ok(mut guard) = news.readable().await
        {
            drain(news.get_ref());
            guard.clear_ready();
        }
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe, which this crate forbids; an `OwnedFd` that nobody else has \
              stays open as long as it is registered, and that is all that safety takes here"
)]
fn subscribe() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let family = AddressFamily::NETLINK;
    // No protocol means the first: `NETLINK_ROUTE`.
    let socket = socket_with(family, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    AsyncFd::new(socket)
}

/// Reads what there is; what it says does not matter, that it says something does.
fn drain(socket: &OwnedFd) {
    let mut buffer = [0; 4_096];
    for _ in 0..READS_MAX {
        match rustix::io::read(socket, &mut buffer) {
            // Too many news for the kernel's queue: the rest is still to be read.
            Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// `RTMGRP_LINK` and `RTMGRP_IPV6_IFADDR` of `linux/rtnetlink.h`.
const GROUPS: u32 = 0x1 | 0x100;

/// More than the kernel queues.
const READS_MAX: usize = 1_024;

//! A serial port as a modem wants it (`RND-41`): raw, 115,200 baud, 8N1, and nobody else's.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    termios::{
        ControlModes, OptionalActions, QueueSelector, ioctl_tiocexcl, tcflush, tcgetattr, tcsetattr,
    },
};
use tokio::io::{Interest, unix::AsyncFd};

/// An open port. Closing it leaves the control lines alone, so that a modem is not started over.
#[derive(Debug)]
pub(crate) struct SerialPort(AsyncFd<OwnedFd>);

impl SerialPort {
    /// Opens and sets a port. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's; what is no terminal is refused as such.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        // Without NONBLOCK some ports wait for a carrier that no modem of this kind gives.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port = open(path, flags, Mode::empty())?;
        let mut settings = tcgetattr(&port)?;
        flock(&port, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
        ioctl_tiocexcl(&port)?;
        settings.make_raw();
        let off = ControlModes::CRTSCTS
            | ControlModes::PARENB
            | ControlModes::CSTOPB
            | ControlModes::HUPCL
            | ControlModes::CSIZE;
        settings.control_modes -= off;
        settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL | ControlModes::CS8;
        settings.set_speed(BAUD)?;
        tcsetattr(&port, OptionalActions::Now, &settings)?;
        tcflush(&port, QueueSelector::IOFlush)?;
        #[expect(deprecated, reason = "its successor is unsafe, for types that lie about their fd")]
        AsyncFd::with_interest(port, Interest::READABLE | Interest::WRITABLE).map(Self)
    }

    /// Waits for bytes; none means that the port is gone.
    pub(crate) async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0
            .async_io(Interest::READABLE, |port| Ok(rustix::io::read(port.as_fd(), &mut *buf)?))
            .await
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self
                .0
                .async_io(Interest::WRITABLE, |port| Ok(rustix::io::write(port.as_fd(), bytes)?))
                .await?;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

/// What all modems of this kind talk, and what those on USB ignore.
const BAUD: u32 = 115_200;

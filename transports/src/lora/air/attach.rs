//! A virtual modem between an air's socket and its host, in real time (`VIR-13`).

use std::{io, path::Path, time::Duration};

use tokio::{
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Clock, RadioCommand, VirtualRnode,
    line::{FromHost, HostLine},
    wire::{self, Attach, FromRadio, ToRadio},
};

/// A radio on the air of a server.
#[derive(Debug)]
pub struct Attachment {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    radio: u32,
    drift_ppm: i32,
}

impl Attachment {
    /// Puts a radio on the air at `socket`.
    ///
    /// # Errors
    ///
    /// The socket's, and why the air refuses it.
    pub async fn connect(socket: &Path, wish: Attach) -> io::Result<Self> {
        let (mut reader, mut writer) = UnixStream::connect(socket).await?.into_split();
        wire::write(&mut writer, &FromRadio::Attach(wish).encode()).await?;
        let answer = wire::read(&mut reader).await?.ok_or_else(gone)?;
        match ToRadio::decode(&answer) {
            Some(ToRadio::Attached { radio, drift_ppm }) => {
                Ok(Self { reader, writer, radio, drift_ppm })
            }
            Some(ToRadio::Refused(why)) => Err(io::Error::other(why)),
            _ => Err(wire::invalid()),
        }
    }

    /// Its number.
    pub const fn radio(&self) -> u32 {
        self.radio
    }

    /// Runs a modem with this radio, for as long as there is air.
    ///
    /// # Errors
    ///
    /// The air is gone, or the host's line cannot be had any more.
    pub async fn run(self, mut line: HostLine) -> io::Result<()> {
        let Self { mut reader, writer, radio, drift_ppm } = self;
        let (inbox, mut messages) = mpsc::channel(MESSAGES_MAX);
        let listen = async move {
            while let Some(message) = wire::read(&mut reader).await? {
                let message = ToRadio::decode(&message).ok_or_else(wire::invalid)?;
                if inbox.send(message).await.is_err() {
                    break;
                }
            }
            Err(gone())
        };
        let clock = Clock { offset_us: 0, drift_ppm };
        let mut run =
            Run { modem: VirtualRnode::new(0, radio.into()), clock, began: Instant::now() };
        let work = async {
            let mut writer = writer;
            loop {
                let due = run.due();
                tokio::select! {
                    Some(message) = messages.recv() => run.handle_air(message),
                    said = line.recv() => run.handle_host(said.ok_or_else(gone)?),
                    () = sleep_until(due) => run.modem.handle_timeout(run.now_us()),
                }
                run.carry_out(&mut writer, &line).await?;
            }
        };
        tokio::select! { ended = listen => ended, ended = work => ended }
    }
}

struct Run {
    modem: VirtualRnode,
    clock: Clock,
    began: Instant,
}

impl Run {
    fn now_us(&self) -> u64 {
        self.clock.local(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn due(&self) -> Instant {
        let due = self.modem.poll_timeout().map(|at_us| self.clock.air(at_us));
        self.began
            + due.map_or_else(
                || Duration::from_secs(3_600) + self.began.elapsed(),
                Duration::from_micros,
            )
    }

    fn handle_air(&mut self, message: ToRadio) {
        let now_us = self.now_us();
        match message {
            ToRadio::Heard { signal, frame } => self.modem.handle_received(&frame, signal),
            ToRadio::Sent => self.modem.handle_sent(now_us),
            ToRadio::Channel { busy, rssi } => self.modem.handle_channel(now_us, busy, rssi),
            ToRadio::Attached { .. } | ToRadio::Refused(_) => {}
        }
    }

    fn handle_host(&mut self, said: FromHost) {
        match said {
            FromHost::Opened => self.modem.handle_opened(),
            FromHost::Bytes(bytes) => self.modem.handle_host(self.now_us(), &bytes),
        }
    }

    async fn carry_out(&mut self, air: &mut OwnedWriteHalf, line: &HostLine) -> io::Result<()> {
        while let Some(command) = self.modem.poll_radio() {
            let message = match command {
                RadioCommand::Tune(to) => FromRadio::Tune(to),
                RadioCommand::Transmit { modulation, power_dbm, frame } => {
                    FromRadio::Transmit { modulation, power_dbm, frame }
                }
            };
            wire::write(air, &message.encode()).await?;
        }
        let mut bytes = Vec::new();
        if self.modem.poll_host(&mut bytes) {
            line.send(bytes);
        }
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the air is gone")
}

/// Messages from the air that wait for the modem.
const MESSAGES_MAX: usize = 64;

//! The air behind a Unix socket, in real time (`VIR-10`).

use std::{collections::BTreeMap, io, time::Duration};

use mesh::radio::{Modulation, Signal};
use tokio::{
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Air, AirEvent, Decibel, Loss, RadioId,
    map::{Map, Seats},
    wire::{self, FromRadio, ToRadio},
};

/// What an onlooker is told.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Microseconds since the air began.
    pub at_us: u64,
    /// The radio's name.
    pub radio: &'a str,
    /// What happened to it.
    pub what: Happening<'a>,
}

/// What happens to a radio.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// It is on the air, at this number.
    Attached(RadioId),
    /// It is gone.
    Detached,
    /// It listens with other settings, or not any more.
    Tuned(Option<Modulation>),
    /// It begins to transmit so many bytes.
    Transmits {
        /// The frame.
        frame: &'a [u8],
        /// How long it takes.
        air_us: u64,
    },
    /// It received a frame.
    Heard {
        /// From whom.
        from: &'a str,
        /// How well.
        signal: Signal,
        /// What.
        frame: &'a [u8],
    },
    /// It was in reach, and did not receive a frame.
    Lost {
        /// From whom.
        from: &'a str,
        /// Why not.
        why: Loss,
    },
}

/// Serves radios that connect to `listener`, for as long as nothing goes wrong with it. The time of
/// the air begins now.
///
/// # Errors
///
/// The listener's.
pub async fn serve(
    listener: UnixListener,
    map: &Map,
    mut observe: impl FnMut(&Report<'_>),
) -> io::Result<()> {
    let mut air = Air::new(map.propagation.clone(), map.seed);
    let seats = Seats::new(map, &mut air);
    let (inbox, mut messages) = mpsc::channel(MESSAGES_MAX);
    let began = Instant::now();
    let mut server = Server { air, seats, began, radios: BTreeMap::new(), connections: 0 };
    loop {
        let due = server.air.poll_timeout();
        let due = due.map_or_else(|| began + IDLE, |at_us| began + Duration::from_micros(at_us));
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                server.welcome(stream, inbox.clone());
            }
            Some((connection, message)) = messages.recv() => {
                server.handle(connection, message, &mut observe);
            }
            () = sleep_until(due.max(Instant::now())), if server.air.poll_timeout().is_some() => {}
        }
        server.deliver(&mut observe);
    }
}

struct Server {
    air: Air,
    seats: Seats,
    began: Instant,
    radios: BTreeMap<u64, Connection>,
    connections: u64,
}

struct Connection {
    radio: Option<RadioId>,
    outbox: mpsc::Sender<Vec<u8>>,
}

impl Server {
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn welcome(&mut self, stream: UnixStream, inbox: mpsc::Sender<(u64, Option<FromRadio>)>) {
        if self.radios.len() >= 2 * super::map::RADIOS_MAX {
            return;
        }
        let connection = self.connections;
        self.connections += 1;
        let (outbox, outgoing) = mpsc::channel(OUTBOX_MAX);
        self.radios.insert(connection, Connection { radio: None, outbox });
        let (mut reader, writer) = stream.into_split();
        tokio::spawn(async move {
            let write = write_all(writer, outgoing);
            let read = async {
                while let Ok(Some(message)) = wire::read(&mut reader).await {
                    let Some(message) = FromRadio::decode(&message) else { break };
                    if inbox.send((connection, Some(message))).await.is_err() {
                        break;
                    }
                }
            };
            // A radio that has nothing more to say, or does not listen, is gone.
            tokio::select! { () = write => {}, () = read => {} }
            let _ = inbox.send((connection, None)).await;
        });
    }

    fn handle(
        &mut self,
        connection: u64,
        message: Option<FromRadio>,
        observe: &mut impl FnMut(&Report<'_>),
    ) {
        let Some(radio) = self.radios.get(&connection).map(|known| known.radio) else { return };
        match (message, radio) {
            (Some(FromRadio::Attach(wish)), None) => self.attach(connection, &wish, observe),
            (Some(FromRadio::Tune(to)), Some(radio)) => {
                self.air.tune(self.now_us(), radio, to);
                self.report(radio, Happening::Tuned(to), observe);
            }
            (Some(FromRadio::Transmit { modulation, power_dbm, frame }), Some(radio)) => {
                self.transmit(radio, &modulation, power_dbm, &frame, observe);
            }
            _ => self.drop_radio(connection, observe),
        }
    }

    fn attach(
        &mut self,
        connection: u64,
        wish: &wire::Attach,
        observe: &mut impl FnMut(&Report<'_>),
    ) {
        let seat = self.seats.take(wish, &mut self.air);
        let Some(known) = self.radios.get_mut(&connection) else { return };
        match seat {
            Ok(radio) => {
                known.radio = Some(radio);
                self.air.restore_radio(radio);
                self.air.watch(radio, true);
                let drift_ppm = self.air.site(radio).map_or(0, |site| site.drift_ppm);
                self.tell(radio, &ToRadio::Attached { radio: radio.0, drift_ppm });
                self.report(radio, Happening::Attached(radio), observe);
            }
            Err(why) => {
                let _ = known.outbox.try_send(ToRadio::Refused(why).encode());
                // The writer sends what is in its queue before it ends.
                self.radios.remove(&connection);
            }
        }
    }

    fn transmit(
        &mut self,
        radio: RadioId,
        modulation: &Modulation,
        power_dbm: i8,
        frame: &[u8],
        observe: &mut impl FnMut(&Report<'_>),
    ) {
        let now_us = self.now_us();
        match self.air.begin_transmit(now_us, radio, modulation, power_dbm, frame) {
            Ok(_) => {
                let air_us = modulation.time_on_air_us(frame.len());
                self.report(radio, Happening::Transmits { frame, air_us }, observe);
            }
            // It is not to wait for a frame that never ends.
            Err(_) => self.tell(radio, &ToRadio::Sent),
        }
    }

    fn drop_radio(&mut self, connection: u64, observe: &mut impl FnMut(&Report<'_>)) {
        let Some(gone) = self.radios.remove(&connection) else { return };
        if let Some(radio) = gone.radio {
            self.air.remove_radio(self.now_us(), radio);
            self.report(radio, Happening::Detached, observe);
            self.seats.leave(radio);
        }
    }

    /// Tells radios what has happened to them.
    fn deliver(&mut self, observe: &mut impl FnMut(&Report<'_>)) {
        while let Some(event) = self.air.poll(self.now_us()) {
            match event {
                AirEvent::Heard { at_us, radio, from, signal, frame } => {
                    let (name, from) = (self.seats.name(radio), self.seats.name(from));
                    let what = Happening::Heard { from, signal, frame: &frame };
                    observe(&Report { at_us, radio: name, what });
                    self.tell(radio, &ToRadio::Heard { signal, frame });
                }
                AirEvent::Lost { at_us, radio, from, why, .. } => {
                    let (name, from) = (self.seats.name(radio), self.seats.name(from));
                    observe(&Report { at_us, radio: name, what: Happening::Lost { from, why } });
                }
                AirEvent::Sent { radio, .. } => self.tell(radio, &ToRadio::Sent),
                AirEvent::Channel { at_us, radio, busy } => {
                    let rssi = self.air.rssi(at_us, radio).unwrap_or(Decibel::NOTHING);
                    self.tell(radio, &ToRadio::Channel { busy, rssi });
                }
            }
        }
    }

    fn tell(&mut self, radio: RadioId, message: &ToRadio) {
        let known = self.radios.iter().find(|(_, known)| known.radio == Some(radio));
        let Some((_, known)) = known else { return };
        // A radio that does not read misses what it does not read.
        let _ = known.outbox.try_send(message.encode());
    }

    fn report(&self, radio: RadioId, what: Happening<'_>, observe: &mut impl FnMut(&Report<'_>)) {
        observe(&Report { at_us: self.now_us(), radio: self.seats.name(radio), what });
    }
}

async fn write_all(mut writer: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = outgoing.recv().await {
        if wire::write(&mut writer, &message).await.is_err() {
            return;
        }
    }
}

/// Messages of radios that wait to be looked at.
const MESSAGES_MAX: usize = 64;

/// Messages that wait for a radio: of a busy channel for many seconds.
const OUTBOX_MAX: usize = 256;

/// Nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

//! `lab` without a part: nodes with virtual radios and no other link, who hears whom, and what
//! becomes of messages from everybody to somebody (`CLI-49`, `VIR-14`).
//!
//! Real daemons, each with keys and a directory of its own, and a modem each that is a task of
//! this process. Whatever happens, the daemons are ended and their files removed.

mod picture;
mod places;
mod tally;

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant},
};

use mesh::radio::Modulation;
use tokio::{
    net::UnixListener,
    task::JoinHandle,
    time::{sleep, timeout},
};
use transports::lora::air::{
    Propagation, RadioId, attach::Attachment, line::HostLine, map::Map, receiver, server::serve,
    wire::Attach,
};

use self::tally::Tally;
use super::map;
use crate::{
    args::Lab,
    commands::demo::{interrupted, node::DemoNode, qpcd_path, scratch::Scratch},
    failure::{Exit, Failure, Stop},
    show::{Console, Paint, json, text},
};

/// `qpc lab`
pub(super) async fn run(lab: &Lab, console: &mut Console) -> Result<Exit, Stop> {
    let map = match &lab.map {
        Some(path) => map::read(path)?,
        None => places::village(lab.nodes, reach_m()),
    };
    check(&map)?;
    let qpcd = qpcd_path()?;
    let scratch = Scratch::create()?;
    let tally = RefCell::new(Tally::default());
    let mut town =
        Town { console, map: &map, nodes: Vec::new(), letters: Vec::new(), modems: Vec::new() };
    let done = town.live(lab, &qpcd, scratch.path(), &tally).await;
    for node in &mut town.nodes {
        node.stop().await;
    }
    for modem in &town.modems {
        modem.abort();
    }
    let Town { console, nodes, letters, .. } = town;
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    drop(nodes);
    scratch.remove().await?;
    done?;
    let told = document(&map, &addresses, &letters, &tally.borrow());
    finish(&told, console)
}

struct Town<'a> {
    console: &'a mut Console,
    map: &'a Map,
    nodes: Vec<DemoNode>,
    letters: Vec<Letter>,
    modems: Vec<JoinHandle<()>>,
}

/// A message on its way.
struct Letter {
    from: usize,
    to: usize,
    id: String,
    sent: Instant,
    after: Option<Duration>,
    state: String,
}

/// That one radio can read another.
pub(super) struct Hearing {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) rssi_dbm: i16,
    pub(super) snr_db: f64,
    /// Above the weakest that can be read.
    pub(super) margin_db: f64,
}

impl Town<'_> {
    /// The air, the nodes, and an end to both.
    async fn live(
        &mut self,
        lab: &Lab,
        qpcd: &Path,
        dir: &Path,
        tally: &RefCell<Tally>,
    ) -> Result<(), Stop> {
        let socket = dir.join("air");
        let failed = |error| Failure::failed(format!("there is no air: {error}"));
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let map = self.map;
        tokio::select! {
            done = self.play(lab, qpcd, dir, &socket) => done,
            ended = serve(listener, map, |report| tally.borrow_mut().count(report)) => {
                Err(ended.map_err(failed).err().unwrap_or_else(|| Failure::failed("no air")).into())
            }
            () = interrupted() => Err(Failure::failed("interrupted").into()),
        }
    }

    async fn play(
        &mut self,
        lab: &Lab,
        qpcd: &Path,
        dir: &Path,
        socket: &Path,
    ) -> Result<(), Stop> {
        self.show_map(lab.svg.as_deref())?;
        for place in &self.map.places {
            let uri = self.modem(socket, &place.name).await?;
            // Short: a socket's path has room for 107 bytes.
            let node = DemoNode::start(qpcd, dir, &format!("n{}", self.nodes.len())).await?;
            node.link_to(&uri).await?;
            self.nodes.push(node);
        }
        let nodes = text::counted(self.nodes.len() as u64, "node");
        self.say(&format!(
            "\n{nodes} on the air, with no other link. Everybody writes to somebody:"
        ))?;
        self.write().await?;
        // What has not arrived by then is told as it is.
        let _ = timeout(lab.seconds, self.watch()).await;
        Ok(())
    }

    /// Runs a modem, and says where its host finds it.
    async fn modem(&mut self, socket: &Path, name: &str) -> Result<String, Failure> {
        let failed = |error| Failure::failed(format!("{name} has no radio: {error}"));
        let wish = Attach { name: Some(name.to_owned()), at: None };
        let air = Attachment::connect(socket, wish).await.map_err(failed)?;
        let (line, address) = HostLine::tcp(0).await.map_err(failed)?;
        self.modems.push(tokio::spawn(async move {
            // It ends with the air, which is told elsewhere.
            let _ = air.run(line).await;
        }));
        Ok(format!("rnode://{address}?{SETTINGS}"))
    }

    fn show_map(&mut self, svg: Option<&Path>) -> Result<(), Stop> {
        let hearings = hearings(self.map);
        if let Some(path) = svg {
            std::fs::write(path, picture::draw(self.map, &hearings)).map_err(|error| {
                Failure::failed(format!("{} cannot be written: {error}", path.display()))
            })?;
        }
        for (index, place) in self.map.places.iter().enumerate() {
            let heard: Vec<String> = hearings
                .iter()
                .filter(|hearing| hearing.to == index)
                .map(|hearing| {
                    let from = text::one_line(&self.map.places[hearing.from].name);
                    format!("{from} ({} dBm)", hearing.rssi_dbm)
                })
                .collect();
            let heard = if heard.is_empty() { "nobody".to_owned() } else { heard.join(", ") };
            self.say(&format!("  {:<8} hears {heard}", text::one_line(&place.name)))?;
        }
        Ok(())
    }

    /// Everybody writes to who is farthest in the row.
    async fn write(&mut self) -> Result<(), Stop> {
        let count = self.nodes.len();
        for from in 0..count {
            let to = (from + count / 2) % count;
            let words = format!("Hello {}!", self.map.places[to].name);
            let id = self.nodes[from].send(&self.nodes[to].address, &words).await?;
            let sent = Instant::now();
            self.letters.push(Letter { from, to, id, sent, after: None, state: String::new() });
        }
        Ok(())
    }

    /// Tells of every message when its receipt is back.
    async fn watch(&mut self) -> Result<(), Stop> {
        while self.letters.iter().any(|letter| letter.after.is_none()) {
            for index in 0..self.letters.len() {
                let letter = &self.letters[index];
                if letter.after.is_some() {
                    continue;
                }
                let why = self.nodes[letter.from].why(&letter.id).await?;
                let letter = &mut self.letters[index];
                letter.state = match why.state.as_str() {
                    "received" => why.state,
                    state => format!("{state}, waits for {}", why.waiting_for),
                };
                if letter.state == "received" {
                    letter.after = Some(letter.sent.elapsed());
                    let [from, to] = [letter.from, letter.to]
                        .map(|index| text::one_line(&self.map.places[index].name));
                    let after = text::span(letter.sent.elapsed().as_secs_f64());
                    self.say(&format!("  {from} → {to}: read, receipt back after {after}"))?;
                }
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    fn say(&mut self, line: &str) -> Result<(), Stop> {
        if !self.console.json() {
            self.console.line(format_args!("{line}"))?;
            self.console.flush()?;
        }
        Ok(())
    }
}

/// A laboratory is of a size that one machine can play.
fn check(map: &Map) -> Result<(), Failure> {
    let count = map.places.len();
    if (2..=crate::args::LAB_NODES_MAX).contains(&count) {
        return Ok(());
    }
    let most = crate::args::LAB_NODES_MAX;
    Err(Failure::failed(format!("there are {count} radios on the map, and not 2 to {most}")))
}

/// Who can read whom, on a silent channel.
fn hearings(map: &Map) -> Vec<Hearing> {
    let air = map.air();
    let noise = receiver::noise_floor(MODULATION.bandwidth_hz);
    let weakest = (receiver::sensitivity(&MODULATION) - noise)
        .max(receiver::snr_floor(MODULATION.spreading_factor))
        .as_f64();
    let numbered = || map.places.iter().enumerate().zip(0_u32..);
    let mut found = Vec::new();
    for ((from, _), sender) in numbered() {
        for ((to, _), receiver) in numbered().filter(|((to, _), _)| *to != from) {
            let signal = air.reaches(RadioId(sender), RadioId(receiver), &MODULATION, POWER_DBM);
            if let Some(signal) = signal {
                let snr_db = f64::from(signal.snr_quarter_db) / 4.0;
                let rssi_dbm = signal.rssi_dbm;
                found.push(Hearing { from, to, rssi_dbm, snr_db, margin_db: snr_db - weakest });
            }
        }
    }
    found
}

fn document(map: &Map, addresses: &[String], letters: &[Letter], tally: &Tally) -> json::Lab {
    let name = |index: usize| map.places[index].name.clone();
    let nodes = map.places.iter().zip(addresses).map(|(place, address)| {
        let sent = tally.of(&place.name);
        json::LabNode {
            name: place.name.clone(),
            address: address.clone(),
            x_m: place.site.position.x_m,
            y_m: place.site.position.y_m,
            frames: sent.frames,
            air_ms: sent.air_us as f64 / 1e3,
        }
    });
    let hears = hearings(map).into_iter().map(|hearing| json::LabHearing {
        from: name(hearing.from),
        to: name(hearing.to),
        rssi_dbm: hearing.rssi_dbm,
        snr_db: hearing.snr_db,
    });
    let messages = letters.iter().map(|letter| json::LabMessage {
        from: name(letter.from),
        to: name(letter.to),
        id: letter.id.clone(),
        state: letter.state.clone(),
        after_s: letter.after.map(|after| after.as_secs_f64()),
    });
    json::Lab {
        nodes: nodes.collect(),
        hears: hears.collect(),
        messages: messages.collect(),
        air: tally.air(),
    }
}

fn finish(told: &json::Lab, console: &mut Console) -> Result<Exit, Stop> {
    let read = told.messages.iter().filter(|message| message.after_s.is_some()).count();
    let exit = match read {
        read if read == told.messages.len() => Exit::Ok,
        0 => Exit::Failed,
        _ => Exit::Partly,
    };
    if console.json() {
        console.document(&json::Document::from(told.clone()))?;
        return Ok(exit);
    }
    for message in told.messages.iter().filter(|message| message.after_s.is_none()) {
        let names = format!("{} → {}", text::one_line(&message.from), text::one_line(&message.to));
        console.line(format_args!("  {names}: {}", text::one_line(&message.state)))?;
    }
    let verdict = format!("{read} of {} messages were read.", told.messages.len());
    let paint = if exit == Exit::Ok { Paint::Good } else { Paint::Warn };
    let verdict = console.paint(paint, verdict).to_string();
    let lost: u64 = told.air.lost.values().sum();
    console.line(format_args!(
        "\n{verdict} {} frames took {:.1} s of air time; they were heard {} times and lost {lost} \
         times.",
        told.air.frames,
        told.air.air_ms / 1e3,
        told.air.heard,
    ))?;
    Ok(exit)
}

/// How far the settings reach in a village.
fn reach_m() -> f64 {
    let power = transports::lora::air::Decibel::whole(POWER_DBM.into());
    Propagation::default().reach_m(power - receiver::sensitivity(&MODULATION))
}

/// What every node is told of its modem: `short-fast`, where no share of time holds, because somebody
/// waits for the first messages, which carry keys …
const SETTINGS: &str = "region=EU868&freq=869850000&bw=250000&sf=7&cr=5&txp=7";

/// … and what that is.
const MODULATION: Modulation = Modulation::rnode(869_850_000, 250_000, 7, 5);
const POWER_DBM: i8 = 7;

/// Between two looks at the messages.
const LOOK: Duration = Duration::from_millis(500);

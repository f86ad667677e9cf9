//! `demo` (`CLI-42`): Anna and Carla only reach each other through Ben. `demo fapp` (`CLI-152`): a practice and a patient.
//!
//! Three real daemons, each with its own directory and keys, on loopback. Whatever happens, they
//! are ended and their files removed before the command returns.

mod fapp;
pub(super) mod node;
pub(super) mod scratch;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

use crate::{
    args,
    failure::{Exit, Failure, Stop},
    show::{Console, Paint, json, text},
};
use node::DemoNode;
use scratch::Scratch;

/// `qpc demo`, `qpc demo fapp`
pub(super) async fn run(what: Option<&args::Demo>, console: &mut Console) -> Result<Exit, Stop> {
    let started = Instant::now();
    let qpcd = qpcd_path()?;
    let scratch = Scratch::create()?;
    let mut demo = Stage { console, nodes: Vec::new(), steps: Vec::new() };
    let play = async {
        match what {
            None => timeout(TIME_MAX, demo.play(&qpcd, &scratch)).await,
            Some(args::Demo::Fapp) => {
                timeout(FAPP_TIME_MAX, fapp::play(&mut demo, &qpcd, &scratch)).await
            }
        }
    };
    let done = tokio::select! {
        done = play => done.unwrap_or_else(|_| {
            Err(Failure::timed_out("the demonstration did not end in its time")
                .hint("This machine may be very busy; try again")
                .into())
        }),
        () = interrupted() => Err(Failure::failed("interrupted").into()),
    };
    // Every node first, then their files.
    for node in &mut demo.nodes {
        node.stop().await;
    }
    let (steps, console) = (demo.steps, demo.console);
    drop(demo.nodes);
    scratch.remove().await?;
    let ok = done.is_ok() && steps.iter().all(|step| step.ok);
    let seconds = started.elapsed().as_secs_f64();
    if console.json() {
        console.document(&json::Document::from(json::Demo { ok, seconds, steps }))?;
    } else if done.is_ok() {
        let verdict = match ok {
            true => console.paint(Paint::Good, "Everything worked."),
            false => console.paint(Paint::Bad, "Not everything worked."),
        };
        let verdict = verdict.to_string();
        console.line(format_args!("\n{verdict} {seconds:.1} s; the three nodes are gone."))?;
    }
    done?;
    Ok(if ok { Exit::Ok } else { Exit::Failed })
}

/// Who plays, and what happened until now.
struct Stage<'a> {
    console: &'a mut Console,
    /// Anna, Ben, Carla; or practice, node, patient.
    nodes: Vec<DemoNode>,
    steps: Vec<json::Step>,
}

impl Stage<'_> {
    async fn play(&mut self, qpcd: &std::path::Path, scratch: &Scratch) -> Result<(), Stop> {
        self.start(qpcd, scratch).await?;
        self.connect().await?;
        self.converse().await?;
        self.look_around().await?;
        self.interrupt_ben().await
    }

    async fn start(&mut self, qpcd: &std::path::Path, scratch: &Scratch) -> Result<(), Stop> {
        self.say("Three nodes on this machine, each with its own keys:")?;
        for name in NAMES {
            let node = DemoNode::start(qpcd, scratch.path(), name).await?;
            self.say(&format!("  {name:<6} {}", node.address))?;
            self.nodes.push(node);
        }
        self.step("three nodes are ready", true)
    }

    async fn connect(&mut self) -> Result<(), Stop> {
        let uri = self.nodes[BEN].uri();
        for end in [ANNA, CARLA] {
            self.nodes[end].link_to(&uri).await?;
        }
        self.say("\nAnna and Carla are linked to Ben, not to each other:  Anna — Ben — Carla")?;
        let began = Instant::now();
        let carla = self.nodes[CARLA].address.clone();
        let hops = self.nodes[ANNA].wait_for_route(&carla).await?;
        let took = text::milliseconds(began.elapsed().as_secs_f64() * 1_000.0);
        self.say(&format!("Anna learnt the way to Carla, {hops} hops, within {took}."))?;
        self.step("anna reaches carla over two hops", hops == 2)
    }

    async fn converse(&mut self) -> Result<(), Stop> {
        self.say("")?;
        for (from, to, words) in CONVERSATION {
            let took = self.deliver(from, to, words).await?;
            let names = format!("{} → {}", NAMES[from], NAMES[to]);
            let took = text::milliseconds(took.as_secs_f64() * 1_000.0);
            self.say(&format!("  {names:<15} {words}   (read, receipt back after {took})"))?;
        }
        self.step("a conversation crosses the middle node", true)
    }

    /// Sends, waits for the receipt, and looks whether exactly this is in the other's inbox.
    async fn deliver(&self, from: usize, to: usize, words: &str) -> Result<Duration, Stop> {
        let began = Instant::now();
        let id = self.nodes[from].send(&self.nodes[to].address, words).await?;
        self.nodes[from].wait_received(&id).await?;
        let took = began.elapsed();
        let inbox = self.nodes[to].take_inbox().await?;
        let arrived = inbox.iter().map(|message| (&message.id, &message.payload[..]));
        if arrived.eq([(&id, words.as_bytes())]) {
            return Ok(took);
        }
        Err(Failure::failed("a receipt came, but the message is not in the inbox once").into())
    }

    async fn look_around(&mut self) -> Result<(), Stop> {
        let carla = self.nodes[CARLA].address.clone();
        let way = self.nodes[ANNA].trace(&carla).await?;
        let names: Vec<&str> = way.iter().map(|address| self.name_of(address)).collect();
        let names = names.join(" → ");
        self.say(&format!("\nThe way, as the nodes on it tell:  anna → {names}"))?;
        self.step("trace shows the hop", names == "ben → carla")
    }

    async fn interrupt_ben(&mut self) -> Result<(), Stop> {
        self.nodes[BEN].stop().await;
        self.say("\nBen goes away. Anna writes all the same:")?;
        let carla = self.nodes[CARLA].address.clone();
        let id = self.nodes[ANNA].send(&carla, WAITING_WORDS).await?;
        self.say(&format!("  anna → carla    {WAITING_WORDS}"))?;
        sleep(PAUSE).await;
        let why = self.nodes[ANNA].why(&id).await?;
        let waits = why.state != "received";
        self.say(&format!("  At Anna's it is {}; it waits for a {}.", why.state, why.waiting_for))?;
        self.step("a message waits while the middle node is away", waits)?;
        self.nodes[BEN].restart().await?;
        self.say("Ben is back.")?;
        let began = Instant::now();
        self.nodes[ANNA].wait_received(&id).await?;
        let arrived: Vec<_> =
            self.nodes[CARLA].take_inbox().await?.into_iter().map(|message| message.id).collect();
        let took = text::span(began.elapsed().as_secs_f64());
        self.say(&format!("  Carla has it, {took} after Ben came back."))?;
        self.step("the waiting message arrives, once", arrived == [id])
    }

    fn name_of(&self, address: &str) -> &'static str {
        let found = self.nodes.iter().position(|node| node.address == address);
        found.map_or("a stranger", |index| NAMES[index])
    }

    fn say(&mut self, line: &str) -> Result<(), Stop> {
        if !self.console.json() {
            self.console.line(format_args!("{line}"))?;
            self.console.flush()?;
        }
        Ok(())
    }

    fn step(&mut self, step: &str, ok: bool) -> Result<(), Stop> {
        self.steps.push(json::Step { step: step.to_owned(), ok });
        if !ok {
            let label = self.console.paint(Paint::Bad, "This did not work:").to_string();
            self.say(&format!("{label} {step}."))?;
        }
        Ok(())
    }
}

/// Ctrl-C, or somebody asks the process to end.
pub(super) async fn interrupted() {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .map(|kind| signal(kind).ok());
    let [interrupt, terminate, hangup] = &mut signals;
    tokio::select! {
        Some(()) = wait(interrupt) => {}
        Some(()) = wait(terminate) => {}
        Some(()) = wait(hangup) => {}
        // No handler could be installed: then the signal ends the process itself.
        else => std::future::pending().await,
    }
}

async fn wait(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// The daemon's program: beside this one, else the first in `PATH`.
pub(super) fn qpcd_path() -> Result<PathBuf, Failure> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("qpcd")));
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&in_path).map(|dir| dir.join("qpcd")))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            Failure::failed("qpcd is neither beside qpc nor in PATH")
                .hint("Install it, or build it with cargo build --bin qpcd")
        })
}

const ANNA: usize = 0;
const BEN: usize = 1;
const CARLA: usize = 2;
const NAMES: [&str; 3] = ["anna", "ben", "carla"];

const CONVERSATION: [(usize, usize, &str); 3] = [
    (ANNA, CARLA, "Hello Carla, can you read this?"),
    (CARLA, ANNA, "Yes! And Ben in between cannot."),
    (ANNA, CARLA, "That is the idea."),
];
const WAITING_WORDS: &str = "Are you still there?";

/// How long Ben is away before anybody looks.
const PAUSE: Duration = Duration::from_millis(1_500);

/// The demonstration ends within a minute, its clean-up included.
const TIME_MAX: Duration = Duration::from_secs(45);

/// Letters are fetched every few seconds, and there are four of them.
const FAPP_TIME_MAX: Duration = Duration::from_secs(150);

//! `kill -9` under load: a sender, a relay, a recipient.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use simulation::{
    daemons::{
        Daemon, Place, Programs, Scratch, eventually, free_loopback_address, number_from_env,
    },
    rng::Rng,
};

/// No accepted message is lost, none is shown twice, however often sender and relay are killed.
/// `QPC_CRASH_KILLS` says how often (20), `QPC_CRASH_SEED` when.
#[test]
fn kill_9_on_sender_and_relay_loses_nothing_and_shows_nothing_twice() {
    let kills = number_from_env("QPC_CRASH_KILLS", 20);
    if kills == 0 {
        eprintln!("SKIPPED: QPC_CRASH_KILLS=0");
        return;
    }
    let mut rng = Rng::new(number_from_env("QPC_CRASH_SEED", 1));
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let [sender, relay, recipient] = start(&scratch);
    let to = recipient.address().to_owned();
    let victims = [RwLock::new(sender), RwLock::new(relay)];
    let (stop, next) = (AtomicBool::new(false), AtomicU32::new(0));
    let accepted = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let text = format!("m{}", next.fetch_add(1, Ordering::Relaxed));
                    let sent = victims[0].read().expect("no sender panics").send(&to, &text);
                    match sent {
                        Ok(_) => accepted.lock().expect("no sender panics").push(text),
                        // Killed meanwhile: accepted or not, it must not arrive twice.
                        Err(_) => thread::sleep(Duration::from_millis(20)),
                    }
                }
            });
        }
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(rng.within(&(20..=600))));
            kill_and_restart(&victims[rng.index(2)], &mut rng);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let accepted = accepted.into_inner().expect("no sender panics");
    let offered = next.load(Ordering::Relaxed);
    let shown = collect(&recipient, &accepted);
    eprintln!(
        "{kills} kills, {offered} offered, {} accepted, {} shown",
        accepted.len(),
        shown.len()
    );
    let lost: Vec<&String> = accepted.iter().filter(|text| !shown.contains_key(*text)).collect();
    assert!(lost.is_empty(), "{} accepted messages are lost: {lost:?}", lost.len());
    let twice: Vec<_> = shown.iter().filter(|&(_, &times)| times != 1).collect();
    assert!(twice.is_empty(), "shown more than once: {twice:?}");
    assert!(accepted.len() as u64 >= kills, "there was load");
}

fn start(scratch: &Scratch) -> [Daemon; 3] {
    let programs = Programs::find();
    let daemons = ["sender", "relay", "recipient"].map(|name| {
        let place = Place {
            folder: scratch.path().join(name),
            listen: free_loopback_address().expect("a port is free"),
            namespace: None,
        };
        Daemon::start(&programs, place).expect("a daemon starts")
    });
    let relay = format!("tcp://{}", daemons[1].place().listen);
    for end in [&daemons[0], &daemons[2]] {
        end.qpc(&["links", "add", &relay]).expect("a link can be added");
    }
    let (sender, recipient) = (&daemons[0], &daemons[2]);
    sender.send_and_wait(recipient.address(), "hello", 60).expect("the line is whole");
    daemons
}

fn kill_and_restart(victim: &RwLock<Daemon>, rng: &mut Rng) {
    // The signal goes out while calls are under way; the lock is only for the restart.
    let pid = victim.read().expect("no sender panics").pid().expect("it runs").to_string();
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status();
    assert!(killed.is_ok_and(|status| status.success()), "it runs");
    thread::sleep(Duration::from_millis(rng.within(&(0..=300))));
    let mut victim = victim.write().expect("no sender panics");
    victim.kill();
    victim.switch_on().expect("a killed daemon starts again");
}

/// What the recipient's application shows, page by page, until nothing accepted is missing and
/// nothing more comes. Text → how often.
fn collect(recipient: &Daemon, accepted: &[String]) -> BTreeMap<String, u32> {
    let mut shown = BTreeMap::new();
    let mut since: Option<String> = None;
    let mut read = |shown: &mut BTreeMap<String, u32>| {
        let page = recipient.inbox(since.as_deref()).expect("the recipient was not killed");
        for (id, text) in page {
            *shown.entry(text).or_default() += 1;
            since = Some(id);
        }
        accepted.iter().all(|text| shown.contains_key(text)).then_some(())
    };
    // Whether everything came is the caller's check: it can say what did not.
    let _ = eventually(Duration::from_secs(180), || read(&mut shown));
    thread::sleep(Duration::from_secs(3));
    read(&mut shown);
    shown
}

/// Senders at once: enough that a kill always hits calls under way.
const SENDERS: usize = 4;

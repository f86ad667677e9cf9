//! Seven daemons in seven network namespaces in a line.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use simulation::daemons::{
    Daemon, Line, Place, Programs, Scratch, eventually, may_make_namespaces, number_from_env,
    text_of,
};

const LEN: u8 = 7;
const PORT: u16 = 4242;

struct Lab {
    daemons: Vec<Daemon>,
    line: Line,
    _scratch: Scratch,
}

impl Lab {
    /// A line of daemons, each linked to the one on its left; `None`, loudly, where this process
    /// may not make namespaces.
    fn new() -> Option<Self> {
        if number_from_env("QPC_NAMESPACES", 1) == 0 || !may_make_namespaces() {
            eprintln!(
                "SKIPPED: network namespaces need root and iproute2 (QPC_NAMESPACES=0 skips, too)"
            );
            return None;
        }
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let line = Line::new(LEN).expect("namespaces can be made");
        let programs = Programs::find();
        let daemons: Vec<Daemon> = (0..usize::from(LEN))
            .map(|index| {
                let place = Place {
                    folder: scratch.path().join(index.to_string()),
                    listen: SocketAddr::from(([0, 0, 0, 0], PORT)),
                    namespace: Some(line.name(index).into()),
                };
                Daemon::start(&programs, place).expect("a daemon starts")
            })
            .collect();
        for (left, daemon) in (0..).zip(&daemons[1..]) {
            let uri = format!("tcp://{}", Line::left_address(left, PORT));
            daemon.qpc(&["links", "add", &uri]).expect("a link can be added");
        }
        Some(Self { daemons, line, _scratch: scratch })
    }

    fn ends(&self) -> (&Daemon, &Daemon) {
        (&self.daemons[0], &self.daemons[usize::from(LEN) - 1])
    }

    /// Waits until every daemon has a route to every other one.
    fn converge(&self) {
        for daemon in &self.daemons {
            let others = self.daemons.len() - 1;
            let routes = || {
                let answer = daemon.qpc(&["routes"]).ok()?;
                (answer["routes"].as_array()?.len() == others).then_some(())
            };
            eventually(Duration::from_secs(60), routes)
                .unwrap_or_else(|| panic!("{} has no routes", daemon.place().folder.display()));
        }
    }
}

fn texts(daemon: &Daemon) -> Vec<String> {
    let inbox = daemon.inbox(None).unwrap_or_default();
    inbox.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn each_of_seven_daemons_reaches_each_and_trace_shows_the_hops() {
    let Some(lab) = Lab::new() else { return };
    lab.converge();
    thread::scope(|scope| {
        for from in &lab.daemons {
            scope.spawn(|| {
                for to in lab.daemons.iter().filter(|to| to.address() != from.address()) {
                    from.send_and_wait(to.address(), "hello", 60).expect("each reaches each");
                }
            });
        }
    });
    for daemon in &lab.daemons {
        assert_eq!(texts(daemon), vec!["hello"; usize::from(LEN) - 1]);
    }
    let (first, last) = lab.ends();
    let answer = first.qpc(&["trace", last.address()]).expect("the line can be traced");
    let hops = answer["hops"].as_array().expect("a trace has hops");
    let seen: Vec<String> = hops.iter().map(|hop| text_of(&hop["address"])).collect();
    let expected: Vec<&str> = lab.daemons[1..].iter().map(Daemon::address).collect();
    assert_eq!(seen, expected);
}

#[test]
fn delivery_resumes_after_the_middle_link_was_cut_without_a_restart() {
    let Some(lab) = Lab::new() else { return };
    lab.converge();
    let (first, last) = lab.ends();
    first.send_and_wait(last.address(), "before", 60).expect("the line is whole");
    let middle = usize::from(LEN) / 2;
    lab.line.set_cable(middle, false).expect("a cable can be cut");
    let there = first.send(last.address(), "there").expect("accepted without a way");
    last.send(first.address(), "and back").expect("accepted without a way");
    // Long enough for both ends to give the link up.
    thread::sleep(Duration::from_secs(number_from_env("QPC_ABSENCE_S", 60) / 2));
    let why = first.qpc(&["why", &there]).expect("the message is known");
    assert_ne!(text_of(&why["state"]), "received", "the cable is cut");
    lab.line.set_cable(middle, true).expect("a cable can be mended");
    let mended = Instant::now();
    let arrived = || (texts(last).len() == 2 && texts(first).len() == 1).then_some(());
    eventually(Duration::from_secs(120), arrived).unwrap_or_else(|| {
        panic!("not delivered: {:?} {:?}; {why}", texts(last), texts(first));
    });
    eprintln!("delivered {:.1} s after the cable was mended", mended.elapsed().as_secs_f64());
    assert_eq!(texts(last), ["before", "there"]);
    assert_eq!(texts(first), ["and back"]);
}

#[test]
fn a_recipient_that_was_off_gets_everything_once() {
    let Some(mut lab) = Lab::new() else { return };
    lab.converge();
    let last_index = usize::from(LEN) - 1;
    // The session exists before, so that custody is taken on the way without the recipient.
    lab.daemons[0]
        .send_and_wait(lab.daemons[last_index].address(), "message 0", 60)
        .expect("the line is whole");
    assert!(lab.daemons[last_index].stop(), "SIGTERM ends a daemon without an error");
    let absence = Duration::from_secs(number_from_env("QPC_ABSENCE_S", 60));
    let off = Instant::now();
    for number in 1..=20 {
        let to = lab.daemons[last_index].address();
        lab.daemons[0].send(to, &format!("message {number}")).expect("accepted");
    }
    thread::sleep(absence.saturating_sub(off.elapsed()));
    lab.daemons[last_index].switch_on().expect("a daemon starts again");
    let last = &lab.daemons[last_index];
    eventually(Duration::from_secs(120), || (texts(last).len() >= 21).then_some(()))
        .unwrap_or_else(|| panic!("only {:?} arrived", texts(last)));
    // Time for a second copy to show up, if there were one.
    thread::sleep(Duration::from_secs(3));
    let mut got = texts(last);
    got.sort_by_key(|text| text.rsplit(' ').next().and_then(|n| n.parse::<u32>().ok()));
    let expected: Vec<String> = (0..=20).map(|number| format!("message {number}")).collect();
    assert_eq!(got, expected);
}

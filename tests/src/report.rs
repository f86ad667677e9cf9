//! What came of a run, of many runs, and the table that says so.

use std::fmt::{self, Write as _};

use mesh::error::DropReason;

use crate::{
    checkers::{Violation, Violations, convergence::Reach, ledger::Ledger},
    queue::Micros,
    scenario::Scenario,
    world::Tally,
};

/// What came of one run.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// When everything was delivered and everyone reachable; `None` when that never was.
    pub settled_at: Option<Micros>,
    /// When the run ended.
    pub ended_at: Micros,
    /// What was counted.
    pub tally: Tally,
    /// How complete the routes were in the end.
    pub reach: Reach,
    /// What became of the messages.
    pub messages: Messages,
    /// What must not happen and did.
    pub violations: Vec<Violation>,
    /// How often.
    pub violation_count: usize,
}

/// What became of the messages of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Handed to a node that took them.
    pub offered: u64,
    /// Of those, durable ones that the sender said it accepted.
    pub accepted: u64,
    /// Of those, shown by the recipient.
    pub shown: u64,
    /// Of those, with a receipt.
    pub received: u64,
    /// That were in custody on the way.
    pub in_custody: u64,
    /// Volatile ones handed in and shown.
    pub volatile: (u64, u64),
    /// Time from handing in to showing of each shown one.
    pub latencies: Vec<Micros>,
    /// Channel messages published, and their showings by members.
    pub channel: (u64, u64),
}

impl Report {
    /// Sums a run up.
    #[expect(clippy::too_many_arguments, reason = "the parts of a finished world, each used once")]
    pub(crate) fn new(
        seed: u64,
        settled_at: Option<Micros>,
        ended_at: Micros,
        tally: Tally,
        reach: Reach,
        ledger: &Ledger,
        channel: (usize, usize),
        violations: Violations,
    ) -> Self {
        let mut messages = Messages::sum(ledger);
        messages.channel = (channel.0 as u64, channel.1 as u64);
        Self {
            seed,
            settled_at,
            ended_at,
            tally,
            reach,
            messages,
            violation_count: violations.count(),
            violations: violations.first().to_vec(),
        }
    }
}

impl Messages {
    fn sum(ledger: &Ledger) -> Self {
        let mut sum = Self::default();
        for (_, sent) in ledger.messages() {
            sum.offered += 1;
            if let Some(shown_at) = sent.shown_at {
                sum.latencies.push(shown_at - sent.offered_at);
            }
            if !sent.durable {
                sum.volatile.0 += 1;
                sum.volatile.1 += u64::from(sent.shown_at.is_some());
                continue;
            }
            sum.accepted += u64::from(sent.accepted_at.is_some());
            sum.shown += u64::from(sent.shown_at.is_some());
            sum.received += u64::from(sent.received_at.is_some());
            sum.in_custody += u64::from(sent.in_custody_at.is_some());
        }
        sum
    }

    fn add(&mut self, more: &Self) {
        self.offered += more.offered;
        self.accepted += more.accepted;
        self.shown += more.shown;
        self.received += more.received;
        self.in_custody += more.in_custody;
        self.volatile.0 += more.volatile.0;
        self.volatile.1 += more.volatile.1;
        self.channel.0 += more.channel.0;
        self.channel.1 += more.channel.1;
        self.latencies.extend_from_slice(&more.latencies);
    }
}

/// The sum of many runs of one scenario.
#[derive(Debug)]
pub struct Summary {
    scenario: Scenario,
    runs: u64,
    failing: Vec<(u64, Vec<Violation>, usize)>,
    tally: Tally,
    reach: Reach,
    messages: Messages,
    settle: Vec<Micros>,
    virtual_us: Micros,
}

impl Summary {
    /// Of no run yet.
    pub fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            runs: 0,
            failing: Vec::new(),
            tally: Tally::default(),
            reach: Reach::default(),
            messages: Messages::default(),
            settle: Vec::new(),
            virtual_us: 0,
        }
    }

    /// Adds a run.
    pub fn add(&mut self, report: Report) {
        self.runs += 1;
        self.virtual_us += report.ended_at;
        self.tally.add(&report.tally);
        self.messages.add(&report.messages);
        self.reach.routed += report.reach.routed;
        self.reach.reachable += report.reach.reachable;
        self.reach.route_hops += report.reach.route_hops;
        self.reach.shortest_hops += report.reach.shortest_hops;
        if let Some(at) = report.settled_at {
            self.settle.push(at.saturating_sub(self.load_ends()));
        }
        if report.violation_count > 0 {
            self.failing.push((report.seed, report.violations, report.violation_count));
        }
    }

    /// Runs added.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Seeds that violated a rule, with the first violations of each and their number.
    pub fn failing(&self) -> &[(u64, Vec<Violation>, usize)] {
        &self.failing
    }

    /// What became of the messages of all runs.
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// What all runs counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn load_ends(&self) -> Micros {
        if self.scenario.checks.stop_when_reachable {
            0
        } else {
            self.scenario.duration_s * 1_000_000
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (t, m) = (&self.tally, &self.messages);
        let mut row = |name: &str, text: String| writeln!(f, "  {name:<12}{text}");
        let injected = t.injected;
        row(
            "frames",
            format!(
                "{} sent ({:.1} MB), {} lost, {} duplicated, {} reordered, {} corrupted",
                t.frames,
                t.frame_bytes as f64 / 1e6,
                injected.lost,
                injected.duplicated,
                injected.reordered,
                injected.corrupted
            ),
        )?;
        row(
            "faults",
            format!(
                "{} partitions, {} one-sided, {} link flaps, {} crashes ({} records lost, {} \
                 commits untold), {} wall-clock jumps, {} full disks",
                t.partitions.0,
                t.partitions.1,
                t.flaps,
                t.crashes,
                t.records_lost,
                t.commits_untold,
                t.wall_jumps,
                t.disk_full
            ),
        )?;
        row(
            "messages",
            format!(
                "{} offered, {} accepted, {} shown, {} received, {} were in custody",
                m.offered, m.accepted, m.shown, m.received, m.in_custody
            ),
        )?;
        if m.volatile.0 > 0 {
            row("volatile", format!("{} offered, {} shown", m.volatile.0, m.volatile.1))?;
        }
        if m.channel.0 > 0 {
            row("channel", format!("{} published, {} shown", m.channel.0, m.channel.1))?;
        }
        row("delivery", percentiles(&m.latencies))?;
        row("settling", percentiles(&self.settle))?;
        row(
            "routes",
            format!(
                "{} of {} pairs, {:.2} × the shortest hops; {} next-hop graphs walked",
                self.reach.routed,
                self.reach.reachable,
                self.reach.stretch(),
                t.loop_checks
            ),
        )?;
        if let Some(percent) = t.growth_percent {
            row("growth", format!("{percent:.1} % from the second quarter to the last"))?;
        }
        row("refused", refusals(&t.refused))?;
        row("dropped", drops(&t.counters.dropped))?;
        row(
            "work",
            format!(
                "{} steps, {} commits, {} announces verified, {:.0} s of virtual time",
                t.steps,
                t.commits,
                t.counters.announces_verified,
                self.virtual_us as f64 / 1e6
            ),
        )
    }
}

fn percentiles(times: &[Micros]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100] as f64 / 1e6;
    if times.is_empty() {
        return "–".into();
    }
    format!("p50 {:.3} s, p95 {:.3} s, max {:.3} s", at(50), at(95), at(100))
}

fn refusals(refused: &std::collections::BTreeMap<String, u64>) -> String {
    listed(refused.iter().map(|(error, &count)| (error.as_str(), count)))
}

fn drops(dropped: &[u64]) -> String {
    listed(DropReason::ALL.iter().map(|reason| reason.as_str()).zip(dropped.iter().copied()))
}

fn listed<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut text = String::new();
    for (name, count) in counts.filter(|&(_, count)| count > 0) {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{name} {count}");
    }
    if text.is_empty() { "nothing".into() } else { text }
}

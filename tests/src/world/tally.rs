//! What a run counts.

use std::collections::BTreeMap;

use mesh::view::Counters;

use crate::medium::Injected;

/// What a run counts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Impairments of frames.
    pub injected: Injected,
    /// Frames handed to links, and their bytes.
    pub frames: u64,
    /// Bytes of those.
    pub frame_bytes: u64,
    /// Partitions, of both directions and of one.
    pub partitions: (u64, u64),
    /// Links taken down.
    pub flaps: u64,
    /// Crashes, the records they lost and the commits that survived without being told.
    pub crashes: u64,
    /// Records that a crash lost.
    pub records_lost: u64,
    /// Commits that were durable although the node was never told.
    pub commits_untold: u64,
    /// Wall-clock jumps.
    pub wall_jumps: u64,
    /// Disks that ran full.
    pub disk_full: u64,
    /// Commands that the node refused, by error.
    pub refused: BTreeMap<String, u64>,
    /// Happenings processed.
    pub steps: u64,
    /// Commits of all disks.
    pub commits: u64,
    /// Commits that failed and were repeated.
    pub commits_failed: u64,
    /// Loop checks made: destinations times samples.
    pub loop_checks: u64,
    /// By how much the memory of the whole simulation grew in a long run, where that is looked at.
    pub growth_percent: Option<f64>,
    /// Counters of all nodes, of all boots.
    pub counters: Counters,
}

impl Tally {
    /// Adds another run's.
    pub(crate) fn add(&mut self, more: &Self) {
        let (to, of) = (&mut self.injected, &more.injected);
        to.lost += of.lost;
        to.duplicated += of.duplicated;
        to.reordered += of.reordered;
        to.corrupted += of.corrupted;
        self.frames += more.frames;
        self.frame_bytes += more.frame_bytes;
        self.partitions.0 += more.partitions.0;
        self.partitions.1 += more.partitions.1;
        self.flaps += more.flaps;
        self.crashes += more.crashes;
        self.records_lost += more.records_lost;
        self.commits_untold += more.commits_untold;
        self.wall_jumps += more.wall_jumps;
        self.disk_full += more.disk_full;
        self.steps += more.steps;
        self.commits += more.commits;
        self.commits_failed += more.commits_failed;
        self.loop_checks += more.loop_checks;
        self.growth_percent =
            [self.growth_percent, more.growth_percent].into_iter().flatten().reduce(f64::max);
        for (error, count) in &more.refused {
            *self.refused.entry(error.clone()).or_default() += count;
        }
        add_counters(&mut self.counters, &more.counters);
    }
}

pub(super) fn add_counters(total: &mut Counters, more: &Counters) {
    total.messages_accepted += more.messages_accepted;
    total.messages_received += more.messages_received;
    total.messages_failed += more.messages_failed;
    total.messages_delivered += more.messages_delivered;
    total.envelopes_forwarded += more.envelopes_forwarded;
    total.custody_taken += more.custody_taken;
    total.duplicates += more.duplicates;
    total.announces_verified += more.announces_verified;
    total.announces_sent += more.announces_sent;
    for (total, more) in total.dropped.iter_mut().zip(more.dropped) {
        *total += more;
    }
}

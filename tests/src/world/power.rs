//! Faults: power, disks, clocks and cuts.

use super::{Due, World};
use crate::faults::{Cut, Fault};

impl World {
    pub(super) fn fault(&mut self, index: usize, begins: bool) {
        let now = self.queue.now();
        let fault = self.faults[index].fault.clone();
        self.journal
            .note(now, None, || format!("{} {fault:?}", if begins { "begin" } else { "end" }));
        match fault {
            Fault::Partition { cuts } => self.partition(&cuts, begins),
            Fault::Flap { edge } => self.flap(edge, begins),
            Fault::Crash { node } if begins => self.switch_off(node),
            Fault::Crash { node } => self.switch_on_again(node),
            Fault::DiskFull { node } => self.disk_full(node, begins),
            Fault::WallJump { node, seconds } if begins => {
                self.tally.wall_jumps += 1;
                self.hosts[node].jump_wall(now, seconds);
                self.drain(node);
            }
            Fault::WallJump { .. } => {}
        }
    }

    fn partition(&mut self, cuts: &[(usize, Cut)], begins: bool) {
        if begins {
            let both = cuts.iter().all(|&(_, cut)| cut == Cut::Both);
            self.tally.partitions.0 += u64::from(both);
            self.tally.partitions.1 += u64::from(!both);
        }
        for &(edge, cut) in cuts {
            self.edges[edge].cut(cut, begins);
            if begins {
                let generation = self.edges[edge].generation;
                let after = 1_000 * self.rng.within(&self.scenario.link.detect_ms.range());
                self.queue.push(self.queue.now() + after, Due::GiveUp { edge, generation });
            } else {
                self.release_held(edge);
                self.reconnect_soon(edge);
            }
        }
    }

    fn flap(&mut self, edge: usize, begins: bool) {
        if begins {
            self.tally.flaps += 1;
            self.edges[edge].flaps += 1;
            self.disconnect(edge);
        } else {
            self.edges[edge].flaps -= 1;
            self.reconnect_soon(edge);
        }
    }

    fn switch_off(&mut self, host: usize) {
        let machine = &mut self.hosts[host];
        machine.switched_off += 1;
        if machine.switched_off > 1 {
            return;
        }
        self.retire_counters(host);
        let lost = self.hosts[host].crash();
        self.tally.crashes += 1;
        self.tally.records_lost += lost.records as u64;
        self.tally.commits_untold += u64::from(lost.survived_untold);
        for (edge, side) in self.hosts[host].edges.clone() {
            self.edges[edge].close_end(side);
            self.disconnect(edge);
        }
    }

    fn switch_on_again(&mut self, host: usize) {
        let machine = &mut self.hosts[host];
        machine.switched_off -= 1;
        if machine.switched_off == 0 {
            self.switch_on(host);
        }
    }

    /// Boots a machine; its application shows what it finds in the inbox.
    pub(super) fn switch_on(&mut self, host: usize) {
        let now = self.queue.now();
        for (table, error) in self.hosts[host].boot(now) {
            self.violations.push(
                now,
                "SIM-07",
                format_args!("node {host} refuses its own {}: {error}", table.as_str()),
            );
        }
        self.journal.note(now, Some(host), || "boot");
        self.show_inbox(host);
        self.drain(host);
        self.join_again(host);
        for (edge, _) in self.hosts[host].edges.clone() {
            self.reconnect_soon(edge);
        }
    }

    fn disk_full(&mut self, host: usize, begins: bool) {
        self.tally.disk_full += u64::from(begins);
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        let before = machine.disks_full > 0;
        machine.disks_full = if begins { machine.disks_full + 1 } else { machine.disks_full - 1 };
        let full = machine.disks_full > 0;
        machine.disk.set_full(full);
        if before != full {
            machine.tell_storage(now);
        }
        self.drain(host);
    }
}

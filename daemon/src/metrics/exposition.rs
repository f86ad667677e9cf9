//! The text exposition format.

use std::fmt::{Display, Write};

use mesh::error::DropReason;

use crate::{actor::Numbers, store::Health};

/// All metrics as text.
pub fn expose(numbers: &Numbers, signals_dropped: u64) -> String {
    let mut page = Page(String::with_capacity(8 << 10));
    page.build();
    page.node(numbers);
    page.traffic(numbers);
    page.discovery(numbers);
    page.disk(numbers);
    page.process();
    page.counter("api_signals_dropped_total", "Signals that slow clients did not get.");
    page.value("api_signals_dropped_total", "", signals_dropped);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
    }

    fn counter(&mut self, name: &str, help: &str) {
        self.head(name, "counter", help);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.value(name, "", value);
    }

    fn value(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{PREFIX}{name}{labels} {value}");
    }

    fn total(&mut self, name: &str, help: &str, value: u64) {
        self.counter(name, help);
        self.value(name, "", value);
    }

    fn build(&mut self) {
        self.head("build_info", "gauge", "The daemon's version.");
        let version = env!("CARGO_PKG_VERSION");
        self.value("build_info", &format!("{{version=\"{version}\"}}"), 1);
    }

    fn node(&mut self, numbers: &Numbers) {
        let status = &numbers.status;
        self.gauge("uptime_seconds", "Time since the start.", numbers.uptime.as_secs());
        self.gauge("peers", "Neighbours on live links.", status.peers);
        self.gauge("routes", "Destinations with a usable route.", status.routes);
        self.gauge("outbox_messages", "Own messages without a receipt.", status.outbox);
        let help = "Own messages that a relay keeps.";
        self.gauge("outbox_in_custody_messages", help, status.outbox_in_custody);
        self.gauge("custody_messages", "Messages of others kept here.", status.custody);
        self.gauge("custody_bytes", "Bytes of those.", status.custody_bytes);
        self.gauge("inbox_messages", "Messages received and not taken.", status.inbox);
        let help = "Own clock minus what most neighbours say.";
        self.gauge("clock_skew_seconds", help, status.clock_skew_s.unwrap_or(0));
        self.head("links", "gauge", "Links by state.");
        for state in LINK_STATES {
            let count = numbers.links.iter().filter(|row| row.state == *state).count();
            self.value("links", &format!("{{state=\"{state}\"}}"), count);
        }
    }

    fn traffic(&mut self, numbers: &Numbers) {
        let counters = &numbers.status.counters;
        for (name, help, value) in [
            ("messages_accepted_total", "Own messages accepted.", counters.messages_accepted),
            ("messages_received_total", "Own messages with a receipt.", counters.messages_received),
            ("messages_failed_total", "Own messages given up.", counters.messages_failed),
            ("messages_delivered_total", "Messages to this node.", counters.messages_delivered),
            ("envelopes_forwarded_total", "Passed on for others.", counters.envelopes_forwarded),
            ("custody_taken_total", "Taken into custody.", counters.custody_taken),
            ("duplicates_total", "Duplicates recognised.", counters.duplicates),
            ("announces_verified_total", "Announces verified.", counters.announces_verified),
            ("announces_sent_total", "Announces sent.", counters.announces_sent),
        ] {
            self.total(name, help, value);
        }
        self.counter("frames_dropped_total", "Frames dropped, by reason.");
        for (reason, count) in DropReason::ALL.iter().zip(counters.dropped) {
            let labels = format!("{{reason=\"{}\"}}", reason.as_str());
            self.value("frames_dropped_total", &labels, count);
        }
        self.counter("handshakes_failed_total", "Link handshakes that failed, by reason.");
        for (reason, count) in &numbers.transports.handshakes_failed {
            self.value("handshakes_failed_total", &format!("{{reason=\"{reason}\"}}"), count);
        }
        self.total("links_up_total", "Links that came up.", numbers.transports.links_up);
    }

    fn discovery(&mut self, numbers: &Numbers) {
        let found = numbers.discovery.found.len();
        self.gauge("discovered_neighbours", "Neighbours found on the local network.", found);
        let counters = &numbers.discovery.status.counters;
        for (name, help, value) in [
            ("multicast_sent_total", "Packets sent to the own group.", counters.sent),
            ("multicast_answered_total", "Answers sent to one asker each.", counters.answered),
            ("multicast_failed_total", "Packets that were not taken.", counters.failed),
            ("multicast_received_total", "Packets of others that counted.", counters.received),
        ] {
            self.total(name, help, value);
        }
        self.counter("multicast_ignored_total", "Packets and findings that did not, by reason.");
        for (reason, count) in counters.ignored.iter().chain(&numbers.discovery.refused) {
            self.value("multicast_ignored_total", &format!("{{reason=\"{reason}\"}}"), count);
        }
    }

    fn disk(&mut self, numbers: &Numbers) {
        self.gauge("store_bytes", "Bytes of the store.", numbers.disk.store_bytes);
        let healthy = u8::from(numbers.health == Health::Ok);
        self.gauge("store_healthy", "Whether the disk takes writes.", healthy);
        self.head("store_commit_seconds", "summary", "Group commits of records.");
        self.value("store_commit_seconds_count", "", numbers.disk.commits);
        self.value("store_commit_seconds_sum", "", numbers.disk.commit_time.as_secs_f64());
    }

    fn process(&mut self) {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 =
            statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        let bytes = pages * rustix::param::page_size() as u64;
        self.gauge("process_resident_memory_bytes", "Resident memory.", bytes);
    }
}

const PREFIX: &str = "quicprochat_";

const LINK_STATES: &[&str] = &["connecting", "up", "backoff", "standby", "listening"];

//! The page of results.

use std::{fmt, fs, process::Command, thread};

/// One measured figure beside its limit and its peer.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    ours: String,
    limit: String,
    /// Whether the limit is met; `None` where there is none.
    met: Option<bool>,
    peer: String,
}

impl Row {
    /// A figure without a limit.
    pub(crate) fn plain(what: impl Into<String>, ours: impl Into<String>) -> Self {
        let (what, ours) = (what.into(), ours.into());
        Self { what, ours, limit: String::new(), met: None, peer: String::new() }
    }

    /// A figure, its limit, and whether it meets it.
    pub(crate) fn limited(
        what: impl Into<String>,
        ours: impl Into<String>,
        limit: impl Into<String>,
        met: bool,
    ) -> Self {
        Self { limit: limit.into(), met: Some(met), ..Self::plain(what, ours) }
    }

    /// With what a peer reached in the same run.
    pub(crate) fn beside(self, peer: impl Into<String>) -> Self {
        Self { peer: peer.into(), ..self }
    }
}

/// Rows that belong together.
#[derive(Debug)]
pub(crate) struct Section {
    title: String,
    rows: Vec<Row>,
}

impl Section {
    pub(crate) fn new(title: &str, rows: Vec<Row>) -> Self {
        Self { title: title.into(), rows }
    }

    /// A section that could not be measured.
    pub(crate) fn failed(name: &str, error: &str) -> Self {
        Self::new(name, vec![Row::plain("not measured", error.replace('\n', " "))])
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## {}\n", self.title)?;
        writeln!(f, "| what | ours | limit | | peer, same run |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in &self.rows {
            let met = match row.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let Row { what, ours, limit, peer, .. } = row;
            writeln!(f, "| {what} | {ours} | {limit} | {met} | {peer} |")?;
        }
        Ok(())
    }
}

/// The page.
#[derive(Debug)]
pub(crate) struct Table {
    machine: String,
    sections: Vec<Section>,
}

impl Table {
    /// An empty page that says where it was measured.
    pub(crate) fn of_this_machine() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown CPU", |model| model.trim_start_matches(['\t', ' ', ':']));
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("?").to_owned();
        let commit = said("git", &["rev-parse", "--short", "HEAD"]);
        let date = said("date", &["-u", "+%Y-%m-%d"]);
        let machine =
            format!("{date}, commit {commit}, {cores} × {model}, load average before: {load}");
        Self { machine, sections: Vec::new() }
    }

    pub(crate) fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// The section added last.
    pub(crate) fn last(&self) -> String {
        self.sections.last().map(ToString::to_string).unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Measured\n\nWritten by `tests/benches/run`. {}.", self.machine)?;
        self.sections.iter().try_for_each(|section| write!(f, "{section}"))
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|_| "unknown".into())
}

//! Radios without radios: an air and modems on it, through the commands a person has.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::{Programs, eventually};

/// `qpc lab air` and the `qpc lab rnode`s on it; ended when dropped.
#[derive(Debug)]
pub struct Radios {
    programs: Programs,
    folder: PathBuf,
    children: Vec<Child>,
}

impl Radios {
    /// An air on which radios of these names are in a line, and hear nobody but the one beside
    /// them.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to, or there is no air after some time.
    pub fn line(programs: &Programs, folder: PathBuf, names: &[&str]) -> io::Result<Self> {
        let map = folder.join("map.toml");
        fs::create_dir_all(&folder)?;
        fs::write(&map, map_of_a_line(names))?;
        Self::open(programs, folder, &["--map", &map.display().to_string()])
    }

    /// An air without a map, in a folder that is there.
    ///
    /// # Errors
    ///
    /// There is no air after some time.
    pub fn plain(programs: &Programs, folder: PathBuf) -> io::Result<Self> {
        Self::open(programs, folder, &[])
    }

    fn open(programs: &Programs, folder: PathBuf, arguments: &[&str]) -> io::Result<Self> {
        let mut radios = Self { programs: programs.clone(), folder, children: Vec::new() };
        let socket = radios.socket();
        radios.start(&[&["air", "--listen", &socket], arguments].concat())?;
        eventually(READY_WITHIN, || PathBuf::from(&socket).exists().then_some(()))
            .ok_or_else(|| io::Error::other("there is no air"))?;
        Ok(radios)
    }

    /// A modem whose host finds it at a pseudo-terminal; the URI that leads there.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn pty(&mut self, name: &str) -> io::Result<String> {
        let link = self.folder.join(name).display().to_string();
        self.modem(name, &["--pty", &link])
    }

    /// A modem whose host finds it behind TCP; the URI that leads there.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn tcp(&mut self, name: &str) -> io::Result<String> {
        self.modem(name, &["--tcp", "0"])
    }

    /// A modem at a place in metres, reached as these arguments say; the URI that it tells.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn at(&mut self, place: &str, line: &[&str]) -> io::Result<String> {
        let socket = self.socket();
        self.start(&[&["rnode", "--air", &socket, "--at", place], line].concat())
    }

    fn modem(&mut self, name: &str, line: &[&str]) -> io::Result<String> {
        let socket = self.socket();
        let arguments = [&["rnode", "--air", &socket, "--name", name], line].concat();
        let uri = self.start(&arguments)?;
        Ok(format!("{uri}?{FAST}"))
    }

    fn socket(&self) -> String {
        self.folder.join("air").display().to_string()
    }

    /// Starts a part of the laboratory; the first line it says, if it is a modem.
    fn start(&mut self, arguments: &[&str]) -> io::Result<String> {
        let mut child = Command::new(&self.programs.qpc)
            .arg("lab")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().expect("standard output is a pipe");
        self.children.push(child);
        let mut out = BufReader::new(out);
        let mut line = String::new();
        if arguments.first() == Some(&"rnode") {
            out.read_line(&mut line)?;
        }
        // Read and forgotten, so that it never blocks.
        thread::spawn(move || io::copy(&mut out.by_ref(), &mut io::sink()));
        Ok(line.trim().to_owned())
    }
}

impl Drop for Radios {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Either fails only when the process is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A kilometre from one to the next, and a mountain between all others.
fn map_of_a_line(names: &[&str]) -> String {
    let mut map = String::new();
    for (index, name) in names.iter().enumerate() {
        let _ = writeln!(map, "[[radio]]\nname = \"{name}\"\nat = [{}, 0]", index * 1_000);
    }
    for (index, one) in names.iter().enumerate() {
        for other in names.iter().skip(index + 2) {
            let _ = writeln!(map, "[[path]]\nbetween = [\"{one}\", \"{other}\"]\nblocked = true");
        }
    }
    map
}

/// As fast as these radios are, and where no share of time holds: a test does not want to wait for
/// the next hour.
const FAST: &str = "region=US915&freq=914000000&bw=500000&sf=5&cr=5&txp=17";

/// Far more than it needs, even on a loaded machine.
const READY_WITHIN: Duration = Duration::from_secs(30);

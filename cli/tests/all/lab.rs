//! Virtual air and virtual modems, as a host finds them (`CLI-49`, `VIR-10`, `VIR-13`).

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    fs::OFlags,
    process::{Pid, Signal, kill_process},
};
use serde_json::Value;

use crate::qpc::until;

/// A `qpc lab …` and the first line it says.
struct Lab {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Lab {
    fn start(words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qpc"))
            .args(["--json", "lab"])
            .args(words)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qpc starts");
        let out = BufReader::new(child.stdout.take().expect("it was asked for"));
        Self { child, out }
    }

    fn document(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it says something");
        serde_json::from_str(&line).expect("it is JSON")
    }

    /// Ends it as a terminal does; what it still had to say.
    fn end(mut self) -> Vec<Value> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        kill_process(pid, Signal::INT).expect("it runs");
        let lines = self.out.lines().map(|line| line.expect("it is text"));
        let told = lines.map(|line| serde_json::from_str(&line).expect("it is JSON")).collect();
        assert!(self.child.wait().expect("it ends").success());
        told
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary directory has a plain name")
}

fn air(socket: &Path) -> Lab {
    let air = Lab::start(&["air", "--listen", text(socket)]);
    until("the air", || socket.exists());
    air
}

/// Reads until all of `wanted` has come.
fn read_until(host: &mut impl Read, wanted: &[u8]) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut read = Vec::new();
    let mut buffer = [0; 512];
    while !read.windows(wanted.len()).any(|window| window == wanted) {
        assert!(Instant::now() < deadline, "{wanted:02x?} is not in {read:02x?}");
        match host.read(&mut buffer) {
            Ok(len) => read.extend(&buffer[..len]),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    read
}

fn open_pty(link: &Path) -> File {
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
    File::options().read(true).write(true).custom_flags(flags).open(link).expect("it can be opened")
}

fn open_tcp(uri: &str) -> TcpStream {
    let address = uri.strip_prefix("rnode://").expect("its scheme");
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_nonblocking(true).expect("it can");
    stream
}

const DETECT: &[u8] = &[0xc0, 0x08, 0x73, 0xc0];
const DETECTED: &[u8] = &[0xc0, 0x08, 0x46, 0xc0];
/// 869.525 MHz, 125 kHz, 14 dBm, SF7, 4/5, on.
const SETTINGS: &[u8] = &[
    0xc0, 0x01, 0x33, 0xd3, 0xe6, 0x08, 0xc0, 0x02, 0x00, 0x01, 0xe8, 0x48, 0xc0, 0x03, 0x0e, 0xc0,
    0x04, 0x07, 0xc0, 0x05, 0x05, 0xc0, 0x06, 0x01, 0xc0,
];
const ON: &[u8] = &[0xc0, 0x06, 0x01, 0xc0];

// CLI-49, CLI-84, CLI-85, VIR-10, VIR-13
#[test]
fn an_air_carries_packets_between_modems_and_tells_of_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (socket, link) = (dir.path().join("air"), dir.path().join("radio"));
    let air = air(&socket);
    let mut pty = Lab::start(&["rnode", "--air", text(&socket), "--pty", text(&link)]);
    let ready = pty.document();
    assert_eq!(ready["schema"], "quicprochat.rnode/1");
    assert_eq!(ready["uri"], format!("rnode://{}", link.display()));
    let far = ["rnode", "--air", text(&socket), "--tcp", "0", "--at", "1000,0", "--name", "far"];
    let mut tcp = Lab::start(&far);
    let mut anna = open_pty(&link);
    let mut ben = open_tcp(tcp.document()["uri"].as_str().expect("a text"));
    anna.write_all(DETECT).expect("it is open");
    read_until(&mut anna, DETECTED);
    anna.write_all(SETTINGS).expect("it is open");
    ben.write_all(SETTINGS).expect("it is open");
    read_until(&mut anna, ON);
    read_until(&mut ben, ON);
    let packet = [&[0xc0, 0x00], &[0x55; 100][..], &[0xc0]].concat();
    anna.write_all(&packet).expect("it is open");
    read_until(&mut ben, &packet);
    ben.write_all(&packet).expect("it is open");
    read_until(&mut anna, &packet);
    drop((anna, ben));
    assert!(pty.end().is_empty() && tcp.end().is_empty());
    let told = air.end();
    assert!(told.iter().all(|event| event["schema"] == "quicprochat.air/1"));
    let heard: Vec<&Value> = told.iter().filter(|event| event["event"] == "heard").collect();
    assert_eq!(heard.len(), 2, "{told:?}");
    // 14 dBm less the loss over a kilometre.
    assert_eq!((&heard[0]["radio"], &heard[0]["rssi_dbm"]), (&"far".into(), &(-108).into()));
    assert_eq!(heard[0]["bytes"], 101);
    assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
}

// CLI-49, VIR-13
#[test]
fn lines_are_clean_for_each_host_and_gone_afterwards() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (socket, link) = (dir.path().join("air"), dir.path().join("radio"));
    let air = air(&socket);
    std::os::unix::fs::symlink("/nowhere", &link).expect("it is free");
    let mut pty = Lab::start(&["rnode", "--air", text(&socket), "--pty", text(&link)]);
    pty.document();
    // One host leaves half a frame and an open radio, and does not read what comes of it.
    let mut first = open_pty(&link);
    first.write_all(SETTINGS).expect("it is open");
    read_until(&mut first, ON);
    first.write_all(&[0xc0, 0x00, 0x01]).expect("it is open");
    drop(first);
    std::thread::sleep(Duration::from_millis(1_500));
    let mut second = open_pty(&link);
    std::thread::sleep(Duration::from_millis(100));
    second.write_all(DETECT).expect("it is open");
    let read = read_until(&mut second, DETECTED);
    assert!(read.len() < 40, "statistics of another time: {read:02x?}");
    pty.end();
    assert!(!link.exists());
    // What is no link stays.
    std::fs::write(&link, "mine").expect("it is free");
    let ran = Command::new(env!("CARGO_BIN_EXE_qpc"))
        .args(["lab", "rnode", "--air", text(&socket), "--pty", text(&link)])
        .output()
        .expect("qpc starts");
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(std::fs::read(&link).expect("it is there"), b"mine");
    air.end();
}

// CLI-49, VIR-10
#[test]
fn an_air_in_use_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let socket = dir.path().join("air");
    let lab = |words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_qpc")).arg("lab").args(words).output();
        let ran = ran.expect("qpc starts");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (code, said) = lab(&["rnode", "--air", text(&socket), "--tcp", "0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("Start the air first"), "{said}");
    let first = air(&socket);
    let (code, said) = lab(&["air", "--listen", text(&socket)]);
    assert_eq!(code, Some(1));
    assert!(said.contains("in use"), "{said}");
    first.end();
    // One that was killed leaves its socket, which is taken over.
    let mut killed = air(&socket);
    killed.child.kill().expect("it runs");
    killed.child.wait().expect("it ends");
    assert!(socket.exists());
    let mut next = Lab::start(&["air", "--listen", text(&socket)]);
    let mut modem = || {
        let mut modem = Lab::start(&["rnode", "--air", text(&socket), "--tcp", "0"]);
        let mut line = String::new();
        modem.out.read_line(&mut line).expect("it can be read");
        modem.child.kill().expect("it was started");
        modem.child.wait().expect("it ends");
        !line.is_empty()
    };
    until("the next air", &mut modem);
    assert_eq!(next.document()["event"], "attached");
    next.end();
}

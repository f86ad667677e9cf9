//! A line of network namespaces, each joined to the next by a virtual cable that can be cut.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Whether this process may make network namespaces: as root on Linux with iproute2, mostly.
pub fn may_make_namespaces() -> bool {
    // A name of its own for each call: of two tests that ask at the same time none must take the
    // other's for a refusal.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("qpc{}-t{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let made = ip(&["netns", "add", &name]).is_ok();
    made && ip(&["netns", "del", &name]).is_ok()
}

/// A line of namespaces; removed when dropped.
///
/// Cable `i` joins the namespaces `i` (10.77.i.1) and `i + 1` (10.77.i.2).
#[derive(Debug)]
pub struct Line {
    names: Vec<String>,
}

impl Line {
    /// Makes `len` namespaces and the cables between them.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn new(len: u8) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let run = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |index| format!("qpc{}-{run}-{index}", process::id());
        let line = Self { names: (0..len).map(name).collect() };
        for name in &line.names {
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        for (index, pair) in line.names.windows(2).enumerate() {
            let [left, right] = pair else { unreachable!("windows of two") };
            // One command, so that the cable's ends never show up in our own namespace.
            ip(&[
                "link", "add", "right", "netns", left, "type", "veth", "peer", "name", "left",
                "netns", right,
            ])?;
            for (name, end, host) in [(left, "right", 1), (right, "left", 2)] {
                let address = format!("10.77.{index}.{host}/24");
                ip(&["-n", name, "address", "add", &address, "dev", end])?;
                ip(&["-n", name, "link", "set", end, "up"])?;
            }
        }
        Ok(line)
    }

    /// The name of a namespace.
    pub fn name(&self, index: usize) -> &str {
        &self.names[index]
    }

    /// Where the namespace `index + 1` finds a listener of the namespace `index`.
    pub fn left_address(index: u8, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, index, 1)), port)
    }

    /// Cuts the cable between `index` and `index + 1`, or mends it.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn set_cable(&self, index: usize, whole: bool) -> Result<(), String> {
        let state = if whole { "up" } else { "down" };
        ip(&["-n", &self.names[index], "link", "set", "right", state])
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for name in &self.names {
            // Not there when making it failed.
            let _ = ip(&["netns", "del", name]);
        }
    }
}

pub(super) fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", arguments.join(" "), said.trim()))
}

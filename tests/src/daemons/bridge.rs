//! Network namespaces on one bridge: a local network that nobody configured.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{eventually, namespaces::ip};

/// Hosts on a bridge; removed when dropped.
///
/// Host `i` has the interface `eth0` with 10.78.0.(i + 1)/24 and fd78::(i + 1)/64 beside its link-local
/// address. The bridge is in a namespace of its own.
#[derive(Debug)]
pub struct Bridge {
    bridge: String,
    hosts: Vec<String>,
}

impl Bridge {
    /// Makes a bridge with `hosts` hosts, and waits until their addresses can be used.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn new(hosts: u8) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let run = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |what: &str| format!("qpc{}b{run}-{what}", process::id());
        let names = (0..hosts).map(|index| name(&index.to_string())).collect();
        let bridge = Self { bridge: name("br"), hosts: names };
        ip(&["netns", "add", &bridge.bridge])?;
        ip(&["-n", &bridge.bridge, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &bridge.bridge, "link", "set", "br0", "up"])?;
        for (index, host) in (1..).zip(&bridge.hosts) {
            bridge.add_host(index, host)?;
        }
        for host in &bridge.hosts {
            wait_for_addresses(host)?;
        }
        Ok(bridge)
    }

    fn add_host(&self, number: u8, host: &str) -> Result<(), String> {
        let port = format!("port{number}");
        ip(&["netns", "add", host])?;
        ip(&["-n", host, "link", "set", "lo", "up"])?;
        ip(&[
            "link",
            "add",
            "eth0",
            "netns",
            host,
            "type",
            "veth",
            "peer",
            "name",
            &port,
            "netns",
            &self.bridge,
        ])?;
        ip(&["-n", &self.bridge, "link", "set", &port, "master", "br0", "up"])?;
        for address in [format!("10.78.0.{number}/24"), format!("fd78::{number}/64")] {
            ip(&["-n", host, "address", "add", &address, "dev", "eth0"])?;
        }
        ip(&["-n", host, "link", "set", "eth0", "up"])
    }

    /// The name of a host's namespace.
    pub fn host(&self, index: usize) -> &str {
        &self.hosts[index]
    }

    /// Pulls a host's cable out, or puts it in and waits until its addresses can be used.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn set_cable(&self, index: usize, whole: bool) -> Result<(), String> {
        let host = &self.hosts[index];
        ip(&["-n", host, "link", "set", "eth0", if whole { "up" } else { "down" }])?;
        if whole { wait_for_addresses(host) } else { Ok(()) }
    }

    /// Gives a host another address.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn add_address(&self, index: usize, address: &str) -> Result<(), String> {
        ip(&["-n", &self.hosts[index], "address", "add", address, "dev", "eth0", "nodad"])
    }

    /// Has the bridge follow rules of `nft`, in a table `bridge mesh`.
    ///
    /// # Errors
    ///
    /// What `nft` says, or that there is none.
    pub fn filter(&self, rules: &str) -> Result<(), String> {
        self.nft(&["add", "table", "bridge", "mesh"])?;
        let chain = "{ type filter hook forward priority 0 ; }";
        self.nft(&["add", "chain", "bridge", "mesh", "forward", chain])?;
        for rule in rules.lines().map(str::trim).filter(|rule| !rule.is_empty()) {
            self.nft(&["add", "rule", "bridge", "mesh", "forward", rule])?;
        }
        Ok(())
    }

    /// The packets that the rules with a counter have seen, in their order.
    ///
    /// # Errors
    ///
    /// What `nft` says.
    pub fn counted(&self) -> Result<Vec<u64>, String> {
        let table = self.nft(&["list", "table", "bridge", "mesh"])?;
        let after = table.split("packets ").skip(1);
        Ok(after.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect())
    }

    fn nft(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.bridge, "nft"]).args(arguments);
        let output = command.stdin(Stdio::null()).output().map_err(|e| format!("nft: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("nft {}: {}", arguments.join(" "), said.trim()))
    }

    /// Runs `work` on a thread that lives in a host's network.
    ///
    /// # Panics
    ///
    /// When the thread cannot move there, or `work` panics.
    pub fn inside<T: Send + 'static>(
        &self,
        index: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let path = format!("/run/netns/{}", self.hosts[index]);
        thread::spawn(move || {
            let namespace = File::open(path).expect("the namespace is there");
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind)
                .map_err(io::Error::from)
                .expect("this process may move there: it has made it");
            work()
        })
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for name in self.hosts.iter().chain([&self.bridge]) {
            // Not there when making it failed.
            let _ = ip(&["netns", "del", name]);
        }
    }
}

/// Whether `nft` is there to filter with.
pub fn may_filter() -> bool {
    let nft = Command::new("nft").arg("--version").stdout(Stdio::null()).status();
    nft.is_ok_and(|status| status.success())
}

/// A link-local address is checked for duplicates for a second or two.
fn wait_for_addresses(host: &str) -> Result<(), String> {
    let ready = || {
        let show = ["-n", host, "-6", "address", "show", "dev", "eth0", "scope", "link"];
        let output = Command::new("ip").args(show).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text.contains("fe80:") && !text.contains("tentative")).then_some(())
    };
    eventually(Duration::from_secs(20), ready).ok_or_else(|| format!("{host}: no IPv6 address"))
}

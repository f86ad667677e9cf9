//! Two homes behind a router each, and the network between them, in namespaces.
//!
//! ```text
//!  home 0 ─ router 0 ─┐                       ┌─ router 1 ─ home 1
//!  10.78.0.2   masquerades ── middle ── masquerades      10.78.1.2
//!                        198.51.100.1
//! ```

use std::{
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// The namespaces; removed when dropped.
#[derive(Debug)]
pub struct Nats {
    homes: [String; 2],
    routers: [String; 2],
    middle: String,
}

/// Whether this machine can translate addresses: nftables is there and the kernel agrees.
pub fn may_translate() -> bool {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("qpc{}t{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let works = run("ip", &["netns", "add", &name]).is_ok() && masquerade(&name, "lo").is_ok();
    // Not there when it could not be made.
    let _ = run("ip", &["netns", "del", &name]);
    works
}

impl Nats {
    /// Where both homes find what listens in the middle.
    pub const MIDDLE: [u8; 4] = [198, 51, 100, 1];

    /// Makes homes, routers and the middle. Each router lets out whatever comes from its home,
    /// and in what answers it; the middle knows no way to a home.
    ///
    /// # Errors
    ///
    /// What `ip` and `nft` say.
    pub fn new() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let run = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |what: &str| format!("qpc{}-n{run}-{what}", process::id());
        let nats = Self {
            homes: [name("h0"), name("h1")],
            routers: [name("r0"), name("r1")],
            middle: name("m"),
        };
        for name in nats.names() {
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        ip(&["-n", &nats.middle, "address", "add", "198.51.100.1/32", "dev", "lo"])?;
        for side in 0..2 {
            nats.wire(side)?;
        }
        for name in nats.routers.iter().chain([&nats.middle]) {
            forward(name)?;
        }
        Ok(nats)
    }

    /// One home, its router, and the router's way to the middle.
    fn wire(&self, side: usize) -> Result<(), String> {
        let (home, router) = (&self.homes[side], &self.routers[side]);
        let cable = format!("side{side}");
        cable_between(
            (home, "wan", &format!("10.78.{side}.2/24")),
            (router, "lan", &format!("10.78.{side}.1/24")),
        )?;
        cable_between(
            (router, "wan", &format!("203.0.113.{}/30", 4 * side + 2)),
            (&self.middle, &cable, &format!("203.0.113.{}/30", 4 * side + 1)),
        )?;
        let gateways =
            [(home, format!("10.78.{side}.1")), (router, format!("203.0.113.{}", 4 * side + 1))];
        for (name, gateway) in &gateways {
            ip(&["-n", name, "route", "add", "default", "via", gateway])?;
        }
        masquerade(router, "wan")?;
        // Nothing comes in that did not go out before, to the home or to the router itself. Without the
        // latter the router would remember a packet that came too early as a talk of its own, and give
        // the home another port for its answer.
        for hook in ["forward", "input"] {
            let chain = format!("{hook} {{ type filter hook {hook} priority 0 ; policy drop ; }}");
            nft(router, &format!("add chain ip nat {chain}"))?;
            nft(router, &format!("add rule ip nat {hook} ct state established,related accept"))?;
            nft(router, &format!("add rule ip nat {hook} iifname \"lan\" accept"))?;
        }
        Ok(())
    }

    /// From now on the routers let no UDP through: what is left is TCP to the middle.
    ///
    /// # Errors
    ///
    /// What `nft` says.
    pub fn stop_udp(&self) -> Result<(), String> {
        let stop =
            |router: &String| nft(router, "insert rule ip nat forward meta l4proto udp drop");
        self.routers.iter().try_for_each(stop)
    }

    /// The namespace of a home.
    pub fn home(&self, side: usize) -> &str {
        &self.homes[side]
    }

    /// The namespace in the middle.
    pub fn middle(&self) -> &str {
        &self.middle
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.homes.iter().chain(&self.routers).chain([&self.middle])
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for name in self.names() {
            // Not there when making it failed.
            let _ = ip(&["netns", "del", name]);
        }
    }
}

/// A cable between two namespaces: name, interface and address of each end.
fn cable_between(
    (left, left_end, left_address): (&str, &str, &str),
    (right, right_end, right_address): (&str, &str, &str),
) -> Result<(), String> {
    ip(&[
        "link", "add", left_end, "netns", left, "type", "veth", "peer", "name", right_end, "netns",
        right,
    ])?;
    for (name, end, address) in [(left, left_end, left_address), (right, right_end, right_address)]
    {
        ip(&["-n", name, "address", "add", address, "dev", end])?;
        ip(&["-n", name, "link", "set", end, "up"])?;
    }
    Ok(())
}

fn masquerade(name: &str, interface: &str) -> Result<(), String> {
    nft(name, "add table ip nat")?;
    nft(name, "add chain ip nat post { type nat hook postrouting priority 100 ; }")?;
    nft(name, &format!("add rule ip nat post oifname \"{interface}\" masquerade"))
}

fn forward(name: &str) -> Result<(), String> {
    let write = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    run("ip", &["netns", "exec", name, "sh", "-c", write])
}

fn nft(name: &str, rule: &str) -> Result<(), String> {
    run("ip", &["netns", "exec", name, "nft", rule])
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", arguments.join(" "), said.trim()))
}

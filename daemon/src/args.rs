//! Flags of `qpcd`.

use std::{ffi::OsString, path::PathBuf};

use lexopt::{Arg, Parser, ValueExt};

use crate::{
    config::{Sources, Value},
    install::{self, Action, Options},
};

/// What the command line asked for.
#[derive(Debug)]
pub enum Request {
    /// Run the daemon.
    Run(Flags),
    /// Say whether the configuration holds.
    CheckConfig(Sources),
    /// Make a service of this program, or take it away again.
    Install(Action, Options),
    /// Print a text and end.
    Print(String),
}

/// Flags of a run.
#[derive(Debug, Default)]
pub struct Flags {
    /// What concerns the configuration.
    pub sources: Sources,
    /// Start over under a new address.
    pub new_identity: bool,
}

/// Reads the command line.
///
/// # Errors
///
/// A sentence.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut parser = Parser::from_iter(args);
    let mut flags = Flags::default();
    let mut listen: Vec<String> = Vec::new();
    let mut relays: Vec<String> = Vec::new();
    let mut pages: Vec<String> = Vec::new();
    let mut check = false;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let Arg::Long(name) = arg else {
            return match arg {
                Arg::Short('h') => Ok(Request::Print(USAGE.into())),
                Arg::Short('V') => Ok(Request::Print(version())),
                Arg::Value(word) if word == "install" => installation(Action::Install, parser),
                Arg::Value(word) if word == "uninstall" => installation(Action::Uninstall, parser),
                arg => Err(arg.unexpected().to_string()),
            };
        };
        let name = name.to_owned();
        let mut text = || {
            let value = parser.value().map_err(|error| error.to_string())?;
            value.string().map_err(|error| error.to_string())
        };
        let mut set = |key, value| flags.sources.flags.push((format!("--{name}"), key, value));
        match name.as_str() {
            "data-dir" => set("data_dir", Value::Text(text()?)),
            "socket" => set("socket", Value::Text(text()?)),
            "name" => set("name", Value::Text(text()?)),
            "log-level" => set("log.level", Value::Text(text()?)),
            "log-format" => set("log.format", Value::Text(text()?)),
            "no-mdns" => set("discovery.mdns", Value::Bool(false)),
            "no-multicast" => set("discovery.multicast", Value::Bool(false)),
            "no-iroh" => set("iroh.enabled", Value::Bool(false)),
            "iroh-bind" => set("iroh.bind", Value::Text(text()?)),
            "serve-iroh-relay" => set("iroh.serve_relay", Value::Text(text()?)),
            "iroh-relay" => relays.push(text()?),
            "tcp-listen" => listen.push(text()?),
            "web-listen" => pages.push(text()?),
            "config" => flags.sources.file = Some(PathBuf::from(text()?)),
            "check-config" => check = true,
            "new-identity" => flags.new_identity = true,
            "help" => return Ok(Request::Print(USAGE.into())),
            "version" => return Ok(Request::Print(version())),
            name => return Err(format!("there is no flag --{name}; see qpcd --help")),
        }
    }
    if !listen.is_empty() {
        let listen = Value::List(listen);
        flags.sources.flags.push(("--tcp-listen".into(), "tcp.listen", listen));
    }
    if !pages.is_empty() {
        let pages = Value::List(pages);
        flags.sources.flags.push(("--web-listen".into(), "web.listen", pages));
    }
    if !relays.is_empty() {
        let relays = Value::List(relays);
        flags.sources.flags.push(("--iroh-relay".into(), "iroh.relays", relays));
    }
    Ok(if check { Request::CheckConfig(flags.sources) } else { Request::Run(flags) })
}

fn installation(action: Action, mut parser: Parser) -> Result<Request, String> {
    Ok(match install::parse(action, &mut parser)? {
        Some(options) => Request::Install(action, options),
        None => Request::Print(install::USAGE.into()),
    })
}

fn version() -> String {
    format!("qpcd {}\n", env!("CARGO_PKG_VERSION"))
}

/// What `--help` says.
pub(crate) const USAGE: &str = "\
qpcd, the quicprochat mesh daemon

Usage: qpcd [FLAGS]
       qpcd install | uninstall    (see qpcd install --help)

Without any flag it is a node ready for use: it makes an identity, listens, and says where to ask.

      --data-dir DIR           where identity and messages are kept
      --socket PATH            the Unix socket of the API
      --config FILE            the configuration file
      --tcp-listen ADDR:PORT   where neighbours may connect to; may be given more than once
      --web-listen ADDR:PORT   where the page for patients and practices is; on other addresses than
                               loopback it is for visitors; may be given more than once
      --name TEXT              what people call this node
      --log-level LEVEL        error, warn, info, debug or trace
      --log-format FORMAT      plain, json or journald
      --no-mdns                do not look for neighbours by mDNS
      --no-multicast           nor in quicprochat's own multicast group
      --no-iroh                no QUIC links
      --iroh-bind ADDR:PORT    where QUIC links are bound
      --iroh-relay URL         a relay to be reachable through; may be given more than once
      --serve-iroh-relay ADDR:PORT
                               serve a relay for others, without TLS
      --new-identity           start over under a new address; the old one is set aside
      --check-config           say whether the configuration holds, and end
  -h, --help                   this text
  -V, --version                the version

Every key of the configuration file can also be set in the environment; see qpcd.example.toml and
.env.example. On standard output there is one line, once the node can be used:
ready address=<32 hexadecimal digits> socket=<path>
";

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Request, String> {
        parse(std::iter::once("qpcd").chain(args.iter().copied()).map(OsString::from))
    }

    /// `CFG-07`
    #[test]
    fn contract_flags_are_accepted() {
        let args = [
            "--data-dir",
            "/d",
            "--socket",
            "/s",
            "--config",
            "/c",
            "--tcp-listen",
            "127.0.0.1:1",
            "--tcp-listen",
            "[::1]:2",
            "--no-mdns",
            "--no-multicast",
            "--no-iroh",
            "--iroh-bind",
            "127.0.0.1:0",
            "--iroh-relay",
            "http://127.0.0.1:3340",
            "--serve-iroh-relay",
            "127.0.0.1:3340",
        ];
        let Ok(Request::Run(flags)) = run(&args) else { panic!("the contract's flags") };
        assert_eq!(flags.sources.file, Some("/c".into()));
        let keys: Vec<&str> = flags.sources.flags.iter().map(|(_, key, _)| *key).collect();
        let wanted = [
            "data_dir",
            "socket",
            "discovery.mdns",
            "discovery.multicast",
            "iroh.enabled",
            "iroh.bind",
            "iroh.serve_relay",
            "tcp.listen",
            "iroh.relays",
        ];
        assert_eq!(keys, wanted);
        let both = Value::List(vec!["127.0.0.1:1".into(), "[::1]:2".into()]);
        assert_eq!(flags.sources.flags[7].2, both);
    }

    /// `CFG-07`
    #[test]
    fn wrong_flags_are_refused() {
        for args in [&["--no-such"][..], &["--socket"], &["word"], &["-x"]] {
            run(args).expect_err("wrong");
        }
        assert!(matches!(run(&["--check-config"]), Ok(Request::CheckConfig(_))));
        assert!(matches!(run(&["--help"]), Ok(Request::Print(_))));
    }
}

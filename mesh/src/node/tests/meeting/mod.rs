//! Invites, requests and blocks between whole nodes.

mod invites;
mod requests;
mod work;

use alloc::string::{String, ToString};

use super::*;
use crate::{
    command::CommandError,
    invite::{Invite, InviteId},
    node::{InviteVerdict, Strangers},
    view::{MessageState, RequestView, WaitingFor},
    wire::frame::FrameKind,
};

const DAY: Duration = Duration::from_secs(86_400);

/// What the first contacts in a trace from `from` on showed: 0 nothing, 1 a pass, 2 work.
fn shown_from(net: &Net, from: usize, host: usize) -> Vec<u8> {
    let is_contact = |frame: &[u8]| {
        // Version, kind, header 45 with the class, label 16; then the admission.
        frame[1] == FrameKind::ENVELOPE.0 && frame[3] == 2 && frame[47..63] == [0; 16]
    };
    let frames = net.trace[from..].iter().filter(|(h, frame)| *h == host && is_contact(frame));
    frames.map(|(_, frame)| frame[63]).collect()
}

/// Hosts in a row; the last one asks for requests.
fn line_with_requests(count: u8) -> Net {
    line_with(count, Strangers::Request)
}

fn line_with(count: u8, strangers: Strangers) -> Net {
    let last = count - 1;
    let config = move |host| {
        let strangers = if host == last { strangers } else { Strangers::Inbox };
        Config { strangers, ..Config::default() }
    };
    let mut net = Net::with_config(count, config);
    for host in 1..usize::from(count) {
        net.connect(host - 1, host);
    }
    net.run(Duration::from_secs(5));
    net
}

fn invite_with(net: &mut Net, host: usize, lifetime: Duration, uses: u16) -> (InviteId, String) {
    let hints = alloc::vec!["tcp://192.0.2.7:7743".to_string()];
    let command = Command::InviteCreate { name: "Inga".into(), lifetime, uses, hints };
    match net.command(host, command) {
        Outcome::Invite { id, code, .. } => (id, code),
        other => panic!("no invite: {other:?}"),
    }
}

fn invite(net: &mut Net, host: usize) -> (InviteId, String) {
    invite_with(net, host, 7 * DAY, 1)
}

fn accepting(code: &str) -> Command {
    Command::InviteAccept { code: code.into(), name: None, introduce_as: "Gast".into() }
}

fn try_accept(net: &mut Net, host: usize, code: &str) -> Result<Outcome, CommandError> {
    let outcome = net.hosts[host].node.handle_command(net.now, accepting(code));
    net.drain(host);
    outcome
}

fn answered(net: &Net, host: usize, wanted: InviteVerdict) -> bool {
    net.has_event(
        host,
        |e| matches!(e, Event::InviteAnswered { verdict, .. } if *verdict == wanted),
    )
}

fn requests(net: &Net, host: usize) -> Vec<RequestView> {
    net.hosts[host].node.requests()
}

fn waiting(net: &Net, host: usize) -> Vec<String> {
    let text = |r: RequestView| String::from_utf8_lossy(&r.payload).into_owned();
    requests(net, host).into_iter().map(text).collect()
}

fn dropped(net: &Net, host: usize, reason: crate::error::DropReason) -> u64 {
    let index = crate::error::DropReason::ALL.iter().position(|known| *known == reason);
    net.hosts[host].node.status().counters.dropped[index.expect("listed")]
}

//! Two machines that share nothing but a code: the addresses in it are found by the daemon itself.

use std::{net::SocketAddr, time::Duration};

use simulation::daemons::{
    Daemon, Line, Place, Programs, Scratch, eventually, may_make_namespaces, number_from_env,
    text_of,
};

const PORT: u16 = 4242;

/// `MEET-09`: the listener is bound to every address; the code has the one of the cable, and not
/// that of loopback, which exists on both machines.
#[test]
fn meet_09_a_code_leads_to_another_machine() {
    if number_from_env("QPC_NAMESPACES", 1) == 0 || !may_make_namespaces() {
        eprintln!("SKIPPED: network namespaces need root and iproute2");
        return;
    }
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let line = Line::new(2).expect("namespaces can be made");
    let programs = Programs::find();
    let [inviter, guest] = [0, 1].map(|index| {
        let place = Place {
            folder: scratch.path().join(index.to_string()),
            listen: SocketAddr::from(([0, 0, 0, 0], PORT)),
            namespace: Some(line.name(index).into()),
        };
        Daemon::start(&programs, place).expect("a daemon starts")
    });
    let invite = inviter.qpc(&["invite", "--name", "Inga"]).expect("an invite can be made");
    let hint = format!("tcp://{}", Line::left_address(0, PORT));
    assert_eq!(invite["hints"], serde_json::json!([hint]));
    let code = text_of(&invite["code"]);
    let met = guest.qpc(&["accept", &code, "--as", "Gast"]).expect("the code holds");
    assert_eq!(text_of(&met["address"]), inviter.address());
    guest.send_and_wait(inviter.address(), "hello", 30).expect("the hint leads there");
    let contact = eventually(Duration::from_secs(30), || {
        let contacts = inviter.qpc(&["contacts", "list"]).ok()?;
        contacts["contacts"].as_array()?.first().cloned()
    });
    let contact = contact.expect("the guest introduces itself");
    assert_eq!(text_of(&contact["address"]), guest.address());
    assert_eq!(text_of(&contact["name"]), "Gast");
}

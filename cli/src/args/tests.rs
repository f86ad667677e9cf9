//! What can be typed, and what it means.

use clap::{CommandFactory, error::ErrorKind};

use super::*;

const ALICE: &str = "00112233445566778899aabbccddeeff";

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let words = line.split_whitespace().map(|word| word.replace("ALICE", ALICE));
    let line = std::iter::once("qpc".to_owned()).chain(words);
    Cli::try_parse_from(line).map(|cli| cli.command).map_err(|error| error.kind())
}

#[test]
fn the_command_tree_is_consistent() {
    Cli::command().debug_assert();
}

// CLI-20 to CLI-42: everything that may be typed
#[test]
fn every_command_parses() {
    for line in [
        "status",
        "--json status",
        "status --json --socket /run/s -q --no-color --timeout 0.5",
        "whoami",
        "peers",
        "peers -w",
        "peers --watch",
        "routes",
        "routes ALICE",
        "routes alice",
        "links list",
        "links add tcp://192.0.2.7:7743",
        "links add tcp://[::1]:7743",
        "links remove tcp://192.0.2.7:7743",
        "links remove 3",
        "send ALICE hello",
        "send alice hello --wait 5",
        "send --wait 5 alice hello",
        "send alice --file /etc/hostname",
        "send alice -",
        "send alice -- -hello",
        "send alice hi --priority urgent --lifetime 12h --volatile --signed",
        "send alice hi --sealed",
        "inbox",
        "inbox --since ALICE --take",
        "watch",
        "watch --take -n 3",
        "ping alice",
        "ping ALICE -c 10 -i 0 -s 100",
        "trace alice",
        "why ALICE",
        "queue",
        "cancel ALICE",
        "cancel ALICE ALICE",
        "channel create news",
        "channel join qpc-channel-1:xyz",
        "channel leave news",
        "channel list",
        "channel send news hello",
        "channel send news --file f",
        "channel send news -",
        "channel history news",
        "contacts list",
        "contacts add alice ALICE",
        "contacts remove alice",
        "contacts rename alice bob",
        "contacts rename ALICE bob",
        "contacts trust alice",
        "contacts psk alice --file secret",
        "contacts psk ALICE --file -",
        "identity export backup",
        "identity export - --passphrase-file p --force",
        "identity import backup --passphrase-file p",
        "identity import - --replace",
        "mailbox use ALICE",
        "mailbox use none",
        "proof show ALICE",
        "proof show ALICE -o receipt",
        "proof verify receipt --payload file",
        "send alice hi --proof",
        "events",
        "events -n 1",
        "config get",
        "config get tcp.listen",
        "config check",
        "config check file.toml",
        "mesh graph",
        "mesh graph -o mesh.svg",
        "completion bash",
        "completion zsh",
        "completion fish",
        "man",
        "man links add",
        "man --dir d",
        "fapp publish --ics frei.ics --leistung Probatorik",
        "fapp publish --plz 80331",
        "fapp pattern add Di 09:00-12:00/50m ab 2027-01-04 --leistung Probatorik",
        "fapp pattern list",
        "fapp pattern remove 1",
        "fapp pause 2027-08-02..2027-08-20",
        "fapp pause list",
        "fapp pause remove 1",
        "fapp import - --name praxis",
        "fapp export",
        "fapp export --ics termine.ics",
        "fapp export --fhir -",
        "version",
        "demo",
        "lab",
        "lab --nodes 7 --svg who.svg --seconds 60",
        "lab --map valley.toml",
        "lab air --listen /run/air",
        "lab air --listen /run/air --map valley.toml --json",
        "lab rnode --air /run/air --pty /dev/shm/radio --at -5,1200",
        "lab rnode --air /run/air --tcp 7633 --name anna",
    ] {
        assert!(parse(line).is_ok(), "qpc {line}: {:?}", parse(line));
    }
}

// CLI-05, CLI-10, CLI-11, CLI-25
#[test]
fn what_makes_no_sense_is_refused() {
    for (line, kind) in [
        ("", ErrorKind::MissingSubcommand),
        ("stauts", ErrorKind::InvalidSubcommand),
        ("status now", ErrorKind::UnknownArgument),
        ("status --frobnicate", ErrorKind::UnknownArgument),
        ("--timeout 0 status", ErrorKind::ValueValidation),
        ("--timeout -1 status", ErrorKind::UnknownArgument),
        ("--timeout soon status", ErrorKind::ValueValidation),
        ("--timeout inf status", ErrorKind::ValueValidation),
        ("--timeout NaN status", ErrorKind::ValueValidation),
        ("links", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("links add 192.0.2.7:7743", ErrorKind::ValueValidation),
        ("links add tcp://", ErrorKind::ValueValidation),
        ("send alice", ErrorKind::MissingRequiredArgument),
        ("send alice hello --file f", ErrorKind::ArgumentConflict),
        ("send alice hello --signed --sealed", ErrorKind::ArgumentConflict),
        ("send alice hello --priority now", ErrorKind::InvalidValue),
        ("send alice hello --lifetime 0", ErrorKind::ValueValidation),
        ("send alice hello --lifetime 3w", ErrorKind::ValueValidation),
        ("send alice hello --lifetime dd", ErrorKind::ValueValidation),
        ("send alice hello --lifetime 99999999999d", ErrorKind::ValueValidation),
        ("send alice hello --wait 0", ErrorKind::ValueValidation),
        ("inbox --since 1234", ErrorKind::ValueValidation),
        ("ping alice -c 0", ErrorKind::ValueValidation),
        ("ping alice -s 70000", ErrorKind::ValueValidation),
        ("why alice", ErrorKind::ValueValidation),
        ("cancel", ErrorKind::MissingRequiredArgument),
        ("contacts add alice bob", ErrorKind::ValueValidation),
        ("contacts add alice ALICE --root-key 12", ErrorKind::ValueValidation),
        ("completion tcsh", ErrorKind::InvalidValue),
        ("man links --dir d", ErrorKind::ArgumentConflict),
        ("fapp publish --ics f --slot 2027-01-12T09:00/50m", ErrorKind::ArgumentConflict),
        ("fapp pattern add", ErrorKind::MissingRequiredArgument),
        ("fapp pattern remove eins", ErrorKind::ValueValidation),
        ("fapp pause", ErrorKind::MissingRequiredArgument),
        ("fapp import", ErrorKind::MissingRequiredArgument),
        ("fapp export --ics a --fhir b", ErrorKind::ArgumentConflict),
        ("lab --nodes 1", ErrorKind::ValueValidation),
        ("lab --nodes 33", ErrorKind::ValueValidation),
        ("lab --nodes 3 --map m", ErrorKind::ArgumentConflict),
        ("lab air", ErrorKind::MissingRequiredArgument),
        ("lab rnode --air a", ErrorKind::MissingRequiredArgument),
        ("lab rnode --air a --pty p --tcp 1", ErrorKind::ArgumentConflict),
        ("lab rnode --air a --pty p --at 7", ErrorKind::ValueValidation),
    ] {
        assert_eq!(parse(line).map(|_| ()), Err(kind), "qpc {line}");
    }
}

// CLI-10
#[test]
fn thirty_two_digits_are_never_a_name() {
    let upper = ALICE.to_ascii_uppercase();
    let Ok(ContactRef::Address(address)) = upper.parse() else {
        panic!("an address");
    };
    assert_eq!(address.as_str(), ALICE);
    assert_eq!(ALICE[..31].parse(), Ok(ContactRef::Name(ALICE[..31].to_owned())));
    assert!("".parse::<ContactRef>().is_err());
}

// CLI-10
#[test]
fn times_mean_what_they_say() {
    let lifetime = |text| value::lifetime(text).map(|span| span.as_secs()).ok();
    assert_eq!(
        ["90", "90s", "10m", "12h", "7d"].map(lifetime),
        [90, 90, 600, 43_200, 604_800].map(Some)
    );
    assert_eq!(["", "s", "1.5h", "-1s", "5mm", "d7"].map(lifetime), [None; 6]);
    assert_eq!(value::seconds("0.5"), Ok(Duration::from_millis(500)));
    assert_eq!(value::pause("0"), Ok(Duration::ZERO));
    assert!(value::pause("1e300").is_err());
}

// CLI-25
#[test]
fn options_of_send_reach_the_command() {
    let Ok(Command::Send(send)) = parse("send ALICE hi --volatile --lifetime 1m --wait 2.5") else {
        panic!("it parses");
    };
    assert_eq!(send.address.to_string(), ALICE);
    assert_eq!(send.body, Body { text: Some("hi".to_owned()), file: None });
    assert_eq!(send.lifetime, Some(Duration::from_secs(60)));
    assert_eq!(send.wait, Some(Duration::from_millis(2_500)));
    assert_eq!(send.priority, Priority::Normal);
    assert!(send.volatile && !send.signed && !send.sealed);
}

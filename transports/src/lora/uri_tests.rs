use super::{Place, Radio, Refusal, Region, RnodeTarget, RnodeTargetError as E, Settings};

const CONTRACT: &str = "freq=869525000&bw=125000&sf=8&cr=5&txp=14&region=EU868";

fn parse(uri: &str) -> RnodeTarget {
    RnodeTarget::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"))
}

#[test]
fn rnd_30_serial_and_tcp() {
    let path = "/dev/serial/by-id/usb-1a86_USB_Single_Serial_5749002-if00";
    let serial = parse(&format!("rnode://{path}?{CONTRACT}"));
    assert_eq!(*serial.place(), Place::Serial(path.to_owned()));
    for (host, printed) in [
        ("127.0.0.1:17633", "127.0.0.1:17633"),
        ("radio.example", "radio.example:7633"),
        ("[::1]", "[::1]:7633"),
        ("[::1]:4", "[::1]:4"),
    ] {
        let tcp = parse(&format!("rnode://{host}?region=EU868"));
        assert_eq!(tcp.place().to_string(), format!("rnode://{printed}"));
    }
}

#[test]
fn rnd_31_parameters() {
    let target = parse("rnode:///dev/ttyUSB0?region=EU868");
    assert_eq!(*target.radio(), Radio::new(Region::Eu868));
    assert_eq!(target.band().name, "EU868/P");
    assert_eq!(parse(&format!("rnode:///dev/ttyUSB0?{CONTRACT}")), target);
    let long = parse("rnode:///dev/ttyUSB0?region=eu868&preset=long-fast&txp=10&gain=-1.5");
    assert_eq!(
        *long.radio(),
        Radio {
            region: Region::Eu868,
            settings: Settings {
                frequency_hz: 869_525_000,
                bandwidth_hz: 250_000,
                spreading_factor: 11,
                coding_rate: 5,
                tx_power_dbm: 10
            },
            gain_centi_dbi: -150,
        }
    );
    // What is named counts more than the preset.
    let faster = parse("rnode:///dev/ttyUSB0?preset=long-fast&sf=9&region=EU868");
    assert_eq!(faster.radio().settings.spreading_factor, 9);
    let changed = faster.radio().with("sf=10&txp=20").expect("it is allowed in P");
    assert_eq!(changed.settings.tx_power_dbm, 20);
    assert_eq!(changed.settings.bandwidth_hz, 250_000);
    let moved = changed.with("region=US915").expect("its defaults are allowed");
    assert_eq!(moved.settings, Region::Us915.defaults());
}

#[test]
fn rnd_31_bad_addresses_say_what_is_wrong() {
    for (uri, error) in [
        ("/dev/ttyUSB0", E::Form),
        ("tcp://host:1", E::Form),
        ("rnode://", E::Host(crate::tcp::TargetError::BadHost)),
        ("rnode:///", E::Path),
        ("rnode:///dev/tty USB0?region=EU868", E::Path),
        ("rnode://host:0?region=EU868", E::Host(crate::tcp::TargetError::BadPort)),
        ("rnode://a b?region=EU868", E::Host(crate::tcp::TargetError::BadHost)),
        ("rnode:///dev/ttyUSB0", E::NoRegion),
        ("rnode:///dev/ttyUSB0?freq=869525000", E::NoRegion),
        ("rnode:///dev/ttyUSB0?region=EU", E::Value("region")),
        ("rnode:///dev/ttyUSB0?region=EU868&preset=fast", E::Value("preset")),
        ("rnode:///dev/ttyUSB0?region=EU868&region=EU868", E::Twice("region")),
        ("rnode:///dev/ttyUSB0?region=EU868&freq=869.525", E::Value("freq")),
        ("rnode:///dev/ttyUSB0?region=EU868&freq=", E::Value("freq")),
        ("rnode:///dev/ttyUSB0?region=EU868&freq=4294967296", E::Value("freq")),
        ("rnode:///dev/ttyUSB0?region=EU868&sf=+8", E::Value("sf")),
        ("rnode:///dev/ttyUSB0?region=EU868&txp=-1", E::Value("txp")),
        ("rnode:///dev/ttyUSB0?region=EU868&txp=256", E::Value("txp")),
        ("rnode:///dev/ttyUSB0?region=EU868&gain=2.155", E::Value("gain")),
        ("rnode:///dev/ttyUSB0?region=EU868&gain=100", E::Value("gain")),
        ("rnode:///dev/ttyUSB0?region=EU868&gain=.5", E::Value("gain")),
        ("rnode:///dev/ttyUSB0?region=EU868&duty=off", E::Parameter),
        ("rnode:///dev/ttyUSB0?region", E::Parameter),
    ] {
        assert_eq!(RnodeTarget::parse(uri), Err(error), "{uri}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn rnd_32_one_form() {
    let text = format!("rnode:///dev/ttyUSB0?{CONTRACT}");
    assert_eq!(parse("rnode:///dev/ttyUSB0?region=eu868").to_string(), text);
    for uri in [
        "rnode://host?region=US915&preset=short-turbo&gain=5.5",
        "rnode:///dev/ttyACM0?region=AS923",
        "rnode://[fe80::1%eth0]:1?region=EU433&sf=12&gain=-3",
    ] {
        let target = parse(uri);
        assert_eq!(parse(&target.to_string()), target);
    }
    let text = parse("rnode://host?region=EU868&gain=2.05").to_string();
    assert!(text.ends_with("&gain=2.05"), "{text}");
}

#[test]
fn rnd_33_illegal_settings_are_refused() {
    for (parameters, rule) in [
        ("region=EU868&txp=28", "EU868/P"),
        ("region=EU868&freq=868300000&txp=15", "EU868/M"),
        ("region=EU868&freq=869525000&bw=500000", "in no sub-band"),
        ("region=US915&bw=125000", "15.247"),
        ("region=EU868&sf=13", "5 to 12"),
    ] {
        match RnodeTarget::parse(&format!("rnode:///dev/ttyUSB0?{parameters}")) {
            Err(E::Refused(refusal)) => {
                assert!(refusal.to_string().contains(rule), "{refusal}");
                assert!(matches!(
                    refusal,
                    Refusal::Power { .. }
                        | Refusal::Channel { .. }
                        | Refusal::Narrow { .. }
                        | Refusal::Hardware { .. }
                ));
            }
            other => panic!("{parameters}: {other:?}"),
        }
    }
}

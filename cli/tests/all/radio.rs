//! What is said of modems.

use serde_json::json;

use crate::{
    commands::{document, fields},
    qpc::run,
    scripted::Scripted,
};

// CLI-110, CLI-112
#[test]
fn modems_are_shown_with_air_time_and_neighbours() {
    let server = Scripted::start();
    let radios = document(&server, "radio", "quicprochat.radio/1");
    let radio = &radios["radios"][0];
    assert_eq!(
        fields(radio),
        [
            "airtime",
            "channel_load",
            "channel_load_hour",
            "complaints",
            "error",
            "firmware",
            "given_up",
            "heard",
            "id",
            "message_wait_s",
            "neighbours",
            "noise_floor_dbm",
            "repeated",
            "sent",
            "settings",
            "state",
            "uri"
        ]
    );
    assert_eq!(fields(&radio["airtime"][0]), ["band", "limit_ms", "used_ms", "window_s"]);
    let neighbour = &radio["neighbours"][0];
    assert_eq!((&neighbour["rssi_dbm"], &neighbour["snr_db"]), (&json!(-97), &json!(6.25)));
    assert_eq!(radio["settings"]["frequency_hz"], 869_525_000);
    let told = run(&server.socket(), "radio").exits(0).out;
    assert!(told.contains("(10.0 %)") && told.contains("-97 dBm"), "{told}");
    assert!(told.contains("no share of time is claimed"), "{told}");
    assert!(!told.contains('\x1b'), "{told}");
}

// CLI-111, CLI-113
#[test]
fn modems_are_set_and_listened_with() {
    let server = Scripted::start();
    let socket = server.socket();
    let done = document(&server, "radio set sf=9 txp=10", "quicprochat.done/1");
    assert_eq!(done["done"], "Set to rnode:///dev/modem?sf=9");
    run(&socket, "radio set sf=9 txp=10 --modem 3").exits(0);
    run(&socket, "radio set sf=9 txp=10 --modem rnode:///dev/modem").exits(0);
    let refused = run(&socket, "--json radio set txp=30").exits(1).error();
    assert!(refused["error"].as_str().is_some_and(|text| text.contains("27 dBm ERP")));
    run(&socket, "radio set sf=9 --modem 4").exits(1);
    run(&socket, "radio set").exits(2);
    let rows = document(&server, "radio scan -s 2", "quicprochat.radio-scan/1");
    assert_eq!(
        (&rows["rows"][0]["heard"], &rows["rows"][0]["rssi_dbm"]),
        (&json!(2), &json!(-101))
    );
    run(&socket, "radio scan -s 61").exits(2);
}

//! The committed introspection XML against the code, in both directions (`API-10`).

use std::{fs, path::Path, sync::Arc};

use mesh::MeshIdentity;
use zbus::object_server::Interface;

use super::*;
use crate::{actor::Handle, paths::Paths};

fn context() -> Context {
    let identity = MeshIdentity::from_seeds([1; 32], None);
    let paths = Paths { config: "c".into(), data_dir: "d".into(), socket: "s".into() };
    let shared = Shared::new(identity, paths, Sources::default());
    Context::new(Handle::detached(), Arc::new(shared), true)
}

fn document<I: Interface>(interface: &I) -> (String, String) {
    let mut body = String::new();
    interface.introspect_to_writer(&mut body, 2);
    let text = format!(
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \
         \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n{body}</node>\n"
    );
    (I::name().to_string(), text)
}

/// Every interface as the code has it.
fn documents() -> Vec<(String, String)> {
    let context = context();
    let row = crate::actor::LinkRow {
        id: "1".into(),
        uri: "tcp://127.0.0.1:1".into(),
        direction: "dialled",
        origin: crate::actor::Origin::Api,
        state: "up",
        link: None,
        peer: None,
        error: None,
        next_try: None,
        path: None,
    };
    let mut documents = vec![
        document(&channels::Channels(context.clone())),
        document(&contacts::Contacts(context.clone())),
        document(&daemon::Daemon(context.clone())),
        document(&discovery::Discovery(context.clone())),
        document(&events::Events(context.clone())),
        document(&invites::Invites(context.clone())),
        document(&objects::Link(row)),
        document(&links::Links(context.clone())),
        document(&messages::Messages(context.clone())),
        document(&objects::Peer(api::Peer::default())),
        document(&peers::Peers(context.clone())),
        document(&radios::Radios(context.clone())),
        #[cfg(feature = "appointments")]
        document(&appointments::Appointments(context.clone())),
        #[cfg(feature = "appointments")]
        document(&alerts::Alerts(context.clone())),
        #[cfg(feature = "appointments")]
        document(&trust::Trust(context.clone())),
        document(&requests::Requests(context.clone())),
        document(&routes::Routes(context.clone())),
        document(&visitors::Visitors::new(context)),
    ];
    documents.sort();
    documents
}

/// `API-10`. With `QPC_UPDATE_XML` in the environment the files are written instead.
#[test]
fn committed_xml_is_what_the_code_says() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/xml");
    let documents = documents();
    if std::env::var_os("QPC_UPDATE_XML").is_some() {
        for (name, text) in &documents {
            fs::write(dir.join(format!("{name}.xml")), text).expect("writable");
        }
    }
    for (name, text) in &documents {
        let file = fs::read_to_string(dir.join(format!("{name}.xml"))).unwrap_or_default();
        assert_eq!(&file, text, "{name}");
    }
}

/// `API-10`: no file without code, and the client library carries exactly these files.
#[test]
fn no_xml_without_code() {
    let names: Vec<String> = documents().into_iter().map(|(name, _)| name).collect();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/xml");
    let mut files: Vec<String> = fs::read_dir(dir)
        .expect("the directory is committed")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().replace(".xml", ""))
        .collect();
    files.sort();
    assert_eq!(files, names);
    let carried: Vec<&str> = api::XML.iter().map(|(name, _)| *name).collect();
    assert_eq!(carried, names);
}

//! What a browser does with a node's page, without the browser: requests, and the page's own core.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, SystemTime},
};

use fapp_web::{core::Core, message};
use serde_json::{Value, json};

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, as it came.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request and reads the whole answer.
///
/// # Errors
/// Of the connection, or an answer that is none.
pub fn http(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    let has_host = headers.iter().any(|(name, _)| *name == "Host");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !has_host {
        head += &format!("Host: {to}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    // A server that refuses early may have closed already; its answer is still to be read.
    let _ = stream.write_all(body);
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let end = all.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::other("no head"))?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status"))?;
    Ok(Answer { status, head, body: all.split_off(end + 4) })
}

/// A visitor: the page's core, the node it asks, and all that it told the node.
#[derive(Debug)]
pub struct Visitor {
    core: Core,
    node: SocketAddr,
    /// Every request: its first line and its body.
    pub told: Vec<(String, Vec<u8>)>,
}

impl Visitor {
    /// A visitor of the page at a node.
    ///
    /// # Panics
    /// When the core does not start.
    pub fn new(node: SocketAddr, seed: u8) -> Self {
        let mut visitor = Self { core: Core::default(), node, told: Vec::new() };
        visitor.ask(json!({ "op": "start", "seed": message::hex(&[seed; 32]) }), &[]);
        visitor
    }

    fn now() -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    }

    fn call(&mut self, call: &Value, bytes: &[u8]) -> (Value, Vec<u8>) {
        let said = self.core.call(&message::write(call, bytes));
        let len = u32::from_le_bytes(said[..4].try_into().expect("a length")) as usize;
        let value: Value = serde_json::from_slice(&said[4..4 + len]).expect("JSON");
        assert!(value["error"].is_null(), "{value}");
        (value["ok"].clone(), said[4 + len..].to_vec())
    }

    fn ask(&mut self, call: Value, bytes: &[u8]) -> Value {
        self.call(&call, bytes).0
    }

    /// Asks the node.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn fetch(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.told.push((format!("{method} {path}"), body.to_vec()));
        http(self.node, method, path, &[], body).expect("the node answers")
    }

    /// Searches: fetches the regions a search needs, and looks through them.
    pub fn search(&mut self, query: &Value) -> Vec<Value> {
        let regions = self.ask(json!({ "op": "regions", "query": query }), &[]);
        for region in regions.as_array().expect("regions").clone() {
            let path = format!("/v1/region/{}", region.as_str().expect("digits"));
            let bytes = self.fetch("GET", &path, &[]).body;
            self.ask(json!({ "op": "load", "now": Self::now() }), &bytes);
        }
        let found = self.ask(json!({ "op": "search", "now": Self::now(), "query": query }), &[]);
        found.as_array().expect("slots").clone()
    }

    /// Asks for a slot; the reservation's name.
    pub fn reserve(&mut self, slot: &str, contact: &str) -> String {
        let node = self.fetch("GET", "/v1/node", &[]).json();
        let call = json!({
            "op": "reserve", "now": Self::now(), "id": slot, "text": contact, "mailboxes": node["mailboxes"],
        });
        self.ask(call, &[]);
        loop {
            let said = self.ask(json!({ "op": "work", "tries": 65_536 }), &[]);
            if let Some(id) = said["id"].as_str() {
                self.pulse();
                return id.to_owned();
            }
        }
    }

    /// Takes a reservation back.
    pub fn cancel(&mut self, id: &str) {
        self.ask(json!({ "op": "cancel", "now": Self::now(), "id": id }), &[]);
        self.pulse();
    }

    /// What the page does every few seconds.
    pub fn pulse(&mut self) {
        self.ask(json!({ "op": "tick", "now": Self::now() }), &[]);
        self.ask(json!({ "op": "rows" }), &[]);
        self.ask(json!({ "op": "committed" }), &[]);
        loop {
            let (want, body) = self.call(&json!({ "op": "question", "now": Self::now() }), &[]);
            let Some(address) = want["address"].as_str() else { break };
            if want["want"] == "bundle" {
                let answer = self.fetch("GET", &format!("/v1/bundle/{address}"), &[]);
                let bytes = if answer.status == 200 { answer.body } else { Vec::new() };
                self.ask(json!({ "op": "bundle", "id": address }), &bytes);
            } else {
                let answer = self.fetch("POST", &format!("/v1/exchange/{address}"), &body);
                let bytes = if answer.status == 200 { answer.body } else { Vec::new() };
                let call = json!({ "op": "answer", "now": Self::now(), "token": want["token"] });
                self.ask(call, &bytes);
            }
        }
        self.ask(json!({ "op": "rows" }), &[]);
        self.ask(json!({ "op": "committed" }), &[]);
    }

    /// A reservation's state.
    pub fn state(&mut self, id: &str) -> String {
        let all = self.ask(json!({ "op": "reservations" }), &[]);
        let of = all.as_array().and_then(|all| all.iter().find(|one| one["id"] == id));
        of.and_then(|one| one["state"].as_str()).unwrap_or("none").to_owned()
    }
}

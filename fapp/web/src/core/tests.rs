//! The page's core against a practice and a mailbox node, as the page drives it.

use std::collections::BTreeMap;

use fapp::{
    SlotId, UnixSeconds,
    announce::{Draft, Profile, SlotAnnounce},
    plz::Plz,
    reservation::{About, Ask, LETTER_LEN, Opened, Pool, Practice, Received, Said, SubKeys},
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet, Sprachen, Terms},
};
use mesh::{Address, Instant, MeshIdentity, Node, crypto::rng::NodeRng, node::Config};
use serde_json::{Value, json};

use super::Core;
use crate::message::hex;

const NOW: u64 = 1_800_000_000;
const START: u64 = NOW + 86_400;

/// A mailbox node, as far as exchanges go.
struct Mailbox {
    node: Node,
    pool: Pool,
    rng: NodeRng,
    questions: Vec<Vec<u8>>,
}

impl Mailbox {
    fn new(seed: u8) -> Self {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let identity = MeshIdentity::generate(&mut rng, false);
        let mut node = Node::new(Instant::ZERO, Config::default(), identity, rng.array());
        node.handle_timeout(Instant::ZERO);
        let pool = Pool::new(node.address(), 1_000);
        Self { node, pool, rng, questions: Vec::new() }
    }

    fn bundle(&mut self) -> Vec<u8> {
        let own = self.node.address();
        self.node.bundle_bytes(Instant::ZERO, own).expect("its own")
    }

    fn answer(&mut self, question: &[u8]) -> Vec<u8> {
        self.questions.push(question.to_vec());
        let id = Opened::prekey_id(question).expect("a question");
        let (x25519, xwing) = self.node.opening_key(id).expect("its key");
        let opened = Opened::open(&self.node.address(), x25519, xwing, question).expect("to it");
        let mut said = Said { kept: false, put_bits: 0, cursor: 0, letters: Vec::new() };
        match &opened.ask {
            Ask::Put { hour, nonce, letter } => {
                let put = self.pool.put(UnixSeconds(NOW), letter.clone(), *hour, *nonce);
                said.kept = put.is_ok();
            }
            Ask::Take(labels) => said.letters = self.pool.take(labels),
            Ask::Page(_) => panic!("patients turn no pages"),
        }
        opened.respond(&said, &mut self.rng)
    }
}

/// A practice with one slot, whose mailbox is `mailbox`.
struct Doctor {
    announce: SlotAnnounce,
    practice: Practice,
    keys: SubKeys,
    slot: SlotId,
}

impl Doctor {
    fn new(mailbox: Address) -> Self {
        let mut rng = NodeRng::from_seed([77; 32]);
        let identity = MeshIdentity::generate(&mut rng, true);
        let mut keys = SubKeys::default();
        keys.rotate(UnixSeconds(NOW), rng.array());
        let profile = Profile {
            fachrichtungen: Terms::from(Fachrichtung::Verhaltenstherapie),
            modalitaeten: Terms::from(Modalitaet::Praxis),
            kostentraeger: Terms::from(Kostentraeger::Gkv),
            sprachen: Sprachen::default().with("de").expect("a language"),
            ..Profile::default()
        };
        let plz = Plz::parse("80331").expect("a code");
        let mut draft = Draft::new(plz, profile, UnixSeconds(NOW - 60), 1);
        draft.sub_key = *keys.current().expect("made").public().x25519();
        draft.slots = vec![Slot::new(UnixSeconds(START), 50)];
        draft.mailboxes = vec![mailbox];
        draft.expires = UnixSeconds(START + 3_600);
        let announce = draft.sign(&identity).expect("sound");
        let slot = announce.slots()[0].id(announce.therapist());
        let mut practice = Practice::default();
        let about = About { announce: announce.id(), slot };
        practice.offer(UnixSeconds(NOW), about, UnixSeconds(START), 50).expect("offered");
        Self { announce, practice, keys, slot }
    }

    fn region(&self) -> Vec<u8> {
        let bytes = self.announce.bytes();
        let mut region = (bytes.len() as u16).to_le_bytes().to_vec();
        region.push(1);
        region.extend_from_slice(&bytes);
        region
    }

    /// Reads the pool; what was received.
    fn read(&mut self, pool: &Pool) -> Vec<Received> {
        let (_, letters) = pool.page(0, LETTER_LEN);
        let receive =
            |letter| self.practice.receive(UnixSeconds(NOW), letter, &self.keys, [9; 32]).ok();
        letters.iter().filter_map(receive).collect()
    }

    /// Puts its answers where they belong.
    fn speak(&mut self, pool: &mut Pool) {
        while self.practice.poll_row().is_some() {}
        self.practice.handle_committed();
        while let Some(outgoing) = self.practice.poll_outgoing() {
            let (hour, mut search) = fapp::reservation::put_work(
                &outgoing.to,
                UnixSeconds(NOW),
                &outgoing.letter,
                fapp::reservation::limits::PUT_BITS_MIN,
            );
            let Some(mesh::envelope::Admission::Work { nonce }) = search.step(u32::MAX) else {
                panic!("found")
            };
            pool.put(UnixSeconds(NOW), outgoing.letter, hour, nonce).expect("there is room");
        }
    }
}

/// A page: its core and what it keeps.
struct Page {
    core: Core,
    kept: BTreeMap<String, String>,
}

impl Page {
    fn new() -> Self {
        let mut page = Self { core: Core::default(), kept: BTreeMap::new() };
        page.ask(json!({ "op": "start", "seed": hex(&[5; 32]) }), &[]);
        page
    }

    fn try_ask(&mut self, call: Value, bytes: &[u8]) -> (Value, Vec<u8>) {
        let said = self.core.call(&crate::message::write(&call, bytes));
        let len = u32::from_le_bytes(said[..4].try_into().expect("a length")) as usize;
        let value = serde_json::from_slice(&said[4..4 + len]).expect("JSON");
        (value, said[4 + len..].to_vec())
    }

    fn ask(&mut self, call: Value, bytes: &[u8]) -> Value {
        let (said, _) = self.try_ask(call, bytes);
        assert!(said.get("error").is_none(), "{said}");
        said["ok"].clone()
    }

    fn load(&mut self, region: &[u8]) -> Value {
        self.ask(json!({ "op": "load", "now": NOW }), region)
    }

    fn reserve(&mut self, slot: SlotId, contact: &str, mailboxes: &[Address]) -> String {
        let mailboxes: Vec<String> = mailboxes.iter().map(|node| hex(node.as_bytes())).collect();
        let call = json!({
            "op": "reserve", "now": NOW, "id": slot.to_string(), "text": contact, "mailboxes": mailboxes,
        });
        self.ask(call, &[]);
        loop {
            let said = self.ask(json!({ "op": "work", "tries": 16_384 }), &[]);
            if let Some(id) = said["id"].as_str() {
                return id.to_owned();
            }
        }
    }

    fn keep(&mut self) {
        let rows = self.ask(json!({ "op": "rows" }), &[]);
        for row in rows.as_array().expect("rows") {
            let key = row[0].as_str().expect("a key").to_owned();
            match row[1].as_str() {
                Some(value) => {
                    self.kept.insert(key, value.to_owned());
                }
                None => {
                    self.kept.remove(&key);
                }
            }
        }
        self.ask(json!({ "op": "committed" }), &[]);
    }

    /// One pulse of the page; how many questions were carried.
    fn pulse(&mut self, nodes: &mut [&mut Mailbox]) -> usize {
        self.ask(json!({ "op": "tick", "now": NOW }), &[]);
        self.keep();
        let mut carried = 0;
        loop {
            let (said, body) = self.try_ask(json!({ "op": "question", "now": NOW }), &[]);
            let want = &said["ok"];
            let Some(address) = want["address"].as_str() else { break };
            let of = |node: &&mut &mut Mailbox| hex(node.node.address().as_bytes()) == address;
            let node = nodes.iter_mut().find(of).expect("a known node");
            if want["want"] == "bundle" {
                let bundle = node.bundle();
                let taken = self.ask(json!({ "op": "bundle", "id": address }), &bundle);
                assert_eq!(taken, true);
            } else {
                let answer = node.answer(&body);
                self.ask(json!({ "op": "answer", "now": NOW, "token": want["token"] }), &answer);
                carried += 1;
            }
        }
        self.keep();
        carried
    }

    fn reservation(&mut self) -> Value {
        self.ask(json!({ "op": "reservations" }), &[])[0].clone()
    }
}

#[test]
fn web_20_a_request_is_confirmed() {
    let (mut theirs, mut mine) = (Mailbox::new(1), Mailbox::new(2));
    let mut doctor = Doctor::new(theirs.node.address());
    let mut page = Page::new();
    let told = page.load(&doctor.region());
    assert_eq!((told["taken"].as_u64(), told["slots"].as_u64()), (Some(1), Some(1)));
    let found = page.ask(
        json!({ "op": "search", "now": NOW, "query": { "plz": "80333", "radius_km": 5 } }),
        &[],
    );
    assert_eq!(found[0]["id"], doctor.slot.to_string());
    assert_eq!((found[0]["trust"].as_u64(), found[0]["plz"].as_str()), (Some(1), Some("80331")));
    let id = page.reserve(doctor.slot, "", &[mine.node.address()]);
    assert!(
        page.pulse(&mut [&mut theirs, &mut mine]) >= 2,
        "a letter is put, and an answer looked for"
    );
    assert_eq!(page.reservation()["state"], "requested");
    let received = doctor.read(&theirs.pool);
    let [Received::Requested(request)] = received[..] else { panic!("{received:?}") };
    assert_eq!(request.to_string(), id);
    doctor.practice.confirm(UnixSeconds(NOW), &request).expect("free");
    doctor.speak(&mut mine.pool);
    page.pulse(&mut [&mut theirs, &mut mine]);
    assert_eq!(page.reservation()["state"], "confirmed");
}

#[test]
fn web_21_what_does_not_verify_is_left_out() {
    let doctor = Doctor::new(Address::from_bytes([3; 16]));
    let mut page = Page::new();
    let whole = doctor.region();
    for place in 3..whole.len() {
        let mut bad = whole.clone();
        bad[place] ^= 1;
        let told = page.load(&bad);
        assert_eq!(
            (told["taken"].as_u64(), told["refused"].as_u64()),
            (Some(0), Some(1)),
            "{place}"
        );
    }
    for len in 1..whole.len() {
        let (said, _) = page.try_ask(json!({ "op": "load", "now": NOW }), &whole[..len]);
        assert!(said["error"].is_string(), "{len}");
    }
    assert_eq!(page.load(&whole)["taken"], 1);
    assert_eq!(page.load(&whole)["taken"], 1, "and again");
    page.ask(json!({ "op": "unload" }), &[]);
    assert_eq!(page.load(&[])["announces"], 0);
}

#[test]
fn web_22_reservations_survive_in_rows_and_nothing_leaves_before() {
    let (mut theirs, mut mine) = (Mailbox::new(1), Mailbox::new(2));
    let doctor = Doctor::new(theirs.node.address());
    let mut page = Page::new();
    page.load(&doctor.region());
    let id = page.reserve(doctor.slot, "", &[mine.node.address()]);
    // Not kept yet: whatever the page asks, no letter comes.
    for _ in 0..4 {
        let (said, _) = page.try_ask(json!({ "op": "question", "now": NOW }), &[]);
        assert_eq!(said["ok"], Value::Null);
    }
    page.keep();
    let mut again = Page::new();
    let rows: Vec<(String, String)> = page.kept.clone().into_iter().collect();
    let bad = again.ask(json!({ "op": "restore", "now": NOW + 120, "rows": rows }), &[]);
    assert_eq!(bad, json!([]));
    assert_eq!(again.reservation()["id"], id);
    assert!(again.pulse(&mut [&mut theirs, &mut mine]) >= 1);
    assert_eq!(theirs.pool.len(), 1, "the letter leaves after the restart");
    let bad = again.ask(json!({ "op": "restore", "now": NOW, "rows": [["71ff", "00"]] }), &[]);
    assert_eq!(bad, json!(["71ff"]), "what does not hold is named");
}

#[test]
fn web_23_contact_data_waits_for_the_confirmation() {
    let (mut theirs, mut mine) = (Mailbox::new(1), Mailbox::new(2));
    let mut doctor = Doctor::new(theirs.node.address());
    let mut page = Page::new();
    page.load(&doctor.region());
    page.reserve(doctor.slot, "Kim, 0151 1234", &[mine.node.address()]);
    page.pulse(&mut [&mut theirs, &mut mine]);
    let received = doctor.read(&theirs.pool);
    let [Received::Requested(request)] = received[..] else { panic!("{received:?}") };
    assert!(doctor.practice.requests().all(|request| request.contact.is_none()));
    doctor.practice.confirm(UnixSeconds(NOW), &request).expect("free");
    doctor.speak(&mut mine.pool);
    page.pulse(&mut [&mut theirs, &mut mine]);
    page.pulse(&mut [&mut theirs, &mut mine]);
    doctor.read(&theirs.pool);
    let contact = doctor.practice.requests().find_map(|request| request.contact.map(str::to_owned));
    assert_eq!(contact.as_deref(), Some("Kim, 0151 1234"));
    assert_eq!(page.reservation()["contact_given"], true);
}

#[test]
fn web_24_keys_of_others_are_not_taken() {
    let (theirs, mut other) = (Mailbox::new(1), Mailbox::new(2));
    let mut page = Page::new();
    let address = hex(theirs.node.address().as_bytes());
    let bundle = other.bundle();
    assert_eq!(page.ask(json!({ "op": "bundle", "id": address }), &bundle), false);
    let mut altered = Mailbox::new(1).bundle();
    altered[60] ^= 1;
    assert_eq!(page.ask(json!({ "op": "bundle", "id": address }), &altered), false);
    assert_eq!(page.ask(json!({ "op": "bundle", "id": address }), &[]), false);
}

#[test]
fn web_25_answers_go_elsewhere() {
    let (mut theirs, mut mine) = (Mailbox::new(1), Mailbox::new(2));
    let doctor = Doctor::new(theirs.node.address());
    let mut page = Page::new();
    page.load(&doctor.region());
    page.reserve(doctor.slot, "", &[theirs.node.address(), mine.node.address()]);
    page.pulse(&mut [&mut theirs, &mut mine]);
    assert_eq!((theirs.questions.len(), mine.questions.len()), (1, 1), "a put there, a take here");
    let call =
        json!({ "op": "reserve", "now": NOW, "id": doctor.slot.to_string(), "mailboxes": [] });
    let (said, _) = page.try_ask(call, &[]);
    assert!(said["error"].as_str().is_some_and(|error| error.contains("no node")), "{said}");
}

#[test]
fn web_26_nonsense_is_answered() {
    let mut core = Core::default();
    for message in [&[][..], &[1, 0, 0, 0], &[255; 16], &[2, 0, 0, 0, b'{', b'}']] {
        let said = core.call(message);
        assert!(String::from_utf8_lossy(&said).contains("error"), "{message:?}");
    }
    let mut page = Page::new();
    for call in [
        json!({ "op": "reserve", "id": "zz" }),
        json!({ "op": "work" }),
        json!({ "op": "cancel", "id": "00" }),
        json!({ "op": "plz", "text": "8033" }),
        json!({ "op": "plz", "text": "８０３３１" }),
        json!({ "op": "search", "query": { "plz": "00123" } }),
        json!({ "op": "search", "query": { "fachrichtung": "Astrologie" } }),
        json!({ "op": "reserve", "id": hex(&[0; 16]), "text": "a\u{202e}b" }),
        json!({ "op": "start", "seed": "00" }),
    ] {
        let (said, _) = page.try_ask(call.clone(), &[]);
        assert!(said["error"].is_string(), "{call}");
    }
    assert_eq!(page.ask(json!({ "op": "answer", "token": 99 }), &[1, 2, 3]), false);
}

#[test]
fn web_03_what_is_fetched_tells_the_region_alone() {
    let mut page = Page::new();
    let mut regions = |plz: &str, radius_km: u16| {
        page.ask(json!({ "op": "regions", "query": { "plz": plz, "radius_km": radius_km } }), &[])
    };
    let munich = regions("80331", 25);
    assert!(
        munich
            .as_array()
            .is_some_and(|all| all.contains(&json!("80")) && all.contains(&json!("81")))
    );
    for other in ["80333", "80999", "80805"] {
        assert_eq!(regions(other, 25), munich, "{other}");
    }
    let wide = regions("80331", 100);
    assert!(wide.as_array().map(Vec::len) > munich.as_array().map(Vec::len));
    let prefix = page.ask(json!({ "op": "regions", "query": { "plz_prefix": "803" } }), &[]);
    assert_eq!(prefix, json!(["80"]));
    let one = page.ask(json!({ "op": "regions", "query": { "plz_prefix": "8" } }), &[]);
    assert!(one.as_array().is_some_and(|all| all.len() >= 8
        && all.iter().all(|region| region.as_str().is_some_and(|region| region.starts_with('8')))));
}

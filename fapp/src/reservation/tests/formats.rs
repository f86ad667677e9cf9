//! Parsers: what is written is read, and nothing else is.

use std::vec::Vec;

use mesh::error::Malformed;

use super::{
    super::{
        Alternative, Answer, Content, FollowUp, LETTER_LEN, LETTER_LEN_XWING, Reason, Request,
        Verdict, limits::CONTENT_LEN,
    },
    *,
};

fn request() -> Content {
    Content::Request(Request {
        id: RequestId([1; 16]),
        made_at: UnixSeconds(0x0102_0304),
        hold: Hold::Kept,
        reply_key: [2; 32],
        mailbox: Address::from_bytes([3; 16]),
        tag: [4; 16],
        work: 5,
    })
}

fn declined(alternatives: usize) -> Content {
    let offered = Alternative { slot: SlotId([6; 16]), start: UnixSeconds(7), minutes: 50 };
    Content::Answer(Answer {
        verdict: Verdict::Declined,
        reason: Reason::Busy,
        work_bits: 16,
        decided_at: UnixSeconds(9),
        follow_key: [0; 32],
        alternatives: vec![offered; alternatives],
    })
}

fn confirmed() -> Answer {
    Answer {
        verdict: Verdict::Confirmed,
        reason: Reason::None,
        work_bits: 0,
        decided_at: UnixSeconds(9),
        follow_key: [8; 32],
        alternatives: Vec::new(),
    }
}

fn contact() -> Content {
    Content::FollowUp(FollowUp::contact("Änne, 0151 1234").expect("sound"))
}

fn contents() -> [Content; 6] {
    let cancel = Content::FollowUp(FollowUp::Cancel);
    [request(), declined(0), declined(8), Content::Answer(confirmed()), contact(), cancel]
}

#[test]
fn rsv_07_layouts() {
    let shown = |content: &Content| {
        let area = content.write(CONTENT_LEN);
        let used = area.iter().rposition(|&byte| byte != 0).expect("not empty");
        hex(&area[..=used])
    };
    let id = "01".repeat(16);
    let tail = ["02".repeat(32), "03".repeat(16), "04".repeat(16)].concat();
    assert_eq!(
        shown(&request()),
        format!("6200 01 {id} 0403020100000000 01 {tail} 05").replace(' ', "")
    );
    let zero = "00".repeat(32);
    let offered = format!("{} 0700000000000000 32", "06".repeat(16));
    assert_eq!(
        shown(&declined(1)),
        format!("4700 02 02 03 10 0900000000000000 {zero} 01 {offered}").replace(' ', "")
    );
    assert_eq!(
        shown(&Content::Answer(confirmed())),
        format!("2d00 02 01 00 00 0900000000000000 {}", "08".repeat(32)).replace(' ', "")
    );
    assert_eq!(shown(&contact()), "130003 01 10 c3846e6e652c20303135312031323334".replace(' ', ""));
    assert_eq!(shown(&Content::FollowUp(FollowUp::Cancel)), "03000302");
}

#[test]
fn rsv_07_round_trips() {
    for content in contents() {
        for area in [CONTENT_LEN, 1_600] {
            let written = content.write(area);
            assert_eq!(written.len(), area);
            assert_eq!(Content::read(&written), Ok(content.clone()));
        }
    }
}

#[test]
fn rsv_07_cut_anywhere() {
    for content in contents() {
        let area = content.write(CONTENT_LEN);
        let len = 2 + usize::from(u16::from_le_bytes([area[0], area[1]]));
        for cut in 0..len {
            // The area is cut, and then the length says so.
            assert!(Content::read(&area[..cut]).is_err(), "at {cut}");
            let mut shorter = area.to_vec();
            shorter[..2].copy_from_slice(&(cut.saturating_sub(2) as u16).to_le_bytes());
            assert!(Content::read(&shorter).is_err(), "said {cut}");
        }
        let mut longer = area.to_vec();
        longer[..2].copy_from_slice(&(len as u16 - 1).to_le_bytes());
        assert!(Content::read(&longer).is_err(), "a byte behind the last field");
    }
}

#[test]
fn rsv_07_flipped_bits_are_refused_or_say_something_else() {
    for content in contents() {
        let area = content.write(CONTENT_LEN);
        for bit in 0..area.len() * 8 {
            let mut altered = area.to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Content::read(&altered) {
                assert_ne!(read, content);
                assert_eq!(*read.write(CONTENT_LEN), altered, "one encoding");
            }
        }
    }
}

#[test]
fn rsv_07_random_bytes() {
    let mut rng = NodeRng::from_seed([1; 32]);
    for _ in 0..20_000 {
        let mut area = rng.array::<CONTENT_LEN>();
        let used = rng.below(80) as usize + 3;
        area[used..].fill(0);
        area[..2].copy_from_slice(&(used as u16 - 2).to_le_bytes());
        area[2] %= 4;
        if let Ok(read) = Content::read(&area) {
            assert_eq!(*read.write(CONTENT_LEN), area);
        }
    }
}

#[test]
fn rsv_07_what_does_not_belong_is_refused() {
    let refused = |answer: Answer| {
        Content::read(&Content::Answer(answer).write(CONTENT_LEN)).expect_err("against the rules")
    };
    let no = Answer { verdict: Verdict::Expired, ..confirmed() };
    assert_eq!(refused(no), Malformed::NonCanonical("follow key"));
    let why = Answer { reason: Reason::Taken, ..confirmed() };
    assert_eq!(refused(why), Malformed::OutOfRange("reason"));
    let bits = Answer { work_bits: 1, ..confirmed() };
    assert_eq!(refused(bits), Malformed::NonCanonical("work bits"));
    let offered = Alternative { slot: SlotId([6; 16]), start: UnixSeconds(7), minutes: 50 };
    let more = Answer { alternatives: vec![offered], ..confirmed() };
    assert_eq!(refused(more), Malformed::OutOfRange("alternatives"));
}

#[test]
fn rsv_07_contact_texts() {
    let longest = "ä".repeat(200);
    for good in ["a", "Änne Müller, 0151 234567, abends", longest.as_str()] {
        assert!(FollowUp::contact(good).is_ok(), "{good}");
    }
    let too_long = "ä".repeat(201);
    for bad in [
        "",
        "a\nb",
        "a\0",
        "\u{202e}gro.elpmaxe",
        "a\u{200b}b",
        "\u{feff}a",
        "a\u{85}",
        too_long.as_str(),
    ] {
        assert!(FollowUp::contact(bad).is_err(), "{bad:?}");
    }
    let hidden = format!("{:?}", FollowUp::contact("geheim").expect("sound"));
    assert!(!hidden.contains("geheim"));
    // No UTF-8 inside.
    let mut area = Content::FollowUp(FollowUp::contact("ab").expect("sound")).write(CONTENT_LEN);
    area[5] = 0xff;
    assert_eq!(Content::read(&area), Err(Malformed::OutOfRange("contact")));
}

#[test]
fn rsv_04_letters_have_two_lengths() {
    for len in 0..=LETTER_LEN_XWING + 1 {
        let fits = len == LETTER_LEN || len == LETTER_LEN_XWING;
        assert_eq!(Letter::parse(&vec![0; len]).is_ok(), fits, "{len}");
    }
}

#[test]
fn rsv_33_damaged_rows_are_refused_alone() {
    let mut office = Office::new();
    let mut person = Person::new(1);
    let (_, letter) = person.ask(NOW, office.wanted(30));
    office.receive(NOW, &letter).expect("ours");
    office.drain();
    let mut rows: Vec<_> = office.disk.iter().map(|(k, v)| (true, k.clone(), v.clone())).collect();
    rows.extend(person.disk.iter().map(|(k, v)| (false, k.clone(), v.clone())));
    assert_eq!(rows.len(), 5);
    for (of_practice, key, value) in rows {
        let restore = |value: &[u8]| {
            if of_practice {
                Practice::default().restore(&key, value)
            } else {
                Patient::default().restore(&key, value)
            }
        };
        restore(&value).expect("whole");
        for cut in 0..value.len() {
            assert!(restore(&value[..cut]).is_err(), "cut at {cut}");
        }
        assert!(restore(&[&value[..], &[0]].concat()).is_err());
    }
    assert!(Practice::default().restore(b"", b"").is_err());
    assert!(Practice::default().restore(b"x123456789012345", b"").is_err());
    assert!(Patient::default().restore(b"p", b"").is_err());
}

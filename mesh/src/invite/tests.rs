//! The format: what it is, byte by byte, and what becomes of texts that are not quite it.

use alloc::{format, string::ToString};
use std::string::String;

use super::*;

/// Made with Python's hashlib and base64 from the layout of `MEET-01` and `MEET-02`.
const SNAPSHOT: &str = "QPC-INVITE:AGCQAAIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCERCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEAYAAAADGMZTGMZTGMZTGMZTGMZTGMZTHAHH7PFAMRCEIRCEIRCEIRCEIRCEIRCEIRAEIFXG4YIBCR2GG4B2F4XTCOJSFYYC4MROG45DONZUGPCVT7W7G35A";

fn invite() -> Invite {
    Invite {
        node: PublicIdentity::new([0x11; 32]),
        root_key: Some([0x22; 32]),
        bundle: BundlePin { version: 3, hash: [0x33; 16] },
        expires_at: 1_767_830_400,
        secret: Zeroizing::new([0x44; 16]),
        name: "Anna".to_string(),
        hints: alloc::vec!["tcp://192.0.2.7:7743".to_string()],
    }
}

/// `MEET-01`, `MEET-02`
#[test]
fn meet_02_the_text_is_pinned() {
    assert_eq!(invite().encode().expect("in bounds"), SNAPSHOT);
    assert_eq!(Invite::decode(SNAPSHOT), Ok(invite()));
    assert_eq!(invite().id().to_string(), "c660320818c2536c83fa650f51e88ca9");
    let hash: String = BundlePin::hash(b"a bundle").iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hash, "a5ec97a998192ebe34d24f4901b2d40e");
}

/// `MEET-02`
#[test]
fn meet_02_round_trips_at_the_bounds() {
    let mut invite = invite();
    for (root_key, name, hints) in [
        (None, String::new(), Vec::new()),
        (Some([9; 32]), "ä".repeat(32), alloc::vec!["a://b".to_string(); 8]),
        (None, "x".repeat(64), alloc::vec![format!("iroh://{}", "a".repeat(505)); 2]),
    ] {
        (invite.root_key, invite.name, invite.hints) = (root_key, name, hints);
        let text = invite.encode().expect("in bounds");
        assert_eq!(Invite::decode(&text), Ok(invite.clone()));
        let in_qr = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "-:".contains(c);
        assert!(text.chars().all(in_qr), "{text}");
    }
}

/// `MEET-02`
#[test]
fn meet_02_what_is_out_of_bounds_is_not_made() {
    let wrong: [fn(&mut Invite); 7] = [
        |invite| invite.name = "x".repeat(65),
        |invite| invite.name = "a\nb".to_string(),
        |invite| invite.hints = alloc::vec!["a://b".to_string(); 9],
        |invite| invite.hints = alloc::vec![format!("a://{}", "b".repeat(509))],
        |invite| invite.hints = alloc::vec!["no scheme".to_string()],
        |invite| invite.hints = alloc::vec!["a://b c".to_string()],
        |invite| invite.hints = alloc::vec![format!("a://{}", "b".repeat(500)); 3],
    ];
    for change in wrong {
        let mut invite = invite();
        change(&mut invite);
        assert!(invite.encode().is_err(), "{:?} {:?}", invite.name, invite.hints);
    }
}

/// `MEET-03`
#[test]
fn meet_03_cut_anywhere() {
    for len in 0..SNAPSHOT.len() {
        let error = Invite::decode(&SNAPSHOT[..len]).expect_err("a part is no invite");
        let expected = if len < 4 { InviteError::NotAnInvite } else { InviteError::Cut };
        assert_eq!(error, expected, "{len} characters");
    }
}

/// `MEET-03`
#[test]
fn meet_03_every_altered_character_is_noticed() {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for at in 11..SNAPSHOT.len() {
        for digit in digits.chars().chain(['0', '1', '!', 'é']) {
            let mut text = String::from(&SNAPSHOT[..at]);
            text.push(digit);
            text.push_str(&SNAPSHOT[at + 1..]);
            if text == SNAPSHOT {
                continue;
            }
            let error = Invite::decode(&text).expect_err("altered");
            // Only in the two characters of the length can it look cut.
            let in_length = (12..16).contains(&at);
            let cut = error == InviteError::Cut && in_length;
            assert!(cut || error == InviteError::Altered, "{digit} at {at}: {error:?}");
        }
    }
}

/// `MEET-03`
#[test]
fn meet_03_swapped_doubled_and_lost_characters() {
    let bytes = SNAPSHOT.as_bytes();
    for at in 11..bytes.len() - 1 {
        let mut swapped = bytes.to_vec();
        swapped.swap(at, at + 1);
        if swapped != bytes {
            assert!(Invite::decode(core::str::from_utf8(&swapped).expect("ASCII")).is_err());
        }
        let mut doubled = bytes.to_vec();
        doubled.insert(at, bytes[at]);
        assert!(Invite::decode(core::str::from_utf8(&doubled).expect("ASCII")).is_err());
        let mut lost = bytes.to_vec();
        lost.remove(at);
        assert!(Invite::decode(core::str::from_utf8(&lost).expect("ASCII")).is_err());
    }
}

/// `MEET-01`
#[test]
fn meet_01_case_and_white_space_do_not_matter() {
    let mut text = String::from(" \n");
    for (at, character) in SNAPSHOT.chars().enumerate() {
        text.push(character.to_ascii_lowercase());
        if at % 40 == 39 {
            text.push_str("\r\n\t");
        }
    }
    assert_eq!(Invite::decode(&text), Ok(invite()));
}

/// `MEET-03`
#[test]
fn meet_03_other_texts_are_no_invites() {
    for text in ["", "hello", "qpc-channel:abc", "https://example.org", "QPC", "é"] {
        assert_eq!(Invite::decode(text), Err(InviteError::NotAnInvite), "{text}");
    }
    let endless = " ".repeat(1 << 20);
    assert_eq!(Invite::decode(&endless), Err(InviteError::NotAnInvite));
}

/// Frames a body as `text::encode` does, with any version.
fn framed(version: u8, body: &[u8]) -> String {
    let mut bytes = alloc::vec![version];
    bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
    bytes.extend_from_slice(body);
    let checksum = digest16(Domain::Invite, &[b"checksum", &bytes]);
    bytes.extend_from_slice(&checksum[..6]);
    let mut text = String::from(text::PREFIX);
    crate::base32::encode(crate::base32::UPPER, &bytes, &mut text);
    text
}

/// `MEET-03`
#[test]
fn meet_03_another_version_is_named() {
    assert_eq!(Invite::decode(&framed(2, b"whatever it says")), Err(InviteError::Version(2)));
}

/// `MEET-02`: a body of every length and with every bit flipped is refused, or read and written as
/// the same bytes.
#[test]
fn meet_02_bodies_are_canonical() {
    let mut body = Vec::new();
    invite().write(&mut body);
    for len in 0..body.len() {
        let cut = Invite::decode(&framed(1, &body[..len]));
        assert!(matches!(cut, Err(InviteError::Invalid(_))), "{len}");
    }
    for bit in 0..8 * body.len() {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(invite) = Invite::decode(&framed(1, &flipped)) {
            let mut again = Vec::new();
            invite.write(&mut again);
            assert_eq!(again, flipped, "bit {bit}");
        }
    }
    body.push(0);
    assert!(matches!(Invite::decode(&framed(1, &body)), Err(InviteError::Invalid(_))));
}

/// `MEET-07`
#[test]
fn meet_07_an_older_or_another_bundle_is_not_taken() {
    let pin = BundlePin { version: 3, hash: BundlePin::hash(b"third") };
    assert!(pin.allows(3, b"third"));
    assert!(pin.allows(4, b"fourth"));
    assert!(!pin.allows(3, b"another third"));
    assert!(!pin.allows(2, b"second"));
}

#[test]
fn ids_as_text() {
    let id = invite().id();
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!("12".parse::<InviteId>().is_err());
}

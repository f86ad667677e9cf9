//! Tests of trust; each is named after the rule it shows.

use std::{format, string::String, vec, vec::Vec};

use mesh::{
    MeshIdentity,
    crypto::{rng::NodeRng, sign::SigningKey},
    error::Error,
};

use super::*;
use crate::UnixSeconds;

/// 7 December 2026, 08:00 UTC.
const NOW: UnixSeconds = UnixSeconds(1_796_630_400);
const NO_REF: [u8; 32] = [0; 32];

const fn days(n: u64) -> UnixSeconds {
    UnixSeconds(NOW.0 + n * DAY_S)
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn public(number: u8) -> [u8; 32] {
    key(number).public()
}

fn node(number: u8) -> MeshIdentity {
    MeshIdentity::from_seeds([number; 32], None)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tier(book: &mut TrustBook, now: UnixSeconds, number: u8) -> Tier {
    book.standing(now, &public(number), &NO_REF).tier
}

/// Every cut and every flipped bit is refused.
fn damaged<T: core::fmt::Debug>(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<T, Error>) {
    parse(bytes).expect("whole");
    for cut in 0..bytes.len() {
        assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert!(parse(&[bytes, &[0]].concat()).is_err());
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&altered).is_err(), "bit {bit}");
    }
}

#[test]
fn tru_01_texts_promise_no_more_than_there_is() {
    let both = [Language::German, Language::English];
    for language in both {
        let labels: Vec<_> = Tier::ALL.iter().map(|tier| tier.label(language)).collect();
        for (index, label) in labels.iter().enumerate() {
            assert!(!labels[..index].contains(label));
        }
    }
    assert_eq!(Tier::SelfSigned.label(Language::German), "nicht geprüft");
    assert_eq!(Tier::SelfSigned.label(Language::English), "not verified");
    let none = Tier::SelfSigned;
    for text in both.iter().flat_map(|l| [none.label(*l), none.explanation(*l)]) {
        assert!(!text.contains("bestätigt") && !text.contains("confirmed"), "{text}");
    }
    assert!(Tier::Domain.explanation(Language::German).contains("nicht geprüft"));
    assert_eq!(Tier::ALL.map(Tier::number), [0, 1, 2, 3]);
    assert!(Tier::SelfSigned < Tier::Domain && Tier::Colleagues < Tier::Issuer);
    assert_eq!(TrustBook::default().standing(NOW, &public(1), &NO_REF), Standing::default());
}

fn file(expires: &str) -> String {
    format!(r#"{{"fapp":1,"keys":[{{"key":"{}","expires":"{expires}"}}]}}"#, hex(&public(1)))
}

#[test]
fn tru_10_the_file() {
    let spaced = format!(
        "\r\n{{ \"keys\" : [ {{ \"expires\": \"2027-06-30\",\n\t\"key\" :\"{}\" }} ] , \"fapp\" : 1 }}\n",
        hex(&public(1))
    );
    for text in [file("2027-06-30"), spaced] {
        let read = PracticeFile::parse(text.as_bytes()).expect("sound");
        // The end of 30 June 2027.
        assert_eq!(read.names(NOW, &public(1)), Some(UnixSeconds(1_814_400_000)));
        assert_eq!(read.names(NOW, &public(2)), None);
        assert_eq!(read.names(UnixSeconds(1_814_400_000), &public(1)), None, "over");
    }
    let far = PracticeFile::parse(file("2028-06-30").as_bytes()).expect("sound");
    assert_eq!(far.names(NOW, &public(1)), None, "more than 400 days ahead");
    let leap = PracticeFile::parse(file("2028-02-29").as_bytes()).expect("a leap year");
    assert_eq!(
        leap.names(UnixSeconds(1_835_395_200), &public(1)),
        Some(UnixSeconds(1_835_481_600))
    );
}

#[test]
fn tru_10_a_file_for_a_year() {
    let text = PracticeFile::text_for(NOW, &public(1));
    let file = PracticeFile::parse(text.as_bytes()).expect("sound");
    let until = file.names(NOW, &public(1)).expect("named");
    assert!((days(364)..=days(366)).contains(&until));
    assert_eq!(file.names(NOW, &public(2)), None);
}

#[test]
fn tru_10_what_only_looks_like_a_file() {
    let good = file("2027-06-30");
    let one = format!(r#"{{"key":"{}","expires":"2027-06-30"}}"#, hex(&public(1)));
    let keys = |n: u8| {
        let all: Vec<String> =
            (1..=n).map(|i| one.replace(&hex(&public(1)), &hex(&[i; 32]))).collect();
        format!(r#"{{"fapp":1,"keys":[{}]}}"#, all.join(","))
    };
    assert!(PracticeFile::parse(keys(8).as_bytes()).is_ok());
    let bad = [
        keys(9),
        good.replace(r#""fapp":1"#, r#""fapp":2"#),
        good.replace(r#""fapp":1"#, r#""fapp":01"#),
        good.replace(r#""fapp":1"#, r#""fapp":1.0"#),
        good.replace(r#""fapp":1"#, r#""fapp":"1""#),
        good.replace(r#""fapp":1,"#, ""),
        good.replace(r#""fapp":1"#, r#""fapp":1,"fapp":1"#),
        good.replace(r#""fapp":1"#, r#""fapp":1,"more":1"#),
        good.replace(r#""fapp""#, r#""f\u0061pp""#),
        good.replace("[{", "[[{"),
        good.replace("}]}", "}],}"),
        good.replace("}]}", "},]}"),
        good.replace(&one, ""),
        good.replace(&one, &format!("{one},{one}")),
        good.replace(&hex(&public(1)), &hex(&public(1)).to_uppercase()),
        good.replace(&hex(&public(1)), &hex(&public(1))[1..]),
        format!("{good}{good}"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        String::from("null"),
        String::from("{}"),
        format!("{good}{}", " ".repeat(4_096)),
    ];
    for text in &bad {
        assert!(PracticeFile::parse(text.as_bytes()).is_err(), "{text}");
    }
    for date in [
        "2027-02-29",
        "2027-13-01",
        "2027-00-01",
        "2027-06-31",
        "2027-06-00",
        "1969-12-31",
        "2027-6-30",
        "02027-06-30",
        "2027/06/30",
        "2027-06-30T00:00",
        "２０２７-06-30",
        "",
    ] {
        assert!(PracticeFile::parse(file(date).as_bytes()).is_err(), "{date}");
    }
    for cut in 0..good.len() {
        assert!(PracticeFile::parse(&good.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    // A deep nest is refused at its second bracket.
    assert!(PracticeFile::parse("[".repeat(4_096).as_bytes()).is_err());
}

#[test]
fn tru_11_domains() {
    for good in ["praxis-mueller.de", "a.b.example", "xn--mller-kva.de", "1.de", "praxis.m4x"] {
        assert_eq!(Domain::parse(good).expect("sound").as_str(), good);
    }
    let long_label = format!("{}.de", "a".repeat(64));
    let long = format!("{}de", "ab.".repeat(84));
    for bad in [
        "",
        "de",
        ".de",
        "praxis.de.",
        "Praxis.de",
        "praxis..de",
        "-a.de",
        "a-.de",
        "müller.de",
        "a_b.de",
        "a b.de",
        "127.0.0.1",
        "a.1x",
        "praxis.de:443",
        "praxis.de/x",
        "user@praxis.de",
        "praxis\u{2024}de",
        &long_label,
        &long,
    ] {
        assert!(Domain::parse(bad).is_err(), "{bad}");
    }
}

fn seen(now: UnixSeconds, observer: u8, domain: &str) -> Observation {
    let file = PracticeFile::parse(file("2027-06-30").as_bytes()).expect("sound");
    let domain = Domain::parse(domain).expect("sound");
    Observation::signed(now, &node(observer), &domain, &file, &public(1)).expect("named")
}

#[test]
fn tru_12_observations() {
    let one = seen(NOW, 50, "praxis.de");
    assert_eq!(Observation::parse_verified(&one.bytes()), Ok(one.clone()));
    assert_eq!(one.bytes().len(), 1 + 32 + 10 + 16 + 32 + 64);
    damaged(&one.bytes(), Observation::parse_verified);
    let file = PracticeFile::parse(file("2027-06-30").as_bytes()).expect("sound");
    let domain = Domain::parse("praxis.de").expect("sound");
    assert!(Observation::signed(NOW, &node(50), &domain, &file, &public(2)).is_none());

    let mut book = TrustBook::default();
    assert_eq!(book.observe(NOW, one.clone()), Err(Refused::Stranger));
    book.configure(&[], &[*node(50).public().node_key()], &[]);
    assert_eq!(book.observe(NOW, seen(NOW, 51, "evil.example")), Err(Refused::Stranger));
    assert_eq!(book.observe(NOW, one.clone()), Ok(Held::New));
    assert_eq!(book.observe(NOW, one.clone()), Ok(Held::Known));
    let standing = book.standing(NOW, &public(1), &NO_REF);
    assert_eq!((standing.tier, standing.until), (Tier::Domain, Some(days(7))));
    assert_eq!(standing.domain.expect("seen").as_str(), "praxis.de");
    assert_eq!(tier(&mut book, NOW, 2), Tier::SelfSigned, "another key");
    // An older word changes nothing, a newer one does.
    assert_eq!(book.observe(days(1), seen(days(1), 50, "neu.de")), Ok(Held::New));
    assert_eq!(book.observe(days(1), one.clone()), Ok(Held::Known));
    let standing = book.standing(days(1), &public(1), &NO_REF);
    assert_eq!(standing.domain.expect("seen").as_str(), "neu.de");
    assert_eq!(tier(&mut book, UnixSeconds(days(8).0 - 1), 1), Tier::Domain);
    assert_eq!(tier(&mut book, days(8), 1), Tier::SelfSigned, "its time is over");
    assert_eq!(book.observe(days(8), one), Err(Refused::Time));
    let ahead = seen(UnixSeconds(NOW.0 + SKEW_S + 1), 50, "praxis.de");
    assert_eq!(book.observe(NOW, ahead), Err(Refused::Time));
    // Whoever is not asked any more did not say anything.
    book.configure(&[], &[], &[]);
    assert_eq!(book.observations().count(), 0);
}

fn endorsed(signer: u8, subject: u8) -> Endorsement {
    Endorsement::signed(NOW, &key(signer), public(subject), 1, 9, days(365)).expect("sound")
}

#[test]
fn tru_20_endorsements() {
    let one = endorsed(1, 2);
    assert_eq!(one.bytes().len(), Endorsement::LEN);
    assert_eq!(Endorsement::parse_verified(&one.bytes()), Ok(one.clone()));
    damaged(&one.bytes(), Endorsement::parse_verified);
    let sign = |subject: u8, profession, chamber, expires| {
        Endorsement::signed(NOW, &key(1), public(subject), profession, chamber, expires)
    };
    assert!(sign(2, 1, 1, days(366)).is_ok());
    assert!(sign(2, 1, 1, days(367)).is_err(), "more than a year");
    assert!(sign(2, 1, 1, NOW).is_err());
    assert!(sign(2, 0, 1, days(9)).is_err());
    assert!(sign(2, 1, 0, days(9)).is_err());
    assert!(sign(1, 1, 1, days(9)).is_err(), "oneself");
    let mut book = TrustBook::default();
    assert_eq!(book.endorse(days(365), one.clone()), Err(Refused::Time));
    assert_eq!(book.endorse(UnixSeconds(NOW.0 - SKEW_S - 1), one.clone()), Err(Refused::Time));
    assert_eq!(book.endorse(NOW, one.clone()), Ok(Held::New));
    assert_eq!(book.endorse(NOW, one), Ok(Held::Known));
}

/// A book in which 1, 2 and 3 are pinned.
fn pinned() -> TrustBook {
    let mut book = TrustBook::default();
    book.configure(&[], &[], &[public(1), public(2), public(3)]);
    book
}

fn hold(book: &mut TrustBook, pairs: &[(u8, u8)]) {
    for (signer, subject) in pairs {
        book.endorse(NOW, endorsed(*signer, *subject)).expect("room");
    }
}

#[test]
fn tru_21_two_grounded_colleagues() {
    let mut book = pinned();
    hold(&mut book, &[(1, 10)]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::SelfSigned, "one is too few");
    hold(&mut book, &[(99, 10), (98, 10)]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::SelfSigned, "strangers do not count");
    hold(&mut book, &[(2, 10)]);
    let standing = book.standing(NOW, &public(10), &NO_REF);
    assert_eq!((standing.tier, standing.until), (Tier::Colleagues, Some(days(365))));
    assert_eq!((standing.profession, standing.chamber), (Some(1), Some(9)));
    // They must say the same.
    book.endorse(NOW, endorsed(1, 11)).expect("room");
    let other = Endorsement::signed(NOW, &key(2), public(11), 1, 8, days(9)).expect("sound");
    book.endorse(NOW, other).expect("room");
    assert_eq!(tier(&mut book, NOW, 11), Tier::SelfSigned);
    // And it ends with the first of both.
    let short = Endorsement::signed(NOW, &key(2), public(12), 1, 9, days(9)).expect("sound");
    book.endorse(NOW, short).expect("room");
    hold(&mut book, &[(1, 12)]);
    assert_eq!(tier(&mut book, UnixSeconds(days(9).0 - 1), 12), Tier::Colleagues);
    assert_eq!(tier(&mut book, days(9), 12), Tier::SelfSigned);
}

#[test]
fn tru_21_circles_stay_where_they_are() {
    let mut book = pinned();
    // Everybody of twenty vouches for five others, and one real therapist was taken in.
    let ring: Vec<(u8, u8)> =
        (0..20).flat_map(|i| (1..=5).map(move |d| (100 + i, 100 + (i + d) % 20))).collect();
    hold(&mut book, &ring);
    hold(&mut book, &[(1, 100)]);
    for i in 0..20 {
        assert_eq!(tier(&mut book, NOW, 100 + i), Tier::SelfSigned);
    }
}

#[test]
fn tru_21_four_rounds_from_the_ground() {
    let mut book = pinned();
    // Each pair vouches for the next pair.
    for round in 0..6_u8 {
        let by = if round == 0 { (1, 2) } else { (10 * round, 10 * round + 1) };
        let next = 10 * (round + 1);
        for subject in [next, next + 1] {
            hold(&mut book, &[(by.0, subject), (by.1, subject)]);
        }
    }
    let tiers: Vec<Tier> = (1..=6).map(|round| tier(&mut book, NOW, 10 * round)).collect();
    let (two, none) = (Tier::Colleagues, Tier::SelfSigned);
    assert_eq!(tiers, [two, two, two, two, none, none]);
    // A chain ends when its ground is taken away.
    book.configure(&[], &[], &[]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::SelfSigned);
}

#[test]
fn tru_22_a_signer_counts_sixteen_times() {
    let mut book = pinned();
    for number in 0..20_u8 {
        let at = UnixSeconds(NOW.0 + u64::from(number));
        for signer in [1, 2] {
            let said = Endorsement::signed(at, &key(signer), public(100 + number), 1, 9, days(300));
            book.endorse(at, said.expect("sound")).expect("room");
        }
    }
    let tiers: Vec<Tier> = (0..20).map(|number| tier(&mut book, days(1), 100 + number)).collect();
    assert!(tiers[..16].iter().all(|tier| *tier == Tier::Colleagues));
    assert!(tiers[16..].iter().all(|tier| *tier == Tier::SelfSigned));
}

const SPAN: (UnixSeconds, UnixSeconds) = (NOW, UnixSeconds(NOW.0 + 300 * DAY_S));
const ISSUER: u8 = 70;

fn certified(holder: u8) -> Credential {
    Credential::signed(Vec::new(), &key(ISSUER), public(holder), (1, 9), [5; 16], SPAN)
        .expect("sound")
}

/// Root 70 lets 71 issue for chamber 9, which lets 72.
fn chained(holder: u8) -> Credential {
    let links = vec![
        IssuerLink::signed(&key(ISSUER), public(71), 9, 1, SPAN.0, SPAN.1),
        IssuerLink::signed(&key(71), public(72), 9, 0, SPAN.0, days(100)),
    ];
    Credential::signed(links, &key(72), public(holder), (1, 9), [5; 16], SPAN).expect("sound")
}

fn rooted(chamber: u8) -> TrustBook {
    let mut book = TrustBook::default();
    book.configure(&[Root { key: public(ISSUER), chamber }], &[], &[]);
    book
}

#[test]
fn tru_30_credentials_and_chains() {
    for (credential, len, until) in [(certified(1), 164, SPAN.1), (chained(1), 456, days(100))] {
        assert_eq!(credential.bytes().len(), len);
        assert_eq!(Credential::parse_verified(&credential.bytes()), Ok(credential.clone()));
        assert_eq!(*credential.root(), public(ISSUER));
        let mut book = rooted(0);
        assert_eq!(book.certify(NOW, credential.clone()), Ok(Held::New));
        let standing = book.standing(NOW, &public(1), &credential.reference());
        assert_eq!((standing.tier, standing.until), (Tier::Issuer, Some(until)));
        assert_eq!((standing.profession, standing.chamber), (Some(1), Some(9)));
        assert_eq!(
            book.standing(until, &public(1), &credential.reference()).tier,
            Tier::SelfSigned
        );
        assert_eq!(book.certify(until, credential.clone()), Err(Refused::Time));
        let early = UnixSeconds(NOW.0 - SKEW_S - 1);
        assert_eq!(book.certify(early, credential), Err(Refused::Time));
    }
}

#[test]
fn tru_30_damaged_credentials() {
    damaged(&certified(1).bytes(), Credential::parse_verified);
    damaged(&chained(1).bytes(), Credential::parse_verified);
    let mut many = chained(1).bytes();
    many[1] = 255;
    assert!(Credential::parse_verified(&many).is_err());
}

#[test]
fn tru_30_broken_chains() {
    let link = |issuer: u8, subject: u8, chamber, depth| {
        IssuerLink::signed(&key(issuer), public(subject), chamber, depth, SPAN.0, SPAN.1)
    };
    let issue = |links, issuer: u8| {
        Credential::signed(links, &key(issuer), public(1), (1, 9), [5; 16], SPAN)
    };
    assert!(issue(vec![link(70, 71, 0, 0)], 71).is_ok());
    assert!(issue(vec![link(70, 71, 8, 0)], 71).is_err(), "of another chamber");
    assert!(issue(vec![link(70, 71, 9, 0)], 72).is_err(), "another key issued");
    assert!(issue(vec![link(70, 71, 9, 0), link(71, 72, 9, 0)], 72).is_err(), "too deep");
    assert!(issue(vec![link(70, 71, 9, 1), link(73, 72, 9, 0)], 72).is_err(), "a gap");
    let three = vec![link(70, 71, 9, 2), link(71, 72, 9, 1), link(72, 73, 9, 0)];
    assert!(issue(three, 73).is_err(), "too long");
    let long =
        Credential::signed(Vec::new(), &key(70), public(1), (1, 9), [5; 16], (NOW, days(801)));
    assert!(long.is_err());
    // An issuer that is let issue is no root, and a root is one for its chamber.
    let mut book = TrustBook::default();
    book.configure(&[Root { key: public(72), chamber: 0 }], &[], &[]);
    assert_eq!(book.certify(NOW, chained(1)), Err(Refused::Stranger));
    assert_eq!(rooted(8).certify(NOW, chained(1)), Err(Refused::Stranger));
    assert_eq!(rooted(9).certify(NOW, chained(1)), Ok(Held::New));
}

#[test]
fn tru_31_a_copied_reference_gives_no_tier() {
    let mut book = rooted(0);
    let credential = certified(1);
    let reference = credential.reference();
    book.certify(NOW, credential).expect("rooted");
    assert_eq!(book.standing(NOW, &public(1), &reference).tier, Tier::Issuer);
    // Another key copies the reference out of the announce, and hands the credential around.
    assert_eq!(book.standing(NOW, &public(2), &reference).tier, Tier::SelfSigned);
    assert_eq!(book.certify(NOW, certified(1)), Ok(Held::Known));
    assert_eq!(book.standing(NOW, &public(2), &reference).tier, Tier::SelfSigned);
    // The holder's announce must name it.
    assert_eq!(book.standing(NOW, &public(1), &NO_REF).tier, Tier::SelfSigned);
    // With the holder exchanged it does not verify.
    let mut bytes = certified(1).bytes();
    bytes[2..34].copy_from_slice(&public(2));
    assert!(Credential::parse_verified(&bytes).is_err());
}

#[test]
fn tru_31_an_issuer_taken_out_takes_its_tiers_along() {
    let mut book = rooted(0);
    let one = certified(1);
    book.certify(NOW, one.clone()).expect("rooted");
    book.certify(NOW, certified(2)).expect("rooted");
    hold(&mut book, &[(1, 10), (2, 10)]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::Colleagues);
    book.configure(&[], &[], &[]);
    assert_eq!(book.standing(NOW, &public(1), &one.reference()).tier, Tier::SelfSigned);
    assert_eq!(tier(&mut book, NOW, 10), Tier::SelfSigned);
    assert_eq!(book.credentials().count(), 0);
}

/// A signature of one kind holds for no other, whatever the fields.
#[test]
fn tru_02_kinds_are_kept_apart() {
    let (said, held) = (endorsed(ISSUER, 1), certified(1));
    let mut forged = held.bytes();
    let at = forged.len() - 64;
    forged[at..].copy_from_slice(&said.bytes()[Endorsement::LEN - 64..]);
    assert!(Credential::parse_verified(&forged).is_err());
    let mut forged = said.bytes();
    forged[Endorsement::LEN - 64..].copy_from_slice(&held.bytes()[at..]);
    assert!(Endorsement::parse_verified(&forged).is_err());
}

#[test]
fn tru_40_a_flood_displaces_nothing_that_counts() {
    let mut book = pinned();
    // Strangers crowd one subject.
    for signer in 100..100 + TrustBook::PER_SUBJECT_MAX as u8 {
        hold(&mut book, &[(signer, 10)]);
    }
    assert_eq!(book.endorse(NOW, endorsed(200, 10)), Err(Refused::Full));
    hold(&mut book, &[(1, 10), (2, 10), (3, 10)]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::Colleagues);
    let of_ten = book.endorsements().filter(|said| said.subject == public(10)).count();
    assert_eq!(of_ten, TrustBook::PER_SUBJECT_MAX);
    // One signer has its share.
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut refused = 0;
    for _ in 0..TrustBook::PER_SIGNER_MAX + 5 {
        let said = Endorsement::signed(NOW, &key(250), rng.array(), 1, 1, days(9)).expect("sound");
        refused += usize::from(book.endorse(NOW, said).is_err());
    }
    assert_eq!(refused, 5);
}

#[test]
fn tru_40_a_full_book_takes_what_counts() {
    let mut book = pinned();
    let mut rng = NodeRng::from_seed([1; 32]);
    while book.endorsements().count() < TrustBook::ENDORSEMENTS_MAX {
        let signer = SigningKey::from_seed(&rng.array());
        for _ in 0..TrustBook::PER_SIGNER_MAX {
            let said = Endorsement::signed(NOW, &signer, rng.array(), 1, 1, days(9));
            book.endorse(NOW, said.expect("sound")).expect("room");
        }
    }
    assert_eq!(book.endorse(NOW, endorsed(200, 10)), Err(Refused::Full));
    hold(&mut book, &[(1, 10), (2, 10)]);
    assert_eq!(tier(&mut book, NOW, 10), Tier::Colleagues);
    assert_eq!(book.endorsements().count(), TrustBook::ENDORSEMENTS_MAX);
    book.expire(days(9));
    assert_eq!(book.endorsements().count(), 2);
}

#[test]
fn tru_30_layouts() {
    let said = endorsed(1, 2).bytes();
    let fields = format!("01{}0109", hex(&public(2)));
    assert_eq!(hex(&said[..35]), fields);
    // 1,796,630,400 and a year later, little end first.
    assert_eq!(hex(&said[35..51]), "8067166b00000000009bf76c00000000");
    assert_eq!(hex(&said[51..83]), hex(&public(1)));
    let held = certified(1).bytes();
    assert_eq!(hex(&held[..36]), format!("0100{}0109", hex(&public(1))));
    assert_eq!(held[36..52], [5; 16]);
    assert_eq!(held[68..100], public(ISSUER));
}

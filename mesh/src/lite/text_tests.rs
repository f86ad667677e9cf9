use super::*;
use crate::crypto::rng::NodeRng;

fn head(lineage: u64, counter: u64) -> Vec<u8> {
    let mut head = Vec::new();
    Writer::new(&mut head).u8(MESSAGE).u64(lineage).varint(counter).varint(counter / 2);
    head
}

fn wire(form: &Form, head: &[u8], payload: &[u8]) -> Vec<u8> {
    [&form.head[..], &head[form.skip..], payload].concat()
}

/// MLL-11: a note, byte by byte.
#[test]
fn mll_11_note_layout() {
    let mut sent = Sent::default();
    let form = sent.form(0x0102, &head(3, 4));
    assert_eq!((&form.head[..], form.skip), (&[12, 2, 1, 0, 0, 1][..], 0));
    assert_eq!(form.generation, Some(1));
    let mut references = References::default();
    let text = wire(&form, &head(3, 4), b"hi");
    let read = references.read_text(0x0102, text.clone()).unwrap();
    assert_eq!(read, [&head(3, 4)[..], b"hi"].concat());
    for len in 0..NOTE_LEN + 10 {
        assert!(References::default().read_text(0, text[..len].to_vec()).is_err(), "{len}");
    }
    for generation in [0, 8, 255] {
        let mut text = text.clone();
        text[5] = generation;
        assert!(References::default().read_text(0, text).is_err());
    }
}

/// MLL-12: a message named by reference, byte by byte.
#[test]
fn mll_12_short_layout() {
    let mut sent = Sent::default();
    let mut references = References::default();
    let note = sent.form(100, &head(3, 40));
    references.read_text(100, wire(&note, &head(3, 40), b"")).unwrap();
    sent.on_arrived(1);
    let form = sent.form(102, &head(3, 42));
    let text = wire(&form, &head(3, 42), b"hi");
    assert_eq!(text, [1 << 5 | (42 % 32), b'h', b'i']);
    let read = references.read_text(102, text).unwrap();
    assert_eq!(read, [&[1, 3, 0, 0, 0, 0, 0, 0, 0, 42, 0][..], b"hi"].concat());
}

/// MLL-12: what goes in order, what is sent again, and what comes between; whatever is lost and
/// whatever receipt comes late, what is read is what was written.
#[test]
fn mll_12_names_agree_at_both_ends() {
    for seed in 0..50 {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let (mut sent, mut references) = (Sent::default(), References::default());
        let (mut next, mut short) = (rng.below(1 << 40), 0);
        let mut lineage = 7;
        for at in 0..600 {
            let counter = if rng.below(4) == 0 { next - rng.below(20).min(next) } else { next };
            next += u64::from(counter == next) + rng.below(2) * rng.below(2);
            let name = head(lineage, counter);
            let form = sent.form(at, &name);
            short += u32::from(form.skip > 0);
            if rng.below(3) > 0 || form.skip > 0 {
                let read = references.read_text(at, wire(&form, &name, b"x")).unwrap();
                assert_eq!(read_name(&read), (lineage, counter));
                if rng.below(2) == 0
                    && let Some(generation) = form.generation
                {
                    sent.on_arrived(generation);
                }
            }
            if rng.below(200) == 0 {
                (lineage, next) = (lineage + 1, 0);
                sent = Sent::default();
            }
        }
        assert!(short > 100, "{seed}: {short}");
    }
}

fn read_name(text: &[u8]) -> (u64, u64) {
    let mut reader = Reader::new(text);
    reader.u8("kind").unwrap();
    (reader.u64("lineage").unwrap(), reader.varint("counter").unwrap())
}

/// MLL-12: without its reference a message is of an unknown session: its sender tells it again.
#[test]
fn mll_12_unknown_references() {
    let unknown = Err(Unsupported::UnknownSession.into());
    assert_eq!(References::default().read_text(0, alloc::vec![1 << 5]), unknown);
    let mut references = References::default();
    let note = Sent::default().form(10, &head(3, 0));
    references.read_text(10, wire(&note, &head(3, 0), b"")).unwrap();
    for (at, known) in [(9, false), (10, true), (73, true), (74, false)] {
        assert_eq!(references.read_text(at, alloc::vec![1 << 5]).is_ok(), known, "{at}");
    }
    assert!(references.read_text(11, Vec::new()).is_err());
}

/// MLL-11: what is no message, or asks for a proof, goes as it is.
#[test]
fn mll_11_other_texts() {
    let mut sent = Sent::default();
    for first in [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] {
        let mut text = head(3, 4);
        text[0] = first;
        assert_eq!(sent.form(0, &text), Form { head: Vec::new(), skip: 0, generation: None });
        assert!(sent.note_beside(0, &text).is_none());
        assert_eq!(References::default().read_text(0, text.clone()).unwrap(), text);
    }
}

/// MLL-13: references come back from a row; rows cut short do not.
#[test]
fn mll_13_rows_of_references() {
    let (mut sent, mut references) = (Sent::default(), References::default());
    for at in 0..5 {
        let form = sent.note(100 * at, (9, 5));
        references.read_text(100 * at, wire(&form, &head(9, 5), b"")).unwrap();
    }
    let mut row = Vec::new();
    references.write(&mut row);
    assert_eq!(row.len(), 7 + 5 * 20);
    assert_eq!(References::read(&mut Reader::new(&row)).unwrap(), references);
    for len in 0..row.len() {
        assert!(References::read(&mut Reader::new(&row[..len])).is_err());
    }
}

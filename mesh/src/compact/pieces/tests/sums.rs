use super::*;

#[test]
fn cmp_38_any_two_lost_pieces_follow_from_two_of_parity() {
    for len in [500, 1_237, 4_096] {
        let message = message(len);
        let all = pieces(&mut outgoing(1, &message, 2));
        let pairs = (0..all.len()).flat_map(|a| (a..all.len()).map(move |b| (a, b)));
        for (a, b) in pairs {
            let mut incoming = Incoming::new();
            let here = all.iter().enumerate().filter(|(index, _)| *index != a && *index != b);
            let whole =
                here.map(|(_, body)| feed(&mut incoming, A, body)).find_map(|it| match it {
                    Progress::Whole(whole) => Some(whole),
                    _ => None,
                });
            assert_eq!(whole, Some(message.clone()), "{len} {a} {b}");
        }
    }
    // And one from one.
    let message = message(1_000);
    let all = pieces(&mut outgoing(1, &message, 1));
    for lost in 0..all.len() {
        let mut incoming = Incoming::new();
        let here = all.iter().enumerate().filter(|(index, _)| *index != lost);
        let last = here.map(|(_, body)| feed(&mut incoming, A, body)).last();
        assert_eq!(last, Some(Progress::Whole(message.clone())));
    }
}

#[test]
fn cmp_38_parity_that_contradicts_ends_the_message() {
    let message = message(600);
    let all = pieces(&mut outgoing(1, &message, 1));
    let mut incoming = Incoming::new();
    feed(&mut incoming, A, &all[0]);
    feed(&mut incoming, A, &all[1]);
    // The last piece is shorter than what the sum says it is: what is beyond it must be zero.
    let mut wrong = all[3].clone();
    wrong[3] -= 1;
    assert!(incoming.on_piece(NOW, A, &wrong, PAUSE).is_err());
    assert_eq!(incoming.held_bytes(), 0);
    for (at, byte) in [(3, 0), (3, 255)] {
        let mut wrong = all[3].clone();
        wrong[at] = byte;
        assert!(incoming.on_piece(NOW, B, &wrong, PAUSE).is_err());
    }
    assert!(incoming.on_piece(NOW, B, &all[3][..4], PAUSE).is_err(), "no sum at all");
}

#[test]
fn cmp_39_parity_only_where_it_is_cheaper() {
    let piece = 400_000;
    assert_eq!(parity_pays(17, 0, piece, piece), 0, "nothing is lost");
    assert_eq!(parity_pays(17, 100, piece, piece / 10), 0, "a question is cheap");
    assert_eq!(parity_pays(17, 100, piece, piece * 3), 2, "a question is dear");
    assert_eq!(parity_pays(2, 20, piece, piece), 0, "little is lost");
    assert_eq!(parity_pays(300, 100, piece, piece * 9), 0, "beyond what sums can be made of");
    for count in [2, 17, 100, 255] {
        for loss in [1, 50, 300, 999] {
            assert!(parity_pays(count, loss, piece, piece) <= PARITY_MAX);
            assert!(parity_pays(count, loss, u64::MAX, u64::MAX) <= PARITY_MAX);
        }
    }
}

//! Every rule broken in turn: its checker passes without the break and fails with it.

use std::{format, string::String, thread, vec::Vec};

use super::{Rule, Rules};
use crate::{
    channel::tests::mutants as channel, node::tests::mutants as node,
    radio::tests::mutants as radio, routing::tests::mutants as routing,
    session::tests::mutants as session,
};

/// Whether a rule is kept under these rules. The match has no wildcard: a new rule needs a checker.
fn checker(rule: Rule) -> fn(Rules) -> bool {
    match rule {
        Rule::AcceptedDurable => node::accepted_waits_for_the_disk,
        Rule::AckFromHolder => node::a_bystander_acknowledges_nothing,
        Rule::AnnounceSigned => routing::forged_announces_make_no_route,
        Rule::BlockList => node::a_blocked_sender_is_not_shown,
        Rule::BootSalt => session::a_rolled_back_disk_reuses_no_key,
        Rule::CarriersOnly => node::strangers_learn_nothing_of_what_is_kept,
        Rule::CheckpointSigned => channel::a_strangers_checkpoint_proves_nothing,
        Rule::ContactAdmission => node::strangers_mail_needs_work,
        Rule::ContactOnce => session::a_lone_first_contact_opens_once,
        Rule::CopyHops => node::a_dying_copy_does_not_stop_a_good_one,
        Rule::CustodyDurable => node::custody_waits_for_the_disk,
        Rule::DeadEndsRetracted => node::a_swallowing_sinkhole_is_passed_by,
        Rule::EnvelopeSigned => node::forged_envelopes_are_not_passed_on,
        Rule::Expiry => node::expired_envelopes_are_refused,
        Rule::Feasibility => routing::no_route_at_or_above_what_was_published,
        Rule::FeasibilityStored => routing::the_distance_survives_a_restart,
        Rule::HopLimit => node::every_hop_takes_one,
        Rule::HopTagged => radio::a_false_tag_is_nobodys,
        Rule::KeeperJudged => node::a_keeping_sinkhole_is_passed_by,
        Rule::KeyPinned => node::a_changed_key_blocks,
        Rule::KeyUsedOnce => session::a_copy_opens_once,
        Rule::LiteKeyUsedOnce => session::a_lite_copy_opens_once,
        Rule::LiteReservationDurable => session::lite_counters_wait_for_the_disk,
        Rule::NeighbourShare => routing::inventions_fill_a_quarter,
        Rule::OriginKeeps => node::a_custodian_that_discards_loses_nothing,
        Rule::Patience => node::rubbish_is_not_listened_to,
        Rule::ProbeShare => routing::a_liar_gets_an_eighth,
        Rule::Quota => node::one_destination_fills_half,
        Rule::ReceiptOpensLock => node::a_forged_receipt_is_no_receipt,
        Rule::ReservationDurable => session::counters_wait_for_the_disk,
        Rule::SequenceOrder => routing::older_sequences_change_nothing,
        Rule::SequenceOvertakes => routing::a_rolled_back_origin_overtakes_itself,
        Rule::ShownDurable => node::showing_waits_for_the_disk,
        Rule::ShownOnce => node::a_repeated_message_is_shown_once,
        Rule::SuiteFloor => session::nothing_below_the_floor,
    }
}

/// What a checker says; `None` when it panics. Each runs in a thread of its own, because the memory
/// of keys that were used is the thread's.
fn verdict(rule: Rule, rules: Rules) -> Option<bool> {
    thread::spawn(move || checker(rule)(rules)).join().ok()
}

/// What is wrong with a rule's checker.
fn complaint(rule: Rule) -> Option<String> {
    let sound = verdict(rule, Rules::ALL);
    if sound != Some(true) {
        return Some(format!("{rule:?}: its checker says {sound:?} although nothing is broken"));
    }
    let broken = verdict(rule, Rules::without(rule));
    // A key that seals twice panics where it happens; nothing else may.
    let noticed = if rule == Rule::BootSalt { None } else { Some(false) };
    (broken != noticed).then(|| format!("{rule:?}: broken, and its checker says {broken:?}"))
}

/// `ATK-20`
#[test]
fn atk_20_every_mutant_is_caught_and_none_without() {
    let complaints: Vec<String> = Rule::ALL.iter().filter_map(|rule| complaint(*rule)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// `ATK-21`
#[test]
fn atk_21_all_rules_are_listed_once_and_hold_by_default() {
    let mut sorted = Rule::ALL.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), Rule::ALL.len());
    // A mutant that is not listed would never run: the last variant's number counts them.
    assert_eq!(Rule::SuiteFloor as usize + 1, Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| Rules::default().holds(*rule)));
    assert!(Rule::ALL.iter().all(|rule| !Rules::without(*rule).holds(*rule)));
}

//! TCP links between managers: up, frames, down, again.

use std::time::Duration;

use mesh::limits::LINK_MTU_MAX;
use transports::{AddError, DownReason, LinkState, NetworkKey, SendState, link::Goodbye};

use crate::pair::{Station, config, identity, until};

async fn connected(a: &mut Station, b: &mut Station) {
    let at = b.listen_on("127.0.0.1").await;
    a.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(a, b, "both up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
}

#[tokio::test]
async fn lnk_01_frames_cross_a_link_both_ways() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    assert_eq!(a.ups[0].peer, identity(2).public());
    assert_eq!(b.ups[0].peer, identity(1).public());
    assert_eq!((a.ups[0].caps.mtu, a.ups[0].caps.reliable), (LINK_MTU_MAX, true));
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    a.send(ab, b"ping");
    b.send(ba, b"pong");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
    assert_eq!((a.frames.remove(0), b.frames.remove(0)), (b"pong".to_vec(), b"ping".to_vec()));
    let row = &a.manager.list()[0];
    assert_eq!((row.state, row.link, row.inbound), (LinkState::Up, Some(ab), false));
    assert_eq!((row.traffic.sent_frames, row.traffic.received_bytes), (1, 4));
}

#[tokio::test]
async fn lnk_51_ipv6_and_host_names() {
    for (listen, dial) in [("::1", "[::1]"), ("127.0.0.1", "localhost"), ("::", "127.0.0.1")] {
        let (mut a, mut b) = (Station::new(1), Station::new(2));
        let at = b.listen_on(listen).await;
        a.manager.add(&format!("tcp://{dial}:{}", at.port())).expect("a free handle");
        until(&mut a, &mut b, dial, |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    }
}

#[tokio::test]
async fn lnk_50_the_same_handle_is_added_once() {
    let mut a = Station::new(1);
    let id = a.manager.add("tcp://127.0.0.1:9").expect("a free handle");
    assert_eq!(a.manager.add("TCP://127.0.0.1:9"), Err(AddError::Exists(id)));
    assert!(a.manager.remove(id));
    assert!(!a.manager.remove(id));
    assert!(a.manager.list().is_empty());
}

#[tokio::test]
async fn lnk_52_a_peer_that_comes_late_is_reached() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let at = b.listen_on("127.0.0.1").await;
    let listener = b.manager.list()[0].id.expect("a handle");
    b.manager.remove(listener);
    tokio::task::yield_now().await;
    let id = a.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut b, "three tries", |a, _| a.status(id).tries >= 3).await;
    let row = a.status(id);
    assert!(row.last_error.is_some(), "the reason is told: {row:?}");
    b.manager.listen(at).expect("a free handle");
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    assert_eq!((a.status(id).tries, a.status(id).last_error), (0, None));
}

#[tokio::test]
async fn lnk_52_a_link_that_went_down_comes_back() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let link = b.ups[0].link;
    b.manager.close(link, DownReason::Silent);
    until(&mut a, &mut b, "up again", |a, b| a.ups.len() == 2 && b.ups.len() == 2).await;
    assert_eq!(a.downs.len(), 1);
    assert_ne!(a.ups[0].link, a.ups[1].link, "link ids are not used twice");
}

#[tokio::test]
async fn lnk_50_removing_a_handle_ends_its_link_for_good() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let id = a.manager.list()[0].id.expect("a handle");
    a.manager.remove(id);
    until(&mut a, &mut b, "both down", |a, b| !a.downs.is_empty() && !b.downs.is_empty()).await;
    assert_eq!(a.downs[0].1, DownReason::Removed);
    assert_eq!(b.downs[0].1, DownReason::PeerLeft(Goodbye::LEAVING));
    assert!(a.manager.list().is_empty());
}

#[tokio::test]
async fn lnk_56_two_that_dial_each_other_keep_one_link() {
    for _ in 0..10 {
        let (mut a, mut b) = (Station::new(1), Station::new(2));
        let (at_a, at_b) = (a.listen_on("127.0.0.1").await, b.listen_on("127.0.0.1").await);
        a.manager.add(&format!("tcp://{at_b}")).expect("a free handle");
        b.manager.add(&format!("tcp://{at_a}")).expect("a free handle");
        let settled = |s: &Station| {
            let states: Vec<_> = s.manager.list().iter().map(|row| row.state.as_str()).collect();
            s.ups.len() == s.downs.len() + 1 && !states.contains(&"connecting")
        };
        until(&mut a, &mut b, "settled", |a, b| settled(a) && settled(b)).await;
        // Nothing moves any more: one side is up, the other stands by.
        for station in [&mut a, &mut b] {
            while tokio::time::timeout(Duration::from_millis(50), station.step()).await.is_ok() {}
        }
        assert!(settled(&a) && settled(&b));
        let state = |s: &Station| s.manager.list()[1].state.as_str();
        let mut states = [state(&a), state(&b)];
        states.sort_unstable();
        assert_eq!(states, ["standby", "up"]);
        let (ab, ba) = (a.ups.last().expect("up").link, b.ups.last().expect("up").link);
        a.send(ab, b"over the one");
        b.send(ba, b"and only link");
        until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
    }
}

#[tokio::test]
async fn lnk_56_two_addresses_of_one_peer_make_one_link() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let (one, two) = (b.listen_on("127.0.0.1").await, b.listen_on("::1").await);
    let first = a.manager.add(&format!("tcp://{one}")).expect("a free handle");
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    let second = a.manager.add(&format!("tcp://{two}")).expect("a free handle");
    let standby = |a: &Station| a.status(second).state == LinkState::Standby;
    until(&mut a, &mut b, "standby", |a, _| standby(a)).await;
    assert_eq!((a.status(first).state, a.downs.len(), b.downs.len()), (LinkState::Up, 0, 0));
    a.manager.remove(first);
    until(&mut a, &mut b, "the other takes over", |a, b| a.ups.len() == 2 && b.ups.len() == 2)
        .await;
}

#[tokio::test]
async fn lnk_56_a_restarted_peer_is_recognised() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let at = a.listen_on("127.0.0.1").await;
    b.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    // The same node key in a new process; the old one is still there and says nothing.
    let mut again = Station::new(2);
    again.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut again, "replaced", |a, again| a.ups.len() == 2 && again.ups.len() == 1)
        .await;
    assert_eq!(a.downs, [(a.ups[0].link, DownReason::Superseded)]);
}

#[tokio::test]
async fn lnk_33_dialling_oneself_is_a_status() {
    let mut a = Station::new(1);
    let at = a.listen_on("127.0.0.1").await;
    let id = a.manager.add(&format!("tcp://{at}")).expect("a free handle");
    let noticed = async {
        while a.status(id).last_error.is_none() {
            a.step().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed).await.expect("in time");
    let error = a.status(id).last_error.expect("a reason");
    assert!(error.contains("this node itself"), "{error}");
    assert!(a.ups.is_empty());
}

#[tokio::test]
async fn lnk_21_another_network_key_is_told_by_the_status() {
    let key = |byte| NetworkKey::from_bytes([byte; 32]);
    let (mut a, mut b) = (Station::closed(1, key(7)), Station::closed(2, key(8)));
    let at = b.listen_on("127.0.0.1").await;
    let id = a.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut b, "refused", |a, _| a.status(id).last_error.is_some()).await;
    let error = a.status(id).last_error.expect("a reason");
    assert!(error.contains("network key"), "{error}");
    assert!(a.ups.is_empty() && b.ups.is_empty());
}

#[tokio::test]
async fn lnk_57_a_new_network_key_takes_effect_at_once() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let key = NetworkKey::from_bytes([7; 32]);
    a.manager.set_network_key(Some(key.clone()));
    until(&mut a, &mut b, "down", |a, b| a.downs.len() == 1 && b.downs.len() == 1).await;
    assert_eq!(a.downs[0].1, DownReason::NetworkKeyChanged);
    assert_eq!(b.downs[0].1, DownReason::PeerLeft(Goodbye::NETWORK_KEY));
    b.manager.set_network_key(Some(key));
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 2 && b.ups.len() == 2).await;
}

#[tokio::test]
async fn lnk_55_inbound_links_are_bounded() {
    let mut config = config(1);
    config.inbound_max = 1;
    let mut a = Station::with_config(config);
    let at = a.listen_on("127.0.0.1").await;
    let (mut b, mut c) = (Station::new(2), Station::new(3));
    b.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    c.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut c, "turned down", |_, c| !c.downs.is_empty()).await;
    assert_eq!(c.downs[0].1, DownReason::PeerLeft(Goodbye::FULL));
    assert_eq!((a.ups.len(), a.downs.len()), (1, 0));
}

#[tokio::test]
async fn lnk_58_a_listener_that_cannot_bind_waits_and_says_so() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let at = a.listen_on("127.0.0.1").await;
    let id = b.manager.listen(at).expect("a free handle");
    until(&mut a, &mut b, "refused", |_, b| b.status(id).last_error.is_some()).await;
    assert_eq!(b.status(id).state.as_str(), "backoff");
    let holder = a.manager.list()[0].id.expect("a handle");
    a.manager.remove(holder);
    until(&mut a, &mut b, "bound", |_, b| {
        b.status(id).state == LinkState::Listening { address: at }
    })
    .await;
}

#[tokio::test]
async fn lnk_04_a_peer_that_does_not_read_stops_the_pull() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    b.manager.pause(ba);
    let frame = vec![0x5a; 64 << 10];
    let mut pulled = 0_usize;
    // Kernel buffers take some megabytes; without a bound this would go on for ever.
    while pulled < 10_000 {
        let state = a.manager.send(ab, |buf| {
            buf.extend_from_slice(&frame);
            pulled += 1;
            true
        });
        if state == SendState::Blocked
            && tokio::time::timeout(Duration::from_millis(100), a.step()).await.is_err()
        {
            break;
        }
    }
    assert!(pulled < 10_000);
    b.manager.resume(ba);
    until(&mut a, &mut b, "all read", |a, b| {
        a.manager.send(ab, |_| false);
        b.frames.len() == pulled
    })
    .await;
    assert!(b.frames.iter().all(|received| *received == frame));
}

#[tokio::test]
async fn lnk_03_a_paused_link_keeps_its_frames() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    b.manager.pause(ba);
    let mut number = 0_u32;
    a.manager.send(ab, |buf| {
        buf.extend_from_slice(&number.to_le_bytes());
        number += 1;
        number <= 1_000
    });
    // The frame after the last was appended without being one: it must not arrive.
    assert!(tokio::time::timeout(Duration::from_millis(50), b.step()).await.is_err());
    assert!(b.frames.is_empty());
    b.pause_after_each = true;
    for _ in 0..10 {
        b.manager.resume(ba);
        b.step().await;
    }
    assert_eq!(b.frames.len(), 10);
    b.pause_after_each = false;
    b.manager.resume(ba);
    until(&mut a, &mut b, "the rest", |_, b| b.frames.len() == 1_000).await;
    let numbers = b.frames.iter().map(|frame| u32::from_le_bytes(frame[..].try_into().unwrap()));
    assert!(numbers.eq(0..1_000));
}

/// tokio gives a task some number of operations and then says "not ready" to all of them until
/// the task has yielded. Nothing may get stuck on that.
#[tokio::test]
async fn lnk_05_more_operations_than_a_task_may_do_in_one_go() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let (ab, mut sent) = (a.ups[0].link, 0);
    for _ in 0..300 {
        let before = sent;
        a.manager.send(ab, |buf| {
            let is_first = sent == before;
            if is_first {
                buf.extend_from_slice(b"an operation each");
                sent += 1;
            }
            is_first
        });
    }
    assert!(sent > 100);
    until(&mut a, &mut b, "all there", |_, b| b.frames.len() == sent).await;
}

#[tokio::test]
async fn lnk_06_a_frame_above_the_mtu_is_not_sent() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let ab = a.ups[0].link;
    let frames = [vec![1; LINK_MTU_MAX as usize + 1], vec![2; LINK_MTU_MAX as usize]];
    let mut left = frames.iter();
    a.manager.send(ab, |buf| left.next().map(|frame| buf.extend_from_slice(frame)).is_some());
    until(&mut a, &mut b, "the second", |_, b| !b.frames.is_empty()).await;
    assert!(b.frames[0] == frames[1] && b.downs.is_empty());
}

#[tokio::test]
async fn lnk_05_an_idle_manager_is_not_woken() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    for station in [&mut a, &mut b] {
        while tokio::time::timeout(Duration::from_millis(50), station.step()).await.is_ok() {}
    }
    let (a_moves, b_moves) = (a.manager.next(), b.manager.next());
    tokio::pin!(a_moves, b_moves);
    let mut polls = 0;
    let both = std::future::poll_fn(|cx| {
        polls += 1;
        let _ = a_moves.as_mut().poll(cx);
        b_moves.as_mut().poll(cx).map(drop)
    });
    let quiet = tokio::time::timeout(Duration::from_millis(300), both).await;
    assert!(quiet.is_err());
    // Once at the start, and once when the timeout wakes this task.
    assert!(polls <= 2, "{polls} polls");
}

#[tokio::test]
async fn lnk_59_a_shutdown_says_goodbye_after_the_last_frame() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    connected(&mut a, &mut b).await;
    let ab = a.ups[0].link;
    a.send(ab, b"last words");
    a.manager.shutdown(Duration::from_secs(1)).await;
    until(&mut a, &mut b, "goodbye", |_, b| !b.downs.is_empty()).await;
    assert_eq!(b.frames, [b"last words"]);
    assert_eq!(b.downs[0].1, DownReason::PeerLeft(Goodbye::LEAVING));
}

//! TCP links: up, frames, down.

use crate::pair::{Station, until};

#[tokio::test]
async fn lnk_50_frames_cross_a_link_both_ways() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let at = b.listen_on("127.0.0.1").await;
    a.manager.add(&format!("tcp://{at}")).expect("a free handle");
    until(&mut a, &mut b, "both up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    assert_eq!(a.ups[0].peer, crate::pair::identity(2).public());
    assert_eq!(b.ups[0].peer, crate::pair::identity(1).public());
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    a.send(ab, b"ping");
    b.send(ba, b"pong");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
    assert_eq!((a.frames.remove(0), b.frames.remove(0)), (b"pong".to_vec(), b"ping".to_vec()));
}

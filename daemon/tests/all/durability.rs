//! Crashes, damaged files, backups.

use std::fs;

use api::{
    ChannelsProxy, ContactOptions, ContactsProxy, Error, HistoryOptions, ImportOptions,
    InboxOptions,
};

use crate::rig::{Home, block_on, until};

/// `DSK-01`: what was accepted survives `kill -9`, and is delivered once.
#[test]
fn accepted_messages_survive_kill() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let b = home_b.start();
        let to = b.address.clone();
        let a = home_a.start();
        a.client().await.connect_to(&b.client().await).await;
        b.kill();
        let at_a = a.client().await;
        let mut sent = Vec::new();
        for n in 0..50 {
            let text = format!("message {n}");
            at_a.send(&to, &text).await;
            sent.push(text);
        }
        a.kill();
        let a = home_a.start();
        assert_eq!(a.client().await.status().await.outbox, 50);
        let b = home_b.start();
        a.client().await.connect_to(&b.client().await).await;
        let at_b = b.client().await;
        until(|| async { at_b.inbox().await.len() >= 50 }).await;
        let mut got = at_b.inbox().await;
        got.sort();
        sent.sort();
        assert_eq!(got, sent);
        b.kill();
        let b = home_b.start();
        assert_eq!(b.client().await.inbox().await.len(), 50);
    });
}

/// `API-18`: an answer means that a crash right after it changes nothing.
#[test]
fn what_was_answered_survives_a_kill() {
    block_on(async {
        let home = Home::new();
        let (mut a, mut names) = (home.start(), Vec::new());
        for round in 0..10u8 {
            let client = a.client().await;
            let channels = ChannelsProxy::new(&client.connection).await.expect("a proxy");
            let (channel, _) = channels.create(&format!("round {round}")).await.expect("done");
            channels.publish(&channel, b"said").await.expect("done");
            let contacts = ContactsProxy::new(&client.connection).await.expect("a proxy");
            let (name, address) = (format!("friend {round}"), format!("{:032x}", round + 1));
            contacts.add(&name, &address, ContactOptions::default()).await.expect("done");
            names.push(name);
            a.kill();
            a = home.start();
            let client = a.client().await;
            let channels = ChannelsProxy::new(&client.connection).await.expect("a proxy");
            assert_eq!(channels.list().await.expect("answered").len(), names.len());
            let history = channels.history(&channel, HistoryOptions::default()).await;
            assert_eq!(history.expect("answered").len(), 1);
            let contacts = ContactsProxy::new(&client.connection).await.expect("a proxy");
            let mut known: Vec<String> =
                contacts.list().await.expect("answered").into_iter().map(|c| c.name).collect();
            known.sort();
            assert_eq!(known, names);
        }
    });
}

/// `DSK-05`: a damaged store is named and copied, and what holds is kept.
#[test]
fn damaged_store_is_named_and_copied() {
    block_on(async {
        let home = Home::new();
        let a = home.start();
        let client = a.client().await;
        for n in 0..20u8 {
            client.send(&format!("{n:032x}"), "waits").await;
        }
        let address = a.address.clone();
        a.kill();
        let store = home.data().join("store");
        let mut logs: Vec<_> = fs::read_dir(&store)
            .expect("it is there")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect();
        logs.sort();
        let log = &logs[0];
        let mut bytes = fs::read(log).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(log, bytes).expect("writable");

        let a = home.start();
        assert_eq!(a.address, address);
        let status = a.client().await.status().await;
        let name = log.file_name().expect("a file").to_string_lossy().into_owned();
        let told = status.warnings.iter().any(|w| w.contains(&name) && w.contains("damaged-1"));
        assert!(told, "{:?}", status.warnings);
        assert!(home.data().join("damaged-1").join(&name).exists());
        assert!(status.outbox >= 15, "{} of 20 are left", status.outbox);
    });
}

/// `DSK-05`: garbage in place of the whole store does not stop the daemon.
#[test]
fn garbage_for_a_store_does_not_stop_the_daemon() {
    let home = Home::new();
    home.start().kill();
    for entry in fs::read_dir(home.data().join("store")).expect("it is there") {
        let path = entry.expect("readable").path();
        fs::write(path, b"this is not a store").expect("writable");
    }
    home.start();
}

/// `DSK-02`: the store of another node is refused.
#[test]
fn store_of_another_node_is_refused() {
    let (home, other) = (Home::new(), Home::new());
    let address = home.start().address.clone();
    other.start().kill();
    let identity = home.data().join("identity");
    fs::copy(other.data().join("identity"), &identity).expect("room");
    let (status, error) = home.run_to_end(&[]);
    assert!(!status.success());
    assert!(error.contains("another node") && error.contains(&address), "{error}");
}

/// `DSK-24`, `DSK-25`: a backup moves an identity to a fresh machine.
#[test]
fn identity_moves_by_backup() {
    block_on(async {
        let (home, other) = (Home::new(), Home::new());
        let old = home.start();
        let client = old.client().await;
        let daemon = client.daemon().await;
        let backup = daemon.export_identity("correct horse").await.expect("we are its owner");
        let error = daemon.export_identity("short").await;
        assert!(matches!(error, Err(Error::InvalidArgument(_))), "{error:?}");

        let new = other.start();
        let client = new.client().await;
        let daemon = client.daemon().await;
        let none = ImportOptions::default();
        let error = daemon.import_identity(&backup, "wrong horse", none.clone()).await;
        assert!(matches!(error, Err(Error::WrongPassphrase(_))), "{error:?}");
        let error = daemon.import_identity(&backup, "correct horse", none).await;
        assert!(matches!(error, Err(Error::IdentityExists(_))), "{error:?}");
        let replace = ImportOptions { replace: Some(true) };
        let imported = daemon.import_identity(&backup, "correct horse", replace).await;
        assert_eq!(imported.expect("allowed"), old.address);
        let before = new.address.clone();
        new.kill();
        let new = other.start();
        assert_eq!(new.address, old.address);
        assert_ne!(new.address, before);
        assert!(other.data().join("former-1/identity").exists());
    });
}

/// `DSK-15`: an idle daemon writes nothing.
#[test]
fn idle_daemon_writes_nothing() {
    block_on(async {
        let home = Home::new();
        let daemon = home.start();
        let written = || {
            let io = fs::read_to_string(format!("/proc/{}/io", daemon.pid())).expect("it runs");
            io.lines()
                .find_map(|line| line.strip_prefix("write_bytes: ")?.parse::<u64>().ok())
                .expect("the kernel counts")
        };
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let before = written();
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(written(), before);
    });
}

/// `DSK-16`: taken messages do not come back.
#[test]
fn taken_messages_stay_away() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        at_a.send(&b.address, "once").await;
        until(|| async { at_b.inbox().await.len() == 1 }).await;
        let take = InboxOptions { take: Some(true), ..Default::default() };
        at_b.messages().await.inbox(take).await.expect("answered");
        b.signal("TERM");
        b.wait();
        let b = home_b.start();
        assert!(b.client().await.inbox().await.is_empty());
    });
}

/// A small file system of its own; needs root.
struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a std::path::Path) -> Option<Self> {
        fs::create_dir_all(at).expect("room");
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at);
        command.output().is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// `DSK-09`: a full disk refuses with a clear error, keeps what it has, and goes on when there is
/// room. Where no file system can be mounted it shows nothing; the writer's own tests do.
#[test]
fn full_disk_refuses_and_recovers() {
    block_on(async {
        let home = Home::new();
        let data = home.data();
        let Some(disk) = SmallDisk::mount(&data) else { return };
        let daemon = home.start();
        let client = daemon.client().await;
        let messages = client.messages().await;
        let to = "7".repeat(32);
        client.send(&to, "before").await;
        let filler = data.join("filler");
        // The kernel takes what fits.
        let _ = fs::write(&filler, vec![0; 4 << 20]);
        let mut accepted = 1;
        let payload = vec![7; 100 << 10];
        let refused = loop {
            match messages.send(&to, &payload, Default::default()).await {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::OutboxFull(_) | Error::StorageFailed(_)), "{refused:?}");
        let status = client.status().await;
        assert_eq!(status.storage, "full");
        assert!(status.warnings.iter().any(|warning| warning.contains("full")), "{status:?}");
        fs::remove_file(&filler).expect("it is there");
        until(|| async { client.status().await.storage == "ok" }).await;
        client.send(&to, "after").await;
        accepted += 1;
        daemon.kill();
        let daemon = home.start();
        assert!(daemon.client().await.status().await.outbox >= accepted);
        drop(daemon);
        drop(disk);
    });
}

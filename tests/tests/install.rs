//! `qpcd install` and `qpcd uninstall` (`specs/23-install.md`), as they are: below another root, and
//! on a whole machine inside a mount namespace.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use simulation::{
    daemons::{Programs, Scratch},
    rng::Rng,
};

/// Runs `qpcd` with the words and this root.
fn qpcd(root: &Path, words: &[&str]) -> Output {
    Command::new(Programs::find().qpcd)
        .args(words)
        .arg("--root")
        .arg(root)
        .env("HOME", "/home/ada")
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("qpcd starts")
}

#[track_caller]
fn done(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every path below `dir`, with its content when it is a file.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).expect("readable").flatten() {
            let path = entry.path();
            let is_dir = path.is_dir();
            found.insert(path.clone(), (!is_dir).then(|| fs::read(&path).expect("readable")));
            if is_dir {
                left.push(path);
            }
        }
    }
    found
}

/// A root that is not empty.
fn root() -> Scratch {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    fs::create_dir_all(scratch.path().join("etc/systemd")).expect("made");
    fs::write(scratch.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").expect("written");
    scratch
}

#[test]
fn ins_02_everything_is_put_in_place_and_removed_without_a_trace() {
    for scope in ["--system", "--user"] {
        let scratch = root();
        let root = scratch.path();
        let before = tree(root);
        done(&qpcd(root, &["install", scope]));
        let (bin, share, unit) = match scope {
            "--system" => ("usr/local/bin", "usr/local/share", "etc/systemd/system/qpcd.service"),
            _ => (
                "home/ada/.local/bin",
                "home/ada/.local/share",
                "home/ada/.config/systemd/user/qpcd.service",
            ),
        };
        for program in ["qpcd", "qpc"] {
            let path = root.join(bin).join(program);
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o755);
            let version = Command::new(path).arg("--version").output().expect("it runs");
            assert!(version.status.success());
        }
        let unit = fs::read_to_string(root.join(unit)).expect("there");
        assert!(unit.contains(&format!("ExecStart=/{bin}/qpcd\n")), "{unit}");
        for file in [
            "bash-completion/completions/qpc",
            "zsh/site-functions/_qpc",
            "fish/vendor_completions.d/qpc.fish",
            "man/man1/qpc.1",
            "man/man1/qpc-send.1",
            "man/man5/qpcd.toml.5",
            "man/man8/qpcd.8",
            "dbus-1/interfaces/org.quicprochat.Daemon1.xml",
        ] {
            let len = fs::metadata(root.join(share).join(file)).map(|meta| meta.len());
            assert!(len.as_ref().is_ok_and(|len| *len > 100), "{file}: {len:?}");
        }
        assert_eq!(root.join("etc/sysusers.d/quicprochat.conf").exists(), scope == "--system");
        // Again, and it is still all ours (INS-05).
        done(&qpcd(root, &["install", scope]));
        done(&qpcd(root, &["uninstall", scope]));
        assert_eq!(tree(root), before);
        let told = refused(&qpcd(root, &["uninstall", scope]));
        assert!(told.contains("nothing is installed"), "{told}");
    }
}

#[test]
fn ins_04_what_others_put_is_not_overwritten() {
    let scratch = root();
    let (root, bin) = (scratch.path(), scratch.path().join("usr/local/bin"));
    fs::create_dir_all(&bin).expect("made");
    fs::write(bin.join("qpc"), "another program").expect("written");
    let before = tree(root);
    let told = refused(&qpcd(root, &["install", "--system"]));
    assert!(told.contains("usr/local/bin/qpc is there already"), "{told}");
    assert_eq!(tree(root), before);
    // A configuration that somebody wrote stays, through installing and removing.
    fs::remove_file(bin.join("qpc")).expect("removed");
    fs::create_dir_all(root.join("etc/quicprochat")).expect("made");
    fs::write(root.join("etc/quicprochat/qpcd.toml"), "name = \"mine\"\n").expect("written");
    let before = tree(root);
    done(&qpcd(root, &["install", "--system"]));
    done(&qpcd(root, &["uninstall", "--system", "--purge"]));
    assert_eq!(tree(root), before);
}

#[test]
fn ins_06_what_was_changed_stays_and_state_goes_only_when_asked() {
    let scratch = root();
    let root = scratch.path();
    let before = tree(root);
    done(&qpcd(root, &["install", "--system"]));
    let config = root.join("etc/quicprochat/qpcd.toml");
    fs::write(&config, "name = \"changed\"\n").expect("written");
    let identity = root.join("var/lib/quicprochat/identity");
    fs::create_dir_all(identity.parent().expect("a directory")).expect("made");
    fs::write(&identity, "keys").expect("written");
    let told = done(&qpcd(root, &["uninstall", "--system"]));
    assert!(told.contains("qpcd.toml was changed and stays"), "{told}");
    assert!(told.contains("Identity and messages stay"), "{told}");
    assert_eq!(fs::read(&config).expect("there"), b"name = \"changed\"\n");
    assert!(identity.exists() && !root.join("usr/local/bin/qpcd").exists());
    done(&qpcd(root, &["install", "--system"]));
    done(&qpcd(root, &["uninstall", "--system", "--purge"]));
    fs::remove_dir(root.join("var/lib")).expect("made by this test");
    fs::remove_dir(root.join("var")).expect("made by this test");
    assert_eq!(tree(root), before);
}

#[test]
fn ins_05_an_interrupted_installation_is_finished_or_removed() {
    let scratch = root();
    let root = scratch.path();
    let files = |tree: &BTreeMap<PathBuf, Option<Vec<u8>>>| {
        tree.iter().filter(|(_, content)| content.is_some()).count()
    };
    let before = tree(root);
    done(&qpcd(root, &["install", "--system"]));
    let whole = files(&tree(root));
    done(&qpcd(root, &["uninstall", "--system"]));
    let mut rng = Rng::new(1);
    for round in 0..12 {
        let mut child = Command::new(Programs::find().qpcd)
            .args(["install", "--system", "--root"])
            .arg(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("qpcd starts");
        thread::sleep(Duration::from_millis(rng.within(&(0..=400))));
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        if round % 2 == 0 {
            done(&qpcd(root, &["install", "--system"]));
            assert_eq!(files(&tree(root)), whole, "round {round}");
        }
        // Before it had a manifest there was nothing to remove.
        let _ = qpcd(root, &["uninstall", "--system"]);
        let left = tree(root);
        assert_eq!(files(&left), files(&before), "round {round}: {:?}", left.keys());
    }
}

#[test]
fn ins_01_scopes_and_flags() {
    let scratch = root();
    let root = scratch.path();
    for (words, code) in [
        (&["install", "--no-such"][..], 2),
        (&["install", "--purge"], 2),
        (&["uninstall", "--no-start"], 2),
        (&["install", "--prefix", "relative"], 2),
        (&["install", "now"], 2),
        (&["install", "--help"], 0),
    ] {
        assert_eq!(qpcd(root, words).status.code(), Some(code), "{words:?}");
    }
    done(&qpcd(root, &["install", "--system", "--prefix", "/opt/q"]));
    assert!(root.join("opt/q/bin/qpcd").exists() && !root.join("usr/local").exists());
    let unit = fs::read_to_string(root.join("etc/systemd/system/qpcd.service")).expect("there");
    assert!(unit.contains("ExecStart=/opt/q/bin/qpcd\n"));
}

/// A `qpcd` without `qpc` beside it installs nothing.
#[test]
fn ins_03_both_programs_are_needed() {
    let scratch = root();
    let alone = scratch.path().join("qpcd-alone");
    fs::create_dir(&alone).expect("made");
    fs::copy(Programs::find().qpcd, alone.join("qpcd")).expect("copied");
    let below = scratch.path().join("below");
    let run = Command::new(alone.join("qpcd"))
        .args(["install", "--system", "--root"])
        .arg(&below)
        .output()
        .expect("it starts");
    assert!(refused(&run).contains("qpc is not beside qpcd"));
    assert!(!below.exists());
}

#[test]
fn ins_09_the_system_unit_is_hardened() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED: systemd-analyze is not here");
        return;
    }
    let scratch = root();
    done(&qpcd(scratch.path(), &["install", "--system"]));
    let unit = scratch.path().join("etc/systemd/system/qpcd.service");
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&unit)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "more exposed than 2.0: {:?}", said.lines().last());
    assert!(said.contains("Overall exposure level"), "{said}");
}

/// Account, bus policy, programs, a running service: on this machine, but inside a mount namespace
/// in which its files are copies.
#[test]
fn ins_10_a_whole_machine_is_left_as_it_was_found() {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let has = |program: &str| {
        Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output()
            .is_ok_and(|found| found.status.success())
    };
    let missing = ["unshare", "setpriv", "dbus-daemon", "gdbus", "systemd-sysusers", "userdel"]
        .into_iter()
        .find(|program| !has(program));
    if !is_root || missing.is_some() {
        eprintln!("SKIPPED: it takes root and {missing:?}");
        return;
    }
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let programs = Programs::find();
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "bash", "-euc", SCRIPT, "install"])
        .arg(scratch.path())
        .arg(programs.qpcd.parent().expect("a directory"))
        .output()
        .expect("unshare starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

const SCRIPT: &str = include_str!("install.sh");

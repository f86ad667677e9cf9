//! Who may come in.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Command,
};

use crate::rig::{Home, block_on};

/// `API-02`: a process of another user is refused before it can say anything, even when file modes
/// would let it in. Needs root to become another user; elsewhere it shows nothing.
#[test]
fn other_users_are_refused() {
    let home = Home::new();
    let daemon = home.start();
    let is_root = fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if !is_root {
        return;
    }
    for (path, mode) in [
        (home.path().to_path_buf(), 0o755),
        (home.path().join("run"), 0o755),
        (home.socket(), 0o666),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({:?})\n\
         try:\n s.sendall(b'\\0AUTH EXTERNAL 3635353334\\r\\n')\n print('got', s.recv(100))\n\
         except (BrokenPipeError, ConnectionResetError):\n print('refused')\n",
        home.socket().display().to_string()
    );
    let output = Command::new("python3").args(["-c", &script]).uid(65_534).gid(65_534).output();
    let Ok(output) = output else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("refused") || said.contains("got b''"), "{output:?}");
    block_on(async { daemon.client().await.status().await });
}

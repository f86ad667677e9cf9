//! One daemon per data directory (`DSK-20`), and a socket that says who has it (`API-05`).

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::{fs::OpenOptionsExt, net::UnixStream},
    path::Path,
};

/// Held as long as the daemon runs; the kernel gives it back when the process ends, however it
/// ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock of a data directory.
    ///
    /// # Errors
    ///
    /// A sentence that says which process has it, when one has.
    pub fn take(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    format!(
                        "{} is in use by {}",
                        data_dir.display(),
                        holder_sentence(holder.trim())
                    ),
                ));
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

/// Who listens on a socket: `None` when nobody does.
pub fn listener_of(socket: &Path) -> Option<String> {
    let stream = UnixStream::connect(socket).ok()?;
    let creds = tokio_creds(&stream);
    Some(creds.map_or_else(
        || "another process".into(),
        |(pid, uid)| {
            let holder = pid.map_or_else(String::new, |pid| pid.to_string());
            format!("{} of user {uid}", holder_sentence(&holder))
        },
    ))
}

fn tokio_creds(stream: &UnixStream) -> Option<(Option<i32>, u32)> {
    // The standard library's accessor is not stable; the kernel call is the same.
    let creds = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some((Some(creds.pid.as_raw_nonzero().get()), creds.uid.as_raw()))
}

fn holder_sentence(pid: &str) -> String {
    if pid.parse::<u32>().is_err() {
        return "another process".into();
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("process {pid}"),
        name => format!("process {pid} ({name})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// `DSK-20`
    #[test]
    fn second_lock_says_who_has_the_first() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let _lock = DirLock::take(dir.path()).expect("free");
        let error = DirLock::take(dir.path()).expect_err("taken");
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error}");
    }

    /// `API-05`
    #[test]
    fn socket_in_use_says_by_whom() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("socket");
        assert_eq!(listener_of(&path), None);
        let listener = UnixListener::bind(&path).expect("bound");
        let who = listener_of(&path).expect("somebody listens");
        assert!(who.contains(&std::process::id().to_string()), "{who}");
        drop(listener);
        assert_eq!(listener_of(&path), None);
    }
}

//! A directory that is gone afterwards.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::sleep;

use crate::failure::Failure;

/// A directory of this process, removed when dropped.
pub(in crate::commands) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Creates it, for this user alone, where temporary files go.
    pub(in crate::commands) fn create() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        for attempt in 0..ATTEMPTS_MAX {
            // Short: a socket's path has room for 107 bytes.
            let path = parent.join(format!("qpc-demo-{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unusable(&parent, &error)),
            }
        }
        Err(unusable(&parent, &io::ErrorKind::AlreadyExists.into()))
    }

    /// Where it is.
    pub(in crate::commands) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and says so when that fails. A daemon that was killed this moment may still be
    /// writing, so it is tried again for a while.
    pub(in crate::commands) async fn remove(self) -> Result<(), Failure> {
        let mut left = REMOVALS_MAX;
        loop {
            left -= 1;
            match fs::remove_dir_all(&self.path) {
                Err(_) if left > 0 => sleep(REMOVAL_PAUSE).await,
                removed => return removed.map_err(|error| self.stays(&error)),
            }
        }
    }

    fn stays(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("{} cannot be removed: {error}", self.path.display()))
            .hint("Remove it by hand")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After `remove` there is nothing left; otherwise this is the best that can be done.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn unusable(parent: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("no directory can be created in {}: {error}", parent.display()))
        .hint("Set TMPDIR to a place that can be written")
}

/// Left-overs of earlier processes with the same id may be in the way, but not that many.
const ATTEMPTS_MAX: u32 = 100;
/// Together with the pause, two seconds.
const REMOVALS_MAX: u32 = 40;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-42
    #[tokio::test]
    async fn nothing_stays_behind() {
        let scratch = Scratch::create().expect("temporary files can be created");
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").expect("the directory is ours");
        let second = Scratch::create().expect("another one beside it");
        assert_ne!(second.path(), path);
        scratch.remove().await.expect("it is ours");
        assert!(!path.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }
}

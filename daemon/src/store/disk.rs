//! What the log needs of a file system, so that a test can stand between.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Numbered, append-only files. An error leaves the named segment in an unknown state: the log
/// abandons it (`DSK-07`).
pub trait Disk: Send {
    /// Numbers of the segments that exist, ascending.
    fn list(&self) -> io::Result<Vec<u32>>;
    /// The whole segment.
    fn read(&self, segment: u32) -> io::Result<Vec<u8>>;
    /// Creates an empty segment and makes its name durable.
    fn create(&mut self, segment: u32) -> io::Result<()>;
    /// Appends to the newest segment.
    fn append(&mut self, segment: u32, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was appended durable.
    fn sync(&mut self, segment: u32) -> io::Result<()>;
    /// Cuts a segment back to `len` bytes.
    fn truncate(&mut self, segment: u32, len: u64) -> io::Result<()>;
    /// Removes a segment.
    fn remove(&mut self, segment: u32) -> io::Result<()>;
    /// Keeps a copy of a segment that is damaged, out of the way; says where.
    fn keep_copy(&mut self, segment: u32) -> io::Result<String>;
    /// Holds (`true`) or gives back (`false`) the space set aside for deleting on a full disk.
    fn reserve(&mut self, hold: bool) -> io::Result<()>;
}

/// Space set aside so that deletions still fit on a full disk: ten thousand tombstones of 25 bytes.
const RESERVE_LEN: usize = 256 << 10;

/// Segments as files of a directory with mode 0700.
#[derive(Debug)]
pub struct FileDisk {
    dir: PathBuf,
    damaged: PathBuf,
    head: Option<(u32, File)>,
}

impl FileDisk {
    /// Segments in `dir`, copies of damaged ones in numbered directories beside it.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let damaged = dir.parent().unwrap_or(dir).to_path_buf();
        Ok(Self { dir: dir.to_path_buf(), damaged, head: None })
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("{segment:010}.log"))
    }

    fn head(&mut self, segment: u32) -> io::Result<&mut File> {
        if self.head.as_ref().is_none_or(|(number, _)| *number != segment) {
            let mut file = OpenOptions::new().write(true).open(self.path(segment))?;
            file.seek(SeekFrom::End(0))?;
            self.head = Some((segment, file));
        }
        self.head.as_mut().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for FileDisk {
    fn list(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
            numbers.extend(stem.and_then(|stem| stem.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, segment: u32) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(segment))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&mut self, segment: u32) -> io::Result<()> {
        let path = self.path(segment);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        sync_dir(&self.dir)?;
        self.head = Some((segment, file));
        Ok(())
    }

    fn append(&mut self, segment: u32, bytes: &[u8]) -> io::Result<()> {
        self.head(segment)?.write_all(bytes)
    }

    fn sync(&mut self, segment: u32) -> io::Result<()> {
        self.head(segment)?.sync_data()
    }

    fn truncate(&mut self, segment: u32, len: u64) -> io::Result<()> {
        self.head = None;
        let file = OpenOptions::new().write(true).open(self.path(segment))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn remove(&mut self, segment: u32) -> io::Result<()> {
        self.head.take_if(|(number, _)| *number == segment);
        fs::remove_file(self.path(segment))
    }

    fn keep_copy(&mut self, segment: u32) -> io::Result<String> {
        let dir = new_numbered_dir(&self.damaged, "damaged")?;
        let from = self.path(segment);
        let copy = dir.join(format!("{segment:010}.log"));
        fs::copy(&from, &copy)?;
        Ok(copy.display().to_string())
    }

    fn reserve(&mut self, hold: bool) -> io::Result<()> {
        let path = self.dir.join("reserve");
        if !hold {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        if fs::metadata(&path).is_ok_and(|meta| meta.len() == RESERVE_LEN as u64) {
            return Ok(());
        }
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        // Written, not merely sized: a hole takes no space.
        file.write_all(&vec![0; RESERVE_LEN]).and_then(|()| file.sync_all()).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })
    }
}

/// Creates the first free `<name>-<n>` in `parent`.
pub(crate) fn new_numbered_dir(parent: &Path, name: &str) -> io::Result<PathBuf> {
    for n in 1..=NUMBERED_DIRS_MAX {
        let dir = parent.join(format!("{name}-{n}"));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(dir),
        }
    }
    Err(io::Error::other(format!("too many {name}-* directories; look at them and remove them")))
}

/// Makes names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Directories of copies that are kept: someone has to look after a thousand disasters.
const NUMBERED_DIRS_MAX: u32 = 1_000;

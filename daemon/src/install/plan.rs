//! What is put in place (`INS-02`).

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    InstallError, Scope,
    manifest::{Digest, digest},
    pages,
    places::Places,
};

/// What a file holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Text(String),
    /// A copy of this program.
    Program(PathBuf),
}

impl Content {
    pub(super) fn digest(&self) -> io::Result<Digest> {
        match self {
            Self::Text(text) => Ok(digest(text.as_bytes())),
            Self::Program(path) => fs::read(path).map(|bytes| digest(&bytes)),
        }
    }
}

/// One file to be put.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) mode: u32,
    /// Belongs to whoever edits it from then on.
    pub(super) is_configuration: bool,
}

impl Planned {
    fn text(path: PathBuf, text: impl Into<String>) -> Self {
        let content = Content::Text(text.into());
        Self { path, content, mode: 0o644, is_configuration: false }
    }

    pub(super) fn error(&self, error: &io::Error) -> InstallError {
        InstallError::at(&self.path, error)
    }
}

/// Every file of an installation.
pub(super) fn files(places: &Places) -> Result<Vec<Planned>, InstallError> {
    let (qpcd, qpc) = programs()?;
    let share = places.share();
    let program = |path: &Path, name: &str| Planned {
        path: places.bin().join(name),
        content: Content::Program(path.to_owned()),
        mode: 0o755,
        is_configuration: false,
    };
    let mut files = vec![program(&qpcd, "qpcd"), program(&qpc, "qpc")];
    let unit = match places.scope {
        Scope::System => include_str!("../../dist/qpcd.service"),
        Scope::User => include_str!("../../dist/qpcd.user.service"),
    };
    let bin = places.bin_as_named();
    files.push(Planned::text(places.unit(), unit.replace("@BIN@", &bin.to_string_lossy())));
    files.push(Planned {
        is_configuration: true,
        // It may come to hold the network's key.
        mode: if places.scope == Scope::User { 0o600 } else { 0o640 },
        ..Planned::text(places.config(), include_str!("../../qpcd.example.toml"))
    });
    if places.scope == Scope::System {
        files.push(Planned::text(places.sysusers(), include_str!("../../dist/sysusers.conf")));
        files.push(Planned::text(
            places.bus_policy(),
            include_str!("../../dist/org.quicprochat.conf"),
        ));
        files.push(Planned::text(
            places.polkit_policy(),
            include_str!("../../dist/org.quicprochat.policy"),
        ));
    }
    for (name, xml) in api::XML {
        let path = share.join(format!("dbus-1/interfaces/{name}.xml"));
        files.push(Planned::text(path, *xml));
    }
    files.push(Planned::text(share.join("man/man8/qpcd.8"), pages::daemon()));
    files.push(Planned::text(share.join("man/man5/qpcd.toml.5"), pages::configuration()));
    files.extend(from_qpc(&qpc, &share)?);
    Ok(files)
}

/// The running program, and `qpc` beside it (`INS-03`).
fn programs() -> Result<(PathBuf, PathBuf), InstallError> {
    let qpcd = env::current_exe()
        .map_err(|error| InstallError(format!("this program's own file is not known: {error}")))?;
    let qpc = qpcd.with_file_name("qpc");
    if !qpc.is_file() {
        return Err(InstallError(format!(
            "qpc is not beside qpcd ({}); build both with `cargo build --release --bins`",
            qpc.display()
        )));
    }
    Ok((qpcd, qpc))
}

/// Completions and manual pages, as `qpc` itself prints them.
fn from_qpc(qpc: &Path, share: &Path) -> Result<Vec<Planned>, InstallError> {
    let shells = [
        ("bash", "bash-completion/completions/qpc"),
        ("zsh", "zsh/site-functions/_qpc"),
        ("fish", "fish/vendor_completions.d/qpc.fish"),
    ];
    let mut files = Vec::new();
    for (shell, place) in shells {
        files.push(Planned::text(share.join(place), printed(qpc, &["completion", shell])?));
    }
    let pages = PagesDir::new()?;
    printed(qpc, &["man", "--dir", &pages.0.to_string_lossy()])?;
    let entries = fs::read_dir(&pages.0).map_err(|error| InstallError::at(&pages.0, &error))?;
    for entry in entries.flatten() {
        let text = fs::read_to_string(entry.path())
            .map_err(|error| InstallError::at(&entry.path(), &error))?;
        files.push(Planned::text(share.join("man/man1").join(entry.file_name()), text));
    }
    Ok(files)
}

fn printed(qpc: &Path, args: &[&str]) -> Result<String, InstallError> {
    let output = Command::new(qpc).args(args).output();
    let output = output.map_err(|error| InstallError::at(qpc, &error))?;
    if !output.status.success() {
        return Err(InstallError(format!("{} {} failed", qpc.display(), args.join(" "))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A directory for the pages on their way, gone at the end.
struct PagesDir(PathBuf);

impl PagesDir {
    fn new() -> Result<Self, InstallError> {
        use std::os::unix::fs::DirBuilderExt;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| InstallError(error.to_string()))?;
        let name = format!("qpcd-pages-{:016x}", u64::from_le_bytes(random));
        let path = env::temp_dir().join(name);
        // Not recursive: a directory that is there already is somebody else's.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| InstallError::at(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for PagesDir {
    fn drop(&mut self) {
        // What is left is a few pages in the temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

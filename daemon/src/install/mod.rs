//! Making a service of the two programs, and taking it away again (`specs/23-install.md`).
//!
//! - `options`: what the command line asked for.
//! - `places`: where things go, for the system or for one user.
//! - `plan`: what goes there.
//! - `manifest`: what was put there, so that it can be taken away.
//! - `pages`: the manual pages of the daemon.
//! - `service`: the service manager and the account.
//!
//! The manifest is written before anything it names: an installation that is interrupted can be
//! finished or removed (`INS-05`).

mod manifest;
mod options;
mod pages;
mod places;
mod plan;
mod service;

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use manifest::{Manifest, digest};
pub use options::{Action, Options, Scope};
pub(crate) use options::{USAGE, parse};
use places::Places;
use plan::{Content, Planned};
use service::Service;

/// Why nothing was installed or removed, or not all of it: a sentence and what to do.
#[derive(Debug)]
pub struct InstallError(String);

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InstallError {}

impl InstallError {
    fn at(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

/// Does what `qpcd install` or `qpcd uninstall` was asked to; returns what to tell the person.
///
/// # Errors
///
/// [`InstallError`]: a missing program, a file in the way, a directory that cannot be written.
pub fn run(action: Action, options: &Options) -> Result<String, InstallError> {
    let places = Places::choose(options)?;
    match action {
        Action::Install => install(&places, options),
        Action::Uninstall => uninstall(&places, options),
    }
}

fn install(places: &Places, options: &Options) -> Result<String, InstallError> {
    let former = Manifest::load(&places.manifest())?;
    let mut files = plan::files(places)?;
    leave_configuration(&mut files, &former);
    refuse_foreign(&files, &former)?;
    let mut manifest = former.clone();
    for file in &files {
        manifest.add_file(&file.path, file.content.digest().map_err(|e| file.error(&e))?);
    }
    for file in files.iter().map(|file| &file.path).chain([&places.manifest()]) {
        manifest.add_missing_dirs(file);
    }
    let service = Service::new(places, options);
    if service.makes_account() {
        manifest.add_account();
    }
    save_manifest(places, &manifest)?;
    for file in &files {
        put(file).map_err(|error| file.error(&error))?;
    }
    remove_stale(places, manifest, &files)?;
    let mut told = format!(
        "Installed qpcd and qpc in {}.\nThe configuration is {}.\n",
        places.shown(&places.bin()),
        places.shown(&places.config())
    );
    told += &service.start(&places.config())?;
    Ok(told)
}

/// Files that an earlier version put and this one does not.
fn remove_stale(
    places: &Places,
    mut manifest: Manifest,
    files: &[Planned],
) -> Result<(), InstallError> {
    let is_stale =
        |path: &Path| path != places.config() && !files.iter().any(|file| file.path == *path);
    let stale: Vec<PathBuf> =
        manifest.files().map(|(path, _)| path).filter(|path| is_stale(path)).cloned().collect();
    for path in &stale {
        remove_file(path)?;
        manifest.forget(path);
    }
    if stale.is_empty() { Ok(()) } else { save_manifest(places, &manifest) }
}

/// A configuration that is there stays, whoever wrote it (`INS-04`).
fn leave_configuration(files: &mut Vec<Planned>, former: &Manifest) {
    files.retain(|file| {
        let ours = former.digest_of(&file.path);
        let is_ours =
            ours.is_some() && fs::read(&file.path).ok().map(|bytes| digest(&bytes)) == ours;
        !(file.is_configuration && file.path.exists() && !is_ours)
    });
}

/// Nothing that somebody else put is overwritten (`INS-04`).
fn refuse_foreign(files: &[Planned], former: &Manifest) -> Result<(), InstallError> {
    for file in files {
        let Ok(present) = fs::symlink_metadata(&file.path) else { continue };
        let is_same = present.is_file()
            && fs::read(&file.path).is_ok_and(|bytes| {
                file.content.digest().is_ok_and(|planned| planned == digest(&bytes))
            });
        if !is_same && !former.names(&file.path) {
            return Err(InstallError(format!(
                "{} is there already and was not put there by `qpcd install`; nothing was changed. \
                 Move it away, or install elsewhere with --prefix",
                file.path.display()
            )));
        }
    }
    Ok(())
}

/// Puts one file in place, whole or not at all.
fn put(file: &Planned) -> io::Result<()> {
    let dir = file.path.parent().unwrap_or_else(|| Path::new("/"));
    make_dir(dir)?;
    let part = part_of(&file.path);
    // Left behind by an installation that was interrupted.
    let _ = fs::remove_file(&part);
    let mut out =
        fs::OpenOptions::new().write(true).create_new(true).mode(file.mode).open(&part)?;
    match &file.content {
        Content::Text(text) => out.write_all(text.as_bytes())?,
        Content::Program(from) => {
            io::copy(&mut fs::File::open(from)?, &mut out)?;
        }
    }
    // The mode that was asked for, whatever the umask.
    out.set_permissions(fs::Permissions::from_mode(file.mode))?;
    out.sync_all()?;
    fs::rename(&part, &file.path)
}

/// Where a file is while it is not whole yet.
fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(dir)
}

fn save_manifest(places: &Places, manifest: &Manifest) -> Result<(), InstallError> {
    let path = places.manifest();
    let file = Planned {
        content: Content::Text(manifest.to_string()),
        path: path.clone(),
        mode: 0o644,
        is_configuration: false,
    };
    put(&file).map_err(|error| InstallError::at(&path, &error))
}

fn uninstall(places: &Places, options: &Options) -> Result<String, InstallError> {
    let manifest = Manifest::load(&places.manifest())?;
    if manifest.is_empty() {
        return Err(InstallError(format!(
            "nothing is installed: there is no {}. If another --prefix, --user or --system was \
             used to install, use it here as well",
            places.manifest().display()
        )));
    }
    let service = Service::new(places, options);
    service.stop()?;
    let mut told = String::new();
    for (path, ours) in manifest.files() {
        // Left behind by an installation that was interrupted.
        remove_file(&part_of(path))?;
        match fs::read(path) {
            Ok(bytes) if !options.purge && digest(&bytes) != *ours => {
                told += &format!("{} was changed and stays.\n", path.display());
            }
            _ => remove_file(path)?,
        }
    }
    if options.purge {
        remove_tree(&places.state())?;
        if manifest.has_account() {
            service.remove_account()?;
        }
    } else if places.state().exists() {
        told += &format!(
            "Identity and messages stay in {}; `qpcd uninstall --purge` removes them as well.\n",
            places.state().display()
        );
    }
    let unfinished = !options.purge && manifest.has_account() || told.contains("was changed");
    if unfinished {
        // What is left is still known, so that --purge finds it.
        let left = manifest.clone().retain(Path::exists);
        save_manifest(places, &left)?;
    } else {
        remove_file(&places.manifest())?;
        // It is there from an installation that was interrupted before it knew.
        let _ = fs::remove_dir(places.manifest().parent().unwrap_or_else(|| Path::new("/")));
    }
    for dir in manifest.dirs_deepest_first() {
        // Somebody else's files are in it, or it is gone already.
        let _ = fs::remove_dir(dir);
    }
    Ok(format!("Removed.\n{told}"))
}

fn remove_file(path: &Path) -> Result<(), InstallError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(InstallError::at(path, &error))
        }
        _ => Ok(()),
    }
}

fn remove_tree(path: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(InstallError::at(path, &error))
        }
        _ => Ok(()),
    }
}

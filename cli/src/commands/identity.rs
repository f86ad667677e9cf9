//! `identity export` and `identity import` (`CLI-35`).

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use api::{DaemonProxy, ImportOptions};

use super::done;
use crate::{
    args::{self, Global},
    client::Client,
    failure::{Exit, Failure, Stop},
    input,
    show::Console,
};

/// `qpc identity`
pub(super) async fn run(
    command: &args::Identity,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    match command {
        args::Identity::Export { file, passphrase_file, force } => {
            export(file, passphrase_file.as_deref(), *force, global, console).await
        }
        args::Identity::Import { file, passphrase_file, replace } => {
            let from = (file.as_path(), passphrase_file.as_deref());
            import(from, *replace, global, console).await
        }
    }
}

async fn export(
    file: &Path,
    passphrase_file: Option<&Path>,
    force: bool,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let to_stdout = file == Path::new("-");
    if !to_stdout && !force && file.exists() {
        return Err(exists(file).into());
    }
    // Nobody should choose a passphrase for a daemon that is not there.
    let client = Client::connect(global).await?;
    let daemon = client.ask(async { Ok(DaemonProxy::new(client.connection()).await?) }).await?;
    let passphrase = input::passphrase(passphrase_file, true)?;
    let client = client.waiting(KEY_STRETCHING);
    let backup = client.ask(daemon.export_identity(&passphrase)).await?;
    if to_stdout {
        console.bytes(&backup)?;
        return Ok(Exit::Ok);
    }
    write(file, &backup, force)?;
    done(console, format!("Wrote the encrypted identity to {}", file.display()))
}

/// Writes the backup to a file that nobody else can read. One that is to be replaced stays until
/// the new one is complete.
fn write(file: &Path, backup: &[u8], force: bool) -> Result<(), Failure> {
    let mut target = PathBuf::from(file);
    if force {
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        target = name.into();
    }
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(&target),
        _ => Failure::failed(format!("{} cannot be written: {error}", target.display()))
            .hint("Choose another place"),
    };
    let mut created =
        File::options().write(true).create_new(true).mode(0o600).open(&target).map_err(failed)?;
    let written = created.write_all(backup).and_then(|()| created.sync_all());
    let placed = match force {
        true => written.and_then(|()| std::fs::rename(&target, file)),
        false => written,
    };
    placed.map_err(|error| {
        let _ = std::fs::remove_file(&target);
        failed(error)
    })
}

fn exists(file: &Path) -> Failure {
    Failure::failed(format!("{} exists already", file.display()))
        .hint("Choose another name, or replace it with --force")
}

async fn import(
    (file, passphrase_file): (&Path, Option<&Path>),
    replace: bool,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let backup = input::file(file)?;
    let client = Client::connect(global).await?;
    let daemon = client.ask(async { Ok(DaemonProxy::new(client.connection()).await?) }).await?;
    let passphrase = input::passphrase(passphrase_file, false)?;
    let options = ImportOptions { replace: Some(replace) };
    let client = client.waiting(KEY_STRETCHING);
    let address = client.ask(daemon.import_identity(&backup, &passphrase, options)).await.map_err(
        |failure| match failure.name.as_deref() {
            Some("org.quicprochat.Error.IdentityExists") => {
                failure.hint("Set the present identity and its messages aside with --replace")
            }
            _ => failure,
        },
    )?;
    done(console, format!("The node is {address} from its next start on; restart qpcd now"))
}

/// Opening a backup is slow on purpose; small routers take their time.
const KEY_STRETCHING: std::time::Duration = std::time::Duration::from_secs(60);

//! The service manager, and the account of the service.

use std::{fs, io, os::unix::fs::chown, path::Path, process::Command};

use super::{InstallError, Options, Scope, places::Places};

/// The account of the system's service, and its group.
pub(super) const ACCOUNT: &str = "quicprochat";

/// What the installation does besides putting files.
pub(super) struct Service<'a> {
    places: &'a Places,
    start: bool,
}

impl<'a> Service<'a> {
    pub(super) fn new(places: &'a Places, options: &Options) -> Self {
        Self { places, start: options.start }
    }

    /// Whether there will be an account that was not there before.
    pub(super) fn makes_account(&self) -> bool {
        self.has_account_to_mind() && id_of("/etc/passwd", ACCOUNT).is_none()
    }

    fn has_account_to_mind(&self) -> bool {
        self.places.scope == Scope::System && self.places.is_this_machine()
    }

    /// Makes the account, then enables and starts the service, as far as that was asked for and is
    /// possible; says what was done and what is left to do.
    pub(super) fn start(&self, config: &Path) -> Result<String, InstallError> {
        if !self.places.is_this_machine() {
            return Ok("Nothing was run: the files are below another root.\n".into());
        }
        if self.has_account_to_mind() {
            self.make_account()?;
            let group = id_of("/etc/group", ACCOUNT);
            chown(config, None, group).map_err(|error| InstallError::at(config, &error))?;
        }
        if !is_systemd_running() {
            return Ok("systemd does not run here. Start the daemon with `qpcd`.\n".into());
        }
        self.systemctl(&["daemon-reload"])?;
        if !self.start {
            let user = if self.places.scope == Scope::User { "--user " } else { "" };
            return Ok(format!("Start it with `systemctl {user}enable --now qpcd`.\n"));
        }
        self.systemctl(&["enable", "--quiet", "qpcd.service"])?;
        self.systemctl(&["restart", "qpcd.service"])?;
        let mut told = "The service is enabled and runs. Try `qpc status`.\n".to_owned();
        if self.places.scope == Scope::System {
            told += "Members of the group quicprochat may use it: `adduser NAME quicprochat`.\n";
        }
        Ok(told)
    }

    /// Stops and disables the service, if there is a service manager.
    pub(super) fn stop(&self) -> Result<(), InstallError> {
        if !self.places.is_this_machine() || !is_systemd_running() {
            return Ok(());
        }
        if self.places.unit().exists() {
            self.systemctl(&["disable", "--quiet", "--now", "qpcd.service"])?;
        }
        Ok(())
    }

    fn make_account(&self) -> Result<(), InstallError> {
        if id_of("/etc/passwd", ACCOUNT).is_some() {
            return Ok(());
        }
        let file = self.places.sysusers();
        if run("systemd-sysusers", &[&file.to_string_lossy()]).is_ok() {
            return Ok(());
        }
        let home = "/var/lib/quicprochat";
        let args = ["--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell"];
        let args: Vec<&str> = args.into_iter().chain(["/usr/sbin/nologin", ACCOUNT]).collect();
        run("useradd", &args).map_err(|error| {
            InstallError(format!(
                "the account {ACCOUNT} could not be made ({error}); make it and run this again"
            ))
        })
    }

    /// Removes the account and its group.
    pub(super) fn remove_account(&self) -> Result<(), InstallError> {
        if !self.has_account_to_mind() || id_of("/etc/passwd", ACCOUNT).is_none() {
            return Ok(());
        }
        run("userdel", &[ACCOUNT]).map_err(|error| {
            InstallError(format!("the account {ACCOUNT} could not be removed: {error}"))
        })?;
        if id_of("/etc/group", ACCOUNT).is_some() {
            run("groupdel", &[ACCOUNT]).map_err(|error| {
                InstallError(format!("the group {ACCOUNT} could not be removed: {error}"))
            })?;
        }
        Ok(())
    }

    fn systemctl(&self, args: &[&str]) -> Result<(), InstallError> {
        let scope = if self.places.scope == Scope::User { "--user" } else { "--system" };
        let args: Vec<&str> = [scope].into_iter().chain(args.iter().copied()).collect();
        run("systemctl", &args)
            .map_err(|error| InstallError(format!("systemctl {} failed: {error}", args.join(" "))))
    }
}

/// Whether systemd is the one that runs services here, as `sd_booted(3)` finds out.
fn is_systemd_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The third field of a row of `/etc/passwd` or `/etc/group`.
fn id_of(table: &str, name: &str) -> Option<u32> {
    let rows = fs::read_to_string(table).ok()?;
    let row = rows.lines().find(|row| row.split(':').next() == Some(name))?;
    row.split(':').nth(2)?.parse().ok()
}

fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(args).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.lines().next().unwrap_or("it says no more").to_owned()))
}

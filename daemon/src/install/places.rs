//! Where an installation goes.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::{InstallError, Options, Scope};

/// The places of one installation.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) scope: Scope,
    /// What is in front of every path on disk and in none of the files (`INS-07`).
    root: Option<PathBuf>,
    prefix: PathBuf,
    has_usual_prefix: bool,
    /// Of a user: where data, configuration and state are.
    data_home: PathBuf,
    config_home: PathBuf,
}

impl Places {
    pub(super) fn choose(options: &Options) -> Result<Self, InstallError> {
        let is_root = rustix::process::geteuid().is_root();
        let usual = if is_root { Scope::System } else { Scope::User };
        let scope = options.scope.unwrap_or(usual);
        if scope == Scope::System && !is_root && options.root.is_none() {
            return Err(InstallError(
                "installing for the system takes root: use sudo, or --user to install for \
                 yourself"
                    .into(),
            ));
        }
        let var = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let home = match (var("HOME"), scope) {
            (Some(home), _) => home,
            (None, Scope::System) => PathBuf::from("/root"),
            (None, Scope::User) => {
                return Err(InstallError("HOME is not set: whose installation is it?".into()));
            }
        };
        let usual_prefix = match scope {
            Scope::System => PathBuf::from("/usr/local"),
            Scope::User => home.join(".local"),
        };
        Ok(Self {
            scope,
            root: options.root.clone(),
            has_usual_prefix: options.prefix.is_none(),
            prefix: options.prefix.clone().unwrap_or(usual_prefix),
            data_home: var("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")),
            config_home: var("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
        })
    }

    /// Where `path` is on this disk.
    fn on_disk(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// The directory of the programs, as files name it.
    pub(super) fn bin_as_named(&self) -> PathBuf {
        self.prefix.join("bin")
    }

    pub(super) fn bin(&self) -> PathBuf {
        self.on_disk(&self.bin_as_named())
    }

    /// Pages, completions, interface files: below the prefix, for a user with the usual prefix
    /// where the session looks.
    pub(super) fn share(&self) -> PathBuf {
        match (self.scope, self.has_usual_prefix) {
            (Scope::User, true) => self.on_disk(&self.data_home),
            _ => self.on_disk(&self.prefix.join("share")),
        }
    }

    pub(super) fn unit(&self) -> PathBuf {
        self.on_disk(&match self.scope {
            Scope::System => PathBuf::from("/etc/systemd/system/qpcd.service"),
            Scope::User => self.config_home.join("systemd/user/qpcd.service"),
        })
    }

    pub(super) fn config(&self) -> PathBuf {
        self.on_disk(&match self.scope {
            Scope::System => PathBuf::from("/etc/quicprochat/qpcd.toml"),
            Scope::User => self.config_home.join("quicprochat/qpcd.toml"),
        })
    }

    /// Identity and messages.
    pub(super) fn state(&self) -> PathBuf {
        self.on_disk(&match self.scope {
            Scope::System => PathBuf::from("/var/lib/quicprochat"),
            Scope::User => self.data_home.join("quicprochat"),
        })
    }

    pub(super) fn sysusers(&self) -> PathBuf {
        self.on_disk(Path::new("/etc/sysusers.d/quicprochat.conf"))
    }

    pub(super) fn bus_policy(&self) -> PathBuf {
        self.on_disk(Path::new("/etc/dbus-1/system.d/org.quicprochat.conf"))
    }

    /// Where polkit looks, whatever the prefix is.
    pub(super) fn polkit_policy(&self) -> PathBuf {
        self.on_disk(Path::new("/usr/share/polkit-1/actions/org.quicprochat.policy"))
    }

    /// Not in [`Places::state`]: that of a user is below the same directory.
    pub(super) fn manifest(&self) -> PathBuf {
        self.share().join("qpcd/manifest")
    }

    /// Whether programs of this machine may be run for the installation.
    pub(super) fn is_this_machine(&self) -> bool {
        self.root.is_none()
    }

    pub(super) fn shown(&self, path: &Path) -> String {
        path.display().to_string()
    }
}

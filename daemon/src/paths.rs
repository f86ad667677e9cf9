//! Where things are when nobody says otherwise (`CFG-04`).

use std::{
    env,
    path::{Path, PathBuf},
};

/// The places of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file.
    pub config: PathBuf,
    /// Identity and store.
    pub data_dir: PathBuf,
    /// The API's socket.
    pub socket: PathBuf,
}

impl Paths {
    /// The places of this process: the system's for root, else the user's.
    pub fn of_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::system() } else { Self::user(&read_env) }
    }

    /// The places of a system service. What systemd says it made for us comes first.
    pub fn system() -> Self {
        Self::system_with(&read_env)
    }

    fn system_with(env: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let dir = |name: &str, default: &str| env(name).unwrap_or_else(|| PathBuf::from(default));
        Self {
            config: dir("CONFIGURATION_DIRECTORY", "/etc/quicprochat").join("qpcd.toml"),
            data_dir: dir("STATE_DIRECTORY", "/var/lib/quicprochat"),
            socket: dir("RUNTIME_DIRECTORY", "/run/quicprochat").join("qpcd.sock"),
        }
    }

    fn user(env: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        // A service of its own account has no home; systemd says where it may be.
        if env("STATE_DIRECTORY").is_some() {
            return Self::system_with(env);
        }
        let home = env("HOME").unwrap_or_else(|| PathBuf::from("/"));
        let under = |name: &str, default: &str| env(name).unwrap_or_else(|| home.join(default));
        let data_dir = under("XDG_DATA_HOME", ".local/share").join("quicprochat");
        let socket = env("XDG_RUNTIME_DIR")
            .map_or_else(|| data_dir.join("run"), |dir| dir.join("quicprochat"))
            .join("qpcd.sock");
        Self {
            config: under("XDG_CONFIG_HOME", ".config").join("quicprochat/qpcd.toml"),
            data_dir,
            socket,
        }
    }
}

/// An environment variable that names an absolute path; anything else counts as unset.
fn read_env(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| Path::is_absolute(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<PathBuf> {
        move |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
        }
    }

    /// `CFG-04`
    #[test]
    fn user_paths_follow_xdg() {
        let paths = Paths::user(&env(&[("HOME", "/home/ada"), ("XDG_RUNTIME_DIR", "/run/user/1")]));
        assert_eq!(paths.config, Path::new("/home/ada/.config/quicprochat/qpcd.toml"));
        assert_eq!(paths.data_dir, Path::new("/home/ada/.local/share/quicprochat"));
        assert_eq!(paths.socket, Path::new("/run/user/1/quicprochat/qpcd.sock"));
        let paths = Paths::user(&env(&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data")]));
        assert_eq!(paths.socket, Path::new("/data/quicprochat/run/qpcd.sock"));
    }

    /// `CFG-04`
    #[test]
    fn services_follow_systemd() {
        let paths = Paths::system_with(&env(&[]));
        assert_eq!(paths.config, Path::new("/etc/quicprochat/qpcd.toml"));
        assert_eq!(paths.data_dir, Path::new("/var/lib/quicprochat"));
        assert_eq!(paths.socket, Path::new("/run/quicprochat/qpcd.sock"));
        let paths = Paths::user(&env(&[("STATE_DIRECTORY", "/var/lib/private/quicprochat")]));
        assert_eq!(paths.data_dir, Path::new("/var/lib/private/quicprochat"));
    }
}

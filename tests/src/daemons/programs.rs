//! Where `qpcd` and `qpc` are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The daemon.
    pub qpcd: PathBuf,
    /// The command line.
    pub qpc: PathBuf,
}

impl Programs {
    /// The programs in the folder `QPC_BIN_DIR`; without that variable, those of this workspace,
    /// built beside the running test.
    ///
    /// # Panics
    ///
    /// When they are not there and cannot be built: there is nothing to test then.
    pub fn find() -> Self {
        static FOUND: OnceLock<Programs> = OnceLock::new();
        FOUND
            .get_or_init(|| match env::var_os("QPC_BIN_DIR") {
                Some(folder) => Self::in_folder(Path::new(&folder)),
                None => Self::build(),
            })
            .clone()
    }

    fn in_folder(folder: &Path) -> Self {
        let programs = Self { qpcd: folder.join("qpcd"), qpc: folder.join("qpc") };
        for program in [&programs.qpcd, &programs.qpc] {
            assert!(program.exists(), "{} is not there", program.display());
        }
        programs
    }

    fn build() -> Self {
        let test = env::current_exe().expect("a running test has a path");
        let folder = test.ancestors().nth(2).expect("tests run in target/PROFILE/deps").to_owned();
        let release = folder.ends_with("release").then_some("--release");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--bin", "qpcd", "--bin", "qpc"])
            .args(["-p", "quicprochat-daemon", "-p", "quicprochat-cli"])
            .args(release)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "qpcd and qpc could not be built");
        Self::in_folder(&folder)
    }
}

//! The manual pages of the daemon (`INS-11`), in the macros of man(7).

use std::fmt::Write as _;

use crate::{args::USAGE, config::KEYS};

/// qpcd(8)
pub(super) fn daemon() -> String {
    let flags = USAGE.split_once("\n\n").map_or(USAGE, |(_, rest)| rest);
    format!(
        ".TH QPCD 8 \"\" \"quicprochat {version}\"\n\
         .SH NAME\nqpcd \\- quicprochat mesh daemon\n\
         .SH SYNOPSIS\n.B qpcd\n[FLAGS]\n.br\n.B qpcd install\n[\\-\\-user | \\-\\-system]\n.br\n\
         .B qpcd uninstall\n[\\-\\-purge]\n\
         .SH DESCRIPTION\n.nf\n{flags}.fi\n\
         .SH SIGNALS\n.TP\nSIGTERM, SIGINT\nLinks are closed, what is accepted is on disk, the \
         daemon ends.\n.TP\nSIGHUP\nThe configuration is read again.\n\
         .SH EXIT STATUS\n0 after an orderly end, 1 when it cannot run, 2 for wrong flags.\n\
         .SH FILES\n.TP\n/etc/quicprochat/qpcd.toml, ~/.config/quicprochat/qpcd.toml\nthe \
         configuration\n.TP\n/var/lib/quicprochat, ~/.local/share/quicprochat\nidentity and \
         messages\n.TP\n/run/quicprochat/qpcd.sock, $XDG_RUNTIME_DIR/quicprochat/qpcd.sock\nthe \
         socket of the API\n\
         .SH SEE ALSO\n.BR qpc (1),\n.BR qpcd.toml (5)\n",
        version = env!("CARGO_PKG_VERSION"),
        flags = verbatim(flags),
    )
}

/// qpcd.toml(5)
pub(super) fn configuration() -> String {
    let mut page = format!(
        ".TH QPCD.TOML 5 \"\" \"quicprochat {}\"\n\
         .SH NAME\nqpcd.toml \\- configuration of the quicprochat mesh daemon\n\
         .SH DESCRIPTION\nA TOML file. Every key can also be set in the environment: QPC_ and the \
         key in capitals, with dots as underscores. Flags win over the environment, and that over \
         the file. qpcd \\-\\-check\\-config says whether it holds.\n.SH KEYS\n",
        env!("CARGO_PKG_VERSION")
    );
    for key in KEYS {
        let reloads = if key.reloads { " Applied by SIGHUP." } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            ".TP\n.B {}\n{}{reloads}\n.br\nAllowed: {}.\n.br\nDefault: {}",
            plain(key.name),
            plain(key.help),
            plain(key.allowed),
            plain(key.default),
        );
    }
    page += ".SH SEE ALSO\n.BR qpcd (8)\n";
    page
}

/// Text in which nothing is a macro or an escape.
fn plain(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ")
}

/// Lines as they are.
fn verbatim(text: &str) -> String {
    let line = |line: &str| {
        // A dot or a quote at the start of a line would be a macro.
        format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-"))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ins_11_every_key_has_its_paragraph() {
        let page = configuration();
        for key in KEYS {
            assert!(page.contains(&format!(".B {}\n", plain(key.name))), "{}", key.name);
        }
        assert!(daemon().contains("\\-\\-check\\-config"));
    }
}

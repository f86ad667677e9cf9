//! What a command reads besides its arguments: message bodies, backups, passphrases.
//!
//! All of it is read before the daemon is asked anything (`CLI-12`), and never more than a bound.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::Path,
};

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use zeroize::Zeroizing;

use crate::{args::Body, failure::Failure};

/// The bytes of a message body.
///
/// # Errors
///
/// A failure that names the file that cannot be read, or is too long to be a message.
pub fn body(body: &Body) -> Result<Vec<u8>, Failure> {
    match (&body.text, &body.file) {
        (Some(text), _) if text == "-" => all(io::stdin().lock(), "standard input"),
        (Some(text), _) => Ok(text.clone().into_bytes()),
        (None, Some(path)) => file(path),
        (None, None) => Err(Failure::usage("there is nothing to send")),
    }
}

/// The bytes of a file, `-` for standard input.
///
/// # Errors
///
/// A failure that names the file.
pub fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        return all(io::stdin().lock(), "standard input");
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    all(file, &name)
}

/// The text of a calendar file, `-` for standard input.
///
/// # Errors
///
/// A failure that names the file that cannot be read, or is longer than is read of a calendar.
pub fn calendar(path: &Path) -> Result<String, Failure> {
    if path == Path::new("-") {
        return calendar_text(io::stdin().lock(), "standard input");
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    calendar_text(file, &name)
}

fn calendar_text(source: impl Read, name: &str) -> Result<String, Failure> {
    let bytes = up_to(source, name, CALENDAR_LEN_MAX)?;
    if bytes.len() as u64 > CALENDAR_LEN_MAX {
        return Err(Failure::failed(format!("{name} is larger than the 8 MB of a calendar")));
    }
    // D-Bus carries no zero bytes in a text, and a calendar has none. Letters of other encodings are in titles,
    // of which nothing is read.
    Ok(String::from_utf8_lossy(&bytes).replace('\0', ""))
}

/// Largest calendar file that a node reads.
const CALENDAR_LEN_MAX: u64 = 8 << 20;

/// What there is, and at most one byte more than allowed.
fn up_to(source: impl Read, name: &str, max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One more than allowed tells a long file from one that just fits.
    let read = source.take(max + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(name, &error))?;
    Ok(bytes)
}

fn all(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let bytes = up_to(source, name, INPUT_LEN_MAX)?;
    if bytes.len() as u64 > INPUT_LEN_MAX {
        return Err(Failure::failed(format!("{name} is longer than a message can be"))
            .hint("A message holds 1 MiB; send it in parts"));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("{name} cannot be read: {error}")).hint("Check its name and its mode")
}

/// A passphrase: the first line of a file, or what a person types without echo, the same thing
/// twice when `twice`.
///
/// # Errors
///
/// A failure when there is nobody to ask, the two differ, or it is empty.
pub fn passphrase(from: Option<&Path>, twice: bool) -> Result<Zeroizing<String>, Failure> {
    let passphrase = match from {
        Some(path) => passphrase_of_file(path)?,
        None => ask("Passphrase: ")?,
    };
    if passphrase.is_empty() {
        return Err(Failure::failed("the passphrase is empty").hint("Choose a long one"));
    }
    if from.is_none() && twice && *ask("The same again: ")? != *passphrase {
        return Err(Failure::failed("the two passphrases differ").hint("Try again"));
    }
    Ok(passphrase)
}

fn passphrase_of_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(file(path)?);
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::failed(format!("{} is not UTF-8 text", path.display()))
            .hint("Put the passphrase into its first line")),
    }
}

/// Asks on the terminal, wherever standard input and output lead.
fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let nobody = || {
        Failure::failed("there is no terminal to ask for the passphrase")
            .hint("Give it with --passphrase-file")
    };
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|_| nobody())?;
    if !terminal.is_terminal() {
        return Err(nobody());
    }
    let silent = Silent::enter(&terminal).map_err(|_| nobody())?;
    let mut keys = &terminal;
    let asked = keys.write_all(prompt.as_bytes()).and_then(|()| read_line(&mut keys));
    drop(silent);
    let _ = keys.write_all(b"\n");
    match asked {
        Ok(line) => Ok(line),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Failure::failed("no passphrase was given"))
        }
        Err(error) => Err(unreadable("the terminal", &error)),
    }
}

/// Reads keys up to the end of the line, honouring backspace and line kill. Ctrl-C arrives as a
/// key, so that the terminal gets its echo back before the program ends.
fn read_line(terminal: &mut impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_LEN_MAX));
    loop {
        let mut key = [0];
        if terminal.read(&mut key)? == 0 {
            break;
        }
        match key[0] {
            b'\r' | b'\n' | CTRL_D => break,
            CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => erase_character(&mut line),
            byte if line.len() < PASSPHRASE_LEN_MAX => line.push(byte),
            _ => return Err(io::Error::other("the passphrase is too long")),
        }
    }
    match std::str::from_utf8(&line) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(io::Error::other("that was not UTF-8 text")),
    }
}

fn erase_character(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        // Continuation bytes of UTF-8 belong to the character before them.
        if byte & 0xc0 != 0x80 {
            break;
        }
    }
}

/// A terminal that shows nothing of what is typed, until dropped.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn enter(terminal: &'a File) -> io::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// Bytes of a passphrase: more than anybody types, and reserved at once, so that no copy of it
/// stays behind where a growing buffer was.
const PASSPHRASE_LEN_MAX: usize = 1_024;

/// Longest input: what the API carries in one message. The daemon refuses what is too long for
/// the mesh; this bound only keeps an endless file from filling memory.
const INPUT_LEN_MAX: u64 = api::framing::ITEM_LEN_MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-35
    #[test]
    fn a_passphrase_line_can_be_edited() {
        let read = |keys: &[u8]| read_line(&mut &keys[..]).map(|line| line.to_string());
        assert_eq!(read(b"secret\nrest").ok().as_deref(), Some("secret"));
        assert_eq!(read("grün\u{7f}\u{7f}oß\r".as_bytes()).ok().as_deref(), Some("groß"));
        assert_eq!(read(b"wrong\x15right\n").ok().as_deref(), Some("right"));
        assert_eq!(read(b"\x7f\x7fx").ok().as_deref(), Some("x"));
        assert_eq!(read(b"ab\x03\n").expect_err("Ctrl-C").kind(), io::ErrorKind::Interrupted);
        assert!(read(&[b'x'; PASSPHRASE_LEN_MAX + 1]).is_err());
    }

    // CLI-12
    #[test]
    fn endless_input_is_refused() {
        let failure = all(io::repeat(7), "a device").expect_err("endless");
        assert!(failure.error.contains("a device"));
        let failure = calendar_text(io::repeat(7), "a calendar").expect_err("endless");
        assert!(failure.error.contains("a calendar"));
        let text = calendar_text(&b"SUMMARY:K\xe4the\0\n"[..], "a calendar").expect("a text");
        assert_eq!(text, "SUMMARY:K\u{fffd}the\n");
    }
}

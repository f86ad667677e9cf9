//! The outer layer: what goes to a mailbox node, and its response (`RSV-20`, `RSV-21`).
//!
//! Putting a letter, taking one and turning a page are one length, so whoever carries them sees that
//! a mailbox node is spoken to and nothing else.

use alloc::vec::Vec;
use core::fmt;

use mesh::{
    Address,
    crypto::{
        Mode,
        aead::{OneTimeKey, TAG_LEN},
        kdf::{self, Secret},
        kem::{X25519Key, XWING_CIPHERTEXT_LEN, XWING_PUBLIC_LEN, XWingKey},
        rng::NodeRng,
    },
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    identity::Suite,
    wire::{Reader, Writer},
};
use zeroize::Zeroizing;

use super::{
    hpke::{self, Context},
    letter::Letter,
    limits::{PAGE_MAX, TAKE_LABELS},
};

/// A mailbox node's pre-key, as its bundle says.
#[derive(Clone, Copy, Debug)]
pub struct MailboxKey<'a> {
    /// The node.
    pub node: Address,
    /// The pre-key's id.
    pub id: u32,
    /// For letters of X25519.
    pub x25519: &'a [u8; 32],
    /// For letters of X-Wing.
    pub xwing: &'a [u8; XWING_PUBLIC_LEN],
}

/// What a mailbox node is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Keep a letter.
    Put {
        /// The hour of the work.
        hour: u32,
        /// Its nonce.
        nonce: u64,
        /// The letter.
        letter: Letter,
    },
    /// Give the letters of these labels; who needs one asks for a random one besides.
    Take([[u8; 16]; TAKE_LABELS]),
    /// Give the letters that came after this one.
    Page(u64),
}

/// What a mailbox node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether a letter was kept, after a put.
    pub kept: bool,
    /// Zero bits that a put needs at present.
    pub put_bits: u8,
    /// The place of the last letter of a page, for the next.
    pub cursor: u64,
    /// Letters, all of the question's suite.
    pub letters: Vec<Letter>,
}

/// What is kept of a question until its response comes.
pub struct Pending {
    suite: Suite,
    page: bool,
    secret: Secret,
}

/// A question that was opened, and how its response is sealed.
pub struct Opened {
    /// The question.
    pub ask: Ask,
    pending: Pending,
}

impl Ask {
    /// Seals a question to a mailbox node.
    ///
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] when its pre-key is none.
    pub fn seal(
        &self,
        suite: Suite,
        to: &MailboxKey<'_>,
        rng: &mut NodeRng,
    ) -> Result<(Vec<u8>, Pending), PeerMisbehaved> {
        let mut out = Vec::with_capacity(outer_len(suite));
        Writer::new(&mut out).u8(VERSION).u8(suite.code()).u32(to.id);
        let shared = match suite {
            Suite::X25519 => {
                let ephemeral = X25519Key::from_seed(rng.array());
                let (enc, shared) = hpke::encapsulate_x25519(to.x25519, &ephemeral)?;
                out.extend_from_slice(&enc);
                shared
            }
            Suite::XWing => {
                let (enc, shared) = hpke::encapsulate_xwing(to.xwing, rng)?;
                out.extend_from_slice(&*enc);
                shared
            }
        };
        let context = Context::new(suite, &shared, &info(&to.node, to.id), None);
        let secret = context.export(RESPONSE);
        out.extend_from_slice(&context.seal(&[], &self.write(suite)));
        Ok((out, Pending { suite, page: matches!(self, Self::Page(_)), secret }))
    }

    fn write(&self, suite: Suite) -> Vec<u8> {
        let mut out = Vec::with_capacity(ask_area(suite));
        let mut w = Writer::new(&mut out);
        match self {
            Self::Put { hour, nonce, letter } => {
                w.u8(PUT).u32(*hour).u64(*nonce).bytes(letter.bytes());
            }
            Self::Take(labels) => {
                w.u8(TAKE);
                labels.iter().for_each(|label| {
                    w.array(label);
                });
            }
            Self::Page(cursor) => {
                w.u8(PAGE).u64(*cursor);
            }
        }
        out.resize(ask_area(suite), 0);
        out
    }

    fn read(suite: Suite, area: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(area);
        let ask = match r.u8("question")? {
            PUT => Self::Put {
                hour: r.u32("work hour")?,
                nonce: r.u64("work")?,
                letter: Letter::parse(r.bytes(Letter::len_of(suite), "letter")?)?,
            },
            TAKE => Self::Take([r.array("label")?, r.array("label")?]),
            PAGE => Self::Page(r.u64("cursor")?),
            _ => return Err(Malformed::OutOfRange("question")),
        };
        zeros(r.rest())?;
        Ok(ask)
    }
}

impl Opened {
    /// Which pre-key a question is sealed to.
    ///
    /// # Errors
    /// [`Malformed`], or an unknown version or suite.
    pub fn prekey_id(bytes: &[u8]) -> Result<u32, Error> {
        split(bytes).map(|(_, id, _)| id)
    }

    /// Opens a question with that pre-key.
    ///
    /// # Errors
    /// As [`Opened::prekey_id`], and [`PeerMisbehaved`] when it was sealed to another.
    pub fn open(
        node: &Address,
        x25519: &X25519Key,
        xwing: &XWingKey,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let (suite, id, rest) = split(bytes)?;
        let (shared, sealed) = match suite {
            Suite::X25519 => {
                let (enc, sealed) =
                    rest.split_first_chunk().ok_or(Malformed::MissingData("outer"))?;
                (hpke::decapsulate_x25519(x25519, enc)?, sealed)
            }
            Suite::XWing => {
                let (enc, sealed) =
                    rest.split_first_chunk().ok_or(Malformed::MissingData("outer"))?;
                (hpke::decapsulate_xwing(xwing, enc)?, sealed)
            }
        };
        let context = Context::new(suite, &shared, &info(node, id), None);
        let ask = Ask::read(suite, &context.open(&[], sealed)?)?;
        let page = matches!(ask, Ask::Page(_));
        Ok(Self { ask, pending: Pending { suite, page, secret: context.export(RESPONSE) } })
    }

    /// The suite of the question, which its letters have.
    pub const fn suite(&self) -> Suite {
        self.pending.suite
    }

    /// Seals the response. Letters of the other suite, and those there is no room for, are left out.
    pub fn respond(&self, said: &Said, rng: &mut NodeRng) -> Vec<u8> {
        let suite = self.pending.suite;
        let room = self.pending.room();
        let letters: Vec<&Letter> =
            said.letters.iter().filter(|letter| letter.suite() == suite).take(room).collect();
        let mut text = Vec::with_capacity(self.pending.area());
        let mut w = Writer::new(&mut text);
        // At most PAGE_MAX.
        w.u8(u8::from(said.kept)).u8(said.put_bits).u64(said.cursor).u8(letters.len() as u8);
        letters.iter().for_each(|letter| {
            w.bytes(letter.bytes());
        });
        text.resize(self.pending.area(), 0);
        // Fresh for each response, because a question may be repeated.
        let salt: [u8; 16] = rng.array();
        let tag = self.pending.keys(&salt).seal(Mode::Real, &salt, &mut text);
        [&salt[..], &text, &tag].concat()
    }
}

impl Pending {
    /// Opens the response.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it is none to this question, [`Malformed`] for its content.
    pub fn open(&self, bytes: &[u8]) -> Result<Said, Error> {
        if bytes.len() != 16 + self.area() + TAG_LEN {
            return Err(Malformed::OutOfRange("response length").into());
        }
        let mut r = Reader::new(bytes);
        let salt: [u8; 16] = r.array("response salt")?;
        let mut text = Zeroizing::new(r.bytes(self.area(), "response")?.to_vec());
        let tag = r.array("response tag")?;
        self.keys(&salt).open(Mode::Real, &salt, &mut text, &tag)?;
        self.read(&text).map_err(Error::from)
    }

    fn read(&self, text: &[u8]) -> Result<Said, Malformed> {
        let mut r = Reader::new(text);
        let kept = match r.u8("kept")? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::OutOfRange("kept")),
        };
        let (put_bits, cursor) = (r.u8("put bits")?, r.u64("cursor")?);
        let count = usize::from(r.u8("letters")?);
        if count > self.room() {
            return Err(Malformed::OutOfRange("letters"));
        }
        let mut letters = Vec::with_capacity(count);
        for _ in 0..count {
            letters.push(Letter::parse(r.bytes(Letter::len_of(self.suite), "letter")?)?);
        }
        zeros(r.rest())?;
        Ok(Said { kept, put_bits, cursor, letters })
    }

    const fn room(&self) -> usize {
        if self.page { PAGE_MAX } else { TAKE_LABELS }
    }

    const fn area(&self) -> usize {
        11 + self.room() * Letter::len_of(self.suite)
    }

    fn keys(&self, salt: &[u8; 16]) -> OneTimeKey {
        let prk = kdf::extract(salt, &*self.secret);
        OneTimeKey { key: *kdf::expand(&prk, b"key"), nonce: *kdf::expand(&prk, b"nonce") }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({:?})", self.ask)
    }
}

/// Length of everything that is asked of a mailbox node.
pub const fn outer_len(suite: Suite) -> usize {
    let enc = match suite {
        Suite::X25519 => 32,
        Suite::XWing => XWING_CIPHERTEXT_LEN,
    };
    HEADER_LEN + enc + ask_area(suite) + TAG_LEN
}

fn split(bytes: &[u8]) -> Result<(Suite, u32, &[u8]), Error> {
    let mut r = Reader::new(bytes);
    let version = r.u8("outer version")?;
    if version != VERSION {
        return Err(Unsupported::Version(version).into());
    }
    let code = r.u8("outer suite")?;
    let suite = Suite::from_code(code).ok_or(Unsupported::Suite(code))?;
    let id = r.u32("pre-key id")?;
    if bytes.len() < outer_len(suite) {
        return Err(Malformed::MissingData("outer").into());
    }
    if bytes.len() > outer_len(suite) {
        return Err(Malformed::TooLong("outer").into());
    }
    Ok((suite, id, r.rest()))
}

fn info(node: &Address, id: u32) -> Vec<u8> {
    [OUTER_INFO, node.as_bytes(), &id.to_le_bytes()].concat()
}

fn zeros(rest: &[u8]) -> Result<(), Malformed> {
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Malformed::NonCanonical("padding"));
    }
    Ok(())
}

/// A put with its kind 1, hour 4 and nonce 8, rounded up to a multiple of 16.
const fn ask_area(suite: Suite) -> usize {
    (13 + Letter::len_of(suite)).next_multiple_of(16)
}

const VERSION: u8 = 1;
const HEADER_LEN: usize = 6;
const PUT: u8 = 1;
const TAKE: u8 = 2;
const PAGE: u8 = 3;
const OUTER_INFO: &[u8] = b"qpc fapp outer 1";
const RESPONSE: &[u8] = b"response";

//! JSON, written in order. Nothing is kept but the text.

use alloc::string::{String, ToString};
use core::fmt::Write;

#[derive(Default)]
pub(super) struct Json(String);

impl Json {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// An object, as an element or after a name.
    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.0.push('{');
        fill(self);
        self.0.push('}');
    }

    pub(super) fn member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.object(fill);
    }

    pub(super) fn array(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.0.push('[');
        fill(self);
        self.0.push(']');
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quoted(value);
    }

    pub(super) fn number(&mut self, name: &str, value: u32) {
        self.name(name);
        self.0.push_str(&value.to_string());
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.quoted(name);
        self.0.push(':');
    }

    /// A string ends with its quotation mark, so that what opens something is the last letter only there.
    fn separate(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(['{', '[', ':']) {
            self.0.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.0.push('"');
        for letter in text.chars() {
            match letter {
                '"' | '\\' => self.0.extend(['\\', letter]),
                letter if letter < ' ' => {
                    // Writing to a string does not fail.
                    let _ = write!(self.0, "\\u{:04x}", u32::from(letter));
                }
                letter => self.0.push(letter),
            }
        }
        self.0.push('"');
    }
}

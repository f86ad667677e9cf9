//! What unit tests share.

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output, and a way to read what was written to it.
pub(crate) fn buffer() -> (Box<dyn Write>, impl Fn() -> String) {
    let bytes = Rc::new(RefCell::new(Vec::new()));
    let read = Rc::clone(&bytes);
    let text = move || String::from_utf8(read.borrow().clone()).expect("we write UTF-8");
    (Box::new(Shared(bytes)), text)
}

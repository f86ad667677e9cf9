//! A short memory: the last so many entries, the one used longest ago goes first.

use alloc::collections::VecDeque;

/// At most `max` entries in the order of their last use.
///
/// Looked through from end to end: a thousand entries cost a microsecond, and a radio brings a few
/// frames a second.
#[derive(Clone, Debug)]
pub(super) struct Recent<T> {
    entries: VecDeque<T>,
    max: usize,
}

impl<T> Recent<T> {
    pub(super) const fn new(max: usize) -> Self {
        Self { entries: VecDeque::new(), max }
    }

    /// Looks without counting as a use.
    pub(super) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.entries.iter().rev().find(|entry| is_it(entry))
    }

    /// The entry, now the one used last.
    pub(super) fn touch(&mut self, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let index = self.entries.iter().rposition(is_it)?;
        let entry = self.entries.remove(index)?;
        self.entries.push_back(entry);
        self.entries.back_mut()
    }

    /// The entry if no other one answers to the same description.
    pub(super) fn find_only(&self, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        let mut found = self.entries.iter().filter(|entry| is_it(entry));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    pub(super) fn push(&mut self, entry: T) {
        if self.entries.len() >= self.max {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(super) fn remove(&mut self, is_it: impl Fn(&T) -> bool) {
        self.entries.retain(|entry| !is_it(entry));
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

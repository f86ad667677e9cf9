//! The virtual clock: what is due, in order.

use std::{cmp::Ordering, collections::BinaryHeap};

/// Virtual time in microseconds since the simulation began.
pub type Micros = u64;

/// Future happenings, earliest first; those due at the same time in the order of their entry.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    now: Micros,
    next_seq: u64,
}

impl<T> Queue<T> {
    /// An empty queue at time zero.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), now: 0, next_seq: 0 }
    }

    /// The time of the last happening taken.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Enters a happening; one in the past is due now.
    pub fn push(&mut self, at: Micros, what: T) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.heap.push(Entry { at: at.max(self.now), seq, what });
    }

    /// When the next happening is due.
    pub fn next_at(&self) -> Option<Micros> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next happening and moves the clock to it.
    pub fn pop(&mut self) -> Option<T> {
        let entry = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.what)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Entry<T> {
    at: Micros,
    seq: u64,
    what: T,
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap keeps its greatest entry on top.
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_orders_and_ties_keep_their_order() {
        let mut queue = Queue::new();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(at, what);
        }
        let taken: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(taken, "abcd");
        assert_eq!(queue.now(), 5);
    }

    #[test]
    fn the_past_is_due_now() {
        let mut queue = Queue::new();
        queue.push(10, ());
        queue.pop();
        queue.push(2, ());
        assert_eq!(queue.next_at(), Some(10));
    }
}

//! Which links woke up: a queue that wakers write and the manager reads, so that a wake-up costs
//! what its links cost and not what all links cost.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use mesh::LinkId;

/// Links with something to do, each at most once: bounded by the number of links.
#[derive(Clone, Default)]
pub(crate) struct ReadyQueue(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    links: VecDeque<Arc<LinkWaker>>,
    manager: Option<Waker>,
}

/// Puts its link into the queue and wakes the manager.
pub(crate) struct LinkWaker {
    link: LinkId,
    is_queued: AtomicBool,
    queue: ReadyQueue,
}

impl ReadyQueue {
    /// A waker for one link.
    pub(crate) fn waker(&self, link: LinkId) -> Waker {
        Arc::new(LinkWaker { link, is_queued: AtomicBool::new(false), queue: self.clone() }).into()
    }

    /// Names the task to wake when a link gets ready.
    pub(crate) fn set_manager(&self, waker: &Waker) {
        let mut inner = self.lock();
        match &inner.manager {
            Some(old) if old.will_wake(waker) => {}
            _ => inner.manager = Some(waker.clone()),
        }
    }

    /// The next ready link.
    pub(crate) fn pop(&self) -> Option<LinkId> {
        let ready = self.lock().links.pop_front()?;
        // From here on a wake-up queues the link again.
        ready.is_queued.store(false, Ordering::Release);
        Some(ready.link)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; the queue stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for LinkWaker {
    fn wake(self: Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let manager = {
            let mut inner = self.queue.lock();
            inner.links.push_back(self.clone());
            inner.manager.clone()
        };
        if let Some(manager) = manager {
            manager.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(Mutex<u32>);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            *self.0.lock().expect("no panic under the lock") += 1;
        }
    }

    #[test]
    fn lnk_05_a_link_is_queued_once_and_wakes_its_manager() {
        let queue = ReadyQueue::default();
        let count = Arc::new(Count(Mutex::new(0)));
        queue.set_manager(&count.clone().into());
        let (one, two) = (queue.waker(LinkId(1)), queue.waker(LinkId(2)));
        one.wake_by_ref();
        two.wake_by_ref();
        one.wake_by_ref();
        assert_eq!(*count.0.lock().expect("no panic"), 2);
        assert_eq!(
            (queue.pop(), queue.pop(), queue.pop()),
            (Some(LinkId(1)), Some(LinkId(2)), None)
        );
        one.wake_by_ref();
        assert_eq!(queue.pop(), Some(LinkId(1)));
    }
}

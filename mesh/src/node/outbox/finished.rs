//! Messages that are done, remembered for a while so that `why` can tell.

use alloc::collections::{BTreeMap, VecDeque};

use crate::{envelope::MessageId, time::Instant, view::MessageView};

/// Finished messages remembered: about 300 bytes each, 1.2 MB.
const FINISHED_MAX: usize = 4_096;

/// The newest [`FINISHED_MAX`] finished messages.
#[derive(Debug, Default)]
pub(super) struct Finished {
    views: BTreeMap<MessageId, (MessageView, Instant)>,
    order: VecDeque<MessageId>,
}

impl Finished {
    pub(super) fn insert(&mut self, now: Instant, view: MessageView) {
        self.order.push_back(view.id);
        self.views.insert(view.id, (view, now));
        if self.order.len() > FINISHED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.views.remove(&oldest);
        }
    }

    pub(super) fn view(&self, now: Instant, id: &MessageId) -> Option<MessageView> {
        let (view, at) = self.views.get(id)?;
        let (mut view, since) = (view.clone(), now.saturating_since(*at));
        view.age += since;
        view.expires_in = view.expires_in.saturating_sub(since);
        for past in &mut view.tried {
            past.ago += since;
        }
        Some(view)
    }
}

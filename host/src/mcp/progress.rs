//! The progress of a search: a client that gave a token learns of each page but the last. Nothing is decided here.

use crate::call::Begun;
use crate::count::count;
use crate::tools::Tool;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;

/// Tells a client how far a search is.
pub(super) struct Progress {
    token: ProgressToken,
    /// How many pages were asked for.
    asked: watch::Receiver<usize>,
    peer: Peer<RoleServer>,
}

impl Progress {
    /// The progress of a call; `None` when it is no search, or the client gave no token.
    pub(super) fn of(begun: &mut Begun, context: &RequestContext<RoleServer>) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        let searches = matches!(begun.call.tool(), Tool::GetSmsMessages | Tool::GetDeliveryStatistics);
        searches.then(|| Self { token, asked: begun.watch_requests(), peer: context.peer.clone() })
    }

    /// Waits for the call. Each notification is written before the result is.
    pub(super) async fn during<T>(mut self, call: impl Future<Output = T>) -> T {
        tokio::pin!(call);
        loop {
            tokio::select! {
                biased;
                result = &mut call => return result,
                Ok(()) = self.asked.changed() => self.notify().await,
            }
        }
    }

    /// A page is read when the next one is asked for.
    async fn notify(&mut self) {
        let read = self.asked.borrow_and_update().saturating_sub(1);
        if read > 0 {
            let progress = ProgressNotificationParam::new(self.token.clone(), read as f64)
                .with_message(format!("{} of the history read", count(read as u64, "page")));
            // A client that is gone needs no progress.
            let _ = self.peer.notify_progress(progress).await;
        }
    }
}

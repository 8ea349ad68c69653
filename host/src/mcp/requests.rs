//! The requests that have no response yet. Each call among them gets exactly one audit record: its handler takes the
//! call and records it, and a call that is answered without a handler is recorded here.

use super::recent_ids::IdHash;
use crate::call::{CallHandler, asks_for_dry_run};
use crate::failure::Code;
use crate::tools::Tool;
use rmcp::model::RequestId;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The method of a call.
pub(super) const CALL_METHOD: &str = "tools/call";

/// What the audit record of a call says that no handler takes. All of it is from a fixed set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct UnhandledCall {
    /// The tool, if the request names one of this server's.
    tool: Option<Tool>,
    /// Whether the arguments ask for a dry run.
    dry_run: bool,
}

impl UnhandledCall {
    /// A message of JSON-RPC, or a list of them, as a call; `None` if it is something else.
    pub(super) fn of(message: &Value) -> Option<Self> {
        match message {
            Value::Object(fields) => {
                (fields.get("method")? == CALL_METHOD).then(|| Self::with(fields.get("params").unwrap_or_default()))
            }
            Value::Array(messages) => {
                messages.iter().any(|message| message["method"] == CALL_METHOD).then(Self::default)
            }
            _ => None,
        }
    }

    /// A call with these parameters, which may have any form.
    pub(super) fn with(params: &Value) -> Self {
        let tool = params["name"].as_str().and_then(Tool::named);
        Self { tool, dry_run: params["arguments"].as_object().is_some_and(asks_for_dry_run) }
    }

    /// Writes the audit record.
    pub(super) fn record(self, calls: &CallHandler, code: Code) {
        calls.refused(self.tool, self.dry_run, code);
    }
}

/// The requests in progress. There are as many as the transport allows, and each takes the same few bytes.
pub(super) struct Requests {
    calls: Arc<CallHandler>,
    /// Each request, with what is recorded if no handler takes it. A request that is no call, or that a handler has
    /// taken, has nothing.
    in_progress: Mutex<HashMap<IdHash, Option<UnhandledCall>>>,
}

impl Requests {
    /// No request is in progress.
    pub(super) fn new(calls: Arc<CallHandler>) -> Self {
        Self { calls, in_progress: Mutex::default() }
    }

    /// Adds a request. Returns false if it is in progress already: its one response answers both.
    pub(super) fn begin(&self, id: &RequestId, call: Option<UnhandledCall>) -> bool {
        let mut in_progress = self.lock();
        let id = IdHash::from(id);
        !in_progress.contains_key(&id) && in_progress.insert(id, call).is_none()
    }

    /// A handler takes a call, and will record it. Returns false if the call was cancelled and recorded before: then it
    /// must not be made.
    pub(super) fn take(&self, id: &RequestId) -> bool {
        self.lock().get_mut(&id.into()).and_then(Option::take).is_some()
    }

    /// The response is about to be written, so the id may be used again. Returns whether it was in use.
    pub(super) fn answered(&self, id: &RequestId) -> bool {
        self.end(id, Code::InvalidRequest)
    }

    /// The client withdraws a request. Returns whether it was in progress.
    pub(super) fn cancelled(&self, id: &RequestId) -> bool {
        self.end(id, Code::Cancelled)
    }

    /// A message is refused, so that no handler sees it.
    pub(super) fn refused(&self, call: UnhandledCall) {
        call.record(&self.calls, Code::InvalidRequest);
    }

    /// How many bytes the table occupies, at most; see [`super::recent_ids::RecentIds::bytes`].
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().capacity() * 8 / 7 * (size_of::<(IdHash, Option<UnhandledCall>)>() + 1)
    }

    fn end(&self, id: &RequestId, code: Code) -> bool {
        let ended = self.lock().remove(&id.into());
        if let Some(Some(call)) = ended {
            call.record(&self.calls, code);
        }
        ended.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdHash, Option<UnhandledCall>>> {
        self.in_progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

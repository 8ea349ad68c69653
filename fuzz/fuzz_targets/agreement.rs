//! For any answers of 46elks: the component of this repository is never said to misreport, because the host reads the
//! same answers as the component does. Nor does it try what its call does not permit.
#![no_main]

use bytes::Bytes;
use elks_mcp::component;
use elks_mcp::contract::Account;
use elks_mcp::tools::Component;
use elks_mcp::verdict::{Alarm, Context, Verdict};
use elks_mcp_fuzz::{answer, call, settings, stretched};
use elks_sandbox::Cause;
use elks_sandbox::upstream::{Pending, Upstream};
use elks_sandbox::{Egress, Sandbox};
use http::{Request, Response, StatusCode};
use libfuzzer_sys::arbitrary::{self, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// Most answers to one call; then the last one comes again.
const MAX_ANSWERS: usize = 3;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| component::load().expect("loads"));

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("starts"));

/// Gives the answers one after the other, and then the last one again. An answer may be lost, before or after the
/// request has left.
struct Scripted(Vec<Result<(StatusCode, Bytes), bool>>, AtomicUsize);

impl Upstream for Scripted {
    fn send(&self, _: Request<Bytes>) -> Pending<'_> {
        let at = self.1.fetch_add(1, Ordering::Relaxed).min(self.0.len() - 1);
        let lost = |has_left| if has_left { Cause::Terminated } else { Cause::Connection };
        let answer = self.0[at].clone().map_err(lost);
        Box::pin(std::future::ready(answer.map(|(status, body)| {
            let mut response = Response::new(body);
            *response.status_mut() = status;
            response
        })))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = stretched(bytes);
    let mut u = Unstructured::new(&bytes);
    // When the bytes end too early, there is nothing to check.
    let _ = one_call(&mut u);
});

fn one_call(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let settings = settings(u.arbitrary()?);
    let currency = *u.choose(&[None, Some("SEK")])?;
    let Some((call, arguments)) = call(u)? else { return Ok(()) };
    let mut answers = Vec::new();
    for _ in 0..u.int_in_range(1..=MAX_ANSWERS)? {
        let lost = if u.ratio(1, 16)? { Some(u.arbitrary()?) } else { None };
        let (status, body) = answer(u)?;
        let status = StatusCode::from_u16(status).expect("is between 100 and 599");
        answers.push(lost.map_or_else(|| Ok((status, Bytes::from(body))), Err));
    }
    let account = Account {
        credentials: None,
        default_sender: Some(settings.sender.clone()),
        dry_run: settings.dry_run,
        currency: currency.map(Into::into),
        endpoint: None,
    };
    let verdict = RUNTIME.block_on(async {
        let upstream = Arc::new(Scripted(answers, AtomicUsize::new(0)));
        let egress = Egress::new(call.permit(&settings), None, Arc::clone(&settings.credentials), upstream);
        let deadline = Instant::now() + Duration::from_secs(30);
        let component = Component { sandbox: Ok(&SANDBOX), account: &account, deadline };
        let context = Context { settings: &settings, policy: &settings.policy.start(), currency };
        call.run(&component, &egress, &context, &|_| false).await
    });
    if let Verdict::Alarm(alarms, failure) = verdict {
        assert!(matches!(alarms[..], [Alarm::DryRunWithId(_)]), "{alarms:?} {failure} {arguments}");
    }
    Ok(())
}

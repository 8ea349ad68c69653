//! Attacks on the memory of the host: each makes it keep as much as it will. The name of an attack is `keep COUNT KIND
//! BYTES`. `keep 1 path 129`, for example, makes one request whose path has 129 bytes.

use crate::bindings::exports::tests::hostile::hoarding::{Guest, GuestTreasure, Treasure};
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};

/// A resource of the component's own: the host keeps a handle of each, and no host function is called.
pub(crate) struct Hoarded;

impl GuestTreasure for Hoarded {}

impl Guest for crate::Component {
    type Treasure = Hoarded;
}

/// Makes the host keep something until the end of the attack. Returns how many it took.
pub(crate) fn keep(attack: &str) -> String {
    let words: Vec<&str> = attack.split(' ').collect();
    let ["keep", count, kind, bytes] = words[..] else { return format!("no attack: {attack}") };
    let (count, bytes) = (count.parse().unwrap_or(0), bytes.parse().unwrap_or(0));
    let taken = match kind {
        "headers" => {
            let headers = vec![("accept".to_string(), vec![b'x'; bytes]); count];
            Fields::from_list(&headers).map_or(0, |_| count)
        }
        "fields" => (0..count).filter_map(|_| Fields::from_list(&[]).ok()).collect::<Vec<_>>().len(),
        "treasure" => (0..count).map(|_| Treasure::new(Hoarded)).collect::<Vec<_>>().len(),
        "dropped" => (0..count).filter(|_| hand_over().is_some()).count(),
        "pollable" => {
            let future = hand_over();
            (0..count).filter_map(|_| Some(future.as_ref()?.subscribe())).collect::<Vec<_>>().len()
        }
        "future" | "response" => {
            let futures: Vec<_> = (0..count).filter_map(|_| hand_over()).collect();
            futures.iter().for_each(|future| future.subscribe().block());
            match kind {
                "response" => futures.iter().filter_map(|future| future.get()?.ok()?.ok()).collect::<Vec<_>>().len(),
                _ => futures.len(),
            }
        }
        "body" => (0..count).filter_map(|_| written(bytes)).collect::<Vec<_>>().len(),
        _ => (0..count).filter_map(|_| with(kind, &"x".repeat(bytes)).ok()).collect::<Vec<_>>().len(),
    };
    format!("took {taken} of {count}")
}

/// A request with one value.
fn with(kind: &str, value: &str) -> Result<OutgoingRequest, ()> {
    let request = OutgoingRequest::new(Fields::from_list(&[]).map_err(drop)?);
    match kind {
        "authority" => request.set_authority(Some(value))?,
        "path" => request.set_path_with_query(Some(&value.replacen('x', "/", 1)))?,
        "method" => request.set_method(&Method::Other(value.into()))?,
        "scheme" => request.set_scheme(Some(&Scheme::Other(value.into())))?,
        _ => return Err(()),
    }
    Ok(request)
}

/// A request that is not handed over, so that nobody reads what is written to its body.
fn written(bytes: usize) -> Option<impl Sized> {
    let request = with("path", "x").ok()?;
    let body = request.body().ok()?;
    let stream = body.write().ok()?;
    for chunk in vec![b'x'; bytes].chunks(4096) {
        stream.blocking_write_and_flush(chunk).ok()?;
    }
    // A stream is dropped before its body, and a body before its request.
    Some((stream, body, request))
}

/// A GET of the history, as the cursor of an attack permits it, that is handed over.
fn hand_over() -> Option<FutureIncomingResponse> {
    let request = OutgoingRequest::new(Fields::from_list(&[]).ok()?);
    request.set_path_with_query(Some("/a1/sms?limit=10&start=2026-12-31T00%3A00%3A00.001")).ok()?;
    request.set_scheme(Some(&Scheme::Https)).ok()?;
    request.set_authority(Some("api.46elks.com")).ok()?;
    let body = request.body().ok()?;
    let future = outgoing_handler::handle(request, None).ok()?;
    let _ = OutgoingBody::finish(body, None);
    Some(future)
}

/// The most that one call may hold: its memory, ten unread pages, and a result that grows when it is escaped.
pub(crate) fn most() -> String {
    let memory = std::hint::black_box(vec![1_u8; 26 << 20]);
    let futures: Vec<_> = (0..10).filter_map(|_| hand_over()).collect();
    futures.iter().for_each(|future| future.subscribe().block());
    let responses: Vec<_> = futures.iter().filter_map(|future| future.get()?.ok()?.ok()).collect();
    "\u{1}".repeat((2 << 20) - 1000 - responses.len().min(memory.len()))
}

//! For any request: the permit check does not panic, and it lets only the approved message at the approved place pass.
#![no_main]

use elks_sandbox::{Allowed, Permit, RequestPattern};
use http::{HeaderMap, Method, Uri};
use libfuzzer_sys::fuzz_target;

const TO: &str = "+46701740605";
const FROM: &str = "Elks";
const TEXT: &str = "He\u{7}j";

fuzz_target!(|input: (bool, bool, bool, String, Vec<u8>)| {
    let (post, flash, dry_run, uri, body) = input;
    // Half of the inputs go to the right place, so that bodies are compared.
    let uri = if uri.len() % 2 == 0 { "https://api.46elks.com/a1/sms".to_string() } else { uri };
    let Ok(parsed) = uri.parse::<Uri>() else { return };
    let method = if post { Method::POST } else { Method::GET };
    let request = RequestPattern::PostSms { to: TO.into(), from: FROM.into(), message: TEXT.into(), flash, dry_run };
    let mut permit = Permit::new(vec![Allowed { times: 1, request }]);
    let Ok(sends) = permit.spend(&method, &parsed, &HeaderMap::new(), &body) else { return };
    assert_eq!(uri, "https://api.46elks.com/a1/sms");
    assert!(post && sends != dry_run);
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    pairs.sort();
    let mut expected = vec![("from", FROM), ("to", TO)];
    expected.extend(flash.then_some(("flashsms", "yes")));
    expected.extend(dry_run.then_some(("dryrun", "yes")));
    let fits = ["He\u{7}j", "Hej"].iter().any(|text| {
        let mut expected = expected.clone();
        expected.push(("message", text));
        expected.sort_unstable();
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected)
    });
    assert!(fits, "{pairs:?}");
});

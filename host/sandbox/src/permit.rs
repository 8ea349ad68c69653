//! What one call may cause, and whether a request fits. Pure: it compares and sends nothing.
//!
//! A request is compared whole: scheme, authority, method, path, query, headers, body and count. What is not expressly
//! allowed is denied.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method, Uri};
use serde::Serialize;
use sms_rules::forms::is_api_time;
use sms_rules::limits::API_HOST;
use sms_rules::phone::is_e164;

/// The headers that a component may set. The egress sends values of its own.
pub const ALLOWED_HEADERS: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, CONTENT_LENGTH];

/// The media type of a request's body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The rule that a denied request broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The scheme is not https.
    Scheme,
    /// The authority is not exactly that of 46elks.
    Authority,
    /// The call may not use this method.
    Method,
    /// The call may not use this path.
    Path,
    /// A query parameter is unknown, given twice, not in canonical spelling, or has another value.
    Query,
    /// A header is not on the list or has another value.
    Header,
    /// A field of the body is unknown, missing, given twice, not in canonical spelling, or has another value.
    Body,
    /// The body is larger than the bound.
    BodySize,
    /// The call has already made all requests that it may make.
    Count,
    /// The request or the result contains the account's credentials.
    Credentials,
}

/// What a query parameter may hold. It has no Debug form, because it may be a phone number.
#[derive(Clone, PartialEq, Eq)]
pub enum Parameter {
    /// This text and no other.
    Exactly(String),
    /// A time in the API's form: digits and the signs between them.
    Time,
}

impl Parameter {
    fn allows(&self, value: &str) -> bool {
        match self {
            Self::Exactly(expected) => value == expected,
            Self::Time => is_api_time(value),
        }
    }
}

/// A request that a call may cause, and how often.
#[derive(Clone, PartialEq, Eq)]
pub struct Allowed {
    /// How many of these requests may leave.
    pub times: u32,
    /// What the requests look like.
    pub request: RequestPattern,
}

/// What a request looks like. It has no Debug form, because it holds numbers and a text.
#[derive(Clone, PartialEq, Eq)]
pub enum RequestPattern {
    /// A GET of one path. No other parameter may be added.
    Get {
        /// The path, compared byte by byte.
        path: String,
        /// The parameters that must be present, by name: the filters that the caller gave.
        required: Vec<(&'static str, Parameter)>,
        /// The parameters that may be present, by name. No name is in both lists.
        optional: Vec<(&'static str, Parameter)>,
    },
    /// `POST /a1/sms`.
    PostSms {
        /// The approved recipient.
        to: String,
        /// The approved sender.
        from: String,
        /// The approved text, byte by byte.
        message: String,
        /// True: `flashsms=yes` must be present. False: it must be absent.
        flash: bool,
        /// True: `dryrun=yes` must be present. False: it must be absent.
        dry_run: bool,
    },
}

/// Everything that one call may cause.
#[derive(Clone, PartialEq, Eq)]
pub struct Permit(Vec<Allowed>);

impl Permit {
    /// A permit for these requests and no others.
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self(allowed)
    }

    /// The requests that it allows.
    pub fn allowed(&self) -> &[Allowed] {
        &self.0
    }

    /// The part of the permit that only reads.
    pub fn reading(mut self) -> Self {
        self.0.retain(|allowed| matches!(allowed.request, RequestPattern::Get { .. }));
        self
    }

    /// Compares a whole request with the permit and, when it fits, uses up one of its times. Returns whether the
    /// request sends a message.
    ///
    /// # Errors
    /// The rule that the request breaks.
    pub fn spend(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<bool, Rule> {
        if uri.scheme_str() != Some("https") {
            return Err(Rule::Scheme);
        }
        if uri.authority().map(|authority| authority.as_str()) != Some(API_HOST) {
            return Err(Rule::Authority);
        }
        if !headers_fit(headers, body) {
            return Err(Rule::Header);
        }
        let mut broken = if self.0.is_empty() { Rule::Count } else { Rule::Method };
        for allowed in &mut self.0 {
            match allowed.request.fits(method, uri, body) {
                Ok(_) if allowed.times == 0 => return Err(Rule::Count),
                Ok(sends) => {
                    allowed.times -= 1;
                    return Ok(sends);
                }
                Err(rule) => broken = rule,
            }
        }
        Err(broken)
    }
}

impl RequestPattern {
    /// Compares a request with this pattern. Returns whether it sends a message.
    fn fits(&self, method: &Method, uri: &Uri, body: &[u8]) -> Result<bool, Rule> {
        let query = uri.query().unwrap_or("");
        match self {
            Self::Get { path, required, optional } => {
                require(method == Method::GET, Rule::Method)?;
                require(uri.path() == path, Rule::Path)?;
                require(body.is_empty(), Rule::Body)?;
                let pairs = canonical_pairs(query.as_bytes()).ok_or(Rule::Query)?;
                let fits = |(name, value): &(String, String), parameters: &[(&str, Parameter)]| {
                    parameters.iter().any(|(known, parameter)| known == name && parameter.allows(value))
                };
                require(pairs.iter().all(|pair| fits(pair, required) || fits(pair, optional)), Rule::Query)?;
                // No name occurs twice, so the right count means that none is missing.
                let present = pairs.iter().filter(|pair| fits(pair, required)).count();
                require(present == required.len(), Rule::Query)?;
                Ok(false)
            }
            Self::PostSms { to, from, message, flash, dry_run } => {
                require(method == Method::POST, Rule::Method)?;
                require(uri.path() == "/a1/sms", Rule::Path)?;
                require(uri.query().is_none(), Rule::Query)?;
                let pairs = canonical_pairs(body).ok_or(Rule::Body)?;
                let fits = pairs.iter().all(|(name, value)| match name.as_str() {
                    // The caller may have written a list of recipients, which must not pass as one.
                    "to" => value == to && is_e164(to),
                    "from" => value == from,
                    "message" => value == message,
                    "flashsms" => *flash && value == "yes",
                    "dryrun" => *dry_run && value == "yes",
                    _ => false,
                });
                // No name occurs twice, so the right count means that none is missing.
                require(fits && pairs.len() == 3 + usize::from(*flash) + usize::from(*dry_run), Rule::Body)?;
                Ok(!dry_run)
            }
        }
    }
}

fn require(fits: bool, rule: Rule) -> Result<(), Rule> {
    if fits { Ok(()) } else { Err(rule) }
}

/// Names and values of a form or query, if it is written in the one canonical way and no name occurs twice. Then 46elks
/// reads exactly what is compared here.
fn canonical_pairs(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded).into_owned().collect();
    let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let doubled = pairs.iter().enumerate().any(|(at, (name, _))| pairs[..at].iter().any(|(other, _)| other == name));
    (again.as_bytes() == encoded && !doubled).then_some(pairs)
}

/// Whether each header is allowed, occurs once and has the one allowed value.
fn headers_fit(headers: &HeaderMap, body: &[u8]) -> bool {
    headers.keys().all(|name| headers.get_all(name).iter().count() == 1)
        && headers.iter().all(|(name, value)| match *name {
            ACCEPT => value == "application/json",
            CONTENT_TYPE => value == FORM,
            CONTENT_LENGTH => value.as_bytes() == body.len().to_string().as_bytes(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const TEXT: &str = "Hej [1mdu\tigen\r\n";

    fn post(flash: bool, dry_run: bool) -> Permit {
        let (to, from, message) = ("+46701740605".into(), "Elks".into(), TEXT.into());
        Permit::new(vec![Allowed { times: 1, request: RequestPattern::PostSms { to, from, message, flash, dry_run } }])
    }

    fn history() -> Permit {
        let optional = vec![
            ("limit", Parameter::Exactly("100".into())),
            ("start", Parameter::Time),
            ("to", Parameter::Exactly("+46701740605".into())),
        ];
        let request = RequestPattern::Get { path: "/a1/sms".into(), required: vec![], optional };
        Permit::new(vec![Allowed { times: 2, request }])
    }

    /// A valid request; tests change one part of it.
    struct Candidate(Method, String, HeaderMap, String);

    impl Candidate {
        fn post(body: &str) -> Self {
            Self(Method::POST, "https://api.46elks.com/a1/sms".into(), HeaderMap::new(), body.into())
        }

        fn get(uri: &str) -> Self {
            Self(Method::GET, uri.into(), HeaderMap::new(), String::new())
        }

        fn header(mut self, name: &'static str, value: &'static str) -> Self {
            self.2.append(name, value.parse().expect("is a header"));
            self
        }

        fn spend(&self, permit: &mut Permit) -> Result<bool, Rule> {
            permit.spend(&self.0, &self.1.parse().expect("is a URI"), &self.2, self.3.as_bytes())
        }
    }

    fn form(pairs: &[(&str, &str)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn valid() -> String {
        form(&[("from", "Elks"), ("to", "+46701740605"), ("message", TEXT)])
    }

    #[test]
    fn the_approved_message_may_leave_once() {
        let mut permit = post(false, false);
        assert_eq!(Candidate::post(&valid()).spend(&mut permit), Ok(true));
        assert_eq!(Candidate::post(&valid()).spend(&mut permit), Err(Rule::Count));
    }

    #[test]
    fn only_the_approved_text_is_sent() {
        for (sent, fits) in [
            ("Hej [1mdu\tigen\r\n", true),
            ("Hej \u{1b}[1mdu\tigen\r\n", false),
            ("Hej [1mdu igen\r\n", false),
            ("Hej [1mduigen\r\n", false),
            ("Hej [1mdu\tigen", false),
            ("Hej [1mdu\tigen\n", false),
            ("Hej du\tigen\r\n", false),
            ("Hej [1mdu\tigen\r\n!", false),
            ("Hej [1mdu\tigne\r\n", false),
            ("", false),
        ] {
            let body = form(&[("from", "Elks"), ("to", "+46701740605"), ("message", sent)]);
            assert_eq!(Candidate::post(&body).spend(&mut post(false, false)).is_ok(), fits, "{sent:?}");
        }
    }

    #[test]
    fn a_list_of_recipients_is_denied_even_when_a_caller_wrote_it() {
        for to in ["+46701740605,+46701740606", "46701740605", "+46", "+4670174060x", "+46701740605+46701740606", ""] {
            let (from, message) = ("Elks".into(), "Hej".into());
            let request = RequestPattern::PostSms { to: to.into(), from, message, flash: false, dry_run: false };
            let mut permit = Permit::new(vec![Allowed { times: 1, request }]);
            let body = form(&[("from", "Elks"), ("to", to), ("message", "Hej")]);
            assert_eq!(Candidate::post(&body).spend(&mut permit), Err(Rule::Body), "{to}");
        }
    }

    #[test]
    fn a_body_with_anything_else_is_denied() {
        let valid = valid();
        for body in [
            String::new(),
            format!("{valid}&whendelivered=https%3A%2F%2Fevil.example"),
            format!("{valid}&dontlog=message"),
            format!("{valid}&flashsms=yes"),
            format!("{valid}&dryrun=yes"),
            format!("{valid}&dryrun=no"),
            format!("{valid}&to=%2B46701740605"),
            format!("{valid}&"),
            format!("&{valid}"),
            valid.replace("%2B", "%2b"),
            valid.replace("to=", "%74o="),
            valid.replace("to=", "TO="),
            valid.replace("605", "606"),
            valid.replace("605", "605%2C%2B46701740606"),
            valid.replace("Elks", "Elk"),
            valid.replace("from=Elks&", ""),
            valid.replace('&', ";"),
            format!("{valid}%FF"),
            "{\"to\": \"+46701740605\"}".to_string(),
        ] {
            assert_eq!(Candidate::post(&body).spend(&mut post(false, false)), Err(Rule::Body), "{body}");
        }
    }

    #[test]
    fn a_dry_run_demands_its_mark_and_a_flash_message_its_own() {
        let valid = valid();
        let dry = format!("{valid}&dryrun=yes");
        assert_eq!(Candidate::post(&dry).spend(&mut post(false, true)), Ok(false));
        for body in
            [valid.clone(), format!("{valid}&dryrun=no"), format!("{valid}&dryrun=YES"), format!("{dry}&dryrun=no")]
        {
            assert_eq!(Candidate::post(&body).spend(&mut post(false, true)), Err(Rule::Body), "{body}");
        }
        let flash = format!("{valid}&flashsms=yes");
        assert_eq!(Candidate::post(&flash).spend(&mut post(true, false)), Ok(true));
        assert_eq!(Candidate::post(&valid).spend(&mut post(true, false)), Err(Rule::Body));
    }

    #[test]
    fn another_destination_is_denied() {
        for (uri, rule) in [
            ("http://api.46elks.com/a1/sms", Rule::Scheme),
            ("ftp://api.46elks.com/a1/sms", Rule::Scheme),
            ("https://evil.example/a1/sms", Rule::Authority),
            ("https://api.46elks.com.evil.example/a1/sms", Rule::Authority),
            ("https://api.46elks.com./a1/sms", Rule::Authority),
            ("https://API.46ELKS.COM/a1/sms", Rule::Authority),
            ("https://api.46elks.com:443/a1/sms", Rule::Authority),
            ("https://api.46elks.com:8443/a1/sms", Rule::Authority),
            ("https://user@api.46elks.com/a1/sms", Rule::Authority),
            ("https://api.46elks.com@evil.example/a1/sms", Rule::Authority),
            ("https://api.46elks.com/a1/me", Rule::Path),
            ("https://api.46elks.com/a1/SMS", Rule::Path),
            ("https://api.46elks.com/a1/sms/", Rule::Path),
            ("https://api.46elks.com//a1/sms", Rule::Path),
            ("https://api.46elks.com/a1/../a1/sms", Rule::Path),
            ("https://api.46elks.com/a1/%73ms", Rule::Path),
            ("https://api.46elks.com/a1/sms/POST", Rule::Path),
            ("https://api.46elks.com/a1/sms?direction=inbound", Rule::Query),
            ("https://api.46elks.com/a1/sms?limit=101", Rule::Query),
            ("https://api.46elks.com/a1/sms?limit=0", Rule::Query),
            ("https://api.46elks.com/a1/sms?limit=+1", Rule::Query),
            ("https://api.46elks.com/a1/sms?limit=1&limit=2", Rule::Query),
            ("https://api.46elks.com/a1/sms?to=%2B46701740606", Rule::Query),
            ("https://api.46elks.com/a1/sms?start=secret", Rule::Query),
        ] {
            assert_eq!(Candidate::get(uri).spend(&mut history()), Err(rule), "{uri}");
        }
        let page = "https://api.46elks.com/a1/sms?limit=100&start=2026-01-31T12%3A00%3A00.000&to=%2B46701740605";
        let mut permit = history();
        assert_eq!(Candidate::get(page).spend(&mut permit), Ok(false));
        assert_eq!(Candidate::get("https://api.46elks.com/a1/sms").spend(&mut permit), Ok(false));
        assert_eq!(Candidate::get(page).spend(&mut permit), Err(Rule::Count));
    }

    #[test]
    fn a_filter_that_the_caller_gave_must_be_present() {
        let required = vec![("end", Parameter::Time), ("to", Parameter::Exactly("+46701740605".into()))];
        let optional = vec![("limit", Parameter::Exactly("1".into()))];
        let request = RequestPattern::Get { path: "/a1/sms".into(), required, optional };
        for (query, fits) in [
            ("end=2026-01-31T12%3A00%3A00&to=%2B46701740605", true),
            ("to=%2B46701740605&limit=1&end=2026-01-31T12%3A00%3A00", true),
            ("to=%2B46701740605", false),
            ("end=2026-01-31T12%3A00%3A00&limit=1", false),
            ("end=2026-01-31T12%3A00%3A00&to=%2B46701740606", false),
            ("limit=1", false),
            ("", false),
        ] {
            let mut permit = Permit::new(vec![Allowed { times: 1, request: request.clone() }]);
            let expected = if fits { Ok(false) } else { Err(Rule::Query) };
            let uri = format!("https://api.46elks.com/a1/sms?{query}");
            assert_eq!(Candidate::get(&uri).spend(&mut permit), expected, "{query}");
        }
    }

    #[test]
    fn other_methods_are_denied() {
        for method in ["PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "HEAD", "OPTIONS", "POST", "get", "SMUGGLE"] {
            let mut request = Candidate::get("https://api.46elks.com/a1/sms");
            request.0 = method.parse().expect("is a method");
            assert_eq!(request.spend(&mut history()), Err(Rule::Method), "{method}");
        }
        let mut with_body = Candidate::get("https://api.46elks.com/a1/sms");
        with_body.3 = "to=x".into();
        assert_eq!(with_body.spend(&mut history()), Err(Rule::Body));
    }

    #[test]
    fn only_the_headers_of_a_valid_request_pass() {
        let get = || Candidate::get("https://api.46elks.com/a1/sms");
        assert_eq!(get().header("accept", "application/json").spend(&mut history()), Ok(false));
        for (name, value) in [
            ("authorization", "Basic eA=="),
            ("cookie", "a=b"),
            ("host", "evil.example"),
            ("proxy-authorization", "Basic eA=="),
            ("x-forwarded-host", "evil.example"),
            ("transfer-encoding", "chunked"),
            ("accept", "text/html"),
            ("content-type", "application/json"),
            ("content-length", "7"),
        ] {
            assert_eq!(get().header(name, value).spend(&mut history()), Err(Rule::Header), "{name}");
        }
        let doubled = get().header("accept", "application/json").header("accept", "application/json");
        assert_eq!(doubled.spend(&mut history()), Err(Rule::Header));
    }
    /// The rules once more, said as naively as possible: every body that may leave, written out.
    fn naive(body: &str, flash: bool, dry_run: bool) -> bool {
        let mut fields = vec![("from", "Elks"), ("to", "+46701740605"), ("message", "Hej")];
        fields.extend(flash.then_some(("flashsms", "yes")));
        fields.extend(dry_run.then_some(("dryrun", "yes")));
        orders(&fields).iter().any(|order| form(order) == body)
    }

    /// All orders of some fields.
    fn orders<'a>(fields: &[(&'a str, &'a str)]) -> Vec<Vec<(&'a str, &'a str)>> {
        if fields.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for at in 0..fields.len() {
            let mut rest = fields.to_vec();
            let first = rest.remove(at);
            all.extend(orders(&rest).into_iter().map(|mut order| {
                order.insert(0, first);
                order
            }));
        }
        all
    }

    /// Fields near the valid ones, so that random bodies fit now and then.
    fn field() -> impl Strategy<Value = (String, String)> {
        let name = prop_oneof![
            8 => prop::sample::select(vec!["from", "to", "message", "flashsms", "dryrun"]).prop_map(String::from),
            1 => "[a-zA-Z%]{0,12}",
        ];
        let value = prop_oneof![
            8 => prop::sample::select(vec!["Elks", "+46701740605", "He\u{7}j", "Hej", "yes"]).prop_map(String::from),
            1 => prop::sample::select(vec!["no", "elks", "+46701740606", "+46701740605,+46701740606", "jeH", "Hej!", ""]).prop_map(String::from),
            1 => any::<String>(),
        ];
        (name, value)
    }

    /// A form of valid fields in any order, some of them perhaps changed, dropped or doubled.
    fn body() -> impl Strategy<Value = String> {
        let valid = Just(vec![
            ("from", "Elks"),
            ("to", "+46701740605"),
            ("message", "Hej"),
            ("flashsms", "yes"),
            ("dryrun", "yes"),
        ])
        .prop_shuffle()
        .prop_flat_map(|fields| {
            let count = fields.len();
            prop::sample::subsequence(fields, 2..=count)
        })
        .prop_map(|fields| form(&fields));
        let near = prop::collection::vec(field(), 0..6)
            .prop_map(|fields| form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish());
        prop_oneof![4 => valid, 4 => near, 1 => any::<String>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_permit_agrees_with_a_naive_statement_of_the_rules(body in body(), flash: bool, dry_run: bool) {
            let (to, from, message) = ("+46701740605".into(), "Elks".into(), "Hej".into());
            let request = RequestPattern::PostSms { to, from, message, flash, dry_run };
            let mut permit = Permit::new(vec![Allowed { times: 1, request }]);
            prop_assert_eq!(Candidate::post(&body).spend(&mut permit).is_ok(), naive(&body, flash, dry_run));
        }

        #[test]
        fn only_the_very_path_is_reached(path in "/[a-z0-9/.%]{0,12}", authority in "[a-zA-Z0-9.:@]{1,24}") {
            let uri = format!("https://{authority}{path}");
            let expected = authority == API_HOST && path == "/a1/sms";
            if uri.parse::<Uri>().is_ok() {
                prop_assert_eq!(Candidate::get(&uri).spend(&mut history()).is_ok(), expected);
            }
        }
    }
}

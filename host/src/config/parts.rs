//! Parts of the settings, for `elks-mcp doctor`: each can be read although others have problems. The problems are
//! those of [`Settings::read`](super::Settings::read) and are not repeated here.

use super::reader::Reader;
use super::secret_file::Secret;
use super::{
    API_PASSWORD, API_USERNAME, DRY_RUN, NO_PROXIES, PASSWORD, PASSWORD_FILE, PROXIES, SENDER, State, USERNAME,
    USERNAME_FILE, Variables, password, username,
};
use crate::policy::print::Sources;
use crate::policy::settings::{SWITCH, switch};
use elks_sandbox::proxy::is_exempt;
use elks_sandbox::{Connection, Credentials};
use sms_rules::limits::API_HOST;
use sms_rules::sender;
use std::sync::Arc;

/// The parts that can be used.
pub(crate) struct Parts {
    /// Username and password.
    pub(crate) credentials: Option<Arc<Credentials>>,
    /// Who a message is from when the call does not say.
    pub(crate) sender: Option<String>,
    /// Whether messages are only checked and priced.
    pub(crate) dry_run: Option<bool>,
    /// Where the journal is.
    pub(crate) state: Option<State>,
    /// How 46elks is reached.
    pub(crate) connection: Option<Connection>,
    /// What each source of the policy states.
    pub(crate) sources: Option<Sources>,
}

impl Parts {
    /// Reads each part by itself.
    pub(crate) fn read(variables: &Variables) -> Self {
        let reader = || Reader::new(variables);
        let filled = |name| reader().filled(name).flatten();
        let dry_run = reader().optional(DRY_RUN, true, SWITCH, switch);
        Self {
            credentials: credentials(variables).map(Arc::new),
            sender: filled(SENDER).and_then(|value| sender::form(&value).ok()),
            dry_run,
            state: reader().state(dry_run == Some(false)),
            connection: reader().connection(),
            sources: reader().sources(),
        }
    }
}

fn credentials(variables: &Variables) -> Option<Credentials> {
    let username = username(&given(variables, API_USERNAME)?.0).ok()?;
    let mut reader = Reader::new(variables);
    let given =
        if reader.uses_keyring()? { reader.password_in_keyring(&username)? } else { given(variables, API_PASSWORD)?.0 };
    Some(Credentials::new(&username, &password(&given).ok()?))
}

/// The value of a secret and the variable that gave it, if there is one that can be used.
fn given(variables: &Variables, secret: Secret) -> Option<(String, &'static str)> {
    Reader::new(variables).secret(secret).flatten()
}

/// How many characters a username or password has that one of these variables gives.
pub(crate) fn secret_length(variables: &Variables, name: &str) -> Option<usize> {
    let secret = match name {
        USERNAME | USERNAME_FILE => API_USERNAME,
        PASSWORD | PASSWORD_FILE => API_PASSWORD,
        _ => return None,
    };
    let (value, giver) = given(variables, secret)?;
    (giver == name).then(|| value.chars().count())
}

/// What stands where secrets belong, valid or not: no output may have it.
pub(crate) fn to_redact(variables: &Variables) -> Credentials {
    let text = |name| variables.get(name).map(|value| value.to_string_lossy().trim().to_string());
    let of = |secret: Secret| given(variables, secret).map(|(value, _)| value).or_else(|| text(secret.name));
    Credentials::new(&of(API_USERNAME).unwrap_or_default(), &of(API_PASSWORD).unwrap_or_default())
}

/// Which variable decides about a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyChoice {
    /// None names one.
    Unset,
    /// This one, which says that 46elks is reached without one.
    Exempt(&'static str),
    /// This one, which names it.
    Named(&'static str),
}

/// Which variable decides about a proxy; nothing if it cannot be read.
pub(crate) fn proxy_choice(variables: &Variables) -> Option<ProxyChoice> {
    let mut reader = Reader::new(variables);
    let exempt = reader.first(&NO_PROXIES)?;
    if let Some((name, _)) = exempt.filter(|(_, list)| is_exempt(list, API_HOST)) {
        return Some(ProxyChoice::Exempt(name));
    }
    Some(reader.first(&PROXIES)?.map_or(ProxyChoice::Unset, |(name, _)| ProxyChoice::Named(name)))
}

//! Parts of the settings, for `elks-mcp doctor`: each can be read although others have problems. The problems are
//! those of [`Settings::read`](super::Settings::read) and are not repeated here.

use super::reader::Reader;
use super::secret_file::Secret;
use super::{API_PASSWORD, API_USERNAME, PASSWORD, PASSWORD_FILE, State, USERNAME, USERNAME_FILE, Variables};
use crate::policy::print::Sources;
use elks_sandbox::{Connection, Credentials};
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
        let reader = &mut Reader::new(variables);
        let username = reader.username(None);
        let password = reader.password(username.as_deref(), None);
        let credentials = username.zip(password).map(|(username, password)| Credentials::new(&username, &password));
        let dry_run = reader.dry_run();
        Self {
            credentials: credentials.map(Arc::new),
            sender: reader.sender(None),
            dry_run,
            state: reader.state(dry_run == Some(false)),
            connection: reader.connection(),
            sources: reader.sources(),
        }
    }
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

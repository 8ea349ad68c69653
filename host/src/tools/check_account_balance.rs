//! `check_account_balance`: reads what the account holds.

use super::{ToolSpec, get, post};
use crate::config::Settings;
use crate::contract::{self, Export, AccountBalance, CheckAccountBalanceRequest};
use elks_sandbox::Permit;
use sms_rules::limits::PRICE_PROBE_TEXT;
use sms_rules::phone::TEST_NUMBER;

/// The tool `check_account_balance`.
pub struct CheckAccountBalance;

impl ToolSpec for CheckAccountBalance {
    const EXPORT: Export = contract::CHECK_ACCOUNT_BALANCE;
    type Request = CheckAccountBalanceRequest;
    type Answer = AccountBalance;

    fn permit(request: &CheckAccountBalanceRequest, settings: &Settings) -> Permit {
        let to = request.to.as_deref().unwrap_or(TEST_NUMBER);
        // The price of one part tells how many messages the balance buys.
        Permit::new(vec![get("/a1/me"), post(to, None, PRICE_PROBE_TEXT, false, true, settings)])
    }

    fn example() -> CheckAccountBalanceRequest {
        CheckAccountBalanceRequest { to: Some("<to>".into()) }
    }
}

//! `check_account_balance`: reads what the account holds.

use super::{Tool, ToolSpec, get, post};
use crate::config::Settings;
use crate::contract::{self, AccountBalance, CheckAccountBalanceRequest, Export};
use crate::summary;
use crate::verdict::Context;
use crate::verdict::facts::{self, Credit};
use crate::verdict::problem::Problem;
use elks_sandbox::{Exchange, Permit};
use sms_rules::limits::PRICE_PROBE_TEXT;
use sms_rules::phone::TEST_NUMBER;

/// Where 46elks shows the account.
pub(crate) const ACCOUNT: &str = "/a1/me";

/// The permit of one look at the account without a price.
pub(crate) fn permit_of_a_look() -> Permit {
    Permit::new(vec![get(ACCOUNT)])
}

/// The tool `check_account_balance`.
pub struct CheckAccountBalance;

impl ToolSpec for CheckAccountBalance {
    const TOOL: Tool = Tool::CheckAccountBalance;
    const EXPORT: Export = contract::CHECK_ACCOUNT_BALANCE;
    type Request = CheckAccountBalanceRequest;
    type Answer = AccountBalance;
    type Aside = Credit;

    fn permit(request: &CheckAccountBalanceRequest, settings: &Settings) -> Permit {
        let to = request.to.as_deref().unwrap_or(TEST_NUMBER);
        // The price of one part tells how many messages the balance buys.
        let probe = post(to, None, PRICE_PROBE_TEXT, false, true, settings);
        Permit::new([get(ACCOUNT)].into_iter().chain(probe).collect())
    }

    fn facts(
        _: &CheckAccountBalanceRequest,
        context: &Context<'_>,
        exchanges: &[Exchange],
    ) -> Result<(AccountBalance, Credit), Problem> {
        facts::check_account_balance(exchanges, context.currency)
    }

    fn summary(_: &CheckAccountBalanceRequest, answer: &AccountBalance, aside: &Credit, _: &Context<'_>) -> String {
        summary::balance(answer, aside)
    }

    fn example() -> CheckAccountBalanceRequest {
        CheckAccountBalanceRequest { to: Some("<to>".into()) }
    }
}

//! The exports of elks-sms: each calls the tool of the same name over wasi:http, for the account that it is given.

use crate::Component;
use crate::bindings::queries::{
    self, AccountBalance, CheckAccountBalanceRequest, CheckSmsStatusRequest, DeliveryStatistics,
    EstimateSmsCostRequest, GetDeliveryStatisticsRequest, GetSmsMessagesRequest, SmsEstimate, SmsHistory, SmsStatus,
};
use crate::bindings::sending::{self, SendSmsRequest, SentSms};
use crate::bindings::types::{Account, Error};
use crate::error::invalid;
use crate::http::WasiHttp;
use crate::tools;

/// The way to 46elks for an account.
fn way(account: &Account) -> Result<WasiHttp<'_>, Error> {
    WasiHttp::new(account).map_err(|reason| invalid("account.endpoint", reason))
}

impl sending::Guest for Component {
    fn send_sms(account: Account, request: SendSmsRequest) -> Result<SentSms, Error> {
        way(&account).and_then(|http| tools::send_sms(&http, &account, request))
    }
}

impl queries::Guest for Component {
    fn get_sms_messages(account: Account, request: GetSmsMessagesRequest) -> Result<SmsHistory, Error> {
        way(&account).and_then(|http| tools::get_sms_messages(&http, &account, request))
    }

    fn check_sms_status(account: Account, request: CheckSmsStatusRequest) -> Result<SmsStatus, Error> {
        way(&account).and_then(|http| tools::check_sms_status(&http, &account, request))
    }

    fn estimate_sms_cost(account: Account, request: EstimateSmsCostRequest) -> Result<SmsEstimate, Error> {
        way(&account).and_then(|http| tools::estimate_sms_cost(&http, &account, request))
    }

    fn check_account_balance(account: Account, request: CheckAccountBalanceRequest) -> Result<AccountBalance, Error> {
        way(&account).and_then(|http| tools::check_account_balance(&http, &account, request))
    }

    fn get_delivery_statistics(
        account: Account,
        request: GetDeliveryStatisticsRequest,
    ) -> Result<DeliveryStatistics, Error> {
        way(&account).and_then(|http| tools::get_delivery_statistics(&http, &account, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_endpoint_is_named_as_the_accounts() {
        let account = Account {
            credentials: None,
            default_sender: None,
            dry_run: true,
            currency: None,
            endpoint: Some("gateway.example.com".into()),
        };
        let Err(Error::Invalid(message)) = way(&account).map(drop) else { panic!("must be refused") };
        assert!(message.starts_with("account.endpoint: it must begin with https://"), "{message}");
    }
}

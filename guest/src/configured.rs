//! The exports of elks-sms-configured: each reads the account from the host's configuration, and calls the tool of the
//! same name over wasi:http.

use crate::Component;
use crate::bindings::Guest;
use crate::bindings::queries::{
    AccountBalance, CheckAccountBalanceRequest, CheckSmsStatusRequest, DeliveryStatistics, EstimateSmsCostRequest,
    GetDeliveryStatisticsRequest, GetSmsMessagesRequest, SmsEstimate, SmsHistory, SmsStatus,
};
use crate::bindings::sending::{SendSmsRequest, SentSms};
use crate::bindings::types::{Account, Error};
use crate::bindings::wasi::config::store;
use crate::configuration::{self, Unreadable};
use crate::error::invalid;
use crate::http::WasiHttp;
use crate::tools;

/// The account of the configuration. The host's own words about a failure are not passed on: they may name what only
/// its operator should see.
fn account() -> Result<Account, Error> {
    configuration::account(|key| store::get(key).map_err(|_| Unreadable))
}

/// Calls a tool for the account of the configuration.
fn call<T>(tool: impl FnOnce(&WasiHttp<'_>, &Account) -> Result<T, Error>) -> Result<T, Error> {
    let account = account()?;
    let http =
        WasiHttp::new(&account).map_err(|reason| invalid(&configuration::name(configuration::ENDPOINT), reason))?;
    tool(&http, &account)
}

impl Guest for Component {
    fn send_sms(request: SendSmsRequest) -> Result<SentSms, Error> {
        call(|http, account| tools::send_sms(http, account, request))
    }

    fn get_sms_messages(request: GetSmsMessagesRequest) -> Result<SmsHistory, Error> {
        call(|http, account| tools::get_sms_messages(http, account, request))
    }

    fn check_sms_status(request: CheckSmsStatusRequest) -> Result<SmsStatus, Error> {
        call(|http, account| tools::check_sms_status(http, account, request))
    }

    fn estimate_sms_cost(request: EstimateSmsCostRequest) -> Result<SmsEstimate, Error> {
        call(|http, account| tools::estimate_sms_cost(http, account, request))
    }

    fn check_account_balance(request: CheckAccountBalanceRequest) -> Result<AccountBalance, Error> {
        call(|http, account| tools::check_account_balance(http, account, request))
    }

    fn get_delivery_statistics(request: GetDeliveryStatisticsRequest) -> Result<DeliveryStatistics, Error> {
        call(|http, account| tools::get_delivery_statistics(http, account, request))
    }
}

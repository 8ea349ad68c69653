//! elks-sms: SMS through 46elks, as a WebAssembly component. This file holds the exports only; `tools` implements them.
//!
//! Each module imports only from those after it:
//!
//! | module | holds |
//! | --- | --- |
//! | `tools` | the six tools: check, request, read |
//! | `draft` | a message that has passed every rule of [`sms_rules`] |
//! | `notes` | the notes about a text |
//! | `history` | the search through the history, page by page |
//! | `api` | the 46elks API as values: requests and the meaning of responses |
//! | `json` | the JSON of 46elks |
//! | `http` | wasi:http, the only way out of the component |
//! | `fetch`, `error`, `bindings` | the types that they share |
//! | `arena` | the allocator |
//!
//! The component decides no policy, keeps no state and never sends a request twice. Its contract and documentation are
//! in `wit/elks.wit`.

mod api;
// A native program uses the system's allocator; only the tests look at this one.
#[cfg(any(target_arch = "wasm32", test))]
mod arena;
mod bindings;
mod draft;
mod error;
mod fetch;
mod history;
mod http;
mod json;
pub mod native;
mod notes;
mod tools;

use bindings::queries::{
    self, AccountBalance, CheckAccountBalanceRequest, CheckSmsStatusRequest, DeliveryStatistics,
    EstimateSmsCostRequest, GetDeliveryStatisticsRequest, GetSmsMessagesRequest, SmsEstimate, SmsHistory, SmsStatus,
};
use bindings::sending::{self, SendSmsRequest, SentSms};
use bindings::types::{Account, Error};
use http::WasiHttp;

/// The component: each export calls the tool of the same name over wasi:http.
pub struct Component;

/// The symbols that the component model calls. Only in the component: a native program has none.
#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "the canonical ABI passes pointers; wit-bindgen generates this code")]
mod exports {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use crate::Component;
}

impl sending::Guest for Component {
    fn send_sms(account: Account, request: SendSmsRequest) -> Result<SentSms, Error> {
        WasiHttp::new(&account).and_then(|http| tools::send_sms(&http, &account, request))
    }
}

impl queries::Guest for Component {
    fn get_sms_messages(account: Account, request: GetSmsMessagesRequest) -> Result<SmsHistory, Error> {
        WasiHttp::new(&account).and_then(|http| tools::get_sms_messages(&http, &account, request))
    }

    fn check_sms_status(account: Account, request: CheckSmsStatusRequest) -> Result<SmsStatus, Error> {
        WasiHttp::new(&account).and_then(|http| tools::check_sms_status(&http, &account, request))
    }

    fn estimate_sms_cost(account: Account, request: EstimateSmsCostRequest) -> Result<SmsEstimate, Error> {
        WasiHttp::new(&account).and_then(|http| tools::estimate_sms_cost(&http, &account, request))
    }

    fn check_account_balance(account: Account, request: CheckAccountBalanceRequest) -> Result<AccountBalance, Error> {
        WasiHttp::new(&account).and_then(|http| tools::check_account_balance(&http, &account, request))
    }

    fn get_delivery_statistics(
        account: Account,
        request: GetDeliveryStatisticsRequest,
    ) -> Result<DeliveryStatistics, Error> {
        WasiHttp::new(&account).and_then(|http| tools::get_delivery_statistics(&http, &account, request))
    }
}

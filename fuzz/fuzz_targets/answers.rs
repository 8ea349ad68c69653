//! For any response of 46elks: the tools do not panic, and no text of a result or of an error has an invisible
//! character.
#![no_main]

use elks_sms::native::queries::{
    CheckAccountBalanceRequest, CheckSmsStatusRequest, EstimateSmsCostRequest, GetDeliveryStatisticsRequest,
    GetSmsMessagesRequest,
};
use elks_sms::native::sending::SendSmsRequest;
use elks_sms::native::types::{Account, Error, Message};
use elks_sms::native::{self, FetchError, Request, Response};
use libfuzzer_sys::fuzz_target;
use sms_rules::invisible;

fuzz_target!(|response: (u16, Vec<u8>)| {
    let fetch =
        |_: &Request| -> Result<Response, FetchError> { Ok(Response { status: response.0, body: response.1.clone() }) };
    let account = Account {
        credentials: None,
        default_sender: Some("Elks".into()),
        dry_run: false,
        currency: None,
        endpoint: None,
    };
    let (to, message) = ("+46701740605".to_string(), "Hej".to_string());

    let request =
        SendSmsRequest { to: to.clone(), message: message.clone(), from: None, flashsms: None, dry_run: None };
    visible(native::send_sms(&fetch, &account, request).map(|sent| {
        let required = [sent.from, sent.to].into_iter().chain(sent.message);
        required.chain(sent.id).chain(sent.created).chain(sent.checker_notes).collect()
    }));
    let request =
        GetSmsMessagesRequest { limit: None, direction: None, start: None, end: None, to: None, cursor: None };
    visible(
        native::get_sms_messages(&fetch, &account, request)
            .map(|history| history.messages.into_iter().flat_map(texts).chain(history.next_cursor).collect()),
    );
    let request = CheckSmsStatusRequest { message_id: "s1".into() };
    visible(native::check_sms_status(&fetch, &account, request).map(|status| texts(status.message)));
    let request = EstimateSmsCostRequest { to, message, from: None };
    visible(native::estimate_sms_cost(&fetch, &account, request).map(|estimate| estimate.checker_notes));
    let request = CheckAccountBalanceRequest { to: None };
    visible(
        native::check_account_balance(&fetch, &account, request)
            .map(|balance| balance.name.into_iter().chain(balance.currency).collect()),
    );
    let request = GetDeliveryStatisticsRequest { limit: None };
    visible(native::get_delivery_statistics(&fetch, &account, request).map(|statistics| {
        statistics.period_start.into_iter().chain(statistics.period_end).chain(statistics.currency).collect()
    }));
});

/// The texts of a message that come from the response.
fn texts(message: Message) -> Vec<String> {
    [message.id, message.from, message.to, message.created]
        .into_iter()
        .chain(message.message)
        .chain(message.delivered)
        .collect()
}

/// Checks that no text has an invisible character.
fn visible(result: Result<Vec<String>, Error>) {
    let texts = result.unwrap_or_else(|error| match error {
        Error::Rejected(rejection) => vec![rejection.reason],
        Error::Invalid(text) | Error::Unreachable(text) | Error::OutcomeUnknown(text) | Error::Unexpected(text) => {
            vec![text]
        }
    });
    for text in texts {
        assert_eq!(invisible::escape(&text), text);
    }
}

//! The six tools: check the request, ask 46elks, read the response. Each takes the [`Fetch`] that asks. The rules are
//! in `sms-rules`, the API in `api`; policy and sentences are the host's.

use crate::api::{self, AccountJson, Outgoing, Purpose, SmsJson};
use crate::bindings::queries::{
    AccountBalance, CheckAccountBalanceRequest, CheckSmsStatusRequest, DeliveryStatistics, EstimateSmsCostRequest,
    GetDeliveryStatisticsRequest, GetSmsMessagesRequest, NonGsmCharacter, SmsEstimate, SmsHistory, SmsStatus,
};
use crate::bindings::sending::{SendSmsRequest, SentSms};
use crate::bindings::types::{Account, Error, Status};
use crate::draft::Draft;
use crate::error::invalid;
use crate::fetch::{Fetch, FetchError, Response};
use crate::history::Search;
use sms_rules::funds::{LOW_BALANCE_MESSAGES, spendable};
use sms_rules::limits::PRICE_PROBE_TEXT;
use sms_rules::{forms, gsm, phone, sender};

/// Sends one message, or only checks and prices it in a dry run.
///
/// # Errors
/// A broken rule, a refusal of 46elks, or a lost response; after a send, a lost response is an unknown outcome.
pub fn send_sms(fetch: &impl Fetch, account: &Account, request: SendSmsRequest) -> Result<SentSms, Error> {
    let draft = Draft::check(account, &request.to, request.from.as_deref(), &request.message)?;
    let dry_run = account.dry_run || request.dry_run == Some(true);
    let flash = request.flashsms == Some(true);
    let purpose = if dry_run { Purpose::Query } else { Purpose::Send };
    let sms = SmsJson(api::read(fetch.fetch(&api::send(draft.outgoing(flash, dry_run))), purpose)?);
    // A real send has an id, and a dry run has none. Anything else is not what was asked for.
    if !dry_run && sms.id().is_none() {
        return Err(Error::OutcomeUnknown("46elks answered without a message id".into()));
    }
    if dry_run && sms.has_id() {
        return Err(Error::OutcomeUnknown("46elks answered a dry run with a message id".into()));
    }
    Ok(SentSms {
        sent: !dry_run,
        dry_run,
        id: sms.id().filter(|_| !dry_run).map(Into::into),
        status: sms.status().filter(|_| !dry_run),
        created: sms.created().filter(|_| !dry_run),
        parts: draft.parts(sms.parts()),
        encoding: draft.encoding(),
        cost: sms.cost().filter(|_| !dry_run),
        estimated_cost: sms.estimated_cost().filter(|_| dry_run),
        currency: account.currency.clone(),
        checker_notes: draft.notes(sms.parts()),
        from: draft.from,
        to: draft.to,
        message: Some(draft.clean.text).filter(|sent| *sent != request.message),
    })
}

/// Reads a part of the history.
///
/// # Errors
/// A broken rule, a refusal of 46elks, or a lost response.
pub fn get_sms_messages(
    fetch: &impl Fetch,
    account: &Account,
    request: GetSmsMessagesRequest,
) -> Result<SmsHistory, Error> {
    let found = Search::of_request(&request)?.run(fetch)?;
    Ok(SmsHistory {
        messages: found.messages,
        currency: account.currency.clone(),
        next_cursor: found.cursor,
        stopped_early: found.stopped_early,
        unreadable: found.unreadable,
    })
}

/// Looks up one message.
///
/// # Errors
/// An id that is none, a refusal of 46elks, or a lost response.
pub fn check_sms_status(
    fetch: &impl Fetch,
    account: &Account,
    request: CheckSmsStatusRequest,
) -> Result<SmsStatus, Error> {
    let id = &request.message_id;
    if !forms::is_message_id(id) {
        return Err(invalid("message_id", "it may hold only letters and digits, like the id that send_sms returned"));
    }
    let sms = SmsJson(api::read(fetch.fetch(&api::message(id)), Purpose::Query)?);
    Ok(SmsStatus { message: sms.message()?, currency: account.currency.clone() })
}

/// Prices a message without sending it.
///
/// # Errors
/// A broken rule, a refusal of 46elks, or a lost response.
pub fn estimate_sms_cost(
    fetch: &impl Fetch,
    account: &Account,
    request: EstimateSmsCostRequest,
) -> Result<SmsEstimate, Error> {
    let draft = Draft::check(account, &request.to, request.from.as_deref(), &request.message)?;
    let sms = SmsJson(api::read(fetch.fetch(&api::send(draft.outgoing(false, true))), Purpose::Query)?);
    if sms.has_id() {
        return Err(Error::OutcomeUnknown("46elks answered a dry run with a message id".into()));
    }
    Ok(SmsEstimate {
        parts: draft.parts(sms.parts()),
        encoding: draft.encoding(),
        characters_left: draft.segmentation.left,
        non_gsm_characters: gsm::non_gsm(&draft.clean.text)
            .into_iter()
            .map(|it| NonGsmCharacter { character: gsm::shown(it), replacement: gsm::replacement(it).map(Into::into) })
            .collect(),
        estimated_cost: sms.estimated_cost(),
        checker_notes: draft.notes(sms.parts()),
        currency: account.currency.clone(),
    })
}

/// Reads the balance, and prices it in one-part messages where that is possible.
///
/// # Errors
/// A number that is none, a refusal of 46elks, or a lost response.
pub fn check_account_balance(
    fetch: &impl Fetch,
    account: &Account,
    request: CheckAccountBalanceRequest,
) -> Result<AccountBalance, Error> {
    let to = request.to.as_deref().map(phone::recipient).transpose().map_err(|error| invalid("to", error))?;
    // Both are asked before the first answer is waited for. Only an account that has a sender can ask for a price. The
    // test number is Swedish, so its price is the price for Sweden.
    let asked = fetch.begin(&api::account());
    let price = account.default_sender.as_deref().and_then(|from| sender::form(from).ok()).map(|from| {
        let to = to.as_deref().unwrap_or(phone::TEST_NUMBER);
        fetch.begin(&api::send(Outgoing { to, from: &from, text: PRICE_PROBE_TEXT, flash: false, dry_run: true }))
    });
    let answer = |asked: Result<_, _>| asked.and_then(|pending| fetch.finish(pending));
    // Both answers are waited for, whatever the first one says: the host must see what came of each request.
    let (asked, price) = (answer(asked), price.map(answer));
    let reported = AccountJson(api::read(asked, Purpose::Query)?);
    // Only a balance needs a price.
    let price = price.filter(|_| reported.balance().is_some()).and_then(price_of_a_part);
    let spendable =
        reported.balance().and_then(|balance| spendable(balance, reported.credit_limit(), reported.is_invoiced()));
    let messages_left = price.zip(spendable).map(|(price, spendable)| spendable / price);
    Ok(AccountBalance {
        name: reported.name(),
        balance: reported.balance(),
        currency: reported.currency().or_else(|| account.currency.clone()),
        subaccount: reported.is_subaccount(),
        balance_used: reported.balance_used(),
        usage_limit: reported.usage_limit(),
        messages_left,
        low_balance: messages_left.map(|left| left < LOW_BALANCE_MESSAGES),
    })
}

/// Counts the newest outbound messages by delivery status.
///
/// # Errors
/// A refusal of 46elks, or a lost response.
pub fn get_delivery_statistics(
    fetch: &impl Fetch,
    account: &Account,
    request: GetDeliveryStatisticsRequest,
) -> Result<DeliveryStatistics, Error> {
    let found = Search::newest_outbound(request.limit).run(fetch)?;
    let messages = &found.messages;
    let with = |status| messages.iter().filter(|message| message.status == status).count() as u32;
    let costs: Vec<u64> = messages.iter().filter_map(|message| message.cost).collect();
    let total_cost = costs.iter().sum();
    Ok(DeliveryStatistics {
        total: messages.len() as u32,
        delivered: with(Some(Status::Delivered)),
        failed: with(Some(Status::Failed)),
        in_transit: with(Some(Status::Created)) + with(Some(Status::Sent)),
        unknown: with(Some(Status::Unknown)) + with(None),
        parts: messages.iter().filter_map(|message| message.parts).fold(0, u32::saturating_add),
        total_cost,
        mean_cost: (total_cost + costs.len() as u64 / 2).checked_div(costs.len() as u64),
        currency: account.currency.clone(),
        period_start: messages.last().map(|message| message.created.clone()),
        period_end: messages.first().map(|message| message.created.clone()),
        stopped_early: found.stopped_early,
        unreadable: found.unreadable,
    })
}

/// The price of a one-part message, in ten-thousandths. `None` when 46elks reports no price, or a price of 0, which
/// cannot divide a balance.
fn price_of_a_part(answer: Result<Response, FetchError>) -> Option<u64> {
    let sms = SmsJson(api::read(answer, Purpose::Query).ok()?);
    sms.estimated_cost().filter(|price| *price > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Request;

    const TO: &str = "+46701740605";

    fn account(dry_run: bool) -> Account {
        Account {
            credentials: None,
            default_sender: Some("Elks".into()),
            dry_run,
            currency: Some("SEK".into()),
            endpoint: None,
        }
    }

    fn message(dry_run: Option<bool>) -> SendSmsRequest {
        SendSmsRequest { to: TO.into(), message: "Hej".into(), from: None, flashsms: None, dry_run }
    }

    /// Answers each request by its path and by whether it is a dry run.
    fn elks(answer: impl Fn(&str, bool) -> &'static str) -> impl Fetch {
        move |request: &Request| -> Result<Response, FetchError> {
            let dry_run = request.form.as_deref().is_some_and(|form| form.contains("dryrun=yes"));
            Ok(Response { status: 200, body: answer(&request.path, dry_run).into() })
        }
    }

    #[test]
    fn a_dry_run_of_account_or_request_sends_nothing() {
        let fetch = elks(|_, dry_run| {
            assert!(dry_run, "a real send left");
            r#"{"estimated_cost": 5200, "parts": 1}"#
        });
        for (account, asked) in [(account(true), None), (account(true), Some(false)), (account(false), Some(true))] {
            let sent = send_sms(&fetch, &account, message(asked)).expect("is priced");
            assert_eq!((sent.sent, sent.dry_run, sent.cost, sent.estimated_cost), (false, true, None, Some(5200)));
        }
    }

    #[test]
    fn a_send_needs_an_id_and_a_dry_run_must_have_none() {
        let with_id = elks(|_, _| r#"{"id": "s1", "status": "created", "cost": 5200}"#);
        let without = elks(|_, _| r#"{"status": "created", "cost": 5200}"#);
        let sent = send_sms(&with_id, &account(false), message(None)).expect("is sent");
        assert_eq!((sent.sent, sent.id.as_deref(), sent.cost), (true, Some("s1"), Some(5200)));
        for failed in
            [send_sms(&without, &account(false), message(None)), send_sms(&with_id, &account(true), message(None))]
        {
            assert!(matches!(failed, Err(Error::OutcomeUnknown(_))));
        }
    }

    #[test]
    fn a_balance_is_priced_and_a_low_one_is_marked() {
        let fetch = elks(|path, dry_run| match (path, dry_run) {
            ("/a1/me", false) => r#"{"balance": 98800, "currency": "EUR", "displayname": "Elks AB"}"#,
            ("/a1/sms", true) => r#"{"estimated_cost": 5200}"#,
            other => panic!("{other:?}"),
        });
        let balance = check_account_balance(&fetch, &account(false), CheckAccountBalanceRequest { to: None });
        let balance = balance.expect("is known");
        assert_eq!((balance.messages_left, balance.low_balance), (Some(19), Some(true)));
        assert_eq!((balance.currency.as_deref(), balance.name.as_deref()), (Some("EUR"), Some("Elks AB")));
    }

    #[test]
    fn a_subaccount_has_use_and_limit_and_no_price() {
        let fetch = elks(|path, _| match path {
            "/a1/me" => r#"{"id": "a1", "balanceused": 10000}"#,
            _ => r#"{"estimated_cost": 5200}"#,
        });
        let balance = check_account_balance(&fetch, &account(false), CheckAccountBalanceRequest { to: None });
        let balance = balance.expect("is known");
        assert!(balance.subaccount && balance.balance.is_none() && balance.messages_left.is_none());
        assert_eq!((balance.balance_used, balance.usage_limit), (Some(10_000), None));
    }

    #[test]
    fn a_message_id_is_checked_before_anything_leaves() {
        let fetch = elks(|path, _| panic!("{path} left"));
        for id in ["", "../me", "s1?x", &"a".repeat(65)] {
            let request = CheckSmsStatusRequest { message_id: id.into() };
            assert!(matches!(check_sms_status(&fetch, &account(false), request), Err(Error::Invalid(_))), "{id}");
        }
    }

    #[test]
    fn statistics_count_each_status_and_round_the_mean_cost() {
        let fetch = elks(|_, _| {
            r#"{"data": [
                {"id": "s4", "direction": "outgoing", "created": "2026-01-04T00:00:00", "status": "sent", "cost": 3, "parts": 2},
                {"id": "s3", "direction": "outgoing", "created": "2026-01-03T00:00:00", "status": "failed"},
                {"id": "r1", "direction": "incoming", "created": "2026-01-02T12:00:00"},
                {"id": "s2", "direction": "outgoing", "created": "2026-01-02T00:00:00", "status": "delivered", "cost": 4, "parts": 1},
                {"id": "s1", "direction": "outgoing", "created": "2026-01-01T00:00:00"}]}"#
        });
        let counted = get_delivery_statistics(&fetch, &account(false), GetDeliveryStatisticsRequest { limit: None });
        let counted = counted.expect("is counted");
        assert_eq!((counted.total, counted.delivered, counted.failed), (4, 1, 1));
        assert_eq!((counted.in_transit, counted.unknown, counted.parts), (1, 1, 3));
        assert_eq!((counted.total_cost, counted.mean_cost), (7, Some(4)));
        assert_eq!(counted.period_start.as_deref(), Some("2026-01-01T00:00:00.000Z"));
        assert_eq!(counted.period_end.as_deref(), Some("2026-01-04T00:00:00.000Z"));
    }
}

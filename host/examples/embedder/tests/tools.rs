//! All six tools through this host, with typed results. `tests/interop/hosts/run.py` sets the variables that name the
//! component and the simulated 46elks.

use embedder::exports::elks::sms::queries::{
    CheckAccountBalanceRequest, CheckSmsStatusRequest, DirectionFilter, EstimateSmsCostRequest,
    GetDeliveryStatisticsRequest, GetSmsMessagesRequest,
};
use embedder::exports::elks::sms::sending::SendSmsRequest;
use embedder::exports::elks::sms::types::{Account, Credentials, Direction, Encoding, Error, Status};
use std::env::var;

const TO: &str = "+46701740605";

fn account() -> Account {
    let set = |name: &str| var(name).unwrap_or_else(|_| panic!("{name} is set by tests/interop/hosts/run.py"));
    Account {
        credentials: Some(Credentials { username: set("ELKS_API_USERNAME"), password: set("ELKS_API_PASSWORD") }),
        default_sender: Some(set("ELKS_PHONE_NUMBER")),
        dry_run: false,
        currency: Some("SEK".into()),
        endpoint: Some(set("ELKS_ENDPOINT")),
    }
}

fn message(to: &str) -> SendSmsRequest {
    SendSmsRequest { to: to.into(), message: "Hej från Rust".into(), from: None, flashsms: None, dry_run: None }
}

#[tokio::test]
async fn six_tools_give_typed_results_and_typed_errors() -> wasmtime::Result<()> {
    let (tools, mut store) = embedder::open(&var("ELKS_SMS_WASM")?).await?;
    let (sending, queries, account) = (tools.elks_sms_sending(), tools.elks_sms_queries(), account());

    let balance = queries.call_check_account_balance(&mut store, &account, &CheckAccountBalanceRequest { to: None });
    let balance = balance.await??;
    assert_eq!((balance.balance, balance.messages_left, balance.subaccount), (Some(2_500_000), Some(480), false));

    let request = EstimateSmsCostRequest { to: TO.into(), message: "Hej 👋".into(), from: None };
    let estimate = queries.call_estimate_sms_cost(&mut store, &account, &request).await??;
    assert!(matches!(estimate.encoding, Encoding::Utf16));
    assert_eq!((estimate.parts, estimate.characters_left, estimate.estimated_cost), (1, 64, Some(5200)));
    assert_eq!(estimate.non_gsm_characters.iter().map(|it| &it.character).collect::<Vec<_>>(), ["👋"]);
    assert!(matches!(&estimate.checker_notes[..], [note] if note.contains("make the message UTF-16")));

    let dry = SendSmsRequest { dry_run: Some(true), ..message(TO) };
    let dry = sending.call_send_sms(&mut store, &account, &dry).await??;
    assert_eq!((dry.sent, dry.dry_run, dry.id, dry.estimated_cost), (false, true, None, Some(5200)));

    let sent = sending.call_send_sms(&mut store, &account, &message(TO)).await??;
    assert!(sent.sent && matches!(sent.status, Some(Status::Created)));
    assert_eq!((sent.to.as_str(), sent.cost, sent.checker_notes.len()), (TO, Some(5200), 0));
    let id = sent.id.expect("has an id");

    let request = CheckSmsStatusRequest { message_id: id.clone() };
    let status = queries.call_check_sms_status(&mut store, &account, &request).await??;
    let found = status.message;
    assert!(found.id == id && matches!(found.direction, Direction::Outbound) && !found.untrusted);

    let mut request =
        GetSmsMessagesRequest { limit: Some(1), direction: None, start: None, end: None, to: None, cursor: None };
    let history = queries.call_get_sms_messages(&mut store, &account, &request).await??;
    assert_eq!(history.messages.iter().map(|it| &it.id).collect::<Vec<_>>(), [&id]);
    assert!(!history.stopped_early && history.unreadable == 0);
    (request.direction, request.cursor, request.limit) = (Some(DirectionFilter::Inbound), history.next_cursor, None);
    let older = queries.call_get_sms_messages(&mut store, &account, &request).await??;
    assert_eq!(older.messages.iter().map(|it| it.untrusted).collect::<Vec<_>>(), [true]);

    let request = GetDeliveryStatisticsRequest { limit: None };
    let statistics = queries.call_get_delivery_statistics(&mut store, &account, request).await??;
    assert_eq!((statistics.total, statistics.failed), (4, 1));

    let failed = sending.call_send_sms(&mut store, &account, &message("+46701234567")).await?;
    assert!(matches!(failed, Err(Error::Invalid(_))), "a placeholder is refused");
    let failed = sending.call_send_sms(&mut store, &account, &message("+46701740693")).await?;
    assert!(matches!(failed, Err(Error::Rejected(it)) if it.status == 403 && it.reason.contains("Not enough credits")));
    let failed = sending.call_send_sms(&mut store, &account, &message("+46701740695")).await?;
    assert!(matches!(failed, Err(Error::OutcomeUnknown(_))), "the connection ended before the answer");

    // A redirect is not followed.
    let account = Account { endpoint: Some(var("REDIRECTING")?), ..account };
    let request = CheckAccountBalanceRequest { to: None };
    let redirected = queries.call_check_account_balance(&mut store, &account, &request).await?;
    assert!(matches!(&redirected, Err(Error::Unexpected(reason)) if reason == "46elks answered 302"), "{redirected:?}");
    Ok(())
}

//! What the exchanges of a call say, as the record that the component must give: one function a tool. Whatever differs
//! from it is a misreport.
//!
//! Fields that 46elks does not know follow from the request as it left: encoding, characters left, and the number of
//! parts where 46elks reports none. Only `checker_notes` stay empty here: they are the component's own words.

use super::elks_json::Object;
use super::history::{self, Head, Search};
use super::problem::{Lack, Problem, json, unreadable};
use crate::contract::{
    AccountBalance, DeliveryStatistics, Encoding, NonGsmCharacter, SentSms, SmsEstimate, SmsHistory, SmsStatus, Status,
    is_default,
};
use crate::ledger::Accepted;
use crate::sending::draft::Draft;
use elks_sandbox::Exchange;
use http::Method;
use serde::Serialize;
use sms_rules::forms::is_currency;
use sms_rules::funds::{LOW_BALANCE_MESSAGES, spendable};
use sms_rules::gsm;
use sms_rules::invisible::escape;
use std::borrow::Cow;

/// What the host says of a search beside the component's record.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// How many entries of the history were looked at.
    pub searched: u32,
    /// Whether only messages from after the present time were asked for, by the clock of 46elks.
    #[serde(skip)]
    pub lies_ahead: bool,
    /// Whether messages were left out, because the result would be longer than clients take.
    #[serde(skip)]
    pub is_shortened: bool,
}

/// What the host says of statistics beside the component's record.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// How many entries of the history were looked at.
    pub searched: u32,
    /// How many counted messages have no number of parts.
    #[serde(skip_serializing_if = "is_default")]
    pub parts_unknown: u32,
    /// How many counted messages have no cost.
    #[serde(skip_serializing_if = "is_default")]
    pub cost_unknown: u32,
}

/// What the host says of a balance beside the component's record.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Credit {
    /// How far the balance may go below zero, in ten-thousandths of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_limit: Option<i64>,
    /// Whether 46elks gave a price for one part.
    #[serde(skip)]
    pub is_priced: bool,
}

/// A message as it left: the fields of the form. The permit allows no other and none twice.
#[derive(Default)]
struct Sent<'a> {
    from: Cow<'a, str>,
    to: Cow<'a, str>,
    message: Cow<'a, str>,
    dry_run: bool,
}

impl<'a> Sent<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let mut sent = Self::default();
        for (name, value) in form_urlencoded::parse(&exchange.body) {
            match &*name {
                "from" => sent.from = value,
                "to" => sent.to = value,
                "message" => sent.message = value,
                "dryrun" => sent.dry_run = value == "yes",
                _ => {}
            }
        }
        sent
    }
}

/// The exchange whose request posts a message, real or dry.
fn posted(exchanges: &[Exchange]) -> Option<&Exchange> {
    exchanges.iter().find(|exchange| exchange.method == Method::POST)
}

/// `send_sms`, with the text as it left.
pub(crate) fn send_sms(exchanges: &[Exchange], currency: Option<&str>) -> Result<SentSms, Problem> {
    let exchange = posted(exchanges).ok_or(Problem::NotAsked)?;
    let sent = Sent::of(exchange);
    let json = json(exchange)?;
    let answer = Object::parse(&json).ok_or_else(|| unreadable(exchange, None))?;
    let is_real = !sent.dry_run;
    let id = history::id(&answer);
    if is_real && id.is_none() {
        return Err(unreadable(exchange, Some(Lack::MessageId)));
    }
    let segmentation = gsm::segment(&sent.message);
    Ok(SentSms {
        sent: is_real,
        dry_run: sent.dry_run,
        id: id.filter(|_| is_real).map(Into::into),
        status: history::status(&answer).filter(|_| is_real),
        created: answer.created.text().and_then(sms_rules::times::from_api).filter(|_| is_real),
        parts: history::parts(&answer).unwrap_or(segmentation.parts),
        encoding: encoding(segmentation),
        cost: answer.cost.amount().filter(|_| is_real),
        estimated_cost: estimated_cost(&answer).filter(|_| sent.dry_run),
        currency: currency.map(Into::into),
        checker_notes: Vec::new(),
        from: sent.from.into_owned(),
        to: sent.to.into_owned(),
        message: Some(sent.message.into_owned()),
    })
}

/// `send_sms` of a message that was sent before, as the ledger knows it.
pub(crate) fn sent_before(draft: &Draft, accepted: &Accepted, currency: Option<&str>) -> SentSms {
    SentSms {
        sent: true,
        dry_run: false,
        id: Some(accepted.id.clone()),
        status: accepted.status.as_deref().map(history::status_named),
        created: accepted.created.clone(),
        parts: accepted.parts.try_into().unwrap_or(u32::MAX),
        encoding: encoding(gsm::segment(&draft.text)),
        cost: accepted.cost,
        estimated_cost: None,
        currency: currency.map(Into::into),
        checker_notes: Vec::new(),
        from: draft.from.clone(),
        to: draft.to.clone(),
        message: draft.is_changed.then(|| draft.text.clone()),
    }
}

/// `get_sms_messages`.
pub(crate) fn get_sms_messages(
    search: Option<&Search>,
    exchanges: &[Exchange],
    currency: Option<&str>,
) -> Result<(SmsHistory, Searched), Problem> {
    let search = search.ok_or(Problem::NotAsked)?;
    let part = history::read(search, exchanges)?;
    let searched = Searched { searched: part.searched, lies_ahead: search.lies_ahead(exchanges), is_shortened: false };
    let history = SmsHistory {
        messages: part.messages,
        currency: currency.map(Into::into),
        next_cursor: part.next_cursor,
        stopped_early: part.stopped_early,
        unreadable: part.unreadable,
    };
    Ok((history, searched))
}

/// `check_sms_status`.
pub(crate) fn check_sms_status(exchanges: &[Exchange], currency: Option<&str>) -> Result<SmsStatus, Problem> {
    let exchange = exchanges.first().ok_or(Problem::NotAsked)?;
    let json = json(exchange)?;
    let answer = Object::parse(&json).ok_or_else(|| unreadable(exchange, None))?;
    history::texts_fit(&answer, 0)?;
    let head = Head::of(&answer).ok_or_else(|| unreadable(exchange, Some(Lack::MessageData)))?;
    Ok(SmsStatus { message: history::message(&answer, head), currency: currency.map(Into::into) })
}

/// `estimate_sms_cost`.
pub(crate) fn estimate_sms_cost(exchanges: &[Exchange], currency: Option<&str>) -> Result<SmsEstimate, Problem> {
    let exchange = posted(exchanges).ok_or(Problem::NotAsked)?;
    let sent = Sent::of(exchange);
    let json = json(exchange)?;
    let answer = Object::parse(&json).ok_or_else(|| unreadable(exchange, None))?;
    let segmentation = gsm::segment(&sent.message);
    let non_gsm = |it| NonGsmCharacter { character: gsm::shown(it), replacement: gsm::replacement(it).map(Into::into) };
    Ok(SmsEstimate {
        parts: history::parts(&answer).unwrap_or(segmentation.parts),
        encoding: encoding(segmentation),
        characters_left: segmentation.left,
        non_gsm_characters: gsm::non_gsm(&sent.message).into_iter().map(non_gsm).collect(),
        estimated_cost: estimated_cost(&answer),
        currency: currency.map(Into::into),
        checker_notes: Vec::new(),
    })
}

/// `check_account_balance`. A balance needs the answer to a price probe, too: without it nobody would see that the
/// balance is low.
pub(crate) fn check_account_balance(
    exchanges: &[Exchange],
    currency: Option<&str>,
) -> Result<(AccountBalance, Credit), Problem> {
    let exchange = account_page(exchanges)?;
    let json = json(exchange)?;
    let page = Object::parse(&json).ok_or_else(|| unreadable(exchange, None))?;
    let account = account_of(&page, currency)?;
    let credit_limit = page.creditlimit.integer().filter(|limit| *limit > 0);
    let Some(balance) = account.balance else { return Ok((account, Credit { credit_limit, is_priced: false })) };
    let price = price_of_a_part(posted(exchanges).ok_or(Problem::NotAsked)?);
    let credit = Credit { credit_limit, is_priced: price.is_some() };
    let spendable = spendable(balance, page.creditlimit.integer(), page.invoicing.text() == Some("yes"));
    let messages_left = price.zip(spendable).map(|(price, spendable)| spendable / price);
    let low_balance = messages_left.map(|left| left < LOW_BALANCE_MESSAGES);
    Ok((AccountBalance { messages_left, low_balance, ..account }, credit))
}

/// The account, without the number of messages that its balance buys. `currency` is used where 46elks reports none.
pub(crate) fn account(exchanges: &[Exchange], currency: Option<&str>) -> Result<AccountBalance, Problem> {
    let exchange = account_page(exchanges)?;
    let json = json(exchange)?;
    account_of(&Object::parse(&json).ok_or_else(|| unreadable(exchange, None))?, currency)
}

/// The exchange that asks for the account.
fn account_page(exchanges: &[Exchange]) -> Result<&Exchange, Problem> {
    exchanges.iter().find(|exchange| exchange.method == Method::GET).ok_or(Problem::NotAsked)
}

fn account_of(account: &Object<'_>, currency: Option<&str>) -> Result<AccountBalance, Problem> {
    history::texts_fit(account, 0)?;
    let balance = account.balance.integer();
    let own_currency = account.currency.text().filter(|currency| is_currency(currency));
    // A subaccount has no balance of its own, and its id begins with `a`; that of a main account begins with `u`.
    let is_subaccount =
        account.balanceused.integer().is_some() || account.id.text().is_some_and(|id| id.starts_with('a'));
    Ok(AccountBalance {
        name: account.displayname.text().or(account.name.text()).map(|name| escape(name).into_owned()),
        balance,
        currency: own_currency.or(currency).map(Into::into),
        subaccount: balance.is_none() && is_subaccount,
        balance_used: account.balanceused.integer(),
        usage_limit: account.usagelimit.integer(),
        messages_left: None,
        low_balance: None,
    })
}

/// The price of one part from the answer to its dry run. `None` when 46elks gave none, or one that divides nothing.
fn price_of_a_part(exchange: &Exchange) -> Option<u64> {
    let json = json(exchange).ok()?;
    estimated_cost(&Object::parse(&json)?).filter(|price| *price > 0)
}

/// `get_delivery_statistics`.
pub(crate) fn get_delivery_statistics(
    search: &Search,
    exchanges: &[Exchange],
    currency: Option<&str>,
) -> Result<(DeliveryStatistics, Gaps), Problem> {
    let part = history::read(search, exchanges)?;
    let mut counted = DeliveryStatistics {
        total: 0,
        delivered: 0,
        failed: 0,
        in_transit: 0,
        unknown: 0,
        parts: 0,
        total_cost: 0,
        mean_cost: None,
        currency: currency.map(Into::into),
        period_start: part.messages.last().map(|oldest| oldest.created.clone()),
        period_end: part.messages.first().map(|newest| newest.created.clone()),
        stopped_early: part.stopped_early,
        unreadable: part.unreadable,
    };
    let mut gaps = Gaps { searched: part.searched, parts_unknown: 0, cost_unknown: 0 };
    for message in &part.messages {
        counted.total += 1;
        *match message.status {
            Some(Status::Delivered) => &mut counted.delivered,
            Some(Status::Failed) => &mut counted.failed,
            Some(Status::Created | Status::Sent) => &mut counted.in_transit,
            Some(Status::Unknown) | None => &mut counted.unknown,
        } += 1;
        gaps.parts_unknown += u32::from(message.parts.is_none());
        counted.parts = counted.parts.saturating_add(message.parts.unwrap_or(0));
        gaps.cost_unknown += u32::from(message.cost.is_none());
        // At most MAX_PAGE messages are counted, and each amount is below 2^53: the sum fits.
        counted.total_cost += message.cost.unwrap_or(0);
    }
    let priced = u64::from(counted.total - gaps.cost_unknown);
    counted.mean_cost = (counted.total_cost + priced / 2).checked_div(priced);
    Ok((counted, gaps))
}

/// The price of all parts together. Only the answer to a dry run has `estimated_cost`.
fn estimated_cost(answer: &Object<'_>) -> Option<u64> {
    answer.estimated_cost.amount().or_else(|| answer.cost.amount())
}

fn encoding(segmentation: gsm::Segmentation) -> Encoding {
    if segmentation.gsm7 { Encoding::Gsm7 } else { Encoding::Utf16 }
}

//! elks-sms: SMS through 46elks, as a WebAssembly component.
//!
//! This room holds the exported tools, a few lines each: check, ask, read. What is allowed is in
//! `sms-rules`, what 46elks understands in `elks`, `json` and `times`, how people are told in `sentences`, and
//! the only way out in `http`. Contract and documentation: `wit/elks.wit`.
//!
//! Nothing here decides policy, keeps state, or tries anything twice.

mod elks;
mod http;
mod json;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
mod sentences;
mod times;

#[cfg(fuzzing)]
pub use elks::fuzz as fuzz_answer;

#[cfg_attr(not(target_arch = "wasm32"), expect(missing_docs, reason = "generated; `wit/` has the text"))]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "elks-sms",
        generate_all,
    });
}

use bindings::exports::elks::sms::queries::{
    AccountBalance, CheckAccountBalanceRequest, CheckSmsStatusRequest, DeliveryStatistics, DirectionFilter,
    EstimateSmsCostRequest, GetDeliveryStatisticsRequest, GetSmsMessagesRequest, NonGsmCharacter, SmsEstimate,
    SmsHistory, SmsStatus,
};
use bindings::exports::elks::sms::sending::{SendSmsRequest, SentSms};
use bindings::exports::elks::sms::types::{Account, Direction, Encoding, Error, Message, Status};
use bindings::exports::elks::sms::{queries, sending};
use elks::{AccountJson, Outgoing, PageJson, Purpose, SmsJson};
use sms_rules::limits::{DEFAULT_HISTORY_LIMIT, DEFAULT_STATISTICS_LIMIT, MAX_PAGE, MAX_PAGES, PRICE_PROBE_TEXT};
use sms_rules::phone::TEST_NUMBER;
use sms_rules::{forms, gsm, phone, sender, text};
use std::collections::BTreeSet;

/// A balance that buys fewer one-part messages than this is low.
const LOW_BALANCE_MESSAGES: u64 = 20;

/// What exports the tools.
pub struct Component;

/// The symbols that the component model calls. Only in the component: a test program has none.
#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "the canonical ABI hands over pointers; wit-bindgen writes this code")]
mod exports {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use crate::Component;
}

impl sending::Guest for Component {
    fn send_sms(account: Account, request: SendSmsRequest) -> Result<SentSms, Error> {
        let draft = Draft::check(&account, &request.to, request.from.as_deref(), &request.message)?;
        let dry_run = account.dry_run || request.dry_run == Some(true);
        let flash = request.flashsms == Some(true);
        let purpose = if dry_run { Purpose::Ask } else { Purpose::Send };
        let told = SmsJson(ask(&account, &elks::send(draft.outgoing(flash, dry_run)), purpose)?);
        // A real send that was answered without an id, or a dry run answered with one, is not what
        // was asked for.
        match (dry_run, told.id()) {
            (false, None) => return Err(elks::outcome_unknown("46elks answered without a message id")),
            (true, Some(_)) => return Err(elks::outcome_unknown("46elks answered a dry run with a message id")),
            _ => {}
        }
        let mut sms = SentSms {
            summary: String::new(),
            sent: !dry_run,
            dry_run,
            id: told.id().filter(|_| !dry_run).map(Into::into),
            status: told.status().filter(|_| !dry_run),
            created: told.created().filter(|_| !dry_run),
            parts: draft.parts(told.parts()),
            encoding: draft.encoding(),
            cost: told.cost().filter(|_| !dry_run),
            estimated_cost: told.estimated_cost().filter(|_| dry_run),
            currency: account.currency,
            warnings: draft.warnings(told.parts()),
            from: draft.from,
            to: draft.to,
            message: draft.clean.text,
        };
        sms.summary = sentences::sent(&sms, account.dry_run && request.dry_run == Some(false));
        Ok(sms)
    }
}

impl queries::Guest for Component {
    fn get_sms_messages(account: Account, request: GetSmsMessagesRequest) -> Result<SmsHistory, Error> {
        let limit = request.limit.unwrap_or(DEFAULT_HISTORY_LIMIT).clamp(1, MAX_PAGE) as usize;
        if request.start.is_some() && request.cursor.is_some() {
            return Err(Error::Invalid("start and cursor say the same thing: give one of them".into()));
        }
        let time = |name: &str, value: &Option<String>| {
            let time = value.as_deref().map(times::asked).transpose();
            time.map_err(|told| Error::Invalid(format!("{name}: {told}")))
        };
        let (start, after) = match &request.cursor {
            None => (time("start", &request.start)?, None),
            Some(cursor) => {
                let (at, after) = Cursor::read(cursor)
                    .ok_or_else(|| invalid("cursor", "it is not one that get_sms_messages returned as next_cursor"))?;
                (Some(at), after)
            }
        };
        let end = time("end", &request.end)?;
        let to = request.to.as_deref().map(phone::e164).transpose().map_err(|told| invalid("to", &told.to_string()))?;
        let wanted = request.direction.unwrap_or(DirectionFilter::Both);
        // Without a filter every message counts, so a page need not hold more than is asked for.
        let page = if wanted == DirectionFilter::Both { limit as u32 } else { MAX_PAGE };
        let search = Search { start, end: end.as_deref(), to: to.as_deref(), limit, page, after };
        let found = search.run(&account, |direction| match wanted {
            DirectionFilter::Both => true,
            DirectionFilter::Inbound => direction == Direction::Inbound,
            DirectionFilter::Outbound => direction == Direction::Outbound,
        })?;
        Ok(SmsHistory { summary: sentences::history(&found), messages: found.messages, next_cursor: found.cursor })
    }

    fn check_sms_status(account: Account, request: CheckSmsStatusRequest) -> Result<SmsStatus, Error> {
        let id = &request.message_id;
        if !forms::is_message_id(id) {
            return Err(invalid(
                "message_id",
                "it may hold only letters and digits, like the id that send_sms returned",
            ));
        }
        let told = SmsJson(ask(&account, &elks::message(id), Purpose::Ask)?);
        let message = told.message(account.currency.as_deref())?;
        let summary = sentences::status(&message);
        Ok(SmsStatus { summary, message })
    }

    fn estimate_sms_cost(account: Account, request: EstimateSmsCostRequest) -> Result<SmsEstimate, Error> {
        let draft = Draft::check(&account, &request.to, request.from.as_deref(), &request.message)?;
        let told = SmsJson(ask(&account, &elks::send(draft.outgoing(false, true)), Purpose::Ask)?);
        let cost = told.estimated_cost();
        let parts = draft.parts(told.parts());
        let left = draft.shape.left;
        Ok(SmsEstimate {
            summary: sentences::estimate(parts, draft.encoding(), left, cost, account.currency.as_deref()),
            parts,
            encoding: draft.encoding(),
            characters_left: left,
            non_gsm_characters: gsm::non_gsm(&draft.clean.text)
                .into_iter()
                .map(|c| NonGsmCharacter {
                    character: sentences::spelled(c),
                    replacement: gsm::replacement(c).map(Into::into),
                })
                .collect(),
            estimated_cost: cost,
            warnings: draft.warnings(told.parts()),
            currency: account.currency,
        })
    }

    fn check_account_balance(account: Account, request: CheckAccountBalanceRequest) -> Result<AccountBalance, Error> {
        let to =
            request.to.as_deref().map(phone::recipient).transpose().map_err(|told| invalid("to", &told.to_string()))?;
        let told = AccountJson(ask(&account, &elks::account(), Purpose::Ask)?);
        // Only a balance needs a price, and only an account that has a sender can ask for one.
        let price = match (told.balance(), account.default_sender.as_deref()) {
            (Some(_), Some(from)) => price_of_a_part(&account, to.as_deref().unwrap_or(TEST_NUMBER), from),
            _ => None,
        };
        let messages_left =
            price.zip(told.balance()).map(|(price, balance)| u64::try_from(balance).unwrap_or(0) / price);
        let mut balance = AccountBalance {
            summary: String::new(),
            name: told.name(),
            balance: told.balance(),
            currency: told.currency().or(account.currency),
            subaccount: told.is_subaccount(),
            balance_used: told.balance_used(),
            usage_limit: told.usage_limit(),
            messages_left,
            low_balance: messages_left.map(|left| left < LOW_BALANCE_MESSAGES),
        };
        balance.summary = sentences::balance(&balance);
        Ok(balance)
    }

    fn get_delivery_statistics(
        account: Account,
        request: GetDeliveryStatisticsRequest,
    ) -> Result<DeliveryStatistics, Error> {
        let limit = request.limit.unwrap_or(DEFAULT_STATISTICS_LIMIT).clamp(1, MAX_PAGE) as usize;
        let search = Search { start: None, end: None, to: None, limit, page: MAX_PAGE, after: None };
        let found = search.run(&account, |direction| direction == Direction::Outbound)?;
        let messages = &found.messages;
        let with = |status| messages.iter().filter(|message| message.status == status).count() as u32;
        let costs: Vec<u64> = messages.iter().filter_map(|message| message.cost).collect();
        let total_cost = costs.iter().sum();
        let mut statistics = DeliveryStatistics {
            summary: String::new(),
            total: messages.len() as u32,
            delivered: with(Some(Status::Delivered)),
            failed: with(Some(Status::Failed)),
            in_transit: with(Some(Status::Created)) + with(Some(Status::Sent)),
            unknown: with(Some(Status::Unknown)) + with(None),
            parts: messages.iter().filter_map(|message| message.parts).fold(0, u32::saturating_add),
            total_cost,
            mean_cost: (total_cost + costs.len() as u64 / 2).checked_div(costs.len() as u64),
            currency: account.currency,
            period_start: messages.last().map(|message| message.created.clone()),
            period_end: messages.first().map(|message| message.created.clone()),
        };
        statistics.summary = sentences::statistics(&statistics, found.stopped_early, found.unreadable);
        Ok(statistics)
    }
}

/// Asks 46elks and reads the answer.
fn ask(account: &Account, request: &http::Request, purpose: Purpose) -> Result<json::Object, Error> {
    let destination = http::Destination::of(account).map_err(|told| invalid("account.endpoint", told))?;
    elks::read(http::fetch(request, &destination), purpose)
}

/// The error of an argument that breaks a rule.
fn invalid(argument: &str, told: &str) -> Error {
    Error::Invalid(format!("{argument}: {told}"))
}

/// What a one-part message costs, in ten-thousandths; `None` when 46elks does not say, or says that
/// it is free (then there is nothing to divide by).
fn price_of_a_part(account: &Account, to: &str, from: &str) -> Option<u64> {
    let from = sender::form(from).ok()?;
    let probe = Outgoing { to, from: &from, text: PRICE_PROBE_TEXT, flash: false, dry_run: true };
    let told = SmsJson(ask(account, &elks::send(probe), Purpose::Ask).ok()?);
    told.estimated_cost().filter(|price| *price > 0)
}

/// A message that has passed every rule: what it holds is what is sent.
struct Draft {
    to: String,
    from: String,
    clean: text::Clean,
    shape: gsm::Segmentation,
}

impl Draft {
    /// Applies the rules to what the caller wants to send.
    fn check(account: &Account, to: &str, from: Option<&str>, message: &str) -> Result<Self, Error> {
        let to = phone::recipient(to).map_err(|told| invalid("to", &told.to_string()))?;
        let from = match (from, account.default_sender.as_deref()) {
            (Some(from), _) => sender::requested(from).map_err(|told| invalid("from", &told.to_string()))?,
            (None, Some(from)) => {
                sender::form(from).map_err(|told| invalid("the configured sender", &told.to_string()))?
            }
            (None, None) => return Err(invalid("from", "no sender is configured, so the request must name one")),
        };
        let clean = text::clean(message).map_err(|error| Error::Invalid(error.into()))?;
        let shape = gsm::segment(&clean.text);
        if shape.parts > text::MAX_PARTS {
            return Err(invalid(
                "message",
                &format!("it makes {} parts, at most {} are allowed: shorten it", shape.parts, text::MAX_PARTS),
            ));
        }
        Ok(Self { to, from, clean, shape })
    }

    fn outgoing(&self, flash: bool, dry_run: bool) -> Outgoing<'_> {
        Outgoing { to: &self.to, from: &self.from, text: &self.clean.text, flash, dry_run }
    }

    fn encoding(&self) -> Encoding {
        if self.shape.gsm7 { Encoding::Gsm7 } else { Encoding::Utf16 }
    }

    /// How many parts it has: 46elks's word where there is one.
    fn parts(&self, told: Option<u32>) -> u32 {
        told.unwrap_or(self.shape.parts)
    }

    fn warnings(&self, told: Option<u32>) -> Vec<String> {
        let mut warnings = sentences::warnings(&self.clean, self.parts(told));
        warnings.extend(told.and_then(|theirs| sentences::parts_differ(self.shape.parts, theirs)));
        warnings
    }
}

/// Where a walk through the history stopped inside a page: right after a message, which may share
/// its instant with others. Written `time~id`.
struct Cursor {
    time: String,
    id: String,
}

impl Cursor {
    /// Where to start, and after which message of that instant. A cursor without id is 46elks's own.
    fn read(cursor: &str) -> Option<(String, Option<Self>)> {
        let (time, id) = match cursor.split_once('~') {
            None => return Some((times::asked(cursor).ok()?, None)),
            Some(parts) => parts,
        };
        let fine = forms::is_message_id(id);
        let at = times::just_after(time).filter(|_| fine)?;
        Some((at, Some(Self { time: times::shown(time)?, id: id.into() })))
    }

    /// Whether a message was given before this cursor was: newer ones, and those of its instant up to
    /// and including its own.
    fn is_behind(cursor: &mut Option<Self>, message: &Message) -> bool {
        let Some(Self { time, id }) = cursor else { return false };
        if message.created < *time {
            *cursor = None;
            return false;
        }
        if message.created == *time && message.id == *id {
            *cursor = None;
        }
        true
    }
}

/// A walk through the history, page by page.
struct Search<'a> {
    /// Only messages before this time, in the API's form.
    start: Option<String>,
    /// Only messages after this time, in the API's form.
    end: Option<&'a str>,
    /// Only messages to this number.
    to: Option<&'a str>,
    /// How many messages to find.
    limit: usize,
    /// How many to ask for at a time.
    page: u32,
    /// Where an earlier walk stopped inside a page.
    after: Option<Cursor>,
}

/// What a search found.
struct Found {
    messages: Vec<Message>,
    /// Where to read on, when there is more.
    cursor: Option<String>,
    /// Whether it gave up before the end of the history and before the limit.
    stopped_early: bool,
    /// How many rows of the history made no sense.
    unreadable: u32,
}

impl Search<'_> {
    /// Collects messages of the wanted direction, each id once: 46elks cannot filter by direction,
    /// and messages of one instant may stand on two pages.
    fn run(mut self, account: &Account, wanted: impl Fn(Direction) -> bool) -> Result<Found, Error> {
        let mut found = Found { messages: Vec::new(), cursor: None, stopped_early: false, unreadable: 0 };
        let mut seen = BTreeSet::new();
        for _ in 0..MAX_PAGES {
            let asked = elks::history(self.start.as_deref(), self.end, self.to, self.page);
            let page = PageJson(ask(account, &asked, Purpose::Ask)?);
            let next = page.next();
            let (on_page, unreadable) = page.messages(account.currency.as_deref())?;
            found.unreadable += unreadable;
            let mut on_page = on_page.into_iter();
            for message in on_page.by_ref() {
                if !Cursor::is_behind(&mut self.after, &message)
                    && wanted(message.direction)
                    && seen.insert(message.id.clone())
                {
                    found.messages.push(message);
                    if found.messages.len() == self.limit {
                        break;
                    }
                }
            }
            if found.messages.len() == self.limit {
                // What is left of the page begins right after the last message taken.
                let last = on_page.next().and(found.messages.last());
                found.cursor = match last {
                    Some(last) => Some(format!("{}~{}", last.created.trim_end_matches('Z'), last.id)),
                    None => next.flatten(),
                };
                return Ok(found);
            }
            match next {
                None => return Ok(found),
                // A page that ends where it began would be asked for without end; and what is no time
                // cannot be asked for.
                Some(next) if next.is_none() || next == self.start => {
                    found.stopped_early = true;
                    return Ok(found);
                }
                Some(next) => self.start = next,
            }
        }
        found.cursor = self.start;
        found.stopped_early = true;
        Ok(found)
    }
}

//! A ledger in a folder or in a database that is opened again and again, and used by several processes, is the one in
//! memory.

use super::*;
use crate::mask;
use proptest::prelude::*;

/// What happens to both ledgers.
#[derive(Clone, Debug)]
enum Step {
    Send(u8),
    Settle(u64, u8, bool),
    Pause,
    Resume,
    Wait(i64),
    /// The same, and every process sees an answer of 46elks then.
    Sleep(i64),
    /// Every process sees an answer of 46elks.
    Answer,
    /// A process begins anew. It sees an answer before it sends, as the others do.
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4).prop_map(Step::Send),
        6 => (1u64..30, 0u8..4, any::<bool>()).prop_map(|(of, kind, by)| Step::Settle(of, kind, by)),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        2 => (-20_000i64..4000).prop_map(Step::Wait),
        1 => (0i64..45 * 86_400).prop_map(Step::Wait),
        2 => (0i64..45 * 86_400).prop_map(Step::Sleep),
        1 => Just(Step::Answer),
        2 => (0usize..2).prop_map(Step::Restart),
    ]
}

fn outcome(kind: u8, of: u64) -> Outcome {
    match kind {
        0 => accepted(&format!("s{of}")),
        1 => Outcome::Rejected { status: 403 },
        2 => Outcome::NotLeft,
        _ => Outcome::Unknown,
    }
}

/// Whether a limit or a duplicate can depend on an entry. What was not sent counts for a minute. A process that reads
/// it again after a clock event may remember it, where the others have forgotten it.
fn matters(entry: &Entry, now: DateTime<Utc>) -> bool {
    let counts = match entry.standing(now) {
        Standing::NotLeft | Standing::Rejected => TimeDelta::minutes(1),
        _ => TimeDelta::days(30),
    };
    now - entry.at <= counts && !(entry.redated && counts < TimeDelta::days(1))
}

/// All that a limit, a duplicate or a pause is judged by.
fn judged(ledger: &Ledger) -> Result<String, String> {
    let seen = ledger.with(|book| {
        let (state, now) = (book.state(), book.now());
        let entries: Vec<_> = state.entries().filter(|entry| matters(entry, now)).collect();
        let known: Vec<bool> = (0..4).map(|recipient| state.knows_recipient(&Hash([recipient; 16]))).collect();
        format!("{now} {entries:?} {known:?} {:?}", state.paused_since())
    });
    seen.map_err(|error| match error {
        // Its text has a time that goes on meanwhile.
        Unavailable::Clock { .. } => "clock".into(),
        other => other.to_string(),
    })
}

/// Does the same with a ledger in memory and with two processes that share a journal.
fn is_the_one_in_memory(home: &Home, steps: &[Step]) -> Result<(), TestCaseError> {
    let clock = Time::new();
    let open = || ledger_at(home.location(), 3650, &clock);
    let memory = Ledger::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
    let mut kept = [open(), open()];
    let answer = |ledgers: &[&Ledger]| {
        ledgers.iter().for_each(|ledger| ledger.server_time(clock.now()));
        [None; 2]
    };
    for (number, step) in steps.iter().cloned().enumerate() {
        let both = [&memory, &kept[number % 2]];
        let record = |record: &dyn Fn(&Ledger) -> Result<u64, Unavailable>| both.map(|ledger| record(ledger).ok());
        let recorded = match step {
            Step::Send(to) => record(&|ledger| ledger.with(|book| book.append(intent(to))).and_then(|seq| seq)),
            Step::Settle(of, kind, operator) => {
                let by = if operator { By::Operator } else { By::Answer };
                let latest = memory.with(|book| book.state().entries().last().map_or(1, |entry| entry.seq));
                let of = latest.unwrap_or(of).saturating_sub(of / 3).max(1);
                record(&|ledger| ledger.settle(of, outcome(kind, of), by))
            }
            Step::Pause => record(&Ledger::pause),
            Step::Resume => record(&Ledger::resume),
            Step::Wait(seconds) => {
                clock.add(TimeDelta::seconds(seconds));
                [None; 2]
            }
            Step::Sleep(seconds) => {
                clock.add(TimeDelta::seconds(seconds));
                answer(&[&memory, &kept[0], &kept[1]])
            }
            Step::Answer => answer(&[&memory, &kept[0], &kept[1]]),
            Step::Restart(which) => {
                kept[which] = open();
                answer(&[&memory, &kept[0], &kept[1]])
            }
        };
        prop_assert_eq!(recorded[0], recorded[1]);
        prop_assert_eq!(judged(&memory), judged(&kept[number % 2]));
    }
    let last = open();
    answer(&[&memory, &kept[0], &kept[1], &last]);
    let all = [judged(&memory), judged(&kept[0]), judged(&kept[1]), judged(&last)];
    prop_assert!(all.iter().all(|seen| *seen == all[0]), "{all:#?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_over_restarts_are_those_in_memory(steps in prop::collection::vec(step(), 1..60)) {
        for home in homes() {
            is_the_one_in_memory(&home, &steps)?;
        }
    }

    #[test]
    fn no_input_is_in_the_folder(
        text in "[a-zA-Zåäö0-9 ]{9,40}",
        number in "\\+467[0-9]{8}",
        key in "[a-z0-9-]{9,20}",
        secret: [u8; 32],
    ) {
        let (folder, clock) = (Folder::new(), Time::new());
        let ledger = folder.ledger(&clock);
        let keys = Keys::new(secret);
        let intent = Intent {
            content: keys.content(&Content { to: &number, from: &number, flash: false, text: &text }),
            recipient: keys.recipient(&number),
            key: Some(keys.idempotency(&key)),
            to: mask::party(&number),
            from: mask::party(&number),
            contact: None,
            parts: 1,
            price: None,
            approved: true,
            pid: 1,
        };
        let seq = append(&ledger, Event::Intent(intent));
        ledger.settle(seq, Outcome::Unknown, By::Answer).unwrap();
        let mut files = 0;
        for entry in fs::read_dir(folder.account()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            files += 1;
            let digits = &number[1..];
            let hex = keys::hex(&secret);
            for input in [text.trim(), &number, digits, &digits[4..], &key, &hex[..16]] {
                let found = bytes.windows(input.len()).any(|window| window.eq_ignore_ascii_case(input.as_bytes()));
                prop_assert!(!found && !name.contains(input), "{}", input);
            }
            prop_assert!(!bytes.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
        }
        prop_assert_eq!(files, 2);
    }
}

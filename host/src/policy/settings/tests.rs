//! Each setting unset, empty, `*`, right and wrong, from the environment and from the file.

use super::*;
use crate::policy::{Policy, file};
use proptest::prelude::*;

fn environment(values: &[(&str, &str)]) -> Result<Stated, Vec<String>> {
    let given: Vec<Given<'_>> =
        values.iter().map(|(name, value)| Given { name, value, place: Place::Environment }).collect();
    let mut problems = Vec::new();
    let stated = read(&given, &mut problems);
    if problems.is_empty() { Ok(stated) } else { Err(problems) }
}

fn in_file(text: &str) -> Result<Stated, Vec<String>> {
    file::read(text.as_bytes())
}

fn policy(stated: &Stated) -> Policy {
    stated.policy(&Stated::default()).expect("fits together")
}

/// The only problem of a value, from both sources.
fn problem(name: &str, value: &str) -> String {
    let of_environment = environment(&[(name, value)]).expect_err(name);
    let of_file = in_file(&format!("# comment\n\n{name}={value}\n")).expect_err(name);
    assert_eq!(of_environment.len(), 1, "{of_environment:?}");
    assert_eq!(of_file, [format!("policy file, line 3: {}", of_environment[0])]);
    of_environment[0].clone()
}

#[test]
fn what_is_unset_has_its_default() {
    let unset = policy(&Stated::default());
    assert!(unset == Policy::defaults());
    assert!(in_file("").expect("is empty") == Stated::default());
    assert!(in_file("\u{feff}# ELKS_MAX_PARTS=1\r\n\r\n   \n").expect("is empty") == Stated::default());
    assert_eq!(unset.per_minute(), NonZeroU32::new(10));
    assert_eq!((unset.per_day.0, unset.per_recipient.0), (Some(100), Some(20)));
    assert_eq!(unset.duplicate_window(), Some(chrono::TimeDelta::minutes(15)));
    assert_eq!(unset.confirm(), Confirm::Never);
}

#[test]
fn what_is_set_but_empty_is_an_error_for_every_setting() {
    for name in NAMES {
        let text = problem(name, "");
        assert!(text.starts_with(&format!("{name} is set but empty: unset it for ")), "{text}");
        assert_eq!(text.contains("or write * for "), star(name).is_some(), "{text}");
    }
}

#[test]
fn a_star_states_that_there_is_no_limit_or_is_an_error() {
    let without_limit = [
        ALLOWED_RECIPIENTS,
        ALLOWED_COUNTRIES,
        ALLOWED_SENDERS,
        SMS_PER_DAY,
        SMS_PER_RECIPIENT_PER_DAY,
        SPEND_PER_DAY,
        SPEND_PER_MONTH,
        MAX_PRICE,
        MAX_PARTS,
    ];
    for name in NAMES {
        if without_limit.contains(&name) {
            let stated = environment(&[(name, "*")]).expect(name);
            assert!(stated != Stated::default(), "{name}");
            assert!(stated == in_file(&format!("{name}=*")).expect(name), "{name}");
            let limits = [SMS_PER_DAY, SMS_PER_RECIPIENT_PER_DAY].contains(&name);
            assert_eq!(policy(&stated) == Policy::defaults(), !limits, "{name}");
        } else {
            let text = problem(name, "*");
            assert!(text.contains("allowed is") || text.contains("entry 1 "), "{text}");
        }
    }
    for name in [ALLOWED_RECIPIENTS, ALLOWED_COUNTRIES, ALLOWED_SENDERS] {
        let other = if name == ALLOWED_COUNTRIES { "SE" } else { "+46701740605" };
        assert!(problem(name, &format!("{other}, *")).contains("has * beside other entries"));
        let lines = in_file(&format!("{name}=*\n{name}={other}")).expect_err(name);
        assert!(lines[0].contains("line 1") && lines[0].contains("has * beside other entries"), "{lines:?}");
    }
}

#[test]
fn a_typing_error_says_what_is_allowed() {
    for (name, values, allowed) in [
        (ALLOWED_RECIPIENTS, &["0701740605", "anna", "+46*7", "+4670174060x"][..], "nor a beginning like +4670*"),
        (BLOCKED_RECIPIENTS, &["0701740605", "46*", "**"], "neither a phone number that takes SMS"),
        (BLOCKED_RECIPIENTS, &["+46 (0)70 174 06 05", "+460*", "+4670174060"], "neither a phone number"),
        (ALLOWED_COUNTRIES, &["Sweden", "46", "+4", "ZZ", "+46701740605"], "neither a country like SE nor"),
        (CONTACTS, &["anna", "anna:+46701740605", "+46701740605"], "write name=number"),
        (CONTACTS, &["anna=0701740605", "anna="], "no valid phone number"),
        (CONTACTS_ONLY, &["flase", "only", "2"], SWITCH),
        (ALLOWED_SENDERS, &["AB", "Min Firma", "Åsa AB", "0701740605"], "nor a sender name of 3 to 11"),
        (SMS_PER_MINUTE, &["0", "ten", "1.5", "1000001", "-1"], "a whole number from 1 to 1000000"),
        (SMS_PER_DAY, &["0", "1e3", "1000001", "+5", "½"], "a whole number from 1 to 1000000, or * for no limit"),
        (SMS_PER_RECIPIENT_PER_DAY, &["0", "all"], "a whole number from 1 to 1000000, or * for no limit"),
        (SPEND_PER_DAY, &["0", "0.00", "12,50", "5 SEK", "1.", ".5", "0.00001", "-1", "1000000.0001", "1e2"], AMOUNT),
        (SPEND_PER_MONTH, &["99999999999999999999", "1.2.3", "∞"], AMOUNT),
        (MAX_PRICE, &["free", "0x1", "1_000"], AMOUNT),
        (MAX_PARTS, &["0", "11", "two"], "a whole number from 1 to 10, or * for no limit"),
        (QUIET_HOURS, &["21:00-08:00", "21-8 UTC", "21:00-21:00 UTC", "21:00-08:00 Mars"], "with its time zone"),
        (DUPLICATE_MINUTES, &["-1", "1441", "off", "1.5"], "from 0 (off) to 1440"),
        (CONFIRM_SENDS, &["first", "first_contact", "sometimes"], "no, off, or first-contact"),
    ] {
        for value in values {
            let text = problem(name, value);
            assert!(text.starts_with(name) && text.contains(allowed), "{name}={value}: {text}");
        }
    }
}

#[test]
fn what_is_right_is_taken_from_both_sources() {
    for (name, value) in [
        (ALLOWED_RECIPIENTS, "+46 70 174 06 05, +45*"),
        (BLOCKED_RECIPIENTS, "+46900*"),
        (ALLOWED_COUNTRIES, "SE, dk,+47"),
        (CONTACTS, "anna=+46701740605, dr-berg = +4541740605"),
        (ALLOWED_SENDERS, "Elks, +46 766 86 10 04"),
        (SMS_PER_MINUTE, "3"),
        (SMS_PER_DAY, "1000000"),
        (SMS_PER_RECIPIENT_PER_DAY, "1"),
        (SPEND_PER_DAY, "1000000"),
        (SPEND_PER_MONTH, "0.0001"),
        (MAX_PRICE, "12.5"),
        (MAX_PARTS, "10"),
        (QUIET_HOURS, "21:00-08:00 Europe/Stockholm, 12:00-13:00 UTC"),
        (DUPLICATE_MINUTES, "0"),
        (CONFIRM_SENDS, "First-Contact"),
    ] {
        let stated = environment(&[(name, value)]).expect(name);
        assert!(policy(&stated) != Policy::defaults(), "{name}");
        for line in [format!("{name}={value}"), format!("  {name} =  {value}\t\r\n# end")] {
            assert!(stated == in_file(&line).expect(name), "{line}");
        }
    }
    let amounts =
        environment(&[(SPEND_PER_DAY, "25"), (SPEND_PER_MONTH, "100.5"), (MAX_PRICE, "0.52")]).expect("valid");
    let amounts = policy(&amounts);
    assert_eq!(
        (amounts.spend_day.0, amounts.spend_month.0, amounts.max_price.0),
        (Some(250_000), Some(1_005_000), Some(5_200))
    );
    assert!(
        policy(&environment(&[(CONTACTS_ONLY, "yes"), (CONTACTS, "a=+46701740605")]).expect("valid")).contacts_only()
    );
}

#[test]
fn lists_add_up_in_the_file_and_single_values_do_not() {
    let stated = in_file("ELKS_ALLOWED_COUNTRIES=SE\nELKS_ALLOWED_COUNTRIES=DK, NO\n").expect("is a list");
    assert_eq!(policy(&stated).countries(), Some(vec!["DK", "NO", "SE"]));
    let problems =
        in_file("ELKS_MAX_PARTS=1\nELKS_MAX_PRISE=1\nELKS_MAX_PARTS=1\nELKS_MAX_PARTS=2").expect_err("is repeated");
    assert_eq!(
        problems,
        [
            "policy file, line 2: its name is no setting of the policy; the nearest is ELKS_MAX_PRICE",
            "policy file, line 3: ELKS_MAX_PARTS is set again (before in line 1): write it once",
            "policy file, line 4: ELKS_MAX_PARTS is set again (before in line 1): write it once",
        ]
    );
}

#[test]
fn habits_of_shells_are_named() {
    for (text, reason) in [
        ("export ELKS_MAX_PARTS=1", "begins with export"),
        ("ELKS_MAX_PARTS=\"1\"", "is written in quotes"),
        ("ELKS_ALLOWED_COUNTRIES='SE, DK'", "is written in quotes"),
        ("ELKS_MAX_PARTS=${PARTS}", "literal ${…}"),
        ("ELKS_MAX_PARTS=1 # one", "a comment needs a line of its own"),
        ("ELKS_MAX_PARTS 1", "it has no =: write NAME=value"),
        ("elks_max_parts=1", "the nearest is ELKS_MAX_PARTS"),
        ("ELKS_MAX_PART=1", "the nearest is ELKS_MAX_PARTS"),
        ("ELKS_ALOWED_RECIPIENT=+46*", "the nearest is ELKS_ALLOWED_RECIPIENTS"),
        ("ELKS_API_PASSWORD=x", "ELKS_API_PASSWORD may be set in the environment or the settings file only"),
        ("DRY_RUN=false", "DRY_RUN may be set in the environment or the settings file only"),
    ] {
        let problems = in_file(&format!("\n{text}")).expect_err(text);
        assert!(problems.len() == 1 && problems[0].starts_with("policy file, line 2: "), "{problems:?}");
        assert!(problems[0].contains(reason), "{problems:?}");
    }
    assert_eq!(file::read(b"\xff\xfe").err(), Some(vec!["the policy file is not UTF-8 text".to_string()]));
}

#[test]
fn two_sources_meet_and_a_default_limits_neither() {
    let both = |environment_text: &str, file_text: &str| {
        in_file(environment_text).expect("valid").policy(&in_file(file_text).expect("valid"))
    };
    let day = |a: &str, b: &str| both(a, b).expect("fits").per_day.0;
    assert_eq!(day("", "ELKS_MAX_SMS_PER_DAY=500"), Some(500), "the default of 100 is for what nobody states");
    assert_eq!(day("ELKS_MAX_SMS_PER_DAY=50", "ELKS_MAX_SMS_PER_DAY=500"), Some(50));
    assert_eq!(day("ELKS_MAX_SMS_PER_DAY=*", "ELKS_MAX_SMS_PER_DAY=500"), Some(500));
    assert_eq!(day("ELKS_MAX_SMS_PER_DAY=*", ""), None);
    let lists = both("ELKS_ALLOWED_RECIPIENTS=*", "ELKS_ALLOWED_RECIPIENTS=+46*").expect("fits");
    assert!(lists == policy(&in_file("ELKS_ALLOWED_RECIPIENTS=+46*").expect("valid")));
    for (a, b, reason) in [
        ("ELKS_CONTACTS_ONLY=true", "", "ELKS_CONTACTS is not set"),
        (
            "ELKS_CONTACTS_ONLY=true\nELKS_CONTACTS=a=+46701740605",
            "ELKS_CONTACTS=b=+4541740605",
            "no contact is in both",
        ),
        ("ELKS_QUIET_HOURS=00:00-12:00 UTC", "ELKS_QUIET_HOURS=12:00-24:00 UTC", "leaves no time of day"),
    ] {
        let problems = both(a, b).expect_err(reason);
        assert!(problems.len() == 1 && problems[0].contains(reason), "{problems:?}");
    }
    assert!(both("ELKS_CONTACTS_ONLY=true", "ELKS_CONTACTS=a=+46701740605").expect("fits").contacts_only());
}

proptest! {
    #[test]
    fn no_problem_repeats_a_value_a_name_or_a_part_of_one(
        pasted in "[QXZ7Åß!$&=,* \"#]{6,40}",
        setting in prop::sample::select(NAMES.to_vec()),
    ) {
        let lines = [
            format!("{setting}={pasted}"),
            pasted.clone(),
            format!("{pasted}=1"),
            format!("export {pasted}"),
            format!("{setting}=\"{pasted}\""),
            format!("{setting}=a={pasted}, b={pasted}"),
            format!("{setting}=+46*,{pasted}"),
        ];
        let mut problems = in_file(&lines.join("\n")).err().unwrap_or_default();
        problems.extend(environment(&[(setting, pasted.trim())]).err().unwrap_or_default());
        let text = problems.join("\n");
        for part in pasted.chars().collect::<Vec<_>>().windows(2) {
            let part: String = part.iter().collect();
            // A single sign and a space may be in the sentences themselves.
            prop_assert!(part.trim().chars().count() < 2 || !text.contains(&part), "{:?} in {}", part, text);
        }
    }
}

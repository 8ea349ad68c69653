//! The sender of a message: one of the account's numbers, or a name. Whether the account owns the number is not checked
//! here: 46elks knows.

use crate::{RuleError, list, phone, unusual};

/// The length of a sender name, at least, in characters. Source: 46elks.com/docs.
pub const MIN_NAME_CHARS: usize = 3;

/// The length of a sender name, at most, in characters. Source: 46elks.com/docs.
pub const MAX_NAME_CHARS: usize = 11;

/// Words that a name must not claim to be; the file names the sources and explains the signs.
const IMPERSONATED: &str = include_str!("impersonated.txt");

/// A word of this many letters counts as the end of a longer word, too.
const MIN_ENDING: usize = 6;

/// A word of at most this many letters counts only where it stands by itself: UPS is not meant by "Groups".
const MAX_SHORT: usize = 3;

/// Checks the form of a sender and returns it as it is sent.
///
/// # Errors
/// The sender is neither a number in E.164 form nor a valid name.
pub fn form(input: &str) -> Result<String, RuleError> {
    if phone::is_meant(input) {
        return phone::sender(input);
    }
    let name = input.trim_matches(' ');
    if let Some(unusual) = unusual::find(name) {
        return Err(unusual.to_string().into());
    }
    let chars = name.chars().count();
    if !(MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&chars) {
        return Err(format!(
            "a sender name has {MIN_NAME_CHARS} to {MAX_NAME_CHARS} letters and digits, this one has {chars}"
        )
        .into());
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(
            "a sender name may hold only the letters A to Z and a to z and digits, no spaces, accents or signs".into(),
        );
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("a sender name must begin with a letter; a phone number must begin with +".into());
    }
    Ok(name.into())
}

/// Whether a text is a valid sender name: [`MIN_NAME_CHARS`] to [`MAX_NAME_CHARS`] ASCII letters and digits, a letter
/// first.
pub fn is_name(text: &str) -> bool {
    (MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Checks a sender that a request names: its form, and that it does not impersonate an authority, a bank, a well-known
/// company or an alarm. The configured sender and those of the operator's list are not checked so: they are the
/// operator's own choice.
///
/// # Errors
/// The form is wrong, or the name impersonates somebody.
pub fn requested(input: &str) -> Result<String, RuleError> {
    let sender = form(input)?;
    if !sender.starts_with('+') && impersonates(&sender) {
        return Err(
            "this name impersonates an authority, a bank, a well-known company or an alarm: use the name of your own \
             business or service (the operator's list of senders can allow this name)"
                .into(),
        );
    }
    Ok(sender)
}

/// Whether a name claims to be somebody else, by the look of its letters: `B4NK` is BANK. Three rules decide:
///
/// 1. A word of the name is on the list. Words begin and end where a small letter is followed by a capital (`MyBank`),
///    at digits (`Bank24`), and around a row of capitals (`SEBinfo`).
/// 2. A word of the name ends with one on the list that has six letters or more, or the sign for it: `Swedbank`,
///    `Infobank`. In English and in the Nordic languages the end of a word says what it is. So `Foodbank` is refused,
///    too, and `Banksy`, `Alerta`, `Politiken` and `Embankment` are not.
/// 3. The whole name is made of words on the list and of words that change nothing: `klarnainfo`. Words of three
///    letters count here only beside long ones or where rule 1 sees a word, so `Navse` is not NAV.
///
/// A chance hit is possible. The operator's list of senders allows such a name.
fn impersonates(name: &str) -> bool {
    let list = List::parse(IMPERSONATED);
    let borders = borders(name);
    let mut pieces =
        borders.iter().flat_map(|&start| borders.iter().filter_map(move |&end| name.get(start..end)).map(skeleton));
    pieces.any(|piece| list.words.contains(&piece) || list.endings.iter().any(|ending| piece.ends_with(ending)))
        || [name, name.trim_end_matches(|c: char| c.is_ascii_digit())]
            .into_iter()
            .any(|name| list.makes_up(name, &borders))
}

/// The words of the list, by their look.
#[derive(Default)]
struct List {
    /// Refused as a word of a name.
    words: Vec<String>,
    /// Refused as the end of a word, too.
    endings: Vec<String>,
    /// Refused as the whole name, beside the fillers. It has all of `words`.
    whole: Vec<String>,
    /// Words that change nothing.
    fillers: Vec<String>,
}

impl List {
    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for entry in list::words(text) {
            let look = skeleton(entry.trim_start_matches(['~', '=', '+']));
            match entry.chars().next() {
                Some('+') => list.fillers.push(look),
                Some('=') => list.whole.push(look),
                sign => {
                    if sign == Some('~') || look.len() >= MIN_ENDING {
                        list.endings.push(look.clone());
                    }
                    list.whole.push(look.clone());
                    list.words.push(look);
                }
            }
        }
        list
    }

    /// Whether a name can be cut into words and fillers with at least one word: anywhere if the words are long or the
    /// fillers are, and otherwise at the borders.
    fn makes_up(&self, name: &str, borders: &[usize]) -> bool {
        let look = skeleton(name);
        let anywhere: Vec<usize> = (0..=look.len()).collect();
        let at_borders: Vec<usize> = borders.iter().copied().chain([look.len()]).collect();
        [
            (self.parts(MAX_SHORT + 1, 1), &anywhere),
            (self.parts(1, MAX_SHORT + 1), &anywhere),
            (self.parts(1, 1), &at_borders),
        ]
        .iter()
        .any(|(parts, places)| can_be_cut(&look, 0, false, parts, places))
    }

    /// The words and the fillers of at least these lengths, each with whether it is a word.
    fn parts(&self, min_word: usize, min_filler: usize) -> Vec<(&str, bool)> {
        let words = self.whole.iter().filter(|word| word.len() >= min_word).map(|word| (word.as_str(), true));
        let fillers = self.fillers.iter().filter(|filler| filler.len() >= min_filler);
        words.chain(fillers.map(|filler| (filler.as_str(), false))).collect()
    }
}

/// Whether the rest of a look, from a place on, can be cut into parts that end at these places. `found` says whether
/// there is a word before.
fn can_be_cut(look: &str, from: usize, found: bool, parts: &[(&str, bool)], places: &[usize]) -> bool {
    let rest = &look[from..];
    if rest.is_empty() {
        return found;
    }
    parts.iter().any(|(part, is_word)| {
        let end = from + part.len();
        rest.starts_with(part) && places.contains(&end) && can_be_cut(look, end, found || *is_word, parts, places)
    })
}

/// The places in a name where a word can begin or end, the ends of the name included.
fn borders(name: &str) -> Vec<usize> {
    let bytes = name.as_bytes();
    let is = |at: Option<usize>, kind: fn(&u8) -> bool| at.and_then(|at| bytes.get(at)).is_some_and(kind);
    let (capital, small) = (u8::is_ascii_uppercase, u8::is_ascii_lowercase);
    let is_border = |at: &usize| {
        let (before, after) = (at.checked_sub(1), Some(*at));
        let at_a_capital = is(before, small) && is(after, capital);
        let at_a_digit = is(before, u8::is_ascii_digit) != is(after, u8::is_ascii_digit);
        // In `SEBInfo` the word begins with the last capital, in `SEBinfo` after it. Both are tried.
        let in_capitals = is(before, capital) && is(after, capital) && is(Some(at + 1), small);
        let after_capitals = is(at.checked_sub(2), capital) && is(before, capital) && is(after, small);
        *at == 0 || *at == bytes.len() || at_a_capital || at_a_digit || in_capitals || after_capitals
    };
    (0..=bytes.len()).filter(is_border).collect()
}

/// The look of a name: capitals, with digits and letters that resemble each other replaced by one of them.
fn skeleton(name: &str) -> String {
    name.chars()
        .map(|c| match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' | 'L' => 'I',
            '2' => 'Z',
            '3' => 'E',
            '4' => 'A',
            '5' => 'S',
            '6' | '9' => 'G',
            '7' => 'T',
            '8' => 'B',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_accepted_by_their_form() {
        for (input, sender) in
            [("Elks", "Elks"), ("ABC", "ABC"), ("Abcdefghij1", "Abcdefghij1"), ("+46 70 174 06 05", "+46701740605")]
        {
            assert_eq!(requested(input), Ok(sender.to_string()));
        }
        for (input, reason) in [
            ("", "3 to 11"),
            ("AB", "3 to 11"),
            ("Abcdefghij12", "3 to 11"),
            ("1177", "begin with a letter"),
            ("Min Firma", "no spaces"),
            ("Åkeriet", "accents"),
            ("My-Firm", "signs"),
            ("0701740605", "begin with a letter"),
            ("+46abc", "only the digits"),
        ] {
            assert!(requested(input).is_err_and(|error| error.to_string().contains(reason)), "{input}");
        }
    }

    #[test]
    fn impersonation_is_refused_in_every_spelling() {
        for name in [
            // In capitals, in small letters and with digits for letters.
            "BANK",
            "bank",
            "B4NK",
            "P0LICE",
            "VER1FY",
            "Official",
            "OFF1C1AL",
            "SECURITY",
            "Sw1sh",
            "KIarna",
            "N0rdea",
            "SWEDB4NK",
            "P0l1sen",
            // A word of the name.
            "MyBank",
            "SparBank",
            "BankInfo",
            "InfoBank",
            "Bank24",
            "Bank24Nu",
            "TheBank",
            "MinBankApp",
            "MyB4nk",
            "FoodBank",
            "MyAlert",
            "AlertInfo",
            "PolisenSE",
            "MinPolis",
            "SEB",
            "MySEB",
            "SEBinfo",
            "SEBInfo",
            "SebInfo",
            "DHL",
            "DHLPaket",
            "DhlPaket",
            "UPS",
            "MinUPS",
            "NAV",
            "DNB",
            "CSN",
            "CSN24",
            "Tele2",
            "MinTele2",
            "Vard1177",
            "Info1177",
            "EBay",
            "MyNordea",
            "NordeaKund",
            "TeliaSE",
            "PostNord",
            "BankID",
            "MinIKEA",
            // The end of a word.
            "Swedbank",
            "Sparbanken",
            "Infobank",
            "swedbank",
            "Foodbank",
            "Blodbanken",
            "SWEDBANK24",
            "DanskeBank",
            "Minordea",
            "mypaypal",
            "Swedbank24",
            // The whole name, beside words that change nothing.
            "Nordea",
            "klarnainfo",
            "nordeakund",
            "bankkonto",
            "minswish",
            "postnordse",
            "sebkund",
            "dhlpaket",
            "Apple",
            "ApplePay",
            "AppleID",
            "appleinfo",
            "Apple24",
            "Elisa",
            "ElisaSMS",
            "Tre",
            "Tre24",
            "treinfo",
            "Bring",
            "Bringpaket",
            "Visa",
            "visakort",
            "Kela",
            "Skat",
            "MyDNA",
            "DNA",
            "OPInfo",
            "Freja",
            "Google",
            "WhatsApp",
            "Netflix",
            "Amazon",
            "PayPal",
            "Tradera",
            "Blocket",
            "Telenor",
            "Comviq",
            "MobilePay",
            "Vipps",
            "MitID",
            "FedEx",
            "Schenker",
            "Instabox",
            "Budbee",
            "Skatteverk",
            "Kronofogden",
            "TransportSt",
            "Altinn",
            "Migrationsv",
            "Osuuspankki",
            "Polisinfo",
            "Banktjanst",
            "PostenNorge",
            "SwedBankSE",
            "ABBank",
            "Handelsbank",
            "Skandia",
            "Facebook",
            "Instagram",
            "Microsoft",
        ] {
            assert!(requested(name).is_err_and(|error| error.to_string().contains("impersonates")), "{name}");
        }
    }

    #[test]
    fn valid_names_are_not_refused_for_their_letters() {
        for name in [
            "Elks",
            "Butiken",
            "Frisor1",
            "Tandlakarna",
            "Banksy",
            "Alerta",
            "Policemuze",
            "Confirmia",
            "Embankment",
            "Politiken",
            "Postnordic",
            "Metropolis",
            "Akropolis",
            "Skatten",
            "Mikela",
            "Kelani",
            "Groups",
            "Navet",
            "Sebastian",
            "Upsala",
            "Navse",
            "Dnase",
            "Pineapple",
            "AppleTree",
            "ElisaSalong",
            "TreKronor",
            "BringIt",
            "VisaVis",
            "Nyposten",
            "Lunarium",
            "Icehotel",
            "Opus",
            "Trelleborg",
            "Bankomatic",
            "Swishy",
            "Prizes",
            "Telias",
            "Frejas",
            "Apples",
            "Kartelia",
            "Salong11",
            "Cafe177",
            "Visakort2Go",
            "PostAB",
            "InfoSMS",
        ] {
            assert_eq!(requested(name), Ok(name.to_string()));
        }
    }

    #[test]
    fn the_words_of_a_name_are_seen() {
        for (name, places) in [
            ("MyBank", vec![0, 2, 6]),
            ("Bank24Nu", vec![0, 4, 6, 8]),
            ("SEBInfo", vec![0, 3, 4, 7]),
            ("SEBinfo", vec![0, 2, 3, 7]),
            ("BANK", vec![0, 4]),
            ("Elks", vec![0, 4]),
        ] {
            assert_eq!(borders(name), places, "{name}");
        }
    }

    #[test]
    fn every_word_of_the_list_can_be_a_name_and_is_refused_as_one() {
        for entry in list::words(IMPERSONATED).filter(|entry| !entry.starts_with('+')) {
            let word = entry.trim_start_matches(['~', '=']);
            assert!(word.len() <= MAX_NAME_CHARS && word.bytes().all(|b| b.is_ascii_alphanumeric()), "{entry}");
            assert!(impersonates(word) && impersonates(&word.to_lowercase()), "{entry}");
        }
    }

    #[test]
    fn an_unusual_character_in_a_name_is_named() {
        for (input, reason) in [
            ("Elks\u{200B}", "a zero-width character (U+200B)"),
            ("\u{202A}Elks\u{202C}", "a control of the writing direction (U+202A)"),
            ("Min\u{A0}Firma", "an unusual space (U+00A0)"),
            ("\u{202A}+46766861004\u{202C}", "a control of the writing direction (U+202A)"),
            ("\u{FF0B}46766861004", "an unusual plus (U+FF0B)"),
            ("+46\u{2011}766861004", "an unusual hyphen (U+2011)"),
            ("tel:+46766861004", "leave out the tel:"),
            ("+46 (0)76-686 10 04", "leave out the (0)"),
            ("+460766861004", "leave out the 0"),
            ("+0766861004", "begins with 0"),
            ("+467668610", "has 9 digits"),
        ] {
            let error = form(input).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_has_one_form(near in "[A-Za-z0-9å ]{0,14}", text: String) {
            for input in [near, text] {
                let name = input.trim_matches(' ');
                proptest::prop_assert_eq!(form(&input).is_ok_and(|sender| !sender.starts_with('+')), is_name(name));
            }
        }
    }
}

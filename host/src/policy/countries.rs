//! Countries by the beginnings of their numbers. A number belongs to the country with the longest beginning that fits,
//! so that countries which share a calling code are kept apart where their numbers allow it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Each country (ISO 3166-1, and XK, AC and TA) with the beginnings of its numbers. Sources: ITU-T, list of E.164
/// assigned country codes; NANPA and CNAC for the area codes of +1; libphonenumber for other shared codes. GP stands
/// for GP, BL and MF, whose numbers are alike.
const COUNTRIES: &str = "\
    AC 247; AD 376; AE 971; AF 93; AG 1268; AI 1264; AL 355; AM 374; AO 244; AR 54; AS 1684; AT 43; AU 61; AW 297; \
    AX 35818; AZ 994; BA 387; BB 1246; BD 880; BE 32; BF 226; BG 359; BH 973; BI 257; BJ 229; BM 1441; BN 673; BO \
    591; BQ 5993 5994 5997; BR 55; BS 1242; BT 975; BW 267; BY 375; BZ 501; CA 1204 1226 1236 1249 1250 1257 1263 \
    1273 1289 1306 1343 1354 1365 1367 1368 1382 1403 1416 1418 1428 1431 1437 1438 1450 1468 1474 1506 1514 1519 \
    1548 1579 1581 1584 1587 1600 1604 1613 1622 1633 1639 1647 1672 1683 1705 1709 1742 1753 1778 1780 1782 1807 \
    1819 1825 1867 1873 1879 1902 1905 1942; CC 6189162; CD 243; CF 236; CG 242; CH 41; CI 225; CK 682; CL 56; CM \
    237; CN 86; CO 57; CR 506; CU 53; CV 238; CW 599; CX 6189164; CY 357; CZ 420; DE 49; DJ 253; DK 45; DM 1767; \
    DO 1809 1829 1849; DZ 213; EC 593; EE 372; EG 20; EH 2125288 2125289; ER 291; ES 34; ET 251; FI 358; FJ 679; \
    FK 500; FM 691; FO 298; FR 33; GA 241; GB 44; GD 1473; GE 995; GF 594; GG 441481 447781 447839 4479111 \
    4479117; GH 233; GI 350; GL 299; GM 220; GN 224; GP 590; GQ 240; GR 30; GT 502; GU 1671; GW 245; GY 592; HK \
    852; HN 504; HR 385; HT 509; HU 36; ID 62; IE 353; IL 972; IM 441624 4474576 447524 447624; IN 91; IO 246; IQ \
    964; IR 98; IS 354; IT 39; JE 441534 447509 4477003 4477007 4477008 447797 447829 447937; JM 1658 1876; JO \
    962; JP 81; KE 254; KG 996; KH 855; KI 686; KM 269; KN 1869; KP 850; KR 82; KW 965; KY 1345; KZ 76 77; LA 856; \
    LB 961; LC 1758; LI 423; LK 94; LR 231; LS 266; LT 370; LU 352; LV 371; LY 218; MA 212; MC 377; MD 373; ME \
    382; MG 261; MH 692; MK 389; ML 223; MM 95; MN 976; MO 853; MP 1670; MQ 596; MR 222; MS 1664; MT 356; MU 230; \
    MV 960; MW 265; MX 52; MY 60; MZ 258; NA 264; NC 687; NE 227; NF 672; NG 234; NI 505; NL 31; NO 47; NP 977; NR \
    674; NU 683; NZ 64; OM 968; PA 507; PE 51; PF 689; PG 675; PH 63; PK 92; PL 48; PM 508; PR 1787 1939; PS 970; \
    PT 351; PW 680; PY 595; QA 974; RE 262; RO 40; RS 381; RU 7; RW 250; SA 966; SB 677; SC 248; SD 249; SE 46; SG \
    65; SH 290; SI 386; SJ 4779; SK 421; SL 232; SM 378; SN 221; SO 252; SR 597; SS 211; ST 239; SV 503; SX 1721; \
    SY 963; SZ 268; TA 2908; TC 1649; TD 235; TG 228; TH 66; TJ 992; TK 690; TL 670; TM 993; TN 216; TO 676; TR \
    90; TT 1868; TV 688; TW 886; TZ 255; UA 380; UG 256; US 1; UY 598; UZ 998; VA 3906698; VC 1784; VE 58; VG \
    1284; VI 1340; VN 84; VU 678; WF 681; WS 685; XK 383; YE 967; YT 262269 262639 262709; ZA 27; ZM 260; ZW 263";

/// The longest beginning in the table.
const MAX_BEGINNING: usize = 7;

/// The beginnings in the table, without the +, with their countries.
static BEGINNINGS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let countries = COUNTRIES.split("; ").filter_map(|country| country.split_once(' '));
    countries.flat_map(|(country, all)| all.split(' ').map(move |beginning| (beginning, country))).collect()
});

/// A list of countries, as the beginnings in the table that belong to them.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Countries(BTreeSet<&'static str>);

impl Countries {
    /// Adds a country as people write it: `SE`, or `+46` for all countries of that calling code. Says whether it is
    /// one.
    pub(crate) fn add(&mut self, entry: &str) -> bool {
        let code = entry.strip_prefix('+').filter(|code| BEGINNINGS.contains_key(code));
        let country = entry.to_ascii_uppercase();
        let belongs =
            |beginning: &str, owner: &str| code.is_some_and(|code| beginning.starts_with(code)) || owner == country;
        let found: Vec<&str> = BEGINNINGS.iter().filter(|(b, owner)| belongs(b, owner)).map(|(b, _)| *b).collect();
        self.0.extend(&found);
        !found.is_empty()
    }

    /// Whether a number in E.164 form belongs to one of the countries.
    pub(crate) fn has(&self, number: &str) -> bool {
        let digits = number.strip_prefix('+').unwrap_or_default();
        let beginning = (1..=MAX_BEGINNING).rev().filter_map(|end| digits.get(..end));
        beginning.filter_map(|text| BEGINNINGS.get_key_value(text)).next().is_some_and(|(own, _)| self.0.contains(own))
    }

    /// The countries that are on both lists.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    /// The two letters of each country on the list, sorted.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        let codes: BTreeSet<&str> = self.0.iter().filter_map(|beginning| BEGINNINGS.get(beginning).copied()).collect();
        codes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sms_rules::phone;

    fn list(entries: &[&str]) -> Countries {
        let mut countries = Countries::default();
        for entry in entries {
            assert!(countries.add(entry), "{entry}");
        }
        countries
    }

    #[test]
    fn countries_that_share_a_code_are_different() {
        for (entry, inside, outside) in [
            ("SE", "+46701740605", "+4741740605"),
            ("+46", "+46701740605", "+4541740605"),
            ("US", "+14155551740", "+14165551740"),
            ("CA", "+14165551740", "+14155551740"),
            ("US", "+12125551740", "+18765551740"),
            ("JM", "+18765551740", "+12425551740"),
            ("PR", "+17875551740", "+12125551740"),
            ("+1", "+18765551740", "+521740605123"),
            ("RU", "+79161740605", "+77011740605"),
            ("RU", "+73011740605", "+76011740605"),
            ("KZ", "+77011740605", "+79161740605"),
            ("+7", "+77011740605", "+46701740605"),
            ("gb", "+447400174060", "+447797174060"),
            ("JE", "+447797174060", "+447400174060"),
            ("+44", "+447797174060", "+353851740605"),
            ("+1876", "+18765551740", "+14155551740"),
        ] {
            assert!(list(&[entry]).has(inside), "{entry} has {inside}");
            assert!(!list(&[entry]).has(outside), "{entry} has not {outside}");
        }
        assert!(!list(&["SE"]).has("") && !list(&["US"]).has("1415"));
    }

    #[test]
    fn what_is_no_country_is_refused() {
        for entry in ["", "S", "SWE", "Sweden", "46", "+4", "+46701740605", "+1415", "+210", "UK", "*", "+"] {
            assert!(!Countries::default().add(entry), "{entry}");
        }
    }

    #[test]
    fn the_table_has_the_country_codes_of_the_number_rules() {
        for code in 1..1000 {
            let number = format!("+{code}1740605173");
            let exists = !phone::recipient(&number).is_err_and(|error| error.to_string().contains("does not exist"));
            let refused = phone::recipient(&number).is_err_and(|error| error.to_string().contains("international"));
            let satellite = phone::recipient(&number).is_err_and(|error| error.to_string().contains("satellite"));
            let personal = phone::recipient(&number).is_err_and(|error| error.to_string().contains("universal"));
            let known = (1..=3).any(|end| number.get(1..=end).is_some_and(|code| BEGINNINGS.contains_key(code)));
            assert_eq!(known, exists && !refused && !satellite && !personal, "+{code}");
        }
        assert!(BEGINNINGS.keys().all(|beginning| beginning.len() <= MAX_BEGINNING));
    }

    #[test]
    fn a_list_knows_its_countries() {
        assert_eq!(list(&["+44", "SE"]).codes(), ["GB", "GG", "IM", "JE", "SE"]);
        assert_eq!(list(&["+7", "SE"]).intersection(&list(&["KZ", "+46", "US"])).codes(), ["KZ", "SE"]);
    }
}

//! What a ledger in PostgreSQL has of its own: its server, its roles and its rows. What it has in common with a folder
//! is tried in the other files, with both.

#[expect(unreachable_pub, reason = "the tests from outside have it as a module of their own")]
#[expect(dead_code, reason = "these tests do not need all of it")]
#[path = "../../../../tests/support/postgres.rs"]
mod postgres;

use super::*;
use crate::database::{self, Address, Fault, init};
use elks_sandbox::Certificates;
use postgres::{CLIENT, Database, OWNER, Postgres};
use relay::{Loses, Relay};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

mod relay;

/// The database that tests share: each has an account of its own.
static SHARED: LazyLock<Database<'static>> = LazyLock::new(|| made(Postgres::shared()));

/// A database with a ledger.
fn made(server: &Postgres) -> Database<'_> {
    let database = server.empty_database();
    assert!(init(&parsed(&database.address(OWNER)), &[CLIENT.into()]).unwrap().is_new);
    database
}

fn parsed(address: &str) -> Address {
    Address::parse(address, &Certificates::default()).unwrap()
}

/// The address of the shared database.
pub(super) fn address() -> String {
    SHARED.address(CLIENT)
}

/// An account without events.
pub(super) fn location() -> Location {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let account = format!("{:016x}", NUMBER.fetch_add(1, Ordering::Relaxed));
    location_of(&address(), &account)
}

pub(super) fn location_of(address: &str, account: &str) -> Location {
    Location::Database(Arc::new(parsed(address)), account.into())
}

/// A ledger in a database of its own.
fn ledger_in(database: &Database<'_>) -> Ledger {
    ledger_at(location_of(&database.address(CLIENT), "0123456789abcdef"), 90, &Time::new())
}

/// What the next use says.
fn fault(ledger: &Ledger) -> Fault {
    match ledger.with(|_| ()) {
        Err(Unavailable::Database(fault)) => fault,
        Err(other) => panic!("{other}"),
        Ok(()) => panic!("works"),
    }
}

#[test]
fn the_servers_clock_counts_and_not_this_computers() {
    let clock = Time::new();
    let ledger = Ledger::at(location(), 90, Arc::clone(&clock) as Arc<dyn Clock>);
    let of_server =
        || DateTime::parse_from_rfc3339(SHARED.sql("SELECT to_json(now())").trim().trim_matches('"')).unwrap();
    let before = of_server() - TimeDelta::milliseconds(1);
    let now = ledger.with(|book| book.now()).unwrap();
    assert!(before <= now && now <= of_server() + TimeDelta::milliseconds(1), "{before} {now}");
    assert_ne!(now.date_naive(), clock.now().date_naive());
}

#[test]
fn a_row_that_was_changed_or_removed_is_noticed() {
    let database = made(Postgres::shared());
    let (ledger, other) = (ledger_in(&database), ledger_in(&database));
    for recipient in 1..=3 {
        append(&ledger, intent(recipient));
    }
    assert_eq!(sends(&other), [1, 2, 3]);
    let broken = |ledger: &Ledger| match ledger.with(|_| ()) {
        Err(Unavailable::Broken(broken)) => broken,
        other => panic!("{other:?}"),
    };
    let at = |line, fault| Broken { file: None, line, fault };
    let changed = "UPDATE elks_mcp.events SET line = replace(line, '\"parts\":1', '\"parts\":2') WHERE seq = 3";
    database.sql(changed);
    assert_eq!(broken(&other), at(3, Damage::Rewritten), "a running process knows what was there");
    assert_eq!(broken(&ledger_in(&database)), at(3, Damage::Changed));
    let mut out = Vec::new();
    let exit = verify(&location_of(&database.address(CLIENT), "0123456789abcdef"), None, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(exit == Exit::Broken && text.contains("BROKEN: event 3 of the database: it was changed after"), "{text}");
    database.sql("DELETE FROM elks_mcp.events WHERE seq = 3");
    assert_eq!(broken(&other), at(3, Damage::Missing));
    assert_eq!(sends(&ledger_in(&database)), [1, 2], "alone, an end that was cut off does not show");
    database.sql("DELETE FROM elks_mcp.events WHERE seq = 1");
    assert_eq!(broken(&ledger_in(&database)), at(2, Damage::Beginning));
    let text = error(&ledger_in(&database));
    assert!(text.contains("let the owner of the database move the account's rows"), "{text}");
}

/// The line with the right head, whatever stands in it.
fn sealed(before: &chain::Tip, line: &str) -> String {
    let (body, _) = line.rsplit_once(",\"head\":").unwrap();
    let head = Sha256::new().chain_update(b"elks-mcp journal 1\n").chain_update(before.head).chain_update(body);
    format!("{body},\"head\":\"{}\"}}", keys::hex(&head.finalize()))
}

#[test]
fn only_the_next_event_of_an_account_can_be_appended() {
    let database = made(Postgres::shared());
    let (ledger, clock) = (ledger_in(&database), Time::new());
    append(&ledger, intent(1));
    let line = database.sql("SELECT line FROM elks_mcp.events").trim().to_string();
    let tip = ledger.slot().account.as_ref().unwrap().contents.tip;
    let next = |tip: &chain::Tip| String::from_utf8(tip.line(clock.now(), &Event::Paused).unwrap().0).unwrap();
    let good = next(&tip).trim().to_string();
    let forged = good.replace("paused", "resumed");
    let far = next(&chain::Tip { seq: 9, ..tip }).trim().to_string();
    let other = next(&chain::Tip { head: [1; 32], ..tip }).trim().to_string();
    let in_two_lines = sealed(&tip, &good.replacen(",\"at\"", ",\n\"at\"", 1));
    assert_eq!(sealed(&tip, &good), good);
    let client = Postgres::shared();
    for (account, seq, line) in [
        ("0123456789abcdef", 1, line.as_str()),
        ("0123456789abcdef", 2, &line),
        ("0123456789abcdef", 2, &forged),
        ("0123456789abcdef", 2, &other),
        ("0123456789abcdef", 2, &in_two_lines),
        ("0123456789abcdef", 10, &far),
        ("0123456789abcdef", 3, &good),
        ("0123456789abcdef", 2, "{}"),
        ("0123456789abcdef", 2, "x"),
        ("ffffffffffffffff", 2, &good),
        ("ffffffffffffffff", 1, &good),
    ] {
        let sql = format!("INSERT INTO elks_mcp.events (account, seq, line) VALUES ('{account}', {seq}, $l${line}$l$)");
        let refused = std::panic::catch_unwind(|| client.sql(&database.name, &sql));
        assert!(refused.is_err(), "{account} {seq} {line}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM elks_mcp.events").trim(), "1");
    let sql = format!("INSERT INTO elks_mcp.events (account, seq, line) VALUES ('0123456789abcdef', 2, $l${good}$l$)");
    database.sql(&sql);
    assert!(ledger.with(|book| book.state().paused_since()).unwrap().is_some(), "a program of any kind may append");
}

#[test]
fn the_role_of_the_program_reads_and_appends_and_can_do_nothing_else() {
    let database = made(Postgres::shared());
    append(&ledger_in(&database), intent(1));
    let as_client = |sql: &str| {
        let sql = format!("SET ROLE {CLIENT}; {sql}");
        std::panic::catch_unwind(|| database.server.sql(&database.name, &sql)).map_err(|_| ())
    };
    assert_eq!(as_client("SELECT count(*) FROM elks_mcp.events").unwrap().trim(), "1");
    for sql in [
        "UPDATE elks_mcp.events SET line = line",
        "DELETE FROM elks_mcp.events",
        "TRUNCATE elks_mcp.events",
        "INSERT INTO elks_mcp.events (account, seq, line, recorded_at) SELECT account, 2, line, now() FROM elks_mcp.events",
        "UPDATE elks_mcp.schema_version SET version = 2",
        "DROP TRIGGER refuse_what_does_not_follow ON elks_mcp.events",
        "ALTER TABLE elks_mcp.events DISABLE TRIGGER ALL",
        "CREATE TABLE elks_mcp.more (a int)",
    ] {
        assert!(as_client(sql).is_err(), "{sql}");
    }
    let by = database.sql("SELECT recorded_by, recorded_at > now() - interval '1 minute' FROM elks_mcp.events");
    assert_eq!(by.trim(), "client|t");
}

#[test]
fn the_ledger_is_made_once_and_by_its_owner() {
    let database = Postgres::shared().empty_database();
    let owner = parsed(&database.address(OWNER));
    assert_eq!(fault(&ledger_in(&database)), Fault::NotMade);
    assert_eq!(init(&parsed(&database.address(CLIENT)), &[]), Err(Fault::MayNot));
    let made = |is_new| database::Made { is_new, version: 1 };
    assert_eq!(init(&owner, &[]), Ok(made(true)));
    assert_eq!(fault(&ledger_in(&database)), Fault::MayNot);
    assert_eq!(init(&owner, &[OWNER.into()]), Err(Fault::MayChange), "an owner is no role of the program");
    assert_eq!(init(&owner, &[CLIENT.into()]), Ok(made(false)));
    assert_eq!(append(&ledger_in(&database), intent(1)), 1);
    let by_owner = ledger_at(location_of(&database.address(OWNER), "0123456789abcdef"), 90, &Time::new());
    assert_eq!(fault(&by_owner), Fault::MayChange);
    let running = ledger_in(&database);
    append(&running, intent(2));
    for (version, expected) in [(0, "older version 0"), (2, "newer version 2")] {
        database.sql(&format!("UPDATE elks_mcp.schema_version SET version = {version}"));
        assert_eq!(fault(&ledger_in(&database)), Fault::OtherVersion(version));
        assert_eq!(fault(&running), Fault::OtherVersion(version), "a program that runs notices it, too");
        assert_eq!(init(&owner, &[]), Err(Fault::OtherVersion(version)));
        let text = error(&ledger_in(&database));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_database_is_named_and_no_secret_is() {
    let database = made(Postgres::shared());
    let server = database.server;
    let root = format!("?sslrootcert={}", server.root().display());
    let with = |role: &str, password: &str, options: &str| database.address_with(role, password, options);
    let other_name = format!("postgres://{CLIENT}:x@127.0.0.1:{}/{}{root}", server.port(), database.name);
    for (address, expected) in [
        (with(CLIENT, "hunter2", &root), Fault::SignIn),
        (with("nobody", "hunter2", &root), Fault::SignIn),
        (database.address(CLIENT).replace(&database.name, "none"), Fault::NoDatabase),
        (other_name, Fault::Tls),
        (with(CLIENT, "x", &format!("?sslrootcert={}/none", server.root().display())), Fault::NoCertificates),
        (with(CLIENT, "x", "?sslmode=disable"), Fault::SignIn),
        (format!("postgres://{CLIENT}:x@localhost:1/a{root}"), Fault::Unreachable("it does not accept connections")),
        (format!("postgres://{CLIENT}:x@name.invalid/a{root}"), Fault::Unreachable("its name may be wrong")),
    ] {
        let ledger = ledger_at(location_of(&address, "0123456789abcdef"), 90, &Time::new());
        assert_eq!(fault(&ledger), expected);
        let text = error(&ledger);
        assert!(!text.contains("hunter2") && !text.contains(CLIENT) && !text.contains("localhost"), "{text}");
        assert!(text.ends_with('.') && !text.contains(&database.name), "{text}");
    }
    let without_tls = Postgres::start_with("ssl = off");
    let address = without_tls.empty_database().address(CLIENT);
    let ledger = ledger_at(location_of(&address, "0123456789abcdef"), 90, &Time::new());
    assert_eq!(fault(&ledger), Fault::Tls, "a server that offers no TLS gets no password");
    // A certificate that this computer does not trust.
    let untrusted = ledger_at(location_of(&with(CLIENT, "x", ""), "0123456789abcdef"), 90, &Time::new());
    assert!(matches!(fault(&untrusted), Fault::Tls | Fault::NoCertificates));
    let address = parsed(&database.address(CLIENT));
    let shown = format!("{address} {address:?} {:?}", location_of(&database.address(CLIENT), "0123456789abcdef"));
    assert!(shown.contains(&database.name) && !shown.contains("password"), "{shown}");
}

#[test]
fn a_role_that_could_change_events_in_another_way_is_refused() {
    let database = made(Postgres::shared());
    let owner = parsed(&database.address(OWNER));
    // Such a role has none of the owner's rights until it says SET ROLE.
    database.sql(&format!("CREATE ROLE sly LOGIN NOINHERIT IN ROLE {OWNER}"));
    assert_eq!(init(&owner, &["sly".into()]), Err(Fault::MayChange));
    append(&ledger_in(&database), intent(1));
    for right in
        ["INSERT", "INSERT (recorded_by)", "INSERT (recorded_at)", "TRIGGER", "TRUNCATE", "DELETE", "UPDATE (line)"]
    {
        database.sql(&format!("GRANT {right} ON elks_mcp.events TO {CLIENT}"));
        assert_eq!(fault(&ledger_in(&database)), Fault::MayChange, "{right}");
        database.sql(&format!("REVOKE {right} ON elks_mcp.events FROM {CLIENT}"));
        init(&owner, &[CLIENT.into()]).unwrap();
    }
    append(&ledger_in(&database), intent(2));
}

#[test]
fn functions_that_a_role_has_planted_are_not_called() {
    let database = made(Postgres::shared());
    // Up to PostgreSQL 14, every role could make functions in this schema.
    database.sql("GRANT CREATE ON SCHEMA public TO PUBLIC");
    for (head, result) in [
        ("FUNCTION public.hashtextextended(text, integer)", "bigint"),
        ("FUNCTION public.pg_advisory_xact_lock(integer)", "void"),
        ("FUNCTION public.planted(double precision, integer)", "double precision"),
        ("FUNCTION public.planted(numeric, integer)", "numeric"),
    ] {
        let body = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted'; END$$";
        database.sql(&format!("SET ROLE {CLIENT}; CREATE {head} RETURNS {result} {body}"));
    }
    for of in ["double precision", "numeric"] {
        let operator = format!("public.* (FUNCTION = public.planted, LEFTARG = {of}, RIGHTARG = integer)");
        database.sql(&format!("SET ROLE {CLIENT}; CREATE OPERATOR {operator}"));
    }
    let planted = std::panic::catch_unwind(|| database.sql("SELECT 1.5::numeric * 2"));
    assert!(planted.is_err(), "whoever does not choose where to look calls what was planted");
    assert_eq!(
        init(&parsed(&database.address(OWNER)), &[CLIENT.into()]),
        Ok(database::Made { is_new: false, version: 1 })
    );
    append(&ledger_in(&database), intent(1));
}

#[test]
fn each_event_is_on_the_servers_disk_whatever_the_database_is_set_to() {
    let database = made(Postgres::shared());
    database.sql(&format!("ALTER ROLE {CLIENT} IN DATABASE {} SET synchronous_commit = off", database.name));
    database.sql(
        "CREATE TABLE public.seen (value text);
         CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
           $$BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END$$;
         CREATE TRIGGER see AFTER INSERT ON elks_mcp.events FOR EACH ROW EXECUTE FUNCTION public.see()",
    );
    let ledger = ledger_in(&database);
    ledger
        .with(|book| {
            for _ in 0..3 {
                book.append(Event::Paused).unwrap();
            }
        })
        .unwrap();
    assert_eq!(database.sql("SELECT string_agg(value, ' ') FROM public.seen").trim(), "on on on");
}

#[test]
fn the_next_host_is_tried_when_one_refuses_or_takes_no_writes() {
    let database = made(Postgres::shared());
    let standby = Postgres::start();
    standby.sql("postgres", &format!("CREATE DATABASE {}", database.name));
    standby.sql("postgres", &format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    let (root, port) = (database.server.root().display().to_string(), database.server.port());
    let here = format!("localhost:{port}/");
    let with = |first: u16, options: &str| {
        let hosts = format!("localhost:{first},localhost:{port}/");
        database
            .address(CLIENT)
            .replace(&here, &hosts)
            .replace(&root, &format!("{}{options}", both_roots(&root, &standby)))
    };
    for address in [with(1, ""), with(standby.port(), "&target_session_attrs=read-write")] {
        let ledger = ledger_at(location_of(&address, "0123456789abcdef"), 90, &Time::new());
        append(&ledger, intent(1));
    }
    assert_eq!(database.sql("SELECT count(*) FROM elks_mcp.events").trim(), "2");
}

/// A file with the certificates of two servers.
fn both_roots(root: &str, other: &Postgres) -> String {
    let both = other.root().with_file_name("both.pem");
    fs::write(&both, fs::read_to_string(root).unwrap() + &fs::read_to_string(other.root()).unwrap()).unwrap();
    both.display().to_string()
}

#[test]
fn a_table_that_drops_rows_refuses_sends() {
    let database = made(Postgres::shared());
    database.sql("CREATE RULE nothing AS ON INSERT TO elks_mcp.events DO INSTEAD NOTHING");
    let appended = ledger_in(&database).with(|book| book.append(intent(1)));
    assert!(matches!(appended, Ok(Err(Unavailable::Database(Fault::Unfit(_))))), "{appended:?}");
}

#[test]
fn an_event_whose_answer_was_lost_is_found_and_one_that_was_lost_is_not_there() {
    let database = made(Postgres::shared());
    let relay = Relay::to(database.server.port());
    let address =
        database.address(CLIENT).replace(&format!(":{}/", database.server.port()), &format!(":{}/", relay.port));
    let ledger = ledger_at(location_of(&address, "0123456789abcdef"), 90, &Time::new());
    assert_eq!(append(&ledger, intent(1)), 1);
    let losing = |loses, event| {
        ledger
            .with(|book| {
                relay.lose(loses);
                book.append(event)
            })
            .unwrap()
    };
    assert_eq!(losing(Loses::Answer, intent(2)).unwrap(), 2, "it is there, and recorded once");
    let lost = losing(Loses::Request, intent(3));
    assert!(matches!(lost, Err(Unavailable::Database(Fault::Lost))), "{lost:?}");
    assert_eq!(append(&ledger, intent(4)), 3);
    assert_eq!((sends(&ledger), sends(&ledger_in(&database))), (vec![1, 2, 3], vec![1, 2, 3]));
}

#[test]
fn a_program_that_stands_still_keeps_the_lock_for_ten_seconds() {
    let database = made(Postgres::shared());
    let (still, other) = (ledger_in(&database), ledger_in(&database).waiting_at_most(Duration::from_secs(30)));
    let begun = Instant::now();
    let appended = still.with(|book| {
        std::thread::scope(|scope| scope.spawn(|| append(&other, intent(1))).join().unwrap());
        book.append(intent(2))
    });
    let took = begun.elapsed().as_secs();
    assert!((10..20).contains(&took), "{took} seconds");
    assert!(matches!(appended, Ok(Err(Unavailable::Database(Fault::Lost)))), "{appended:?}");
    assert_eq!(sends(&still), [1]);
}

#[test]
fn a_database_that_takes_no_writes_is_named() {
    let database = made(Postgres::shared());
    let running = ledger_in(&database);
    append(&running, intent(1));
    database.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    assert_eq!(fault(&ledger_in(&database)), Fault::ReadOnly);
    // Who only reads still can.
    let reader = location_of(&database.address(CLIENT), "0123456789abcdef");
    assert_eq!(verify(&reader, None, &mut Vec::new()).unwrap(), Exit::Whole);
    assert_eq!(accounts_in(&parsed(&database.address(CLIENT))).unwrap(), ["0123456789abcdef"]);
}

#[test]
fn a_lock_that_another_session_holds_makes_the_ledger_refuse() {
    let database = made(Postgres::shared());
    let ledger = ledger_in(&database).waiting_at_most(Duration::from_millis(300));
    append(&ledger, intent(1));
    let holds = ledger_in(&database);
    holds
        .with(|_| {
            let begun = Instant::now();
            let text = std::thread::scope(|scope| scope.spawn(|| error(&ledger)).join().unwrap());
            assert!(text.contains("look in pg_locks for a session that hangs"), "{text}");
            assert!(begun.elapsed() >= Duration::from_millis(290));
        })
        .unwrap();
    assert_eq!(sends(&ledger), [1]);
}

#[test]
fn a_use_that_panics_leaves_the_lock_free() {
    let database = made(Postgres::shared());
    let ledger = ledger_in(&database);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ledger.with(|_| panic!("a test's own"))));
    assert!(panicked.is_err());
    assert_eq!(append(&ledger, intent(1)), 1);
    assert_eq!(append(&ledger_in(&database), intent(2)), 2);
}

#[test]
fn a_server_that_is_restarted_costs_no_event() {
    let server = Postgres::start();
    let database = made(&server);
    let ledger = ledger_in(&database);
    assert_eq!(append(&ledger, intent(1)), 1);
    server.restart();
    assert_eq!(append(&ledger, intent(2)), 2, "an idle connection is made anew");
    // In the middle of a use: what is appended is there, or the use says that it is not.
    let appended = ledger.with(|book| {
        server.restart();
        book.append(intent(3))
    });
    assert!(matches!(appended, Ok(Err(Unavailable::Database(fault))) if fault == Fault::Lost), "{appended:?}");
    assert_eq!(sends(&ledger), [1, 2]);
    server.crash();
    assert_eq!(fault(&ledger), Fault::Unreachable("it does not accept connections"));
    server.start_again();
    assert_eq!(append(&ledger, intent(4)), 3);
    assert_eq!(ledger.settle(3, accepted("s1"), By::Answer).unwrap(), 4);
    assert_eq!(
        verify(&location_of(&database.address(CLIENT), "0123456789abcdef"), None, &mut Vec::new()).unwrap(),
        Exit::Whole
    );
}

#[test]
fn a_long_journal_is_read_page_by_page() {
    let (home, clock) = (location(), Time::new());
    let ledger = ledger_at(home.clone(), 90, &clock);
    ledger
        .with(|book| {
            for _ in 0..2_500 {
                book.append(Event::Paused).unwrap();
            }
        })
        .unwrap();
    let again = ledger_at(home.clone(), 90, &clock);
    append(&again, intent(1));
    assert_eq!((again.mark().unwrap().seq, sends(&ledger)), (2_501, vec![2_501]));
    let mut out = Vec::new();
    assert_eq!(show(&home, true, &mut out).unwrap(), Exit::Whole);
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2_501);
}

//! The proxy of the environment: it is used as it is written, or the program ends and names the variable. It is never
//! passed by.

use crate::support::answers;
use crate::support::fake_elks::{FakeElks, listener};
use crate::support::program::Launch;
use serde_json::json;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

/// A proxy that answers each connection with the first of these bytes, what comes next with the second, and ends it. It
/// gives what it was asked.
fn proxy(answer: &'static [u8], next: &'static [u8]) -> (SocketAddr, Receiver<String>) {
    let listener = listener().unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, questions) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(answer);
            if !next.is_empty() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(next);
            }
            if asked.send(String::from_utf8_lossy(&head).into_owned()).is_err() {
                return;
            }
        }
    });
    (address, questions)
}

/// The account without a proxy.
fn without_proxy(elks: &FakeElks) -> Launch {
    Launch::account(elks).without("HTTPS_PROXY")
}

#[test]
fn a_proxy_is_used_in_every_spelling() {
    let elks = FakeElks::answering(answers::accepting);
    let address = elks.address;
    let port = address.port();
    for (name, value) in [
        ("HTTPS_PROXY", format!(" http://{address}/ ")),
        ("HTTPS_PROXY", format!("\t{address}\n")),
        ("HTTPS_PROXY", format!("HTTP://localhost:{port}")),
        ("https_proxy", format!("http://user:p%40ss@{address}")),
        ("ALL_PROXY", format!("http://{address}")),
        ("all_proxy", format!("{address}/")),
    ] {
        let before = elks.connections();
        let mut program = without_proxy(&elks).env(name, &value).serve();
        program.call("check_account_balance", json!({})).facts();
        assert!(elks.connections() > before, "{name}={value:?}");
    }
}

#[test]
fn the_first_proxy_that_is_not_empty_counts() {
    let elks = FakeElks::answering(answers::accepting);
    let nobody = "http://127.0.0.1:1";
    for variables in [
        &[("HTTPS_PROXY", elks.proxy().as_str()), ("ALL_PROXY", nobody), ("https_proxy", nobody)] as &[_],
        &[("HTTPS_PROXY", ""), ("https_proxy", &elks.proxy())],
        &[("HTTPS_PROXY", " "), ("https_proxy", ""), ("ALL_PROXY", &elks.proxy())],
        &[("HTTPS_PROXY", &elks.proxy()), ("ALL_PROXY", "socks5://127.0.0.1:1080")],
        &[("HTTPS_PROXY", &elks.proxy()), ("HTTP_PROXY", "::::")],
        &[("HTTPS_PROXY", &elks.proxy()), ("REQUEST_METHOD", "GET")],
        &[("HTTPS_PROXY", &elks.proxy()), ("NO_PROXY", "localhost,127.0.0.1,.example.com")],
    ] {
        // On Windows, case makes no difference in a name: there the second of the two would count.
        if cfg!(windows) && variables.iter().any(|(name, _)| *name == "https_proxy") {
            continue;
        }
        let launch = variables.iter().fold(without_proxy(&elks), |launch, (name, value)| launch.env(name, value));
        launch.serve().call("check_account_balance", json!({})).facts();
    }
}

#[test]
fn an_address_that_is_no_http_proxy_ends_the_program_with_the_variables_name() {
    let elks = FakeElks::answering(answers::accepting);
    for (name, value) in [
        ("HTTPS_PROXY", "::::"),
        ("HTTPS_PROXY", "http://secret:hunter2@"),
        ("https_proxy", "http://127.0.0.1:99999"),
        ("HTTPS_PROXY", "http://127.0.0.1:0"),
        ("ALL_PROXY", "socks5://secret:hunter2@127.0.0.1:1080"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:21"),
        ("HTTPS_PROXY", "http://127.0.0.1:3128/proxy.pac"),
        ("HTTPS_PROXY", "http://secret:hunter2/x@127.0.0.1:3128"),
        ("HTTPS_PROXY", "${HTTPS_PROXY}"),
    ] {
        let finished = without_proxy(&elks).env(name, value).run();
        let errors = finished.errors();
        // On Windows, case makes no difference in a name.
        let name = if cfg!(windows) { name.to_ascii_uppercase() } else { name.into() };
        assert_eq!(finished.code(), 1, "{name}={value}: {errors}");
        assert!(errors.contains("Configuration error:") && errors.contains(&format!("- {name} ")), "{value}: {errors}");
        assert!(!errors.contains("hunter2") && !errors.contains("secret") && !errors.contains("127.0"), "{errors}");
    }
    assert_eq!(elks.connections(), 0);
    // The simulator is reached without a connection.
    Launch::simulator().env("HTTPS_PROXY", "::::").serve().send(json!({})).facts();
}

#[test]
fn no_proxy_stands_above_the_proxy() {
    // Nothing listens there: whoever goes through it fails at the proxy.
    let elks = FakeElks::answering(answers::accepting);
    for (list, is_exempt) in [
        ("*", true),
        ("46elks.com", true),
        (" localhost , .46elks.com", true),
        ("elks.com", false),
        ("localhost", false),
        ("", false),
    ] {
        let launch = without_proxy(&elks).env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", list);
        let error = launch.serve().call("check_account_balance", json!({})).failed("UNREACHABLE");
        assert_eq!(!error.contains("proxy did not accept"), is_exempt, "{list}: {error}");
    }
}

#[test]
fn a_proxy_that_makes_no_connection_is_named_as_the_cause() {
    let elks = FakeElks::answering(answers::accepting);
    let connected = b"HTTP/1.1 200 OK\r\n\r\n" as &[u8];
    for (answer, next, cause) in [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" as &[u8], b"" as &[u8], "another username and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", b"", "the proxy made no connection to it"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"", "the proxy made no connection to it"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", b"", "the proxy made no connection to it"),
        (b"", b"", "the proxy made no connection to it"),
        (connected, b"", "the TLS handshake failed"),
        // The login page of a guest network.
        (connected, b"HTTP/1.1 302 Found\r\nlocation: http://login.example.com/\r\n\r\n", "does not speak TLS"),
        // Alerts of TLS (RFC 8446, section 6): protocol_version and handshake_failure.
        (connected, b"\x15\x03\x03\x00\x02\x02\x46", "no TLS version and cipher"),
        (connected, b"\x15\x03\x03\x00\x02\x02\x28", "no TLS version and cipher"),
    ] {
        let (address, questions) = proxy(answer, next);
        let mut program =
            without_proxy(&elks).env("HTTPS_PROXY", &format!("http://Aladdin:open%20sesame@{address}")).serve();
        let error = program.send(json!({})).failed("UNREACHABLE");
        assert!(error.contains(cause) && error.contains("Nothing was sent"), "{cause}: {error}");
        assert!(!error.contains("sesame"), "{error}");
        let line = program.stderr_line("46elks could not be reached to verify the credentials");
        assert!(line.contains(cause) && !line.contains("sesame"), "{line}");
        let asked = questions.recv().unwrap();
        assert!(asked.starts_with("CONNECT api.46elks.com:443 HTTP/1.1\r\n"), "{asked}");
        // RFC 7617, section 2, has this example.
        assert!(asked.to_ascii_lowercase().contains("proxy-authorization: basic qwxhzgrpbjpvcgvuihnlc2ftzq==\r\n"));
    }
    for (proxy, cause) in [
        ("http://127.0.0.1:1", "the proxy did not accept the connection"),
        ("http://proxy.invalid:3128", "the proxy's name could not be resolved"),
    ] {
        let error = without_proxy(&elks).env("HTTPS_PROXY", proxy).serve().send(json!({})).failed("UNREACHABLE");
        assert!(error.contains(cause), "{cause}: {error}");
    }
}

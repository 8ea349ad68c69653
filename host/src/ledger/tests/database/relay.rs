//! Stands between a program and its server on loopback, and can lose what is on its way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is lost next. Then the connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    /// What the program says: the server does not see it.
    Request,
    /// What the server says, after it has seen all.
    Answer,
}

pub(super) struct Relay {
    pub(super) port: u16,
    loses: Arc<Mutex<Option<Loses>>>,
}

impl Relay {
    /// A relay to a port of this machine.
    #[expect(clippy::disallowed_methods, reason = "a server of a test, which is not the program")]
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(Mutex::new(None));
        let relay = Self { port, loses: Arc::clone(&loses) };
        thread::spawn(move || {
            for program in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (from_program, from_server) = (program.try_clone().unwrap(), server.try_clone().unwrap());
                let (of_requests, of_answers) = (Arc::clone(&loses), Arc::clone(&loses));
                thread::spawn(move || pass_on(from_program, server, Loses::Request, &of_requests));
                thread::spawn(move || pass_on(from_server, program, Loses::Answer, &of_answers));
            }
        });
        relay
    }

    /// Loses this once.
    pub(super) fn lose(&self, loses: Loses) {
        *self.loses.lock().unwrap() = Some(loses);
    }
}

/// Passes on what comes from one side, until that side ends or something is lost.
fn pass_on(mut from: TcpStream, mut to: TcpStream, own: Loses, loses: &Mutex<Option<Loses>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let is_lost = loses.lock().unwrap().take_if(|loses| *loses == own).is_some();
        if is_lost {
            // The server has seen all of a request when it says nothing more.
            let _ = from.set_read_timeout(Some(Duration::from_millis(200)));
            while own == Loses::Answer && matches!(from.read(&mut bytes), Ok(1..)) {}
            break;
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both);
    }
}

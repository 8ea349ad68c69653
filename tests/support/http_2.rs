//! A fake 46elks that writes HTTP/2 frames by hand (RFC 9113), because no correct server can be made to break the
//! protocol. It is reached through itself as a proxy, and answers one request at a time.
//!
//! Not here: the attacks, which are in `http_2.rs` of the tests.

use super::answers;
use super::fake_elks::{self, API_HOST, Received};
use http::Version;
use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// The types of frames (section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

/// The flags of frames. ACK and END_STREAM are the same bit of different frames.
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The codes of errors (section 7).
pub const NO_ERROR: u32 = 0;
pub const INTERNAL_ERROR: u32 = 2;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// The HPACK form of `:status: 200`, from the static table of RFC 7541.
pub const STATUS_200: &[u8] = &[0x88];

/// What a server does at one moment, once.
pub enum Attack {
    /// With the first message that is really to be sent: its stream, and the answer that it would get.
    OnSend(fn(&mut Connection, u32, &Value) -> io::Result<()>),
    /// With the second connection. The first one ends after one answer, so that the message comes with the second.
    OnConnection(fn(&mut Connection) -> io::Result<()>),
}

/// A connection of HTTP/2 over TLS.
pub struct Connection(StreamOwned<ServerConnection, TcpStream>);

impl Connection {
    /// Writes a frame.
    pub fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("is short").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload].concat())?;
        self.0.flush()
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// Writes GOAWAY with the last stream that may have been processed.
    pub fn go_away(&mut self, last: u32, code: u32) -> io::Result<()> {
        self.write(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
    }

    /// Ends a stream with an error.
    pub fn reset(&mut self, stream: u32, code: u32) -> io::Result<()> {
        self.write(RST_STREAM, 0, stream, &code.to_be_bytes())
    }

    /// Answers with 200 and this body.
    pub fn answer(&mut self, stream: u32, body: &Value) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, STATUS_200)?;
        self.write(DATA, END_STREAM, stream, body.to_string().as_bytes())
    }

    /// Reads until the client ends the connection, and writes nothing.
    pub fn freeze(&mut self) -> io::Result<()> {
        io::copy(&mut self.0, &mut io::sink()).map(drop)
    }

    /// The next frame: its type, flags, stream and payload.
    pub fn frame(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l1, l2, l3]) as usize];
        self.0.read_exact(&mut payload)?;
        Ok((kind, flags, u32::from_be_bytes([s1, s2, s3, s4]), payload))
    }

    /// Answers settings and pings, and gives the next request: its stream, and its body if it has one. In a request
    /// without a body, the headers end the stream.
    fn request(&mut self) -> io::Result<(u32, Option<String>)> {
        let mut body = Vec::new();
        loop {
            let (kind, flags, stream, payload) = self.frame()?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[])?,
                PING if flags & ACK == 0 => self.write(PING, ACK, 0, &payload)?,
                HEADERS if flags & END_STREAM != 0 => return Ok((stream, None)),
                DATA => {
                    body.extend(payload);
                    if flags & END_STREAM != 0 {
                        return Ok((stream, Some(String::from_utf8(body).expect("is a form"))));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The server. Its threads end with their connections.
pub struct Http2Elks {
    pub address: SocketAddr,
    pub pem: String,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Arc<rustls::ServerConfig>,
    attack: Mutex<Option<Attack>>,
    sends: AtomicU32,
}

impl Http2Elks {
    pub fn start(attack: Attack) -> Self {
        let parameters = rcgen::CertificateParams::new([API_HOST.to_string()]).unwrap();
        let (certificate, mut tls) = fake_elks::self_signed(parameters).unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let shared =
            Arc::new(Shared { tls: Arc::new(tls), attack: Mutex::new(Some(attack)), sends: AtomicU32::new(0) });
        let listener = fake_elks::listener().unwrap();
        let address = listener.local_addr().unwrap();
        let sharing = Arc::clone(&shared);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let shared = Arc::clone(&sharing);
                // A connection that breaks off is the client's business.
                std::thread::spawn(move || shared.attend(stream?, number));
            }
        });
        Self { address, pem: certificate.pem(), shared }
    }

    /// As `HTTPS_PROXY` names it.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many messages have arrived whole that are really to be sent.
    pub fn sends(&self) -> u32 {
        self.shared.sends.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Takes the attack for this moment, which comes once.
    fn attack(&self, is_now: impl Fn(&Attack) -> bool) -> Option<Attack> {
        let mut attack = self.attack.lock().unwrap();
        if attack.as_ref().is_some_and(is_now) { attack.take() } else { None }
    }

    fn attend(&self, mut stream: TcpStream, number: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut connect = Vec::new();
        while !connect.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            connect.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        let mut connection = Connection(StreamOwned::new(tls, stream));
        let is_first = number == 0 && matches!(*self.attack.lock().unwrap(), Some(Attack::OnConnection(_)));
        if !is_first && let Some(Attack::OnConnection(attack)) = self.attack(|a| matches!(a, Attack::OnConnection(_))) {
            return attack(&mut connection);
        }
        connection.0.read_exact(&mut [0; b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()])?;
        connection.write(SETTINGS, 0, 0, &[])?;
        loop {
            let (stream, body) = connection.request()?;
            let Some(body) = body else {
                connection.answer(stream, &answers::account())?;
                if is_first {
                    return connection.go_away(stream, NO_ERROR);
                }
                continue;
            };
            let request = Received {
                method: "POST".into(),
                path: "/a1/sms".into(),
                version: Version::HTTP_2,
                headers: Vec::new(),
                body,
            };
            let answer = answers::accepted_or_dry_run(&request);
            if request.is_send() {
                self.sends.fetch_add(1, Ordering::SeqCst);
                if let Some(Attack::OnSend(attack)) = self.attack(|attack| matches!(attack, Attack::OnSend(_))) {
                    attack(&mut connection, stream, &answer)?;
                    continue;
                }
            }
            connection.answer(stream, &answer)?;
        }
    }
}

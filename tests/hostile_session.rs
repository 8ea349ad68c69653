//! A whole MCP session in front of the attacker's component (`tests/hostile/`): what a person is asked, and what they
//! are not.

use crate::attacks::{Lines, credentials, hostile};
use crate::support::RECIPIENT;
use elks_mcp::call::CallHandler;
use elks_mcp::config::{SIMULATED_SENDER, Settings, Variables};
use elks_mcp::mcp::serve_on;
use elks_mcp::simulator::Simulator;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines as LinesOf, ReadHalf, WriteHalf};

/// A client with a session.
struct Client {
    lines: LinesOf<BufReader<ReadHalf<DuplexStream>>>,
    input: WriteHalf<DuplexStream>,
    audit: Arc<Lines>,
}

impl Client {
    /// A session with CONFIRM_SENDS, whose client can show a form.
    async fn start() -> Self {
        let variables = Variables::from([("DRY_RUN", "false"), ("CONFIRM_SENDS", "true")]);
        let mut settings = Settings::read(&variables, true).unwrap();
        settings.credentials = credentials();
        let audit = Arc::new(Lines::default());
        let upstream = Arc::new(Simulator::new(&credentials(), SIMULATED_SENDER));
        let calls = Arc::new(CallHandler::with_sandbox(settings, hostile(), upstream, Arc::clone(&audit) as _));
        let (client, server) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(server);
        tokio::spawn(serve_on(calls, input, output, std::future::pending()));
        let (output, input) = tokio::io::split(client);
        let mut client = Self { lines: BufReader::new(output).lines(), input, audit };
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}},
                            "clientInfo": {"name": "tests", "version": "1"}});
        client.write(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).await;
        client.read().await;
        client.write(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        client
    }

    async fn write(&mut self, message: Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().expect("the session goes on")).unwrap()
    }

    /// Calls `send_sms` with an attack as its text, and returns what comes next.
    async fn send(&mut self, attack: &str) -> Value {
        let params = json!({"name": "send_sms", "arguments": {"to": RECIPIENT, "message": attack}});
        self.write(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})).await;
        self.read().await
    }

    async fn answer(&mut self, question: &Value, content: Value) -> Value {
        let result = json!({"action": "accept", "content": content});
        self.write(json!({"jsonrpc": "2.0", "id": question["id"], "result": result})).await;
        self.read().await
    }
}

#[tokio::test]
async fn the_question_has_the_true_text_and_46elkss_price_whatever_the_component_says() {
    let mut client = Client::start().await;
    let text = format!("valid{}", " words that cost more".repeat(30));
    let question = client.send(&text).await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let shown = question["params"]["message"].as_str().unwrap();
    // The component's notes claim another price and another recipient.
    for words in ["0.01", "+46701740699", "Note:"] {
        assert!(!shown.contains(words), "{words} is shown: {shown}");
    }
    let price = shown.find("Price: 5 parts, 2.60 SEK").expect("46elks's price is shown");
    assert!(shown.find(RECIPIENT).is_some_and(|recipient| recipient < price), "{shown}");
    assert!(shown.find("│ valid words that cost more").is_some_and(|text| text > price), "{shown}");
}

#[tokio::test]
async fn nobody_is_asked_about_a_price_that_46elks_did_not_name() {
    for attack in ["a lie about the price", "a lie about parts", "a lie about currency", "a price without a request"] {
        let mut client = Client::start().await;
        let answer = client.send(attack).await;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{attack}: {answer}"));
        assert!(text.starts_with("Error (MISREPORT): ") && text.contains("Nothing was sent"), "{attack}: {text}");
    }
}

#[tokio::test]
async fn what_a_person_approved_is_reported_as_the_host_knows_it() {
    let mut client = Client::start().await;
    let question = client.send("a lie about status").await;
    let result = client.answer(&question, json!({"send": true})).await["result"].take();
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Error (MISREPORT): ") && text.contains("46elks accepted the message"), "{text}");
    let record = client.audit.take().into_iter().rfind(|record| record["tool"] == "send_sms").unwrap();
    assert_eq!(record["error"], "MISREPORT");
    assert!(record["approvedAt"].is_string(), "{record}");
}

//! Prices a message with elks-sms: `embedder ELKS_SMS_WASM TO TEXT`. It sends nothing.

use embedder::exports::elks::sms::sending::SendSmsRequest;
use embedder::exports::elks::sms::types::{Account, Credentials};
use std::env::{args, var};

#[tokio::main]
async fn main() -> wasmtime::Result<()> {
    let [file, to, message] = args().skip(1).collect::<Vec<_>>().try_into().expect("ELKS_SMS_WASM TO TEXT");
    let (tools, mut store) = embedder::open(&file).await?;
    let account = Account {
        credentials: Some(Credentials { username: var("ELKS_API_USERNAME")?, password: var("ELKS_API_PASSWORD")? }),
        default_sender: Some(var("ELKS_PHONE_NUMBER")?),
        dry_run: true, // false sends, and costs money
        currency: None,
        endpoint: var("ELKS_ENDPOINT").ok(), // a gateway; without one, requests go to 46elks
    };
    let request = SendSmsRequest { to, message, from: None, flashsms: None, dry_run: None };
    match tools.elks_sms_sending().call_send_sms(&mut store, &account, &request).await? {
        Ok(sms) => {
            // Amounts are in ten-thousandths.
            let price = sms.cost.or(sms.estimated_cost).map_or(f64::NAN, |price| price as f64 / 10_000.0);
            let (sent, to, parts) = (sms.sent, sms.to, sms.parts);
            println!("sent: {sent}, to: {to}, parts: {parts}, price: {price} (in the account's currency)");
        }
        Err(error) => println!("{error}"),
    }
    Ok(())
}

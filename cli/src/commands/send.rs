//! `send` (`CLI-25`).

use std::time::Duration;

use api::{MessagesProxy, SendOptions};

use super::{airtime, as_document};
use crate::{
    args::{self, Global},
    client::Client,
    failure::{Exit, Failure, Stop},
    input,
    show::{Console, json},
};

/// `qpc send`
pub(super) async fn run(
    send: &args::Send,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let body = input::body(&send.body)?;
    let client = Client::connect(global).await?;
    let messages = client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await?;
    let to = send.address.to_string();
    let id = client.ask(messages.send(&to, &body, options(send))).await?;
    if !console.json() {
        // Whoever waits for the receipt may be interrupted: the id is out before that.
        console.line(format_args!("{id}"))?;
        console.flush()?;
    }
    let radio = airtime::way_to(&client, &to).await.and_then(|way| way.radio);
    if let Some(radio) = &radio {
        console.note(format_args!("{}", airtime::cost(radio, body.len())));
    }
    let state = match send.wait {
        None => "accepted".to_owned(),
        Some(wait) => client.waiting(wait).ask(messages.wait(&id, as_ms(wait))).await?,
    };
    let radio = radio.map(|radio| airtime::document(&radio, body.len()));
    let document = json::Sent { id: id.clone(), state: state.clone(), radio };
    as_document(console, || document)?;
    verdict(&id, &state, send.wait.is_some())
}

fn options(send: &args::Send) -> SendOptions {
    SendOptions {
        priority: Some(send.priority.as_str().to_owned()),
        lifetime_s: send.lifetime.map(|span| u32::try_from(span.as_secs()).unwrap_or(u32::MAX)),
        durable: Some(!send.volatile),
        signed: Some(send.signed),
        sealed: Some(send.sealed),
        proof: Some(send.proof),
    }
}

/// What the state of a message means for who asked to send it.
fn verdict(id: &str, state: &str, waited: bool) -> Result<Exit, Stop> {
    match state {
        "failed" => Err(Failure::failed("the message will not be delivered")
            .hint(format!("qpc why {id} says what was tried"))
            .into()),
        "received" => Ok(Exit::Ok),
        _ if !waited => Ok(Exit::Ok),
        _ => Err(Failure::timed_out(format!("no receipt came in time; the message is {state}"))
            .hint(format!("It is still being delivered; qpc why {id} says what it waits for"))
            .into()),
    }
}

fn as_ms(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

//! Messages and channels.

use api::*;
use zbus::{interface, object_server::SignalEmitter};

use super::{EVE, FAR, FLAKY, HANGS, HELD, HILL, HOSTILE, OWN, SENT, SILENT};

pub(super) struct Messages {
    pub(super) pings: u32,
}

impl Messages {
    fn inbox_all() -> Vec<InboxMessage> {
        let payloads: [&[u8]; 3] = [b"plain", b"\x1b[31mred\nforged line", b"\xff\x00"];
        let message = |(index, payload): (usize, &&[u8])| InboxMessage {
            seq: index as u64,
            id: format!("{:032x}", index + 1),
            from: EVE.to_owned(),
            from_name: Some(HOSTILE.to_owned()),
            received_at: (index == 0).then_some(1_795_181_400),
            payload: payload.to_vec(),
            verified: index == 0,
            sealed: index == 1,
        };
        payloads.iter().enumerate().map(message).collect()
    }
}

#[interface(name = "org.quicprochat.Messages1")]
impl Messages {
    fn send(&self, to: &str, payload: &[u8], _options: SendOptions) -> Result<String, Error> {
        match (to, payload.len()) {
            (OWN, _) => Err(Error::AddressIsOwn("the address is this node's own".to_owned())),
            (_, 1_048_577..) => Err(Error::PayloadTooLarge("the payload is too long".to_owned())),
            ("nobody", _) => Err(Error::InvalidAddress("no contact is called nobody".to_owned())),
            _ => Ok(SENT.to_owned()),
        }
    }
    fn wait(&self, _id: &str, timeout_ms: u32) -> &str {
        // The test chooses the outcome by the time it is willing to wait.
        match timeout_ms {
            1_000 => "in-custody",
            2_000 => "failed",
            _ => "received",
        }
    }
    fn inbox(&self, options: InboxOptions) -> Vec<InboxMessage> {
        let mut messages = Self::inbox_all();
        if let Some(since) = options.since {
            messages.retain(|message| message.id > since);
        }
        messages.retain(|message| options.after_seq.is_none_or(|after| message.seq > after));
        // Pages of two, so that more than one has to be asked for.
        messages.truncate(options.limit.unwrap_or(2).min(2) as usize);
        messages
    }
    fn take(&self, id: &str) -> Result<(), Error> {
        match Self::inbox_all().iter().any(|message| message.id == id) {
            true => Ok(()),
            false => Err(Error::UnknownMessage("no such message".to_owned())),
        }
    }
    async fn why(&self, id: &str) -> Result<Message, Error> {
        if id == HANGS {
            std::future::pending::<()>().await;
        }
        let tried = Try { ago_ms: 1_500, next_hop: None, result: "no-route".to_owned() };
        Ok(Message {
            id: id.to_owned(),
            to: if id == HELD { HILL.to_owned() } else { FAR.to_owned() },
            state: "accepted".to_owned(),
            payload_len: 5,
            priority: "normal".to_owned(),
            age_ms: 2_000,
            expires_in_ms: 60_000,
            tried: vec![tried],
            waiting_for: "route".to_owned(),
            next_try_ms: Some(3_000),
            ..Default::default()
        })
    }
    async fn queue(&self) -> Result<Vec<Message>, Error> {
        Ok(vec![self.why(SENT).await?])
    }
    fn proof(&self, id: &str) -> Result<Vec<u8>, Error> {
        match id {
            SENT => Ok([&[0x11; 16][..], &[1; 32], &[2; 32], &[3; 32], &[0; 8], &[4; 64]].concat()),
            _ => Err(Error::UnknownMessage("there is no signed receipt".to_owned())),
        }
    }
    fn cancel(&self, id: &str) -> Result<(), Error> {
        match id {
            SENT => Ok(()),
            _ => Err(Error::UnknownMessage("no such message".to_owned())),
        }
    }
    fn ping(&mut self, to: &str, _options: PingOptions) -> Result<PingReply, Error> {
        self.pings += 1;
        if to == SILENT || to == FLAKY && self.pings.is_multiple_of(2) {
            return Err(Error::TimedOut("no answer in time".to_owned()));
        }
        let rtt_us = 1_000 * u64::from(self.pings);
        Ok(PingReply {
            address: to.to_owned(),
            rtt_us,
            hops: Some(2),
            link: Some("1".to_owned()),
            uri: Some(HOSTILE.to_owned()),
            medium: Some("tcp".to_owned()),
            path: Some(HOSTILE.to_owned()),
            next_hop: None,
        })
    }
    fn trace_hop(&self, to: &str, ttl: u8, _timeout_ms: u32) -> Result<TraceHop, Error> {
        let hop = |address: &str, end| TraceHop {
            ttl,
            address: address.to_owned(),
            name: Some(HOSTILE.to_owned()),
            link: (ttl == 1).then(|| "1".to_owned()),
            medium: Some(if ttl == 1 { "tcp".to_owned() } else { HOSTILE.to_owned() }),
            rtt_us: 500 * u64::from(ttl),
            end,
        };
        match (to, ttl) {
            (SILENT, _) => Err(Error::TimedOut("no answer in time".to_owned())),
            (_, 1) => Ok(hop(EVE, (to == FLAKY).then_some(false))),
            _ => Ok(hop(to, Some(true))),
        }
    }
    #[zbus(signal)]
    pub(super) async fn message_received(
        emitter: &SignalEmitter<'_>,
        id: &str,
        from: &str,
        seq: u64,
    ) -> zbus::Result<()>;
}

pub(super) struct Channels;

#[interface(name = "org.quicprochat.Channels1")]
impl Channels {
    fn create(&self, _name: &str) -> (String, String) {
        (SENT.to_owned(), "invite-text".to_owned())
    }
    fn join(&self, invite: &str) -> Result<String, Error> {
        match invite {
            "invite-text" => Ok(SENT.to_owned()),
            _ => Err(Error::InviteInvalid("the invite is damaged".to_owned())),
        }
    }
    fn leave(&self, channel: &str) -> Result<(), Error> {
        match channel {
            "news" => Ok(()),
            _ => Err(Error::UnknownChannel("no such channel".to_owned())),
        }
    }
    fn list(&self) -> Vec<Channel> {
        vec![Channel {
            id: SENT.to_owned(),
            name: HOSTILE.to_owned(),
            invite: "invite-text".to_owned(),
            messages: 1,
        }]
    }
    fn publish(&self, _channel: &str, _payload: &[u8]) -> &str {
        SENT
    }
    fn history(&self, channel: &str, _options: HistoryOptions) -> Vec<ChannelMessage> {
        vec![ChannelMessage {
            channel: channel.to_owned(),
            id: SENT.to_owned(),
            from: EVE.to_owned(),
            from_name: Some(HOSTILE.to_owned()),
            sent_at: None,
            proven: true,
            payload: HOSTILE.as_bytes().to_vec(),
        }]
    }
}

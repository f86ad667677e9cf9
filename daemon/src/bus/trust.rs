//! `org.quicprochat.Trust1`.

use api::Error;
use fapp::{
    trust::{CHAMBERS, Domain, Language},
    vocabulary::{Beruf, Term},
};
use zbus::interface;

use super::{
    Context,
    appointments::{self, Appointments, hex, invalid},
};
use crate::appointments::{Known, chamber};

/// Who a practice is, shown for what it is.
#[derive(Debug)]
pub(super) struct Trust(pub(super) Context);

#[interface(name = "org.quicprochat.Trust1")]
impl Trust {
    /// What is known about a practice; about this node's own when `therapist` is empty.
    async fn show(&self, therapist: &str) -> Result<api::Standing, Error> {
        let therapist = match therapist {
            "" => None,
            text => Some(key(text)?),
        };
        let bus = Appointments(self.0.clone());
        let known = bus.act(move |machine, _, now| machine.known(now, therapist)).await?;
        Ok(standing(&known))
    }

    /// Remembers the practice's domain; the file to be put there.
    async fn domain(&self, domain: &str) -> Result<String, Error> {
        let domain = parsed(domain)?;
        let bus = Appointments(self.0.clone());
        let text = bus.act(move |machine, _, now| machine.own_domain(now, domain)).await?;
        let text = text.map_err(invalid)?;
        bus.durably().await?;
        Ok(text)
    }

    /// Asks a domain whether it names a practice, by HTTPS from this machine.
    async fn check(&self, therapist: &str, domain: &str) -> Result<api::Standing, Error> {
        key(therapist)?;
        let file = fetch(&parsed(domain)?).await?;
        self.observe(therapist, domain, file).await
    }

    /// The same with the file as somebody fetched it just now.
    async fn observe(
        &self,
        therapist: &str,
        domain: &str,
        file: Vec<u8>,
    ) -> Result<api::Standing, Error> {
        let (practice, domain) = (key(therapist)?, parsed(domain)?);
        let bus = Appointments(self.0.clone());
        let seen = bus.act(move |machine, _, now| {
            machine.observe(now, &practice, &domain, &file)?;
            Ok(machine.known(now, Some(practice)))
        });
        let known = seen.await?.map_err(|error: crate::appointments::TrustError| invalid(error))?;
        bus.durably().await?;
        Ok(standing(&known))
    }

    /// Vouches for a colleague for a year; the statement to be handed to them.
    async fn endorse(
        &self,
        therapist: &str,
        options: api::EndorseOptions,
    ) -> Result<String, Error> {
        let practice = key(therapist)?;
        let beruf = options.beruf.as_deref().map(appointments::word::<Beruf>).transpose()?;
        let chamber = chamber(&options.kammer).ok_or_else(|| {
            Error::InvalidArgument(format!("the chambers are {}", CHAMBERS.join(", ")))
        })?;
        let bus = Appointments(self.0.clone());
        let said = bus.act(move |machine, _, now| machine.endorse(now, practice, beruf, chamber));
        let text = said.await?.map_err(invalid)?;
        bus.durably().await?;
        Ok(text)
    }

    /// Takes a statement that somebody handed over; whom it is about.
    async fn take(&self, statement: &str) -> Result<String, Error> {
        let statement = statement.to_owned();
        let bus = Appointments(self.0.clone());
        let taken = bus.act(move |machine, _, now| machine.take(now, &statement)).await?;
        let subject = taken.map_err(invalid)?;
        bus.durably().await?;
        Ok(hex(&subject))
    }
}

#[cfg(feature = "https")]
async fn fetch(domain: &Domain) -> Result<Vec<u8>, Error> {
    // The bus runs on a thread of its own: who waits for a site delays nobody's frames.
    crate::appointments::fetch_practice_file(domain).await.map_err(invalid)
}

#[cfg(not(feature = "https"))]
async fn fetch(_: &Domain) -> Result<Vec<u8>, Error> {
    let text = "this build asks no websites; fetch the file in another way, and hand it over";
    Err(Error::InvalidArgument(text.into()))
}

fn parsed(domain: &str) -> Result<Domain, Error> {
    Domain::parse(domain).map_err(|_| {
        Error::InvalidArgument("a domain is lower-case ASCII, such as praxis-muster.de".into())
    })
}

fn key(text: &str) -> Result<[u8; 32], Error> {
    let bad = || Error::InvalidArgument("a practice's key is 64 hexadecimal digits".into());
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad());
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| bad())?;
    }
    Ok(key)
}

fn standing(known: &Known) -> api::Standing {
    let found = &known.standing;
    let beruf = |number: u8| {
        let named = |beruf: &&Beruf| beruf.number() + 1 == number;
        Beruf::ALL.iter().find(named).map_or_else(|| number.to_string(), |b| b.name().to_owned())
    };
    let kammer = |number: u8| {
        let name = CHAMBERS.get(usize::from(number).wrapping_sub(1));
        name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
    };
    api::Standing {
        therapist: hex(&known.therapist),
        trust: found.tier.number(),
        trust_label: found.tier.label(Language::German).to_owned(),
        explanation: found.tier.explanation(Language::German).to_owned(),
        until: found.until.map(|until| until.0),
        beruf: found.profession.map(beruf),
        kammer: found.chamber.map(kammer),
        domain: found.domain.as_ref().map(ToString::to_string),
        announced: known.announced,
        own: known.is_own,
        own_domain: known.own_domain.as_ref().map(ToString::to_string),
        statements: known.statements.iter().map(ToString::to_string).collect(),
    }
}

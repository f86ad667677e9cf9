//! `fapp trust` (`CLI-139` to `CLI-141`).

use api::{EndorseOptions, TrustProxy};

use super::as_document;
use crate::{
    args,
    client::Client,
    failure::{Exit, Failure, Stop},
    input,
    show::{Console, json, text},
};

/// `qpc fapp trust`
pub(super) async fn run(
    client: &Client,
    trust: &args::Trust,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let proxy = client.ask(async { Ok(TrustProxy::new(client.connection()).await?) }).await?;
    match &trust.command {
        None => {
            let therapist = trust.therapist.as_deref().unwrap_or_default();
            show(client.ask(proxy.show(therapist)).await?, console)
        }
        Some(args::TrustCommand::Domain { domain }) => {
            let file = client.ask(proxy.domain(domain)).await?;
            site(domain, file, console)
        }
        Some(args::TrustCommand::Check { therapist, domain, file: None }) => {
            show(client.ask(proxy.check(therapist, domain)).await?, console)
        }
        Some(args::TrustCommand::Check { therapist, domain, file: Some(path) }) => {
            let file = input::file(path)?;
            show(client.ask(proxy.observe(therapist, domain, &file)).await?, console)
        }
        Some(args::TrustCommand::Endorse { therapist, kammer, beruf }) => {
            let options = EndorseOptions { beruf: beruf.clone(), kammer: kammer.clone() };
            let statement = client.ask(proxy.endorse(therapist, options)).await?;
            if !as_document(console, || json::FappStatement { statement: statement.clone() })? {
                console.line(format_args!("{}", text::one_line(&statement)))?;
                console.note(format_args!(
                    "Hand this to your colleague; whoever takes it (qpc fapp trust take) counts your word."
                ));
            }
            Ok(Exit::Ok)
        }
        Some(args::TrustCommand::Credential { file } | args::TrustCommand::Take { file }) => {
            let statement = input::file(file)?;
            let statement = String::from_utf8(statement)
                .map_err(|_| Failure::failed("the file is no text, and so no statement"))?;
            let about = client.ask(proxy.take(statement.trim())).await?;
            show(client.ask(proxy.show(&about)).await?, console)
        }
    }
}

fn site(domain: &str, file: String, console: &mut Console) -> Result<Exit, Stop> {
    let url = format!("https://{domain}/.well-known/fapp.json");
    let document =
        json::FappDomain { domain: domain.to_owned(), url: url.clone(), file: file.clone() };
    if !as_document(console, || document)? {
        console.line(format_args!("{}", text::one_line(file.trim_end())))?;
        console.note(format_args!(
            "Put this at {}, and again before its year is over. Tell people the domain: they check it with \
             qpc fapp trust check.",
            text::one_line(&url)
        ));
    }
    Ok(Exit::Ok)
}

fn show(standing: api::Standing, console: &mut Console) -> Result<Exit, Stop> {
    let standing = json::FappTrust::from(standing);
    if console.json() {
        console.document(&json::Document::from(standing))?;
        return Ok(Exit::Ok);
    }
    let label = text::one_line(&standing.trust_label);
    console.line(format_args!("{} ({})", label, standing.trust))?;
    console.line(format_args!("{}", text::one_line(&standing.explanation)))?;
    let facts = [
        ("Website", &standing.domain),
        ("Beruf", &standing.beruf),
        ("Kammer", &standing.kammer),
        ("Bis", &standing.until),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            console.line(format_args!("{name}: {}", text::one_line(fact)))?;
        }
    }
    if !standing.announced {
        console.note(format_args!("No announce of this practice is known here."));
    }
    for statement in &standing.statements {
        console.line(format_args!("{}", text::one_line(statement)))?;
    }
    for step in &standing.next {
        console.note(format_args!("{step}"));
    }
    Ok(Exit::Ok)
}

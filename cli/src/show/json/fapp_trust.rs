//! Documents of trust in practices.

use serde::Serialize;

use super::german;

/// `CLI-139`
#[derive(Debug, Serialize)]
pub struct FappTrust {
    /// The practice's key.
    pub therapist: String,
    /// 0 to 3.
    pub trust: u8,
    /// The same in words.
    pub trust_label: String,
    /// What that means, and what it does not.
    pub explanation: String,
    /// Until when, in German time.
    pub until: Option<String>,
    /// The profession that is vouched for.
    pub beruf: Option<String>,
    /// The chamber that is vouched for.
    pub kammer: Option<String>,
    /// The domain that names the key.
    pub domain: Option<String>,
    /// Whether an announce of the practice is known.
    pub announced: bool,
    /// Whether it is this node's own.
    pub own: bool,
    /// The domain that this node's practice named.
    pub own_domain: Option<String>,
    /// What was signed about it, to hand on.
    pub statements: Vec<String>,
    /// How the own practice comes to be known for more.
    pub next: Vec<String>,
}

impl From<api::Standing> for FappTrust {
    fn from(standing: api::Standing) -> Self {
        Self {
            next: if standing.own { steps(&standing) } else { Vec::new() },
            therapist: standing.therapist,
            trust: standing.trust,
            trust_label: standing.trust_label,
            explanation: standing.explanation,
            until: standing.until.map(german),
            beruf: standing.beruf,
            kammer: standing.kammer,
            domain: standing.domain,
            announced: standing.announced,
            own: standing.own,
            own_domain: standing.own_domain,
            statements: standing.statements,
        }
    }
}

/// What is left to do, the easiest first.
fn steps(standing: &api::Standing) -> Vec<String> {
    let has = |kind: &str| standing.statements.iter().any(|text| text.starts_with(kind));
    let mut steps = Vec::new();
    if standing.own_domain.is_none() {
        steps.push("Tier 1: name your website with qpc fapp trust domain, and put the file there.");
    }
    if !has("fapp-colleague:") {
        steps.push(
            "Tier 2: ask two colleagues for qpc fapp trust endorse with your key, and hand on what they \
             send you.",
        );
    }
    if !has("fapp-credential:") {
        steps.push("Tier 3: take your issuer's credential with qpc fapp trust credential.");
    }
    steps.into_iter().map(str::to_owned).collect()
}

/// `CLI-140`
#[derive(Debug, Serialize)]
pub struct FappStatement {
    /// What was signed, to hand on.
    pub statement: String,
}

/// `CLI-141`
#[derive(Debug, Serialize)]
pub struct FappDomain {
    /// The domain.
    pub domain: String,
    /// Where the file belongs.
    pub url: String,
    /// The file.
    pub file: String,
}

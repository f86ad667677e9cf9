//! What a practice's domain says (`TRU-10`, `TRU-53`): one request, by whoever asked for it.

use std::{error::Error, fmt, time::Duration};

use fapp::trust::{Domain, PracticeFile};

/// Why there is no file.
#[derive(Debug)]
pub enum WebsiteError {
    /// The request failed.
    Request(reqwest::Error),
    /// Another status than 200; redirects are not followed.
    Status(u16),
    /// More than [`PracticeFile::LEN_MAX`] bytes.
    TooLong,
}

impl fmt::Display for WebsiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => {
                write!(f, "the site cannot be asked: {error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Self::Status(status) => write!(f, "the site answers with {status} and not with 200"),
            Self::TooLong => write!(f, "the site's file is longer than {LEN_MAX} bytes"),
        }
    }
}

const LEN_MAX: usize = PracticeFile::LEN_MAX;
/// For all of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches `/.well-known/fapp.json` from a domain.
///
/// # Errors
/// [`WebsiteError`].
pub async fn fetch(domain: &Domain) -> Result<Vec<u8>, WebsiteError> {
    // Somebody may have installed one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(WebsiteError::Request)?;
    let url = format!("https://{domain}/.well-known/fapp.json");
    let mut response = client.get(url).send().await.map_err(WebsiteError::Request)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(WebsiteError::Status(response.status().as_u16()));
    }
    let mut file = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(WebsiteError::Request)? {
        if file.len() + piece.len() > LEN_MAX {
            return Err(WebsiteError::TooLong);
        }
        file.extend_from_slice(&piece);
    }
    Ok(file)
}

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
    ask(asker().build().map_err(WebsiteError::Request)?, domain).await
}

fn asker() -> reqwest::ClientBuilder {
    // Somebody may have installed one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
}

async fn ask(client: reqwest::Client, domain: &Domain) -> Result<Vec<u8>, WebsiteError> {
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A host that speaks plain HTTP, however well-formed its file, is not believed.
    #[tokio::test]
    async fn tru_53_a_site_without_tls_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let host = tokio::spawn(async move {
            let (mut visitor, _) = listener.accept().await.expect("a visitor");
            let mut hello = vec![0; 1_024];
            let len = visitor.read(&mut hello).await.expect("readable");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            // It may have gone already.
            let _ = visitor.write_all(answer).await;
            hello[..len].to_vec()
        });
        let domain = Domain::parse("praxis-muster.de").expect("sound");
        let client = asker().resolve(domain.as_str(), at).build().expect("a client");
        let refused = ask(client, &domain).await.expect_err("no TLS");
        assert!(matches!(refused, WebsiteError::Request(_)), "{refused}");
        let hello = host.await.expect("it ended");
        assert_eq!(hello.first(), Some(&22), "a TLS handshake, and nothing before it");
    }
}

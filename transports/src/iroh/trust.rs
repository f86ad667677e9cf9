//! Whose certificates are believed when a relay is asked for our public address (`IRO-32`).
//!
//! An `https://` relay is held to the public authorities. An `http://` relay has no certificate
//! that anybody vouches for, and its own web socket is in the clear; that its answer to "where do
//! you see me?" comes under a certificate of its own making takes nothing away. A wrong answer
//! costs a direct path, never a secret: links prove both ends for themselves.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use ::iroh::tls::CaTlsConfig;
use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// The hosts of `http://` relays that were named so far.
#[derive(Clone, Debug, Default)]
pub(super) struct PlainHosts(Arc<RwLock<BTreeSet<String>>>);

impl PlainHosts {
    /// Remembers the host of an `http://` relay.
    pub(super) fn add(&self, host: &str) {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() < crate::limits::RELAYS_MAX {
            hosts.insert(bare(host).to_owned());
        }
    }

    fn contains(&self, name: &ServerName<'_>) -> bool {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts.contains(bare(&name.to_str()))
    }

    /// The configuration that believes as this module says.
    pub(super) fn tls(&self) -> CaTlsConfig {
        let plain = self.clone();
        CaTlsConfig::custom_server_cert_verifier(Arc::new(move |provider| {
            let public = CaTlsConfig::embedded().server_cert_verifier(provider.clone())?;
            Ok(Arc::new(Verifier { plain: plain.clone(), public, provider }))
        }))
    }
}

/// An IPv6 number without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[derive(Debug)]
struct Verifier {
    plain: PlainHosts,
    public: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.plain.contains(server_name) {
            return Ok(ServerCertVerified::assertion());
        }
        self.public.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iro_32_only_hosts_of_plain_relays_are_believed_without_authority() {
        let hosts = PlainHosts::default();
        hosts.add("192.0.2.9");
        hosts.add("[2001:db8::9]");
        let name = |text: &'static str| ServerName::try_from(text).expect("a name");
        assert!(hosts.contains(&name("192.0.2.9")));
        assert!(hosts.contains(&name("2001:db8::9")));
        assert!(!hosts.contains(&name("192.0.2.8")));
        let provider = ::iroh::tls::default_provider();
        let verifier = hosts.tls().server_cert_verifier(provider).expect("a verifier");
        let nonsense = CertificateDer::from(vec![1, 2, 3]);
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
        let judge = |host| verifier.verify_server_cert(&nonsense, &[], &name(host), &[], now);
        judge("192.0.2.9").expect("a plain relay");
        judge("relay.example.org").expect_err("held to the authorities");
    }

    #[test]
    fn iro_32_what_is_remembered_is_bounded() {
        let hosts = PlainHosts::default();
        for n in 0..100 {
            hosts.add(&format!("relay{n}.example"));
        }
        assert_eq!(hosts.0.read().expect("no panic").len(), crate::limits::RELAYS_MAX);
    }
}

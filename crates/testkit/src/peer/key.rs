//! Who a peer is, and how it shakes hands.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ED25519};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};
use std::sync::Arc;

/// A key and its certificate.
#[derive(Debug)]
pub struct Key {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Key {
    /// A new one.
    ///
    /// # Panics
    /// When the system has no randomness.
    #[must_use]
    pub fn new() -> Self {
        let made = "a key of a test is always made";
        let key = KeyPair::generate_for(&PKCS_ED25519).expect(made);
        let mut params = CertificateParams::new(vec!["welkin".to_owned()]).expect(made);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "foreign");
        let certificate = params.self_signed(&key).expect(made);
        Self { certificate: certificate.der().clone(), key: key.serialize_der() }
    }

    /// What the other side knows it by.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("w1:{}", blake3::hash(&self.certificate).to_hex())
    }

    fn private(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone().into())
    }

    /// To call anybody, in these roles.
    pub(super) fn calling(&self, roles: &[&str]) -> Arc<ClientConfig> {
        let valid = "a key of a test is valid";
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect(valid)
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_client_auth_cert(vec![self.certificate.clone()], self.private())
            .expect(valid);
        config.alpn_protocols = roles.iter().map(|role| role.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// To be called by anybody, who need not say who it is, in these roles.
    pub(super) fn called(&self, roles: &[&str]) -> Arc<ServerConfig> {
        let valid = "a key of a test is valid";
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect(valid)
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.private())
            .expect(valid);
        config.alpn_protocols = roles.iter().map(|role| role.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes whatever certificate is shown.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

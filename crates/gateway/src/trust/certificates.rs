//! TLS 1.3 between parties that know each other by fingerprint.
//!
//! Both sides show a certificate. Each compares the other's fingerprint with what it was told, and checks with the
//! provider's functions that the handshake was signed with the key in that certificate. Names, dates and issuers of
//! certificates say nothing here and are not looked at. Both agree on the [`Role`] in which the caller comes.
//!
//! *Guarantee:* no session without both. *Not used:* resumption and early data, so that no key material of one
//! connection is used in another and nothing can be replayed; TLS 1.2.

use crate::error::LaneError;
use crate::trust::identity::{Fingerprint, Identity, NAME};
use crate::trust::role::Role;
use crate::trust::roster::Standing;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring::default_provider};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Who is let in.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// The one that was called.
    Only(Fingerprint),
    /// Clients and relays of the moment, over the outer connection.
    Known(Standing),
    /// Clients of the moment, through relays.
    Clients(Standing),
    /// These, as parties.
    Parties(BTreeSet<Fingerprint>),
    /// Members of the moment.
    Members(Members),
    /// Whoever has a key, whichever it is.
    Anybody,
}

/// Whether somebody is a member at this moment.
#[derive(Clone)]
pub(crate) struct Members(pub(crate) Arc<dyn Fn(&Fingerprint) -> bool + Send + Sync>);

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Members(..)")
    }
}

impl Who {
    fn has(&self, fingerprint: &Fingerprint) -> bool {
        match self {
            Self::Only(one) => one == fingerprint,
            Self::Known(roster) => {
                let roster = roster.now();
                roster.rights(fingerprint).is_some() || roster.is_relay(fingerprint)
            }
            Self::Clients(roster) => roster.now().rights(fingerprint).is_some(),
            Self::Parties(all) => all.contains(fingerprint),
            Self::Members(members) => (members.0)(fingerprint),
            Self::Anybody => true,
        }
    }

    /// In which roles those may come.
    fn roles(&self) -> Vec<Vec<u8>> {
        let roles: &[Role] = match self {
            Self::Only(_) => &[],
            Self::Known(_) => &[Role::Client, Role::Relay],
            Self::Clients(_) => &[Role::End],
            Self::Parties(_) => &[Role::Party],
            Self::Members(_) => &[Role::Member],
            Self::Anybody => &[Role::Newcomer],
        };
        roles.iter().map(|role| role.protocol().to_vec()).collect()
    }
}

/// Compares fingerprints, for either side of a handshake.
#[derive(Debug)]
struct Pinned {
    who: Who,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn new(who: Who, provider: &CryptoProvider) -> Arc<Self> {
        Arc::new(Self { who, algorithms: provider.signature_verification_algorithms })
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        if self.who.has(&Fingerprint::of(certificate)) {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How to call the one with that fingerprint.
pub(crate) fn client(
    identity: &Identity,
    far: Fingerprint,
    role: Role,
) -> Result<Arc<ClientConfig>, LaneError> {
    let provider = Arc::new(default_provider());
    let pinned = Pinned::new(Who::Only(far), &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_auth_cert(identity.chain(), identity.key())
        .map_err(setup)?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![role.protocol().to_vec()];
    Ok(Arc::new(config))
}

/// How to be called by those.
pub(crate) fn server(identity: &Identity, who: Who) -> Result<Arc<ServerConfig>, LaneError> {
    let provider = Arc::new(default_provider());
    let roles = who.roles();
    let pinned = Pinned::new(who, &provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .with_client_cert_verifier(pinned)
        .with_single_cert(identity.chain(), identity.key())
        .map_err(setup)?;
    config.send_tls13_tickets = 0;
    config.alpn_protocols = roles;
    Ok(Arc::new(config))
}

/// The name that is shown in handshakes.
pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).expect("it is a valid name")
}

fn setup(error: Error) -> LaneError {
    LaneError::Refused(format!("the identity cannot be used: {error}"))
}

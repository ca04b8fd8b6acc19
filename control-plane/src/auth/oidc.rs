//! Signing in at an identity provider: OpenID Connect, the authorization code flow with PKCE, and ID tokens that a browser
//! brings by itself.
//!
//! What the provider says is believed only as far as it is signed by one of its keys, meant for us (`aud`), of today
//! (`exp`), and of this very attempt (`nonce`). [`provider`] knows the provider and its keys; `auth::attempt` binds an
//! attempt to a browser; `auth::allowed` says who is let in.

mod http;
pub mod provider;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims,
    IdTokenFields, IdTokenVerifier, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::http::Http;
use self::provider::{Known, Provider};
use super::allowed::Named;
use super::attempt::Attempt;
use crate::config::Oidc as Config;
use crate::store::records::Identity;

/// Google's name for itself, in its ID tokens.
pub const GOOGLE: &str = "https://accounts.google.com";
/// The longest subject (OpenID Connect Core, 2).
const LONGEST_SUBJECT: usize = 255;
/// The longest name that is kept.
const LONGEST_NAME: usize = 200;
/// How ID tokens may be signed: by keys that the provider alone has. Neither not at all (`none`) nor by the client's own
/// secret (`HS256`).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 6] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims of Google's beside the standard ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hosted {
    /// The domain of the organisation whose account it is.
    #[serde(default)]
    hd: Option<String>,
}

impl AdditionalClaims for Hosted {}

type Token = IdToken<Hosted, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Hosted, CoreGenderClaim>;
type Fields = IdTokenFields<
    Hosted,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Speaker = Client<
    Hosted,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why the identity provider's word does not sign anyone in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It can't be asked.
    #[error("the identity provider can't be asked")]
    Unavailable(#[source] anyhow::Error),
    /// What it says, or what somebody says in its name, can't be trusted.
    #[error("the identity provider's word can't be trusted")]
    Invalid(#[source] anyhow::Error),
    /// It has not verified their e-mail address, or knows of none.
    #[error("the identity provider has verified no e-mail address")]
    Unverified,
}

/// Somebody whom the identity provider names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// How they are known from now on: by the provider and its own name for them. An e-mail address may be somebody else's
    /// tomorrow.
    pub identity: Identity,
    /// What it has verified of them.
    pub named: Named,
}

/// Signs people in at an identity provider.
pub struct Oidc {
    config: Config,
    redirect: RedirectUrl,
    provider: Provider,
    http: Http,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

impl Oidc {
    /// At the configured provider, which sends people back to `redirect`.
    ///
    /// # Errors
    /// When `redirect` is no address, or there is no TLS to speak.
    pub fn new(config: Config, redirect: String) -> anyhow::Result<Self> {
        let http = Http::new()?;
        let provider = Provider::new(config.issuer.clone())?;
        Ok(Self { redirect: RedirectUrl::new(redirect)?, config, provider, http })
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the provider answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), OidcError> {
        self.provider.known(&self.http).await.map(drop)
    }

    /// Where to send a browser that begins. `anew`: whoever is signed in at the provider says once more who they are.
    ///
    /// # Errors
    /// When the provider can't be asked.
    pub async fn address(&self, attempt: &Attempt, anew: bool) -> Result<String, OidcError> {
        let known = self.provider.known(&self.http).await?;
        let (state, nonce) = (attempt.state(), attempt.nonce());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(attempt));
        let speaker = self.speaker(&known);
        let request = speaker
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge);
        // Whoever signs in at a shared device says as whom, instead of being whoever was there before. Not every provider can
        // have them choose; having them sign in is what each knows.
        let prompt = match (self.config.issuer == GOOGLE, anew) {
            (true, _) => Some(CoreAuthPrompt::SelectAccount),
            (false, true) => Some(CoreAuthPrompt::Login),
            (false, false) => None,
        };
        let request = prompt.into_iter().fold(request, |request, prompt| request.add_prompt(prompt));
        Ok(request.url().0.into())
    }

    /// Trades the code that a browser came back with for whom it stands.
    ///
    /// # Errors
    /// When the provider does not take it, or says nothing that can be trusted.
    pub async fn finish(&self, attempt: &Attempt, code: String) -> Result<Person, OidcError> {
        let known = self.provider.known(&self.http).await?;
        let speaker = self.speaker(&known);
        let request = speaker.exchange_code(AuthorizationCode::new(code)).map_err(invalid)?;
        let request = request.set_pkce_verifier(verifier(attempt));
        let answer = request.request_async(&self.http).await.map_err(|error| http::judged(error.into()))?;
        let token = answer.id_token().ok_or_else(|| invalid(anyhow::anyhow!("there is no ID token")))?;
        let claims = self.claims(token, &attempt.nonce()).await?;
        let mut told = Told::of_token(&claims);
        if told.email.is_none() || told.verified.is_none() {
            self.ask_further(&mut told, &speaker, answer.access_token(), claims.subject()).await?;
        }
        self.person(&claims, told)
    }

    /// Whom an ID token names that a browser got for an attempt by itself.
    ///
    /// # Errors
    /// When it can't be trusted.
    pub async fn by_token(&self, attempt: &Attempt, token: &str) -> Result<Person, OidcError> {
        let token: Token = token.parse().map_err(invalid)?;
        let claims = self.claims(&token, &attempt.nonce()).await?;
        let told = Told::of_token(&claims);
        self.person(&claims, told)
    }

    /// What a token says, if it can be trusted. A key that isn't known may be new: the provider is asked, now and then.
    async fn claims(&self, token: &Token, nonce: &str) -> Result<Claims, OidcError> {
        let known = self.provider.known(&self.http).await?;
        match self.checked(token, nonce, &known) {
            Err(error) if provider::is_unknown_key(&error) => {
                let anew = self.provider.known_anew(&self.http, &known).await?;
                self.checked(token, nonce, &anew).map_err(invalid)
            }
            checked => checked.map_err(invalid),
        }
    }

    fn checked(
        &self,
        token: &Token,
        nonce: &str,
        known: &Known,
    ) -> Result<Claims, openidconnect::ClaimsVerificationError> {
        let client = ClientId::new(self.config.client_id.clone());
        let keys = known.metadata.jwks().clone();
        // Public, as it were: the secret verifies nothing.
        let verifier = IdTokenVerifier::new_public_client(client, self.provider.issuer().clone(), keys)
            .set_allowed_algs(ALGORITHMS);
        token.claims(&verifier, &Nonce::new(nonce.to_owned())).cloned()
    }

    /// Providers that keep to the letter tell the e-mail address, or that it is verified, only to whoever asks with the access token.
    /// Both are then taken from that one answer, which is about the same subject or worth nothing.
    async fn ask_further(
        &self,
        told: &mut Told,
        speaker: &Speaker,
        access: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<(), OidcError> {
        let Ok(request) = speaker.user_info(access.clone(), Some(subject.clone())) else { return Ok(()) };
        let answer: UserInfoClaims<Hosted, CoreGenderClaim> =
            request.request_async(&self.http).await.map_err(|error| http::judged(error.into()))?;
        told.email = answer.email().map(|email| email.to_string());
        told.verified = answer.email_verified();
        told.name = told.name.take().or_else(|| name(answer.name()));
        Ok(())
    }

    fn person(&self, claims: &Claims, told: Told) -> Result<Person, OidcError> {
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
            return Err(invalid(anyhow::anyhow!("the subject has {} bytes", subject.len())));
        }
        let email = told.email.filter(|_| told.verified == Some(true)).ok_or(OidcError::Unverified)?;
        let email: super::allowed::Email = email.parse().map_err(invalid)?;
        // Anybody's provider may say `hd`; what it means is known of Google's.
        let hosted = claims.additional_claims().hd.as_deref().filter(|_| self.config.issuer == GOOGLE);
        let named = Named { hosted: hosted.and_then(|domain| domain.parse().ok()), email };
        let email = named.email.to_string();
        let name = told.name.unwrap_or_else(|| email.clone());
        let name = protocol::payload::short(&name, LONGEST_NAME - "…".len());
        // No issuer's address has a space.
        let subject = format!("{} {subject}", self.config.issuer);
        Ok(Person { identity: Identity { subject, name, email: Some(email) }, named })
    }

    fn speaker(&self, known: &Known) -> Speaker {
        let secret =
            self.config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.text().to_owned()));
        let client = ClientId::new(self.config.client_id.clone());
        Speaker::from_provider_metadata(known.metadata.clone(), client, secret)
            .set_redirect_uri(self.redirect.clone())
    }
}

/// What was told of somebody beside their subject.
struct Told {
    email: Option<String>,
    verified: Option<bool>,
    name: Option<String>,
}

impl Told {
    fn of_token(claims: &Claims) -> Self {
        Self {
            email: claims.email().map(|email| email.to_string()),
            verified: claims.email_verified(),
            name: name(claims.name()),
        }
    }
}

type Names<'a> = Option<&'a openidconnect::LocalizedClaim<openidconnect::EndUserName>>;

/// A name in whatever language, if it says anything.
fn name(names: Names<'_>) -> Option<String> {
    let names = names?;
    let name = names.get(None).or_else(|| names.iter().next().map(|(_, name)| name))?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn verifier(attempt: &Attempt) -> PkceCodeVerifier {
    let verifier = Zeroizing::new(attempt.verifier());
    PkceCodeVerifier::new(verifier.to_string())
}

fn invalid(error: impl Into<anyhow::Error>) -> OidcError {
    OidcError::Invalid(error.into())
}

//! Who calls: tokens of the local issuer, optionally of one external issuer, and what they grant.
//!
//! Guarantees: issuer, audience, times and algorithm are checked; a local token is HS256 and an external one asymmetric, so
//! the two can never be confused and `none` is refused; a token's scopes limit what its roles grant and never widen it; a
//! token that is not of kind `person` never becomes a person. Cursors and forms are sealed with keys derived from the same
//! secret. Non-goals: log-in dialogues of identity providers.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::actor::{Actor, Person, Role, Scope};

/// Seconds by which clocks may differ.
const LEEWAY_S: i64 = 30;

/// Algorithms that an external issuer may use.
const EXTERNAL_ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Issues and verifies.
pub struct Auth {
    secret: [u8; 32],
    options: AuthOptions,
    external: Option<(External, JwkSet)>,
}

/// Names that tokens carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthOptions {
    /// `iss` of local tokens.
    pub issuer: String,
    /// `aud` of local tokens.
    pub audience: String,
    /// Another issuer that is trusted.
    pub external: Option<External>,
}

/// A trusted issuer with its keys in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` that they must be for.
    pub audience: String,
    /// JSON Web Key Set.
    pub jwks_file: std::path::PathBuf,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self { issuer: "holdfast".to_owned(), audience: "holdfast".to_owned(), external: None }
    }
}

/// Whether a token speaks for a human.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Kind {
    Person,
    Service,
}

/// What a local token is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest<'a> {
    /// Identity; equal subjects are one person.
    pub subject: &'a str,
    /// Name to show.
    pub name: &'a str,
    /// Person or service.
    pub kind: Kind,
    /// Roles of a person.
    pub roles: &'a [Role],
    /// Limit of a person's scopes (empty: none), grant of a service's.
    pub scopes: &'a [Scope],
    /// How long it holds.
    pub ttl: SignedDuration,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default)]
    iat: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub scopes: BTreeSet<Scope>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Why a token is refused, or keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The token is not one of ours, or no longer.
    #[error("the token is not valid: {0}")]
    Token(String),
    /// A key file cannot be read, written or understood.
    #[error("key file `{file}`: {message}")]
    KeyFile {
        /// Which.
        file: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// A sealed value was changed or is of another kind.
    #[error("the value was not sealed by this service")]
    Seal,
}

impl Auth {
    /// Opens the secret `auth.key` in `data_dir`, making it (mode 0600) on the first start, and the external keys.
    ///
    /// # Errors
    /// [`AuthError::KeyFile`].
    pub fn open(data_dir: &Path, options: AuthOptions) -> Result<Self, AuthError> {
        let file = data_dir.join("auth.key");
        let secret = match std::fs::read(&file) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice())
                .map_err(|_| key_file(&file, "holds no 32 bytes; delete it to make a new one (tokens become void)"))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => make_secret(&file)?,
            Err(e) => return Err(key_file(&file, &e.to_string())),
        };
        Self::with_secret(secret, options)
    }

    /// With a given secret.
    ///
    /// # Errors
    /// [`AuthError::KeyFile`] when the external keys cannot be read.
    pub fn with_secret(secret: [u8; 32], options: AuthOptions) -> Result<Self, AuthError> {
        let external = options.external.clone().map(|e| read_jwks(&e.jwks_file).map(|keys| (e, keys))).transpose()?;
        Ok(Self { secret, options, external })
    }

    /// A local token.
    ///
    /// # Errors
    /// [`AuthError::Token`] when it cannot be signed.
    pub fn issue(&self, request: &TokenRequest<'_>, now: Timestamp) -> Result<String, AuthError> {
        let scope = request.scopes.iter().map(|s| scope_name(*s)).collect::<Vec<_>>().join(" ");
        let claims = Claims {
            iss: self.options.issuer.clone(),
            aud: Audience::One(self.options.audience.clone()),
            sub: request.subject.to_owned(),
            exp: now.as_second().saturating_add(request.ttl.as_secs()),
            nbf: Some(now.as_second()),
            iat: now.as_second(),
            name: Some(request.name.to_owned()),
            kind: Some(request.kind),
            roles: request.roles.iter().map(|r| r.name().to_owned()).collect(),
            scope: (!scope.is_empty()).then_some(scope),
        };
        let key = EncodingKey::from_secret(&self.key("token"));
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(refused)
    }

    /// The caller that `token` speaks for.
    ///
    /// # Errors
    /// [`AuthError::Token`] in words that are safe to show.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        let (key, issuer, audience) = match (header.alg, &self.external) {
            (Algorithm::HS256, _) => {
                (DecodingKey::from_secret(&self.key("token")), &self.options.issuer, &self.options.audience)
            }
            (alg, Some((external, keys))) if EXTERNAL_ALGORITHMS.contains(&alg) => {
                let jwk = header.kid.as_deref().and_then(|kid| keys.find(kid));
                let jwk = jwk.ok_or_else(|| AuthError::Token("no key of the issuer has its `kid`".to_owned()))?;
                (DecodingKey::from_jwk(jwk).map_err(refused)?, &external.issuer, &external.audience)
            }
            _ => return Err(AuthError::Token("its algorithm is not accepted".to_owned())),
        };
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The flow's clock decides, not the machine's: see `in_time`.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(refused)?.claims;
        principal(claims, now)
    }

    /// Seals `value` for `purpose`: opaque, readable only by [`Auth::unseal`] with the same purpose.
    #[must_use]
    pub fn seal(&self, purpose: &str, value: &impl Serialize) -> String {
        let body = serde_json::to_vec(value).unwrap_or_default();
        let tag = self.tag(purpose, &body);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(&tag[..16]))
    }

    /// Opens what [`Auth::seal`] made.
    ///
    /// # Errors
    /// [`AuthError::Seal`].
    pub fn unseal<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Result<T, AuthError> {
        let (body, tag) = sealed.split_once('.').ok_or(AuthError::Seal)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| AuthError::Seal)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| AuthError::Seal)?;
        let mut mac = self.mac(purpose);
        mac.update(&body);
        if tag.len() != 16 || mac.verify_truncated_left(&tag).is_err() {
            return Err(AuthError::Seal);
        }
        serde_json::from_slice(&body).map_err(|_| AuthError::Seal)
    }

    /// The token that every form of the session with this cookie must carry.
    #[must_use]
    pub fn form_token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.tag("form", session.as_bytes())[..16])
    }

    /// Whether `given` is the session's form token, compared in constant time.
    #[must_use]
    pub fn is_form_token(&self, session: &str, given: &str) -> bool {
        let Ok(given) = URL_SAFE_NO_PAD.decode(given) else { return false };
        let mut mac = self.mac("form");
        mac.update(session.as_bytes());
        given.len() == 16 && mac.verify_truncated_left(&given).is_ok()
    }

    fn key(&self, purpose: &str) -> [u8; 32] {
        self.tag("key", purpose.as_bytes())
    }

    fn tag(&self, purpose: &str, body: &[u8]) -> [u8; 32] {
        let mut mac = self.mac(purpose);
        mac.update(body);
        mac.finalize().into_bytes().into()
    }

    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        // A key of a whole block is taken as it is, so this form of construction cannot fail.
        let mut block = [0_u8; 64];
        block[..32].copy_from_slice(&self.secret);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac
    }
}

fn principal(claims: Claims, now: Timestamp) -> Result<Principal, AuthError> {
    let seconds = now.as_second();
    if claims.exp.saturating_add(LEEWAY_S) <= seconds {
        return Err(AuthError::Token("it has expired".to_owned()));
    }
    if claims.nbf.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_S) > seconds) {
        return Err(AuthError::Token("it is not valid yet".to_owned()));
    }
    if claims.sub.is_empty() || claims.sub.len() > 200 || claims.sub.contains('\0') {
        return Err(AuthError::Token("its subject is empty or too long".to_owned()));
    }
    let asked: Option<BTreeSet<Scope>> =
        claims.scope.as_deref().map(|s| s.split_whitespace().filter_map(Scope::parse).collect());
    let (actor, scopes) = match claims.kind {
        Some(Kind::Person) => {
            let roles: Vec<Role> =
                Role::ALL.into_iter().filter(|r| claims.roles.iter().any(|name| name == r.name())).collect();
            let granted: BTreeSet<Scope> = roles.iter().flat_map(|r| grants(*r)).copied().collect();
            let scopes = asked.map_or_else(|| granted.clone(), |asked| granted.intersection(&asked).copied().collect());
            let name = claims.name.unwrap_or_else(|| claims.sub.clone());
            (Actor::Person(Person { subject: claims.sub, name, roles }), scopes)
        }
        // A token that does not say it speaks for a person does not.
        Some(Kind::Service) | None => (Actor::Service { subject: claims.sub }, asked.unwrap_or_default()),
    };
    let expires_at = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX);
    Ok(Principal { actor, scopes, expires_at })
}

/// What a role may ask for; what it may approve is policy.
#[must_use]
pub fn grants(role: Role) -> &'static [Scope] {
    use Scope as S;
    match role {
        Role::CustomerService
        | Role::SupplyPlanner
        | Role::WarehouseManager
        | Role::PricingApprover
        | Role::FinanceApprover
        | Role::LogisticsCoordinator => &[
            S::ExceptionsRead,
            S::ExceptionsWrite,
            S::MessagesRead,
            S::MessagesWrite,
            S::PrioritizeRun,
            S::ActionsPropose,
            S::ApprovalsRead,
            S::ApprovalsDecide,
            S::ModelsRead,
        ],
        Role::IntegrationEngineer | Role::OperationsManager => &[
            S::EventsWrite,
            S::ExceptionsRead,
            S::ExceptionsWrite,
            S::MessagesRead,
            S::MessagesWrite,
            S::PrioritizeRun,
            S::ActionsPropose,
            S::ApprovalsRead,
            S::ApprovalsDecide,
            S::ModelsRead,
            S::AuditRead,
        ],
        Role::DataScientist => &[
            S::ExceptionsRead,
            S::MessagesRead,
            S::PrioritizeRun,
            S::ActionsPropose,
            S::ApprovalsRead,
            S::ModelsRead,
            S::ModelsTrain,
        ],
        Role::ModelApprover => {
            &[S::ExceptionsRead, S::PrioritizeRun, S::ApprovalsRead, S::ApprovalsDecide, S::ModelsRead]
        }
        Role::Auditor => &[S::ExceptionsRead, S::MessagesRead, S::ApprovalsRead, S::ModelsRead, S::AuditRead],
        Role::Admin => &ALL_SCOPES,
    }
}

const ALL_SCOPES: [Scope; 14] = {
    let mut all = [Scope::Admin; 14];
    let mut i = 0;
    while i < all.len() {
        all[i] = Scope::ALL[i].0;
        i += 1;
    }
    all
};

/// The wire name of a scope.
#[must_use]
pub fn scope_name(scope: Scope) -> &'static str {
    Scope::ALL.iter().find(|(s, _)| *s == scope).map_or("", |(_, name)| name)
}

fn refused(error: jsonwebtoken::errors::Error) -> AuthError {
    AuthError::Token(error.to_string())
}

fn key_file(file: &Path, message: &str) -> AuthError {
    AuthError::KeyFile { file: file.display().to_string(), message: message.to_owned() }
}

fn make_secret(file: &Path) -> Result<[u8; 32], AuthError> {
    use std::io::Write as _;
    let mut secret = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| key_file(file, "the system gives no random bytes"))?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut handle = options.open(file).map_err(|e| key_file(file, &e.to_string()))?;
    handle.write_all(&secret).and_then(|()| handle.sync_all()).map_err(|e| key_file(file, &e.to_string()))?;
    Ok(secret)
}

fn read_jwks(file: &Path) -> Result<JwkSet, AuthError> {
    let bytes = std::fs::read(file).map_err(|e| key_file(file, &e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| key_file(file, &format!("is no JSON Web Key Set: {e}")))
}

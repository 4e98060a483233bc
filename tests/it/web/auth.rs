//! Tokens: what is refused, what roles grant, what a scope takes away.

use holdfast::config::Config;
use holdfast::domain::actor::{Actor, Role, Scope};
use holdfast::web::WebSettings;
use holdfast::web::auth::{Auth, AuthOptions, External, Kind, TokenRequest};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::Web;
use crate::support::folder::Folder;

fn now() -> Timestamp {
    "2026-03-02T09:30:00Z".parse().unwrap()
}

fn auth_of(audience: &str, secret: u8) -> Auth {
    let options = AuthOptions { audience: audience.to_owned(), ..AuthOptions::default() };
    Auth::with_secret([secret; 32], options).unwrap()
}

fn request<'a>(kind: Kind, roles: &'a [Role], scopes: &'a [Scope]) -> TokenRequest<'a> {
    TokenRequest { subject: "ada", name: "Ada", kind, roles, scopes, ttl: SignedDuration::from_hours(1) }
}

#[test]
fn a_token_holds_until_it_expires_and_not_before_its_time() {
    let auth = auth_of("holdfast", 1);
    let token = auth.issue(&request(Kind::Person, &[Role::Auditor], &[]), now()).unwrap();
    assert!(auth.verify(&token, now()).is_ok());
    let later = auth.verify(&token, now() + SignedDuration::from_hours(2)).unwrap_err().to_string();
    assert!(later.contains("expired"), "{later}");
    let earlier = auth.verify(&token, now() - SignedDuration::from_hours(1)).unwrap_err().to_string();
    assert!(earlier.contains("not valid yet"), "{earlier}");
}

#[test]
fn another_secret_audience_or_algorithm_is_refused() {
    let auth = auth_of("holdfast", 1);
    let foreign = auth_of("holdfast", 2).issue(&request(Kind::Person, &[Role::Admin], &[]), now()).unwrap();
    assert!(auth.verify(&foreign, now()).is_err(), "another secret");
    let elsewhere = auth_of("other", 1).issue(&request(Kind::Person, &[Role::Admin], &[]), now()).unwrap();
    assert!(auth.verify(&elsewhere, now()).is_err(), "another audience");
    // {"alg":"none","typ":"JWT"} with the claims of a good token and no signature.
    let good = auth.issue(&request(Kind::Person, &[Role::Admin], &[]), now()).unwrap();
    let claims = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    assert!(auth.verify(&none, now()).is_err(), "alg none");
    // {"alg":"RS256","typ":"JWT"} without an external issuer.
    let asymmetric = format!("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.{claims}.c2ln");
    assert!(auth.verify(&asymmetric, now()).is_err(), "an algorithm of no issuer");
    assert!(auth.verify("", now()).is_err());
    assert!(auth.verify("a.b.c", now()).is_err());
}

#[test]
fn a_scope_limits_roles_and_never_widens_them() {
    let auth = auth_of("holdfast", 1);
    let scopes = [Scope::ExceptionsRead, Scope::Admin];
    let token = auth.issue(&request(Kind::Person, &[Role::Auditor], &scopes), now()).unwrap();
    let principal = auth.verify(&token, now()).unwrap();
    assert_eq!(principal.scopes.into_iter().collect::<Vec<_>>(), [Scope::ExceptionsRead]);
}

#[test]
fn a_service_is_never_a_person() {
    let auth = auth_of("holdfast", 1);
    let token = auth.issue(&request(Kind::Service, &[Role::Admin], &[Scope::EventsWrite]), now()).unwrap();
    let principal = auth.verify(&token, now()).unwrap();
    assert_eq!(principal.actor, Actor::Service { subject: "ada".to_owned() });
    assert_eq!(principal.scopes.into_iter().collect::<Vec<_>>(), [Scope::EventsWrite], "roles give a service nothing");
}

#[test]
fn the_secret_is_made_once_and_readable_by_its_owner_only() {
    let dir = std::env::temp_dir().join(format!("holdfast-auth-{}", unique()));
    std::fs::create_dir_all(&dir).unwrap();
    let token = {
        let first = Auth::open(&dir, AuthOptions::default()).unwrap();
        first.issue(&request(Kind::Person, &[], &[]), now()).unwrap()
    };
    let again = Auth::open(&dir, AuthOptions::default()).unwrap();
    assert!(again.verify(&token, now()).is_ok(), "a restart keeps tokens");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir.join("auth.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(dir.join("auth.key"), b"short").unwrap();
    assert!(Auth::open(&dir, AuthOptions::default()).is_err(), "a damaged secret is not replaced in silence");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_sealed_value_opens_only_for_its_purpose_and_unchanged() {
    let auth = auth_of("holdfast", 1);
    let sealed = auth.seal("audit", &42_i64);
    assert_eq!(auth.unseal::<i64>("audit", &sealed).unwrap(), 42);
    assert!(auth.unseal::<i64>("messages", &sealed).is_err(), "another purpose");
    let (body, tag) = sealed.split_once('.').unwrap();
    let changed = format!("{}.{tag}", auth.seal("audit", &43_i64).split_once('.').unwrap().0);
    assert!(auth.unseal::<i64>("audit", &changed).is_err(), "another value");
    assert!(auth.unseal::<i64>("audit", &format!("{body}.")).is_err(), "no seal");
}

#[tokio::test]
async fn every_operation_demands_a_token_and_its_scope() {
    let web = Web::new().await;
    let nobody = web.service(&[]);
    let document = web.state.document.clone();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !path.starts_with("/v1/") || method == "options" {
                continue;
            }
            let method = method.to_uppercase();
            let scopes = operation["security"][0]["bearer"].as_array();
            assert!(scopes.is_some_and(|s| s.len() == 1), "{method} {path} names no scope");
            let path = path.replace("{id}", "0192f0c1-2345-7abc-8def-0123456789ab").replace(['{', '}'], "");
            assert_eq!(
                web.call(&method, "", &path, None, &[]).await.problem(401),
                "unauthenticated",
                "{method} {path}"
            );
            assert_eq!(
                web.call(&method, "x", &path, None, &[]).await.problem(401),
                "unauthenticated",
                "{method} {path}"
            );
            assert_eq!(
                web.call(&method, &nobody, &path, None, &[]).await.problem(403),
                "scope-missing",
                "{method} {path}"
            );
            checked += 1;
        }
    }
    assert!(checked > 8, "{checked}");
}

/// Tells the folders of tests that run side by side apart.
fn unique() -> String {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    format!("{}-{}", std::process::id(), MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

#[tokio::test]
async fn a_cookie_of_an_encrypted_site_travels_encrypted_only() {
    let web = Web::with(WebSettings { demo_login: true, secure_cookie: true, ..WebSettings::default() }).await;
    let token = web.admin();
    let out = web.submit(&token, "/logout", &[]).await;
    assert!(out.header("set-cookie").ends_with("; Secure"), "{}", out.header("set-cookie"));
}

#[test]
fn personas_are_for_this_machine_only() {
    let mut config = Config::default();
    config.auth.demo_login = true;
    config.validate().unwrap();
    config.server.bind = "0.0.0.0:8080".to_owned();
    assert!(config.validate().unwrap_err().to_string().contains("auth.demo_login"));
    let mut config = Config::default();
    config.server.public_url = Some("desk.example".to_owned());
    assert!(config.validate().unwrap_err().to_string().contains("server.public_url"));
}

/// An outside issuer: its own key, its `kid`, its issuer and audience; our secret never passes for it.
#[test]
fn an_outside_issuer_is_known_by_its_keys() {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

    let document = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
    let public = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k-1", "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(public.public_key().as_ref()) });
    let dir = Folder::new().unwrap();
    let jwks_file = dir.path().join("jwks.json");
    std::fs::write(&jwks_file, json!({ "keys": [jwk] }).to_string()).unwrap();
    let external = External { issuer: "https://id.example/".into(), audience: "desk".into(), jwks_file };
    let options = AuthOptions { external: Some(external), ..AuthOptions::default() };
    let auth = Auth::with_secret([1; 32], options).unwrap();

    let claims = |changes: &[(&str, Value)]| {
        let mut claims = json!({ "iss": "https://id.example/", "aud": "desk", "sub": "ann", "kind": "person",
            "exp": now().as_second() + 600, "roles": ["finance_approver", "unheard_of"] });
        changes.iter().for_each(|(member, value)| claims[*member] = value.clone());
        claims
    };
    let signed = |claims: &Value, kid: &str| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &EncodingKey::from_ed_der(document.as_ref())).unwrap()
    };
    let known = auth.verify(&signed(&claims(&[]), "k-1"), now()).unwrap();
    let Actor::Person(person) = &known.actor else { panic!("{:?}", known.actor) };
    assert_eq!((person.subject.as_str(), &person.roles[..]), ("ann", &[Role::FinanceApprover][..]));
    for (changes, kid) in [
        (vec![("iss", json!("https://other.example/"))], "k-1"),
        (vec![("aud", json!("holdfast"))], "k-1"),
        (vec![("exp", json!(now().as_second() - 600))], "k-1"),
        (vec![], "k-2"),
    ] {
        assert!(auth.verify(&signed(&claims(&changes), kid), now()).is_err(), "{changes:?} {kid}");
    }
    let own_secret = EncodingKey::from_secret(public.public_key().as_ref());
    let forged = encode(&Header::new(Algorithm::HS256), &claims(&[]), &own_secret).unwrap();
    assert!(auth.verify(&forged, now()).is_err(), "a public key is no secret");
}

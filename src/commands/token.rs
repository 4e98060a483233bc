//! `holdfast token`: a token of the local issuer, for the embedded default and for tests.

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;

use crate::commands::serve::auth;
use crate::config::Config;
use crate::domain::actor::{Role, Scope};
use crate::web::auth::{Kind, TokenRequest};

/// Whose token, and what it may do.
#[derive(clap::Args)]
pub struct Args {
    /// `sub`: who it is.
    #[arg(long)]
    subject: String,
    /// Name to show; the subject where missing.
    #[arg(long)]
    name: Option<String>,
    /// `person` or `service`: a service can never approve.
    #[arg(long, default_value = "person")]
    kind: String,
    /// Roles, separated by commas.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// Scopes, separated by commas; for a person they limit what the roles grant.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// Hours that it holds.
    #[arg(long, default_value_t = 12)]
    hours: u16,
}

/// Prints the token.
///
/// # Errors
/// An unknown kind, role or scope, or a key that cannot be read.
pub fn run(config: Config, args: Args) -> Result<()> {
    let kind = match args.kind.as_str() {
        "person" => Kind::Person,
        "service" => Kind::Service,
        other => bail!("kind `{other}` is unknown; take `person` or `service`"),
    };
    let roles = args.roles.iter().map(|name| role(name)).collect::<Result<Vec<_>>>()?;
    let scopes = args.scopes.iter().map(|name| scope(name)).collect::<Result<Vec<_>>>()?;
    let request = TokenRequest {
        subject: &args.subject,
        name: args.name.as_deref().unwrap_or(&args.subject),
        kind,
        roles: &roles,
        scopes: &scopes,
        ttl: SignedDuration::from_hours(i64::from(args.hours)),
    };
    let now = crate::app::clock(&config).now();
    println!("{}", auth(&config)?.issue(&request, now)?);
    Ok(())
}

fn role(name: &str) -> Result<Role> {
    let known = || Role::ALL.map(Role::name).join(", ");
    Role::ALL
        .into_iter()
        .find(|r| r.name() == name)
        .with_context(|| format!("role `{name}` is unknown; take {}", known()))
}

fn scope(name: &str) -> Result<Scope> {
    let known = || Scope::ALL.map(|(_, n)| n).join(", ");
    Scope::parse(name).with_context(|| format!("scope `{name}` is unknown; take {}", known()))
}

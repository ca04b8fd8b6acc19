//! How people sign in: at which identity provider, who of those it knows, and for how long.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Args;
use protocol::Millis;

use super::{Checker, Secret};
use crate::auth::allowed::Allowed;
use crate::auth::oidc::GOOGLE;

/// The environment's variable for the client's secret. There is no flag for it: command lines are seen by others.
const SECRET: &str = "ATELIER_OIDC_CLIENT_SECRET";
/// The longest that a session may last.
const LONGEST_HOURS: f64 = 24.0;

/// Flags about signing in.
#[derive(Args, Clone, Debug)]
pub struct SignInArgs {
    /// The client id that the identity provider knows this Atelier by. Without one there is the local sign-in alone, for
    /// loopback only.
    #[arg(long, env = "ATELIER_OIDC_CLIENT_ID")]
    oidc_client_id: Option<String>,
    /// A file with the client's secret. [default: oidc-client-secret in the data folder, if it is there; or
    /// ATELIER_OIDC_CLIENT_SECRET in the environment]
    #[arg(long, env = "ATELIER_OIDC_CLIENT_SECRET_FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// The identity provider: the issuer of OpenID Connect.
    #[arg(long, env = "ATELIER_OIDC_ISSUER", default_value = GOOGLE)]
    oidc_issuer: String,
    /// What people call the provider. [default: Google, or the issuer's host]
    #[arg(long, env = "ATELIER_OIDC_NAME")]
    oidc_name: Option<String>,
    /// Domains whose people may sign in, separated by commas; compared whole.
    #[arg(long, env = "ATELIER_ALLOWED_DOMAINS", value_delimiter = ',')]
    allowed_domains: Vec<String>,
    /// E-mail addresses that may sign in, separated by commas.
    #[arg(long, env = "ATELIER_ALLOWED_EMAILS", value_delimiter = ',')]
    allowed_emails: Vec<String>,
    /// E-mail addresses that may sign in, as operators.
    #[arg(long, env = "ATELIER_OPERATORS", value_delimiter = ',')]
    operators: Vec<String>,
    /// Let in everyone whom the provider knows.
    #[arg(long, env = "ATELIER_ALLOW_ANYONE")]
    allow_anyone: bool,
    /// A session ends after this many hours, whatever happens: at most 24.
    #[arg(long, env = "ATELIER_SESSION_HOURS", default_value = "24")]
    session_hours: String,
    /// A session ends after this many hours without use.
    #[arg(long, env = "ATELIER_SESSION_IDLE_HOURS", default_value = "12")]
    session_idle_hours: String,
}

/// The identity provider, checked.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// Its name for itself, which is its address, too.
    pub issuer: String,
    /// What people call it.
    pub name: String,
    /// The name that it knows us by.
    pub client_id: String,
    /// What proves to it that we are we.
    pub client_secret: Option<Secret>,
    /// Who is let in.
    pub allowed: Allowed,
}

/// How people sign in, checked.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// At this provider; `None`: locally.
    pub oidc: Option<Oidc>,
    /// How long a session lasts at most.
    pub lasts: Millis,
    /// How long it may go unused.
    pub idle: Millis,
}

impl SignInArgs {
    pub(super) fn checked(self, checker: &mut Checker, data: &Path) -> Option<SignIn> {
        let sane = |hours: f64| hours > 0.0 && hours <= LONGEST_HOURS;
        let words = "more than no time, and at most 24";
        let lasts = checker.number("--session-hours", &self.session_hours, sane, words);
        let idle = checker.number("--session-idle-hours", &self.session_idle_hours, sane, words);
        let oidc = self.oidc(checker, data);
        Some(SignIn { oidc: oidc?, lasts: millis(lasts?), idle: millis(idle?) })
    }

    /// The provider, if there is one. The outer `None`: what is given is wrong.
    fn oidc(&self, checker: &mut Checker, data: &Path) -> Option<Option<Oidc>> {
        let allowed = Allowed {
            anyone: self.allow_anyone,
            domains: set(checker, "--allowed-domains", &self.allowed_domains),
            emails: set(checker, "--allowed-emails", &self.allowed_emails),
            operators: set(checker, "--operators", &self.operators),
        };
        let client_id = self.oidc_client_id.as_deref().map(str::trim).unwrap_or_default();
        if client_id.is_empty() {
            let words = "there is no identity provider; give --oidc-client-id";
            checker.ensure("who may sign in", allowed.is_nobody(), words);
            checker.ensure("--oidc-issuer", self.oidc_issuer == GOOGLE, words);
            checker.ensure("--oidc-client-secret-file", self.oidc_client_secret_file.is_none(), words);
            return Some(None);
        }
        let words =
            "nobody could sign in; give --allowed-domains, --allowed-emails, --operators, or --allow-anyone";
        checker.ensure("who may sign in", !allowed.is_nobody(), words);
        let issuer = checker.take("--oidc-issuer", issuer(&self.oidc_issuer));
        let client_secret = self.client_secret(checker, data);
        let host = issuer?;
        let google = self.oidc_issuer == GOOGLE;
        let missing =
            format!("Google gives a secret with the client id: put it into a file, or into {SECRET}");
        checker.ensure("--oidc-client-secret-file", !google || client_secret.as_ref()?.is_some(), missing);
        let name = self.oidc_name.clone().unwrap_or(if google { "Google".to_owned() } else { host });
        Some(Some(Oidc {
            issuer: self.oidc_issuer.clone(),
            name,
            client_id: client_id.to_owned(),
            client_secret: client_secret?,
            allowed,
        }))
    }

    fn client_secret(&self, checker: &mut Checker, data: &Path) -> Option<Option<Secret>> {
        let default = data.join("oidc-client-secret");
        match (&self.oidc_client_secret_file, std::env::var(SECRET)) {
            (Some(file), _) => checker.take("--oidc-client-secret-file", secret(file)).map(Some),
            (None, Ok(text)) if !text.trim().is_empty() => Some(Some(text.trim().to_owned().into())),
            (None, _) if default.exists() => checker.take("oidc-client-secret", secret(&default)).map(Some),
            (None, _) => Some(None),
        }
    }
}

fn set<T: FromStr<Err = anyhow::Error> + Ord>(
    checker: &mut Checker,
    name: &str,
    texts: &[String],
) -> BTreeSet<T> {
    let some = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    some.filter_map(|text| checker.parse(name, text)).collect()
}

/// The host of an issuer. Its word is only as good as the way it comes here: plain HTTP is for this machine alone.
fn issuer(text: &str) -> anyhow::Result<String> {
    let url = reqwest::Url::parse(text).with_context(|| format!("{text:?} is no address"))?;
    let host = url.host_str().context("there is no host in it")?;
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    ensure!(url.scheme() == "https" || url.scheme() == "http" && local, "{text:?} is not https");
    ensure!(url.query().is_none() && url.fragment().is_none(), "an issuer has neither query nor fragment");
    Ok(host.to_owned())
}

fn secret(path: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    ensure!(!text.trim().is_empty(), "{} is empty", path.display());
    Ok(text.trim().to_owned().into())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be of a day at most")]
fn millis(hours: f64) -> Millis {
    (hours * 3_600_000.0) as Millis
}

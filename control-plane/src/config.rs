//! Configuration: flags and environment to typed values, every mistake reported at once.

mod engine;
mod http;
mod limits;
mod model;
mod seal;
mod sign_in;
mod store;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

pub use self::engine::{Egress, Engine, EngineArgs, LINK_PORT};
pub use self::http::{Http, HttpArgs, TlsFiles};
pub use self::limits::{LimitArgs, Limits};
pub use self::model::{Model, ModelArgs};
pub use self::seal::{SealArgs, SealFrom};
pub use self::sign_in::{Oidc, SignIn, SignInArgs};
pub use self::store::StoreArgs;
use crate::seal::Seal;
use crate::store::StoreAt;

/// The command line of `serve`. Every flag can be given by the environment as well.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    sign_in: SignInArgs,
    /// Where data is kept: the embedded store and what must stay secret.
    #[arg(long, env = "ATELIER_DATA", default_value = "data")]
    data: PathBuf,
    #[command(flatten)]
    seal: SealArgs,
    /// The page, built.
    #[arg(long, env = "ATELIER_WEB", default_value = "web/dist")]
    web: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// A secret as it was given; never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// The configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// How browsers connect.
    pub http: Http,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Where data is kept.
    pub data: PathBuf,
    /// Where the store is.
    pub store: StoreAt,
    /// Seals secrets.
    pub seal: Seal,
    /// The page, built.
    pub web: PathBuf,
    /// The model.
    pub model: Model,
    /// The container engine.
    pub engine: Engine,
    /// Limits.
    pub limits: Limits,
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct Mistakes(Vec<String>);

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the configuration has {} mistake(s):", self.0.len())?;
        for mistake in &self.0 {
            writeln!(f, "  - {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Collects mistakes.
#[derive(Debug, Default)]
pub(crate) struct Checker(Vec<String>);

impl Checker {
    /// The value, or a mistake noted under `name`.
    pub(crate) fn take<T, E: std::fmt::Display>(&mut self, name: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.0.push(format!("{name}: {error:#}"))).ok()
    }

    /// The parsed text, or a mistake.
    pub(crate) fn parse<T: std::str::FromStr>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let parsed = text.parse::<T>();
        self.take(name, parsed.map_err(|error| format!("{text:?}: {error}")))
    }

    /// The number, or a mistake if it is none or not `sane`.
    pub(crate) fn number<T>(
        &mut self,
        name: &str,
        text: &str,
        sane: impl Fn(T) -> bool,
        mistake: &str,
    ) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display> + Copy,
    {
        let number = self.parse(name, text)?;
        self.ensure(name, sane(number), format!("{text}: {mistake}"));
        Some(number)
    }

    /// A mistake unless `ok`.
    pub(crate) fn ensure(&mut self, name: &str, ok: bool, mistake: impl Into<String>) {
        if !ok {
            self.0.push(format!("{name}: {}", mistake.into()));
        }
    }

    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Mistakes(self.0)),
        }
    }
}

/// Makes the data folder if it is missing, and keeps everyone but its owner out: what people say lies in it in the clear.
fn make_private(data: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(data)?;
    let mode = std::fs::metadata(data)?.permissions().mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        std::fs::set_permissions(data, Permissions::from_mode(mode & 0o700))
    }
}

impl ServeArgs {
    /// Where data is kept.
    pub const fn data(&self) -> &PathBuf {
        &self.data
    }

    /// Checks everything.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(self) -> Result<Config, Mistakes> {
        let mut checker = Checker::default();
        let config = self.checked(&mut checker);
        checker.finish(config)
    }

    fn checked(self, checker: &mut Checker) -> Option<Config> {
        let made = make_private(&self.data);
        checker.take("--data", made.map_err(|error| format!("{}: {error}", self.data.display())));
        let sign_in = self.sign_in.checked(checker, &self.data);
        let local = sign_in.as_ref().is_some_and(|sign_in| sign_in.oidc.is_none());
        let http = self.http.checked(checker, local);
        let seal = self.seal.checked(checker, &self.data);
        let index = self.web.join("index.html");
        let words = format!("there is no page at {}; build it with `make web`", index.display());
        checker.ensure("--web", index.is_file(), words);
        let store = self.store.checked(checker, &self.data);
        let model = self.model.checked(checker, &self.data);
        let engine = self.engine.checked(checker);
        let limits = self.limits.checked(checker);
        Some(Config {
            http: http?,
            sign_in: sign_in?,
            data: self.data,
            store: store?,
            seal: seal?,
            web: self.web,
            model: model?,
            engine: engine?,
            limits: limits?,
        })
    }
}

/// The command line of what works on a store beside `serve`.
#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// Where data is kept: the embedded store and what must stay secret.
    #[arg(long, env = "ATELIER_DATA", default_value = "data")]
    data: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

impl DataArgs {
    /// The data folder, which must be there, and where the store is.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(self) -> Result<(PathBuf, StoreAt), Mistakes> {
        let mut checker = Checker::default();
        let missing = format!("there is no data folder {}", self.data.display());
        checker.ensure("--data", self.data.is_dir(), missing);
        let store = self.store.checked(&mut checker, &self.data);
        checker.finish(store.map(|store| (self.data, store)))
    }
}

//! The model: where it is, with which key, what may be asked of it and for how much.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{Checker, Secret};
use crate::gateway::access::Credential;
use crate::gateway::policy::{Policy, Price};

/// Betas of the Messages API that the pinned CLI asks for; others are stripped.
const BETAS: &str = "claude-code-*,interleaved-thinking-*,context-management-*,prompt-caching-*,effort-*,\
                     fine-grained-tool-streaming-*,context-1m-*,advanced-tool-use-*,tool-search-*,\
                     structured-outputs-*,web-search-*,task-budgets-*,fast-mode-*,token-efficient-tools-*";

/// Flags about the model.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// The model API's base URL.
    #[arg(long, env = "ATELIER_UPSTREAM", default_value = "https://api.anthropic.com")]
    upstream: String,
    /// A file with the operator's API key. [default: anthropic-key in the data folder, if it is there]
    #[arg(long, env = "ATELIER_ANTHROPIC_KEY_FILE")]
    anthropic_key_file: Option<PathBuf>,
    /// The key itself. Takes precedence over the file.
    #[arg(long, env = "ATELIER_ANTHROPIC_KEY", hide_env_values = true)]
    anthropic_key: Option<Secret>,
    /// A scripted model answers, not Claude; the page says so.
    #[arg(long, env = "ATELIER_DEMO")]
    demo: bool,
    /// Models that may be asked, separated by commas; one that ends in * stands for all that begin so. [default: any]
    #[arg(long, env = "ATELIER_MODELS", value_delimiter = ',')]
    models: Vec<String>,
    /// Betas that may be asked for, likewise.
    #[arg(long, env = "ATELIER_BETAS", value_delimiter = ',', default_value = BETAS)]
    betas: Vec<String>,
    /// A JSON file with prices: a list of {model, input, output, cache_read, cache_write}, in US dollars a million
    /// tokens.
    #[arg(long, env = "ATELIER_PRICES")]
    prices: Option<PathBuf>,
    /// What a workspace may spend in 30 days, in US dollars. Needs prices.
    #[arg(long, env = "ATELIER_BUDGET_USD")]
    budget_usd: Option<String>,
    /// Model requests of one workspace at a time.
    #[arg(long, env = "ATELIER_REQUESTS", default_value = "16")]
    requests: String,
}

/// The model, checked.
#[derive(Debug)]
pub struct Model {
    /// Its API's base URL, without a trailing slash.
    pub upstream: String,
    /// The operator's key.
    pub credential: Option<Credential>,
    /// A scripted model answers.
    pub demo: bool,
    /// What is allowed.
    pub policy: Policy,
}

impl ModelArgs {
    pub(super) fn checked(self, checker: &mut Checker, data: &Path) -> Option<Model> {
        let upstream = self.upstream.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&upstream).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        checker.ensure("--upstream", url.is_some(), format!("{upstream:?} is no http or https URL"));
        let credential = self.credential(checker, data);
        let prices = match &self.prices {
            Some(path) => checker.take("--prices", read_prices(path)),
            None => Some(Vec::new()),
        };
        let money = |budget: f64| budget.is_finite() && budget >= 0.0;
        let budget = self.budget_usd.as_deref();
        let budget = budget.map(|text| checker.number("--budget-usd", text, money, "not an amount of money"));
        let priced = self.budget_usd.is_none() || self.prices.is_some();
        checker.ensure("--budget-usd", priced, "a budget needs --prices");
        let some = |requests: usize| requests > 0;
        let requests = checker.number("--requests", &self.requests, some, "at least one");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let budget_micro_usd = match budget {
            Some(budget) => Some((budget? * 1e6) as u64),
            None => None,
        };
        let policy = Policy {
            models: trimmed(self.models),
            betas: trimmed(self.betas),
            prices: prices?,
            budget_micro_usd,
            at_a_time: requests?,
        };
        Some(Model { upstream, credential: credential?, demo: self.demo, policy })
    }

    /// The key, if one is given. The outer `None`: what is given is wrong.
    fn credential(&self, checker: &mut Checker, data: &Path) -> Option<Option<Credential>> {
        let default = data.join("anthropic-key");
        match (&self.anthropic_key, &self.anthropic_key_file) {
            (Some(key), _) if !key.text().trim().is_empty() => {
                checker.take("ATELIER_ANTHROPIC_KEY", Credential::new(key.text())).map(Some)
            }
            (_, Some(file)) => checker.take("--anthropic-key-file", Credential::from_file(file)).map(Some),
            (_, None) if default.exists() => {
                checker.take("anthropic-key", Credential::from_file(&default)).map(Some)
            }
            (_, None) => Some(None),
        }
    }
}

fn trimmed(list: Vec<String>) -> Vec<String> {
    list.into_iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

fn read_prices(path: &Path) -> anyhow::Result<Vec<Price>> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let prices: Vec<Price> = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    for price in &prices {
        let amounts = [price.input, price.output, price.cache_read, price.cache_write];
        let sane = amounts.iter().all(|amount| amount.is_finite() && *amount >= 0.0);
        anyhow::ensure!(sane, "{}: the price of {} is no amount of money", path.display(), price.model);
    }
    Ok(prices)
}

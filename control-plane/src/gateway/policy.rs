//! What a workspace may ask of the model, and what it costs. Pure.

use axum::http::StatusCode;
use serde::Deserialize;

use super::Refusal;
use crate::store::records::UsageRecord;

/// A budget is for this many days, counting today.
pub const BUDGET_DAYS: u32 = 30;

/// What is allowed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Models that may be asked; empty: any. An entry that ends in `*` stands for all that begin so.
    pub models: Vec<String>,
    /// Betas that may be asked for, likewise.
    pub betas: Vec<String>,
    /// What models cost. Under a budget a model without a price is refused.
    pub prices: Vec<Price>,
    /// What a workspace may spend in [`BUDGET_DAYS`] days, in micro-dollars.
    pub budget_micro_usd: Option<u64>,
    /// Requests of one workspace at a time.
    pub at_a_time: usize,
}

/// What a model costs, in US dollars a million tokens.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Which; one that ends in `*` stands for all that begin so.
    pub model: String,
    /// Tokens read anew.
    pub input: f64,
    /// Tokens written.
    pub output: f64,
    /// Tokens read from the cache.
    pub cache_read: f64,
    /// Tokens written to the cache.
    pub cache_write: f64,
}

#[derive(Deserialize)]
struct Asked {
    model: String,
}

impl Policy {
    /// The model that a request asks for, if it may. `budgeted`: it counts against the budget, if there is one.
    ///
    /// # Errors
    /// When the request names no model, or one that is not allowed.
    pub fn model_of(&self, path: &str, body: &[u8], budgeted: bool) -> Result<String, Refusal> {
        if path == "/v1/models" {
            return Ok(String::new());
        }
        // What is not UTF-8 is no JSON, and others might read another model in it.
        let text = std::str::from_utf8(body).map_err(|_| invalid("the request is not UTF-8"))?;
        let asked: Asked = serde_json::from_str(text).map_err(|_| invalid("the request names no model"))?;
        let model = asked.model;
        let listed = self.models.is_empty() || self.models.iter().any(|entry| covers(entry, &model));
        if !listed {
            let message = format!("the model {model} is not offered here");
            return Err(Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message });
        }
        if budgeted && self.budget_micro_usd.is_some() && self.price(&model).is_none() {
            let message = format!("there is a budget, and no price is configured for the model {model}");
            return Err(Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message });
        }
        Ok(model)
    }

    fn price(&self, model: &str) -> Option<&Price> {
        self.prices.iter().find(|price| covers(&price.model, model))
    }

    /// What this usage costs, in micro-dollars; 0 without a price.
    pub fn cost(&self, model: &str, usage: &UsageRecord) -> u64 {
        let Some(price) = self.price(model) else { return 0 };
        let parts = [
            (usage.input, price.input),
            (usage.output, price.output),
            (usage.cache_read, price.cache_read),
            (usage.cache_write, price.cache_write),
        ];
        // Dollars a million tokens are micro-dollars a token.
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let total: f64 = parts.iter().map(|(tokens, price)| *tokens as f64 * price.max(0.0)).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let total = total.ceil().clamp(0.0, 1e15) as u64;
        total
    }
}

fn covers(entry: &str, model: &str) -> bool {
    entry.strip_suffix('*').map_or(entry == model, |prefix| model.starts_with(prefix))
}

fn invalid(message: &str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, kind: "invalid_request_error", message: message.to_owned() }
}

/// There is no key.
pub fn no_key() -> Refusal {
    let message = "the operator of this Atelier has not given it a model key yet".to_owned();
    Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message }
}

/// The key is wrong.
pub fn key_refused() -> Refusal {
    let message =
        "the model's API refuses the key of this Atelier; its operator has to replace it".to_owned();
    Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message }
}

/// A user's own key is wrong.
pub fn own_key_refused() -> Refusal {
    let message = "the model's API refuses your own key; replace or remove it in the settings".to_owned();
    Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message }
}

/// The budget is used up.
pub fn over_budget(limit_micro_usd: u64) -> Refusal {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let dollars = limit_micro_usd as f64 / 1e6;
    let message = format!("this workspace's budget of ${dollars:.2} for {BUDGET_DAYS} days is used up");
    Refusal { status: StatusCode::FORBIDDEN, kind: "permission_error", message }
}

/// Too many at a time. The CLI waits and tries again.
pub fn too_many(most: usize) -> Refusal {
    let message = format!("this workspace has {most} model requests running already");
    Refusal { status: StatusCode::TOO_MANY_REQUESTS, kind: "rate_limit_error", message }
}

/// It has no length beforehand.
pub fn no_length() -> Refusal {
    let message = "the request does not say how long it is".to_owned();
    Refusal { status: StatusCode::LENGTH_REQUIRED, kind: "invalid_request_error", message }
}

/// It is larger than the model's API takes.
pub fn too_large() -> Refusal {
    let message = format!("the request is over {} MiB", super::REQUEST_BYTES / 1024 / 1024);
    Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, kind: "request_too_large", message }
}

/// It broke off. Nobody hears this.
pub fn cut_off() -> Refusal {
    invalid("the request broke off")
}

/// It did not come in, or there was no room for it. The CLI tries again.
pub fn too_slow() -> Refusal {
    let message = "the request took too long to come in".to_owned();
    Refusal { status: StatusCode::REQUEST_TIMEOUT, kind: "api_error", message }
}

/// The model's API can't be reached. The CLI tries again.
pub fn unreachable(detail: String) -> Refusal {
    let message = format!("the model can't be reached: {detail}");
    Refusal { status: StatusCode::BAD_GATEWAY, kind: "api_error", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_of(policy: &Policy, body: &str) -> Result<String, Refusal> {
        policy.model_of("/v1/messages", body.as_bytes(), true)
    }

    fn price() -> Price {
        Price {
            model: "claude-opus-*".into(),
            input: 15.0,
            output: 75.0,
            cache_read: 1.5,
            cache_write: 18.75,
        }
    }

    #[test]
    fn only_listed_models_are_served() {
        let policy = Policy { models: vec!["claude-haiku-*".into(), "one".into()], ..Policy::default() };
        assert_eq!(model_of(&policy, r#"{"model":"claude-haiku-4-5","x":1}"#).unwrap(), "claude-haiku-4-5");
        assert_eq!(model_of(&policy, r#"{"model":"two"}"#).unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(model_of(&policy, "{}").unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(model_of(&policy, "no json").unwrap_err().status, StatusCode::BAD_REQUEST);
        let not_text = b"{\"model\":\"one\",\"mod\xffel\":\"two\"}";
        let refused = policy.model_of("/v1/messages", not_text, true).unwrap_err();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn under_a_budget_a_model_without_a_price_is_refused() {
        let policy = Policy { budget_micro_usd: Some(1), prices: vec![price()], ..Policy::default() };
        assert!(model_of(&policy, r#"{"model":"claude-opus-5-5"}"#).is_ok());
        assert!(model_of(&policy, r#"{"model":"unpriced"}"#).is_err());
        let own = policy.model_of("/v1/messages", br#"{"model":"unpriced"}"#, false);
        assert!(own.is_ok(), "what a user's own key pays for needs no price");
    }

    #[test]
    fn costs_are_micro_dollars() {
        let policy = Policy { prices: vec![price()], ..Policy::default() };
        let usage = UsageRecord { input: 1_000_000, output: 1_000, cache_read: 10, ..UsageRecord::default() };
        assert_eq!(policy.cost("claude-opus-5-5", &usage), 15_000_000 + 75_000 + 15);
        assert_eq!(policy.cost("unpriced", &usage), 0);
    }
}

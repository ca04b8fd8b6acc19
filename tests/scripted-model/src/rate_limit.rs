//! The unified rate limit headers, on demand: a prompt says `RATELIMIT <status> <utilization>`. Pure.

use std::time::{Duration, SystemTime};

const FIVE_HOUR_RESET: Duration = Duration::from_secs(3600);
const SEVEN_DAY_RESET: Duration = Duration::from_secs(3 * 86_400);

/// What a prompt asks the headers to say.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct RateLimit {
    status: String,
    utilization: String,
}

impl RateLimit {
    /// Finds the words in a prompt.
    pub(crate) fn find(prompt: &str) -> Option<Self> {
        let (_, after) = prompt.split_once("RATELIMIT ")?;
        let mut words = after.split_whitespace();
        let status: String =
            words.next()?.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let utilization: String =
            words.next()?.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        (!status.is_empty() && !utilization.is_empty()).then_some(Self { status, utilization })
    }

    /// The headers, as `now` has them.
    pub(crate) fn headers(&self, now: SystemTime) -> Vec<(&'static str, String)> {
        let epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let after = |wait: Duration| (epoch + wait).as_secs().to_string();
        vec![
            ("anthropic-ratelimit-unified-status", self.status.clone()),
            ("anthropic-ratelimit-unified-reset", after(FIVE_HOUR_RESET)),
            ("anthropic-ratelimit-unified-representative-claim", "five_hour".into()),
            ("anthropic-ratelimit-unified-5h-status", self.status.clone()),
            ("anthropic-ratelimit-unified-5h-utilization", self.utilization.clone()),
            ("anthropic-ratelimit-unified-5h-reset", after(FIVE_HOUR_RESET)),
            ("anthropic-ratelimit-unified-7d-status", "allowed".into()),
            ("anthropic-ratelimit-unified-7d-utilization", "0.3".into()),
            ("anthropic-ratelimit-unified-7d-reset", after(SEVEN_DAY_RESET)),
            ("anthropic-ratelimit-unified-fallback-percentage", "0.5".into()),
            ("anthropic-ratelimit-unified-overage-status", "rejected".into()),
            ("anthropic-ratelimit-unified-overage-disabled-reason", "org_level_disabled".into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::RateLimit;

    #[test]
    fn the_words_are_found_anywhere_in_the_prompt() {
        let limit = RateLimit::find("please RATELIMIT allowed_warning 0.85, and\nSLOW 3").unwrap();
        let headers = limit.headers(SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
        let header = |name: &str| {
            let name = format!("anthropic-ratelimit-unified-{name}");
            headers.iter().find(|(key, _)| *key == name).unwrap().1.as_str()
        };
        assert_eq!(header("status"), "allowed_warning");
        assert_eq!(header("5h-utilization"), "0.85");
        assert_eq!(header("5h-reset"), "4600");
    }

    #[test]
    fn without_both_words_there_are_none() {
        for prompt in ["", "RATELIMIT", "RATELIMIT allowed", "RATELIMIT allowed much", "ratelimit allowed 1"]
        {
            assert_eq!(RateLimit::find(prompt), None, "{prompt}");
        }
    }
}

//! A server on a free port, and a client that reads its streams.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use scripted_model::{Config, Outcome, Record, Serving, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Model {
    pub(crate) serving: Serving,
    http: Client,
}

impl Model {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, config, CancellationToken::new()).await.unwrap();
        Self { serving, http: client() }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(self.url(path)).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(self.url(path))
    }

    pub(crate) async fn ask(&self, body: &Value) -> Response {
        self.post("/v1/messages?beta=true", body).send().await.unwrap()
    }

    /// Asks for a streamed answer to `prompt`.
    pub(crate) async fn stream(&self, prompt: &str) -> Events {
        Events::of(self.ask(&streamed(prompt)).await)
    }

    /// The one record for which `which` holds, once it has ended.
    pub(crate) async fn ended(&self, which: impl Fn(&Record) -> bool) -> Record {
        self.recorded(|record| which(record) && record.outcome != Outcome::Open).await
    }

    /// The first record for which `which` holds, as soon as there is one.
    pub(crate) async fn recorded(&self, which: impl Fn(&Record) -> bool) -> Record {
        let found = async {
            loop {
                if let Some(record) = self.serving.requests().into_iter().find(&which) {
                    return record;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("no such record")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.serving.base_url())
    }
}

/// A client with no pool: a dropped answer is a closed connection.
pub(crate) fn client() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build().unwrap()
}

/// A request with one prompt.
pub(crate) fn asking(prompt: &str) -> Value {
    json!({"model": "claude-opus-5-5", "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}]})
}

/// The same, to be streamed.
pub(crate) fn streamed(prompt: &str) -> Value {
    let mut body = asking(prompt);
    body["stream"] = true.into();
    body
}

/// The events of a streamed answer.
pub(crate) struct Events {
    response: Response,
    read: String,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        Self { response, read: String::new() }
    }

    /// The next event; none at the end, an error when the connection was cut.
    pub(crate) async fn next(&mut self) -> reqwest::Result<Option<Value>> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (name, data) = event.split_once('\n').unwrap();
                let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
                self.read = rest.to_owned();
                return Ok(Some(data));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.read.push_str(std::str::from_utf8(&bytes).unwrap()),
                None => {
                    assert_eq!(self.read, "", "the stream ends with a whole event");
                    return Ok(None);
                }
            }
        }
    }

    /// Reads on until the text of the answer ends with `text`.
    pub(crate) async fn until_text(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen.ends_with(text) {
            let event = self.next().await.unwrap().expect("the answer ended before");
            seen.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        }
    }

    /// All events that are left, and whether the connection was cut.
    pub(crate) async fn rest(mut self) -> (Vec<Value>, bool) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, false),
                Err(_) => return (events, true),
            }
        }
    }

    /// All events of an answer that ends well.
    pub(crate) async fn all(self) -> Vec<Value> {
        let (events, cut) = self.rest().await;
        assert!(!cut, "the connection was cut");
        events
    }
}

/// The text that the deltas among `events` add up to.
pub(crate) fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect()
}

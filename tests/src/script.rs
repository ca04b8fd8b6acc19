//! A script: somebody who has an API token and no browser.

use std::pin::Pin;

use anyhow::Context;
use futures_util::{Stream, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::stack::PATIENCE;
use crate::{Stack, Viewer};

/// A script with a token.
#[derive(Clone, Debug)]
pub struct Script {
    http: reqwest::Client,
    base: String,
    /// The token.
    pub token: String,
    /// Its name in lists.
    pub id: String,
}

/// One server-sent event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its kind.
    pub kind: String,
    /// The cursor that stands for having it.
    pub id: Option<String>,
    /// What it tells.
    pub data: Value,
}

/// A conversation as a script follows it.
pub struct Events(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Script {
    /// A script of a viewer's, with a token that they make at the page.
    ///
    /// # Errors
    /// When the token can't be made.
    pub async fn of(stack: &Stack, viewer: &Viewer, scopes: &[&str]) -> anyhow::Result<Self> {
        let made =
            viewer.post("/api/tokens", &json!({ "name": "a script", "scopes": scopes, "days": 1 })).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            base: stack.base_url(),
            token: text(&made["token"])?,
            id: text(&made["view"]["id"])?,
        })
    }

    /// Asks the API something; the status and what it says.
    ///
    /// # Errors
    /// When nothing is answered.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Asks for something that must succeed.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn done(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.ask(method.clone(), path, body).await?;
        anyhow::ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    /// A new conversation.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn conversation(&self) -> anyhow::Result<String> {
        let made = self.done(Method::POST, "/api/conversations", &json!({})).await?;
        made["id"].as_str().map(str::to_owned).context("no id")
    }

    /// Sends a message; its id, and the cursor to follow it from.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn send(&self, conversation: &str, text: &str) -> anyhow::Result<(String, String)> {
        let id = Uuid::new_v4().to_string();
        let path = format!("/api/conversations/{conversation}/messages");
        let sent = self.done(Method::POST, &path, &json!({ "id": id, "text": text })).await?;
        Ok((id, sent["cursor"].as_str().context("no cursor")?.to_owned()))
    }

    /// Follows a conversation from a cursor.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn follow(&self, conversation: &str, cursor: &str) -> anyhow::Result<Events> {
        let url = format!("{}/api/conversations/{conversation}/stream", self.base);
        let request = self.http.get(url).bearer_auth(&self.token).header("last-event-id", cursor);
        let answer = request.send().await?.error_for_status()?;
        let bytes = Box::pin(answer.bytes_stream());
        let events =
            futures_util::stream::unfold((bytes, String::new()), |(mut bytes, mut text)| async move {
                loop {
                    if let Some((frame, rest)) = text.split_once("\n\n") {
                        let event = event(frame);
                        text = rest.to_owned();
                        match event {
                            Some(event) => return Some((event, (bytes, text))),
                            None => continue,
                        }
                    }
                    let more = bytes.next().await?.ok()?;
                    text.push_str(std::str::from_utf8(&more).ok()?);
                }
            });
        Ok(Events(Box::pin(events)))
    }
}

fn event(frame: &str) -> Option<Event> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).ok()?;
    Some(Event { kind: field("event")?.to_owned(), id: field("id").map(str::to_owned), data })
}

impl Events {
    /// The next event, if the stream goes on.
    ///
    /// # Errors
    /// When nothing comes in time.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        timeout(PATIENCE, self.0.next()).await.context("nothing comes")
    }

    /// The next event of the log of that kind.
    ///
    /// # Errors
    /// When the stream ends, or nothing of the kind comes in time.
    pub async fn log(&mut self, kind: &str) -> anyhow::Result<Event> {
        let looking = async {
            loop {
                let event = self.next().await?.with_context(|| format!("no {kind}: the stream ended"))?;
                if event.kind == "event" && event.data["kind"] == kind {
                    return anyhow::Ok(event);
                }
            }
        };
        timeout(PATIENCE, looking).await.with_context(|| format!("no {kind}"))?
    }
}

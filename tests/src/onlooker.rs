//! What an operator sees: a client of the fleet's socket that keeps the list as a page does.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::stack::PATIENCE;
use crate::viewer::{self, Socket, Viewer};

/// An operator who looks at the fleet.
#[derive(Debug)]
pub struct Onlooker {
    /// The rows by workspace, as they are.
    pub rows: BTreeMap<String, Value>,
    /// Every row that came, in order.
    pub told: Vec<Value>,
    /// How many workspaces there are, and how many are connected.
    pub totals: Value,
    /// Everything that came, as it came.
    pub raw: String,
    answers: BTreeMap<u32, Value>,
    whole: bool,
    socket: Socket,
    next_re: u32,
}

impl Onlooker {
    /// Opens the socket with a viewer's cookie.
    ///
    /// # Errors
    /// When it is refused; the error holds the answer.
    pub async fn open(viewer: &Viewer) -> anyhow::Result<Self> {
        let origin = format!("http://{}", viewer.public());
        let headers =
            [("origin", &*origin), ("cookie", &*viewer.cookie), ("sec-websocket-protocol", "atelier.v1")];
        let socket = viewer::connect_to(viewer.public(), "/fleet", &headers).await?;
        let mut onlooker = Self {
            rows: BTreeMap::new(),
            told: Vec::new(),
            totals: Value::Null,
            raw: String::new(),
            answers: BTreeMap::new(),
            whole: false,
            socket,
            next_re: 0,
        };
        onlooker.until("the list is whole", |seen| seen.whole.then_some(())).await?;
        Ok(onlooker)
    }

    /// Begins the list anew.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn list(&mut self, stopped: bool) -> anyhow::Result<()> {
        let answer = self.ask(json!({ "type": "list", "stopped": stopped })).await?;
        anyhow::ensure!(answer["type"] == "done", "refused: {answer}");
        self.whole = false;
        self.until("the list is whole", |seen| seen.whole.then_some(())).await
    }

    /// Does something to a workspace, about the state that was last seen of it.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn act(&mut self, workspace: &str, act: &str) -> anyhow::Result<Value> {
        let seen = self.rows[workspace]["status"]["generation"].clone();
        self.act_on(workspace, &seen, act).await
    }

    /// Does something to a workspace, about a state that was seen of it.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn act_on(&mut self, workspace: &str, seen: &Value, act: &str) -> anyhow::Result<Value> {
        self.ask(json!({ "type": "act", "workspace": workspace, "seen": seen, "act": act })).await
    }

    async fn ask(&mut self, mut request: Value) -> anyhow::Result<Value> {
        self.next_re += 1;
        let re = self.next_re;
        request["re"] = re.into();
        self.socket.send(Message::text(request.to_string())).await?;
        self.until("the request is answered", |seen| seen.answers.get(&re).cloned()).await
    }

    /// Waits until the row of a workspace is as `found` wants it.
    ///
    /// # Errors
    /// See [`Onlooker::until`].
    pub async fn row(
        &mut self,
        what: &str,
        workspace: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        self.until(what, |seen| seen.rows.get(workspace).filter(|row| found(row)).cloned()).await
    }

    /// Reads until what was seen satisfies `found`.
    ///
    /// # Errors
    /// When it takes too long, or the socket breaks: with what was seen.
    pub async fn until<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> anyhow::Result<T> {
        let reading = async {
            loop {
                if let Some(found) = found(self) {
                    return Ok(found);
                }
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => self.take(&text)?,
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map_or(1005, |frame| frame.code.into());
                        anyhow::bail!("the socket was closed ({code})");
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => anyhow::bail!("the socket ended"),
                }
            }
        };
        match timeout(PATIENCE, reading).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(error.context(format!("while waiting until {what}"))),
            Err(_) => anyhow::bail!("{what}: waited in vain; seen: {:#?}", self.rows),
        }
    }

    fn take(&mut self, text: &str) -> anyhow::Result<()> {
        let message: Value = serde_json::from_str(text)?;
        self.raw.push_str(text);
        match message["type"].as_str().unwrap_or_default() {
            "fleet" => self.take_rows(&message),
            "done" | "refused" => {
                let re = message["re"].as_u64().and_then(|re| u32::try_from(re).ok()).unwrap_or_default();
                self.answers.insert(re, message);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_rows(&mut self, message: &Value) {
        if message["begin"] == true {
            self.rows.clear();
        }
        for row in message["rows"].as_array().into_iter().flatten() {
            let id = row["workspace"].as_str().unwrap_or_default().to_owned();
            self.rows.insert(id, row.clone());
            self.told.push(row.clone());
        }
        for gone in message["gone"].as_array().into_iter().flatten() {
            self.rows.remove(gone.as_str().unwrap_or_default());
        }
        self.totals = message["totals"].clone();
        self.whole = message["more"] == false;
    }
}

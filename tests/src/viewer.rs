//! What a browser sees: a client of the viewer socket that keeps everything it is told.

pub mod terminals;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use protocol::TerminalId;
use protocol::frame::{TerminalFrame, encode_terminal};
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

use crate::stack::PATIENCE;

/// A socket like a browser's.
pub type Socket = WebSocketStream<TcpStream>;

/// A signed-in viewer.
#[derive(Debug)]
pub struct Viewer {
    /// Who.
    pub me: Value,
    /// Their cookie.
    pub cookie: String,
    /// Everything that was told.
    pub seen: Seen,
    public: SocketAddr,
    http: reqwest::Client,
    /// Whether what terminals show is acknowledged as it comes.
    pub acks: bool,
    socket: Socket,
    next_re: u32,
    /// Who types, across reconnects.
    source: u64,
    typed: BTreeMap<TerminalId, Vec<u8>>,
}

/// Everything that a viewer was told.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The workspace's status.
    pub workspace: Value,
    /// Every status there was.
    pub phases: Vec<Value>,
    /// The last welcome.
    pub welcome: Value,
    /// The conversations in the list.
    pub list: BTreeMap<String, Value>,
    /// Events by conversation, in the order in which they came.
    pub events: BTreeMap<String, Vec<Value>>,
    /// Outbox items by id.
    pub items: BTreeMap<String, Value>,
    /// Notices.
    pub notices: Vec<Value>,
    /// Live text by block.
    pub live: BTreeMap<String, String>,
    /// What each `open` came to.
    pub opened: Vec<Value>,
    /// Requests by their number: nothing yet, done, or refused.
    pub answers: BTreeMap<u32, Option<Value>>,
    /// What the conversation is doing.
    pub activity: Value,
    /// What the CLI offers, once one has said so since this viewer connected.
    pub catalog: Value,
    /// What there was of terminals.
    pub terminals: terminals::Terminals,
    /// Why the socket was closed, if it was.
    pub closed: Option<u16>,
}

impl Seen {
    /// The events of a conversation.
    pub fn log(&self, conversation: &str) -> &[Value] {
        self.events.get(conversation).map_or(&[], Vec::as_slice)
    }

    /// The events of one kind.
    pub fn of_kind<'a>(&'a self, conversation: &str, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.get(conversation).into_iter().flatten().filter(move |event| event["kind"] == kind)
    }

    /// The last event of one kind.
    pub fn last(&self, conversation: &str, kind: &str) -> Option<Value> {
        self.events.get(conversation)?.iter().rev().find(|event| event["kind"] == kind).cloned()
    }

    /// The state of an outbox item.
    pub fn item_state(&self, item: &str) -> &str {
        self.items.get(item).and_then(|item| item["state"]["type"].as_str()).unwrap_or_default()
    }

    /// All of Claude's final text.
    pub fn text(&self, conversation: &str) -> String {
        let texts = self
            .of_kind(conversation, "text")
            .map(|event| event["text"]["text"].as_str().unwrap_or_default());
        texts.collect::<Vec<_>>().join("\n")
    }

    /// What live text there is.
    pub fn live_text(&self) -> String {
        self.live.values().cloned().collect()
    }

    fn take(&mut self, message: Value) {
        self.terminals.take(&message);
        let conversation = message["conversation"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap_or_default() {
            "welcome" => {
                self.workspace = message["workspace"].clone();
                for view in message["conversations"].as_array().into_iter().flatten() {
                    self.list.insert(view["id"].as_str().unwrap_or_default().to_owned(), view.clone());
                }
                self.welcome = message;
            }
            "workspace" => {
                self.workspace = message["status"].clone();
                self.phases.push(message["status"]["phase"].clone());
            }
            "conversation" => {
                let view = message["conversation"].clone();
                self.list.insert(view["id"].as_str().unwrap_or_default().to_owned(), view);
            }
            "conversation_deleted" => {
                self.list.remove(&conversation);
            }
            "opened" => {
                if message["verdict"]["type"] == "snapshot" {
                    self.events.remove(&conversation);
                    self.live.clear();
                }
                self.opened.push(message);
            }
            "events" => {
                let log = self.events.entry(conversation).or_default();
                for event in message["events"].as_array().into_iter().flatten() {
                    if let Some(block) = event["block"].as_str() {
                        self.live.remove(block);
                    }
                    log.push(event.clone());
                }
            }
            "outbox" => {
                for item in message["items"].as_array().into_iter().flatten() {
                    self.items.insert(item["id"].as_str().unwrap_or_default().to_owned(), item.clone());
                }
            }
            "notices" => self.notices.extend(message["notices"].as_array().into_iter().flatten().cloned()),
            "live" => {
                let block = message["block"].as_str().unwrap_or_default().to_owned();
                let text = message["text"].as_str().unwrap_or_default();
                let known = self.live.entry(block).or_default();
                if message["restart"] == true {
                    known.clear();
                }
                known.push_str(text);
            }
            "retract" => {
                for block in message["blocks"].as_array().into_iter().flatten() {
                    self.live.remove(block.as_str().unwrap_or_default());
                }
            }
            "activity" => self.activity = message["activity"].clone(),
            "catalog" => self.catalog = message["catalog"].clone(),
            "done" | "refused" => {
                let re = message["re"].as_u64().and_then(|re| u32::try_from(re).ok()).unwrap_or_default();
                self.answers.insert(re, Some(message));
            }
            _ => {}
        }
    }
}

impl Viewer {
    /// Signs in with a one-time code and connects.
    ///
    /// # Errors
    /// When either fails.
    pub async fn sign_in(public: SocketAddr, code: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let base = format!("http://{public}");
        let response = http
            .post(format!("{base}/api/sign-in/local"))
            .header(ORIGIN, &base)
            .json(&json!({ "code": code }))
            .send()
            .await?
            .error_for_status()?;
        let cookie = response.headers().get(SET_COOKIE).context("no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Self::with_cookie(public, cookie).await
    }

    /// Connects with a session's cookie.
    ///
    /// # Errors
    /// When the cookie is no good.
    pub async fn with_cookie(public: SocketAddr, cookie: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let base = format!("http://{public}");
        let me: Value = http
            .get(format!("{base}/api/user/profile"))
            .header(COOKIE, &cookie)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let socket = connect(public, me["id"].as_str().unwrap_or_default(), &cookie).await?;
        Ok(Self::new(me, cookie, public, http, socket))
    }

    fn new(me: Value, cookie: String, public: SocketAddr, http: reqwest::Client, socket: Socket) -> Self {
        // A number that a browser can hold, too.
        let source = rand::random::<u64>() >> 11;
        let (seen, typed) = (Seen::default(), BTreeMap::new());
        Self { me, cookie, seen, public, http, acks: true, socket, next_re: 0, source, typed }
    }

    /// Another browser of the same person.
    ///
    /// # Errors
    /// When it can't connect.
    pub async fn another(&self) -> anyhow::Result<Self> {
        let socket = connect(self.public, self.user_id(), &self.cookie).await?;
        Ok(Self::new(self.me.clone(), self.cookie.clone(), self.public, self.http.clone(), socket))
    }

    /// The user's id.
    pub fn user_id(&self) -> &str {
        self.me["id"].as_str().unwrap_or_default()
    }

    /// Connects again, as a page does after a reload or a lost network, and goes on from where it was.
    ///
    /// # Errors
    /// When it can't connect.
    pub async fn reconnect(&mut self) -> anyhow::Result<()> {
        let connecting = async {
            loop {
                match connect(self.public, self.user_id(), &self.cookie).await {
                    Ok(socket) => return socket,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            }
        };
        self.socket = timeout(PATIENCE, connecting).await.context("the control plane does not come back")?;
        self.seen.closed = None;
        Ok(())
    }

    /// Makes a conversation and follows it.
    ///
    /// # Errors
    /// When it can't be made.
    pub async fn conversation(&mut self) -> anyhow::Result<String> {
        let view = self.post("/api/conversations", &json!({ "id": Uuid::new_v4() })).await?;
        let id = view["id"].as_str().context("no id")?.to_owned();
        self.open(&id, None).await?;
        Ok(id)
    }

    /// Follows a conversation.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open(&mut self, conversation: &str, cursor: Option<Value>) -> anyhow::Result<()> {
        let opened = self.seen.opened.len();
        let mut request = json!({ "type": "open", "conversation": conversation });
        if let Some(cursor) = cursor {
            request["cursor"] = cursor;
        }
        self.ask(request).await?;
        self.until("the conversation is opened", |seen| (seen.opened.len() > opened).then_some(())).await
    }

    /// The cursor of what was seen of a conversation.
    pub fn cursor(&self, conversation: &str, epoch: u64) -> Value {
        let n = self.seen.log(conversation).last().and_then(|event| event["n"].as_u64()).unwrap_or(0);
        json!({ "log": { "epoch": epoch, "n": n }, "outbox": 0, "notice": 0 })
    }

    /// Sends a message and returns its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn send(&mut self, conversation: &str, text: &str) -> anyhow::Result<String> {
        let item = Uuid::new_v4().to_string();
        self.ask(json!({ "type": "send", "conversation": conversation, "item": item, "text": text })).await?;
        Ok(item)
    }

    /// Answers a prompt.
    ///
    /// # Errors
    /// When the answer is refused.
    pub async fn decide(
        &mut self,
        conversation: &str,
        prompt: &str,
        decision: Value,
    ) -> anyhow::Result<String> {
        let item = Uuid::new_v4().to_string();
        let request = json!({ "type": "answer", "conversation": conversation, "item": item, "prompt": prompt,
                              "decision": decision });
        self.ask(request).await?;
        Ok(item)
    }

    /// Presses Stop.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn stop(&mut self, conversation: &str) -> anyhow::Result<()> {
        self.ask(json!({ "type": "stop", "conversation": conversation, "item": Uuid::new_v4() })).await
    }

    /// Asks for something and waits for it to be done.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask(&mut self, request: Value) -> anyhow::Result<()> {
        let answer = self.try_ask(request).await?;
        anyhow::ensure!(answer["type"] == "done", "refused: {answer}");
        Ok(())
    }

    /// Asks for something and returns how that went.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn try_ask(&mut self, mut request: Value) -> anyhow::Result<Value> {
        self.next_re += 1;
        let re = self.next_re;
        request["re"] = re.into();
        self.socket.send(Message::text(request.to_string())).await?;
        self.until("the request is answered", |seen| seen.answers.get(&re).cloned().flatten()).await
    }

    /// Sends a frame as it is.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn send_raw(&mut self, message: Message) -> anyhow::Result<()> {
        Ok(self.socket.send(message).await?)
    }

    /// Sends a text frame that is no text.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn send_invalid_utf8(&mut self) -> anyhow::Result<()> {
        use tokio::io::AsyncWriteExt;
        // A final, masked text frame of two bytes, with a mask of zeros.
        let frame = [0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE];
        Ok(self.socket.get_mut().write_all(&frame).await?)
    }

    /// Reads until what was seen satisfies `found`.
    ///
    /// # Errors
    /// When it takes too long, or the socket breaks: with what was seen.
    pub async fn until<T>(&mut self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> anyhow::Result<T> {
        let reading = async {
            loop {
                if let Some(found) = found(&self.seen) {
                    return Ok(found);
                }
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => self.seen.take(serde_json::from_str(&text)?),
                    Some(Ok(Message::Binary(frame))) => {
                        let shown = self.seen.terminals.take_frame(&frame)?;
                        if let Some((id, offset)) = shown.filter(|_| self.acks) {
                            let ack = encode_terminal(id, &TerminalFrame::Ack { offset });
                            self.socket.send(Message::binary(ack)).await?;
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        self.seen.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
                        if let Some(found) = found(&self.seen) {
                            return Ok(found);
                        }
                        anyhow::bail!("the socket was closed ({:?})", self.seen.closed);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => anyhow::bail!("the socket ended"),
                }
            }
        };
        match timeout(PATIENCE, reading).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                Err(error.context(format!("while waiting until {what}; seen:\n{}", self.summary())))
            }
            Err(_) => anyhow::bail!("{what}: waited in vain; seen:\n{}", self.summary()),
        }
    }

    /// Waits for an event of a kind.
    ///
    /// # Errors
    /// See [`Viewer::until`].
    pub async fn event(&mut self, conversation: &str, kind: &str) -> anyhow::Result<Value> {
        self.nth_event(conversation, kind, 1).await
    }

    /// Waits for the `n`th event of a kind.
    ///
    /// # Errors
    /// See [`Viewer::until`].
    pub async fn nth_event(&mut self, conversation: &str, kind: &str, n: usize) -> anyhow::Result<Value> {
        let nth = |seen: &Seen| seen.of_kind(conversation, kind).nth(n - 1).cloned();
        self.until(&format!("there is a {kind} ({n})"), nth).await
    }

    /// Waits until the conversation is idle after a result that names the message.
    ///
    /// # Errors
    /// See [`Viewer::until`].
    pub async fn result_of(&mut self, conversation: &str, item: &str) -> anyhow::Result<Value> {
        let result = |seen: &Seen| {
            let named = |event: &&Value| {
                event["items"].as_array().is_some_and(|items| items.iter().any(|one| one == item))
            };
            seen.of_kind(conversation, "result").find(named).cloned()
        };
        self.until("the message has a result", result).await
    }

    /// Where browsers connect.
    pub const fn public(&self) -> SocketAddr {
        self.public
    }

    /// Posts JSON as our page does.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request =
            self.http.post(self.url(path)).header(ORIGIN, self.url("")).header(COOKIE, &self.cookie);
        Ok(request.json(body).send().await?.error_for_status()?.json().await?)
    }

    /// A request as our page makes it.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path)).header(ORIGIN, self.url("")).header(COOKIE, &self.cookie)
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.request(reqwest::Method::GET, path).send().await?.error_for_status()?.json().await?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public)
    }

    /// What was seen, in short.
    pub fn summary(&self) -> String {
        let mut lines =
            vec![format!("workspace: {}", self.seen.workspace), format!("activity: {}", self.seen.activity)];
        for (conversation, log) in &self.seen.events {
            lines.push(format!("conversation {conversation}:"));
            lines.extend(log.iter().map(|event| {
                let text = event.to_string();
                format!("  {}", protocol::bounded::clip(&text, 240))
            }));
        }
        lines.extend(self.seen.items.values().map(|item| format!("item: {item}")));
        lines.extend(self.seen.notices.iter().map(|notice| format!("notice: {notice}")));
        lines.push(format!("live: {:?}", self.seen.live));
        for (id, screen) in &self.seen.terminals.screens {
            let text = screen.text();
            let mut begins = text.len().saturating_sub(400);
            while !text.is_char_boundary(begins) {
                begins += 1;
            }
            lines.push(format!("terminal {id}, up to {}: … {:?}", screen.end(), &text[begins..]));
        }
        lines.extend(self.seen.terminals.list.values().map(|terminal| format!("terminal: {terminal}")));
        lines.join("\n")
    }
}

/// A viewer socket, as our page opens it.
///
/// # Errors
/// When it is refused.
pub async fn connect(public: SocketAddr, user: &str, cookie: &str) -> anyhow::Result<Socket> {
    let origin = format!("http://{public}");
    connect_as(
        public,
        user,
        &[("origin", &origin), ("cookie", cookie), ("sec-websocket-protocol", "atelier.v1")],
    )
    .await
}

/// A viewer socket with these headers.
///
/// # Errors
/// When it is refused; the error holds the answer.
pub async fn connect_as(public: SocketAddr, user: &str, headers: &[(&str, &str)]) -> anyhow::Result<Socket> {
    connect_to(public, &format!("/workspace/{user}"), headers).await
}

/// Any of our sockets with these headers.
///
/// # Errors
/// When it is refused; the error holds the answer.
pub async fn connect_to(public: SocketAddr, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Socket> {
    let mut request = format!("ws://{public}{path}").into_client_request()?;
    for (name, value) in headers {
        let name = tokio_tungstenite::tungstenite::http::HeaderName::from_bytes(name.as_bytes())?;
        request.headers_mut().insert(name, value.parse()?);
    }
    let stream = TcpStream::connect(public).await?;
    stream.set_nodelay(true)?;
    let config = Some(crate::socket_config());
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, config).await?;
    Ok(socket)
}

//! `WS /fleet`: the workspaces, for operators.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use futures_util::StreamExt;
use protocol::WorkspaceId;
use protocol::close::CloseCode;
use protocol::fleet::{FleetRequest, FleetRow, FromOperator, ToOperator};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

mod act;

use super::socket::{self, Ended, PING, REQUESTS, Writer};
use crate::app::App;
use crate::auth::operator::Operator;
use crate::fleet::Looking;

/// Rows in one message: some 60 KiB.
const ROWS: usize = 128;
/// How often it is looked whether somebody who looks on still is an operator.
const STILL: Duration = Duration::from_secs(30);

/// Upgrades the connection for an operator.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    operator: Operator,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    match socket::negotiate(&headers) {
        Ok(version) => {
            socket::limited(upgrade, version).on_upgrade(move |socket| serve(app, operator, socket))
        }
        Err(error) => error.into_response(),
    }
}

async fn serve(app: Arc<App>, operator: Operator, socket: WebSocket) {
    let (sink, stream) = socket.split();
    let mut writer = Writer::new(sink);
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let ended = tokio::select! {
        ended = socket::read(stream, requests, |_| Err("an operator's page speaks JSON".to_owned())) => ended,
        ended = write(&app, &operator, &mut writer, inbox) => ended,
        ended = until_no_operator(&app, &operator) => ended,
        why = operator.0.over(&app) => Ended::Close(CloseCode::SignedOut, why.to_owned()),
        () = app.stop.cancelled() => Ended::Close(CloseCode::Draining, "the server restarts".to_owned()),
    };
    writer.farewell(operator.0.user.id, ended).await;
}

/// Looks now and then whether they still may look on. A store that can't say is asked again.
async fn until_no_operator(app: &App, operator: &Operator) -> Ended {
    let mut looks = tokio::time::interval_at(Instant::now() + STILL, STILL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if operator.is_none_any_more(app).await {
            return Ended::Close(CloseCode::SignedOut, "no operator any more".to_owned());
        }
    }
}

async fn write(
    app: &Arc<App>,
    operator: &Operator,
    writer: &mut Writer,
    mut requests: mpsc::Receiver<FleetRequest>,
) -> Ended {
    let mut onlooker =
        Onlooker { app: Arc::clone(app), looking: app.fleet.look(), place: Place::Anew, stopped: false };
    let welcome = ToOperator::Welcome { version: env!("CARGO_PKG_VERSION").to_owned() };
    if let Err(ended) = writer.say(&welcome).await {
        return ended;
    }
    onlooker.looking.there().await;
    loop {
        if let Err(ended) = onlooker.tell(writer).await {
            return ended;
        }
        let told = tokio::select! {
            request = requests.recv() => {
                let Some(FleetRequest { re, body }) = request else { return Ended::Gone };
                if !matches!(body, FromOperator::Ping {}) {
                    operator.0.used(app).await;
                }
                let answer = onlooker.carry_out(operator, re, body).await;
                writer.say(&answer).await
            }
            () = onlooker.looking.changed() => Ok(()),
            () = tokio::time::sleep(PING) => writer.ping().await,
        };
        if let Err(ended) = told {
            return ended;
        }
    }
}

/// What one operator has been told.
struct Onlooker {
    app: Arc<App>,
    looking: Looking,
    place: Place,
    /// Whether the list is to hold workspaces that are stopped.
    stopped: bool,
}

/// How far they have been told.
enum Place {
    /// Nothing yet, or nothing that counts any more.
    Anew,
    /// All up to this number of the board.
    At(u64),
}

impl Onlooker {
    async fn carry_out(&mut self, operator: &Operator, re: u32, wanted: FromOperator) -> ToOperator {
        let done = match wanted {
            FromOperator::List { stopped } => {
                self.stopped = stopped;
                self.place = Place::Anew;
                Ok(())
            }
            FromOperator::Act { workspace, seen, act } => {
                act::carry_out(&self.app, operator, workspace, seen, act).await
            }
            FromOperator::Ping {} => Ok(()),
        };
        match done {
            Ok(()) => ToOperator::Done { re },
            Err(error) => {
                let back_in_ms = error.back_in_ms();
                let (code, message) = error.told();
                ToOperator::Refused { re, code, message, back_in_ms }
            }
        }
    }

    /// Tells whatever they have not been told. The board goes on meanwhile; what they missed of it by then is told as it is
    /// then.
    async fn tell(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        self.looking.mark_seen();
        loop {
            let next = match self.place {
                Place::Anew => None,
                Place::At(cursor) => self.app.fleet.board().since(cursor, ROWS),
            };
            let Some(news) = next else {
                self.begin(writer).await?;
                continue;
            };
            self.place = Place::At(news.cursor);
            if !news.rows.is_empty() || !news.gone.is_empty() {
                writer.say(&self.message(false, news.more, news.rows, news.gone)).await?;
            }
            if !news.more {
                return Ok(());
            }
        }
    }

    /// The whole list, in messages of a bearable size.
    async fn begin(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        let (rows, cursor) = self.app.fleet.board().all(self.stopped);
        self.place = Place::At(cursor);
        let mut rows = VecDeque::from(rows);
        let mut begin = true;
        while begin || !rows.is_empty() {
            let some = rows.drain(..ROWS.min(rows.len())).collect();
            writer.say(&self.message(begin, !rows.is_empty(), some, Vec::new())).await?;
            begin = false;
        }
        Ok(())
    }

    fn message(
        &self,
        begin: bool,
        more: bool,
        rows: Vec<Arc<FleetRow>>,
        gone: Vec<WorkspaceId>,
    ) -> ToOperator {
        let rows = rows.iter().map(|row| FleetRow::clone(row)).collect();
        ToOperator::Fleet { begin, more, rows, gone, totals: self.app.fleet.board().totals() }
    }
}

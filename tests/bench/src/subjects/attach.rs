//! A long conversation is opened: how long until there is something to read, and until the viewer is up to date.

use std::time::Instant;

use anyhow::Context;
use e2e::PATIENCE;
use e2e::viewer::Socket;
use futures_util::StreamExt;
use nix::sys::signal::Signal;
use protocol::Position;
use protocol::viewer::Verdict;
use reqwest::header::COOKIE;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::say;
use crate::stats::Samples;
use crate::table::{Figure, Row};
use crate::target::{Target, ask_to_follow};
use crate::world::{Person, World};

/// How long the conversation is.
const EVENTS: u64 = 10_000;
/// How often it is opened.
const ROUNDS: usize = 20;
/// Events on a page of history.
const PAGE: u64 = 200;

/// The types of messages that matter here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    Opened {
        verdict: Verdict,
        end: Position,
    },
    Events {
        events: Vec<Numbered>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

/// How long it took, from several beginnings.
#[derive(Default)]
struct Times {
    connected: Samples,
    first: Samples,
    live: Samples,
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    say(&format!("Writing a log of {EVENTS} events"));
    let world = World::make_with_logs(1, EVENTS).await?;
    let person = world.people.first().context("nobody")?;
    let mut target = Target::atelier(&world).await?;
    let (mut cold, mut warm) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        target.end(Signal::SIGKILL).await;
        target.come_up().await?;
        open(&target, person, &mut cold).await?;
        open(&target, person, &mut warm).await?;
    }
    let history = history(&target, person).await?;
    target.end(Signal::SIGKILL).await;
    let row = |what: &str, samples: &Samples| Row::new(what, Figure::Time(samples.median()));
    let rows = vec![
        row("open → first events", &warm.first),
        row("open → up to date", &warm.live),
        row("connect → up to date", &warm.connected),
        row("just after the control plane's start: open → first events", &cold.first),
        row("just after the control plane's start: open → up to date", &cold.live),
        row("just after the control plane's start: connect → up to date", &cold.connected),
        Row::new("all of it, by pages of history", Figure::Time(history)),
    ];
    let notes = vec![format!(
        "medians of {ROUNDS}; events of 400 bytes, stored five at a time; the first screen is the newest 200"
    )];
    Ok((rows, notes))
}

async fn open(target: &Target, person: &Person, times: &mut Times) -> anyhow::Result<()> {
    let connecting = Instant::now();
    let mut socket = target.address().open_viewer(person).await?;
    let opening = Instant::now();
    ask_to_follow(&mut socket, person).await?;
    let mut first = None;
    let mut end = None;
    loop {
        match next(&mut socket).await? {
            Told::Opened { verdict, end: at } => {
                anyhow::ensure!(at.n == EVENTS, "the log ends at {at:?}, {verdict:?}");
                end = Some(at.n);
            }
            Told::Events { events } => {
                first.get_or_insert_with(|| opening.elapsed());
                if events.last().map(|event| event.n) == end {
                    break;
                }
            }
            Told::Other => {}
        }
    }
    times.live.push(opening.elapsed().as_secs_f64());
    times.connected.push(connecting.elapsed().as_secs_f64());
    times.first.extend(first.map(|first| first.as_secs_f64()));
    Ok(())
}

async fn next(socket: &mut Socket) -> anyhow::Result<Told> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await?.context("the socket ended")??;
        if let Message::Text(text) = message {
            return Ok(serde_json::from_str(&text)?);
        }
    }
}

/// Reads the whole log backwards, page by page. Returns how long that took.
async fn history(target: &Target, person: &Person) -> anyhow::Result<f64> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (public, conversation) = (target.address().public, person.conversation);
    let began = Instant::now();
    let (mut before, mut events) = (None, 0);
    loop {
        let cursor = before.map(|before: u64| format!("&before={before}")).unwrap_or_default();
        let url = format!("http://{public}/api/conversations/{conversation}/events?limit={PAGE}{cursor}");
        let response = client.get(url).header(COOKIE, &person.cookie).send().await?.error_for_status()?;
        let page: Value = response.json().await?;
        events += page["events"].as_array().map_or(0, Vec::len) as u64;
        before = page["before"].as_u64();
        if before.is_none() {
            break;
        }
    }
    anyhow::ensure!(events == EVENTS, "{events} events come by pages");
    Ok(began.elapsed().as_secs_f64())
}

//! Every route, as everyone: the table that the router is made of is walked, and each rule in it is found to hold.

use control_plane::auth::guard::{How, Who};
use control_plane::router::{self, Route};
use control_plane::store::records::NewConversation;
use protocol::ConversationId;
use protocol::settings::Settings;
use reqwest::{Method, StatusCode};

use crate::plane::Plane;

/// A body that every route finds in it what it wants.
const BODY: &str = r#"{"title":"x","code":"x","to":"/","credential":"x","name":"x","language":"en","role":"user","text":"x","prompt":"x","decision":{"type":"deny"},"scopes":["read"],"days":1,"hours":1,"key":""}"#;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asker {
    Nobody,
    Stranger,
    User,
    Operator,
    Disabled,
    SignedOut,
}

const ASKERS: [Asker; 6] =
    [Asker::Nobody, Asker::Stranger, Asker::User, Asker::Operator, Asker::Disabled, Asker::SignedOut];

/// What a route's path stands for: things of the user's, which exist.
struct Things {
    user: String,
    conversation: String,
}

impl Things {
    fn path(&self, route: &Route) -> String {
        let id = if route.path.contains("/users/") { &self.user } else { &self.conversation };
        let path = route.path.replace("{id}", id).replace("{user}", &self.user);
        path.replace("{digest}", &"0".repeat(64)).replace("{chunk}", "0")
    }
}

async fn ask(plane: &Plane, route: &Route, path: &str, cookie: &str, origin: Option<&str>) -> StatusCode {
    let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
    let mut request = plane.request(method.clone(), path).header("cookie", cookie);
    if method != Method::GET {
        request = request.header("content-type", "application/json").body(BODY);
    }
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    if route.rule.how == How::Socket {
        request = request.header("connection", "upgrade").header("upgrade", "websocket");
        request = request.header("sec-websocket-version", "13");
        request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        request = request.header("sec-websocket-protocol", "atelier.v1");
    }
    request.send().await.unwrap().status()
}

/// What the rule alone makes of somebody; `None`: they pass it.
fn refusal(route: &Route, asker: Asker) -> Option<StatusCode> {
    let known = match asker {
        Asker::Nobody | Asker::Disabled | Asker::SignedOut => None,
        Asker::Stranger | Asker::User => Some(false),
        Asker::Operator => Some(true),
    };
    match (route.rule.who, known) {
        (Who::Anyone, _) | (Who::User, Some(_)) | (Who::Operator, Some(true)) => None,
        (Who::User | Who::Operator, None) => Some(StatusCode::UNAUTHORIZED),
        (Who::Operator, Some(false)) => Some(StatusCode::FORBIDDEN),
    }
}

/// A world of people in which nothing has happened yet.
async fn world() -> (Plane, Things, impl Fn(Asker) -> String) {
    let plane = Plane::start().await;
    let (user, users) = plane.person("a user").await;
    let (_, strangers) = plane.person("a stranger").await;
    let (_, operators) = plane.operator().await;
    let (disabled, disableds) = plane.person("somebody who is kept out").await;
    let ended = control_plane::auth::session::open(plane.store(), disabled.id, "x").await.unwrap();
    plane.store().set_disabled(disabled.id, true).await.unwrap();
    plane.store().close_session(ended.hash()).await.unwrap();
    let workspace = plane.store().create_workspace(user.id, 200_000..200_100, 100, 1).await.unwrap();
    let conversation = ConversationId(uuid::Uuid::new_v4());
    let new = NewConversation {
        id: conversation,
        workspace: workspace.id,
        title: "secret plans".to_owned(),
        settings: Settings::default(),
        now: 1,
    };
    plane.store().create_conversation(&new).await.unwrap();
    let (out, outs) = plane.person("somebody who signed out").await;
    plane.store().end_sessions(out.id).await.unwrap();
    let things = Things { user: user.id.to_string(), conversation: conversation.to_string() };
    let cookie = move |asker| match asker {
        Asker::Nobody => String::new(),
        Asker::Stranger => strangers.clone(),
        Asker::User => users.clone(),
        Asker::Operator => operators.clone(),
        Asker::Disabled => disableds.clone(),
        Asker::SignedOut => outs.clone(),
    };
    (plane, things, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_its_rule_lets_in_and_nobody_else() {
    let (mut shared, mut changed) = (world().await, false);
    for route in router::table() {
        for asker in ASKERS {
            // What somebody does may change what the next one finds.
            if changed {
                shared = world().await;
            }
            changed = route.rule.how == How::Act && refusal(&route, asker).is_none();
            let (plane, things, cookie) = &shared;
            let (path, origin) = (things.path(&route), plane.origin());
            let status = ask(plane, &route, &path, &cookie(asker), Some(&origin)).await;
            let what = format!("{} {} as {asker:?}: {status}", route.method, route.path);
            match refusal(&route, asker) {
                Some(refusal) => assert_eq!(status, refusal, "{what}"),
                None if route.rule.who == Who::Anyone => {
                    assert!(!status.is_redirection() || route.rule.how == How::Return, "{what}")
                }
                None => {
                    assert!(!matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), "{what}");
                    assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{what}");
                    // What belongs to one user is nothing to another, operators among them.
                    let personal = route.rule.who == Who::User && path != route.path;
                    let own = asker == Asker::User;
                    if personal && !own {
                        assert_eq!(status, StatusCode::NOT_FOUND, "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_and_every_socket_comes_from_our_page_alone() {
    let (plane, things, cookie) = world().await;
    for route in router::table() {
        let path = things.path(&route);
        for origin in [None, Some("https://evil.example"), Some("null")] {
            let status = ask(&plane, &route, &path, &cookie(Asker::Operator), origin).await;
            let guarded = matches!(route.rule.how, How::Act | How::Socket | How::SignIn);
            assert_eq!(
                guarded,
                status == StatusCode::FORBIDDEN,
                "{} {path} from {origin:?}: {status}",
                route.method
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_no_session_learns_nothing_of_what_there_is() {
    let (plane, things, cookie) = world().await;
    let missing =
        Things { user: uuid::Uuid::new_v4().to_string(), conversation: uuid::Uuid::new_v4().to_string() };
    for route in router::table().into_iter().filter(|route| route.rule.who == Who::User) {
        for asker in [Asker::Nobody, Asker::Stranger, Asker::Operator] {
            let mut statuses = Vec::new();
            for things in [&things, &missing] {
                let path = things.path(&route);
                if path != route.path {
                    statuses.push(ask(&plane, &route, &path, &cookie(asker), Some(&plane.origin())).await);
                }
            }
            assert!(
                statuses.windows(2).all(|pair| pair[0] == pair[1]),
                "{} {}: {statuses:?}",
                route.method,
                route.path
            );
        }
    }
}

#[test]
fn nothing_that_changes_something_is_a_get() {
    for route in router::table() {
        let reads = route.method == Method::GET;
        let rule = route.rule.how;
        assert_eq!(
            reads,
            matches!(rule, How::Read | How::Socket | How::Return),
            "{} {}",
            route.method,
            route.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_name_of_its_own() {
    let plane = Plane::start().await;
    let mut names = std::collections::BTreeSet::new();
    for path in ["/", "/health", "/api/user/profile", "/api/nowhere", "/api/sign-in", "/nowhere"] {
        let answer = plane.get(path).header("x-request-id", "chosen").send().await.unwrap();
        let name = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        if path == "/api/user/profile" {
            let refusal: protocol::api::ApiError = answer.json().await.unwrap();
            assert_eq!(refusal.request_id, name);
        }
        assert!(name != "chosen" && names.insert(name), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_pages_folder_is_served() {
    let plane = Plane::start().await;
    std::fs::write(plane.folder.path().join("secret.txt"), "top secret").unwrap();
    let port = plane.running.public.port();
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "//secret.txt",
        "/./../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%00",
        "/data/atelier.db",
        "/../data/sealing-key",
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
        let answer = raw(port, head.as_bytes()).await;
        assert!(!answer.contains("top secret") && !answer.contains("SQLite"), "{path}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
    }
}

/// What is answered to bytes.
async fn raw(port: u16, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused_unread() {
    let (plane, _, cookie) = world().await;
    for body in ["x".repeat(65 * 1024), "x".repeat(8 * 1024 * 1024)] {
        let request = plane.post("/api/conversations").header("cookie", cookie(Asker::User));
        let answer = request.header("content-type", "application/json").body(body).send().await;
        // It may hang up on whoever goes on sending.
        if let Ok(answer) = answer {
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    let long = format!("/api/{}", "x".repeat(1024 * 1024));
    let head = format!("GET {long} HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = raw(plane.running.public.port(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{}", &answer[..answer.len().min(100)]);
}

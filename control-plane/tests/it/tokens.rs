//! API tokens: what they let a script do, and what not.

mod follow;

use control_plane::auth::guard::{How, Who};
use control_plane::router;
use control_plane::store::records::{AuditFilter, AuditFrom};
use protocol::api::tokens::{NewToken, Scope, TokenList};
use protocol::api::{ConversationPage, ConversationView};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::plane::Plane;

/// Makes a token at the page.
async fn make(plane: &Plane, cookie: &str, body: &Value) -> Response {
    plane.post("/api/tokens").header("cookie", cookie).json(body).send().await.unwrap()
}

/// A new token with these scopes.
pub(crate) async fn token(plane: &Plane, cookie: &str, scopes: &[&str]) -> NewToken {
    let answer = make(plane, cookie, &json!({ "name": "ci", "scopes": scopes, "days": 7 })).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json().await.unwrap()
}

/// A request of a script: no cookie, no Origin.
pub(crate) fn ask(plane: &Plane, method: Method, path: &str, token: &str) -> RequestBuilder {
    plane.request(method, path).bearer_auth(token)
}

/// A conversation made by a script.
pub(crate) async fn conversation(plane: &Plane, token: &str) -> ConversationView {
    let request = ask(plane, Method::POST, "/api/conversations", token).json(&json!({}));
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_its_hash_alone_is_kept() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let made = token(&plane, &cookie, &["read"]).await;
    assert!(made.token.starts_with("atelier_"));
    let listed = plane.get("/api/tokens").header("cookie", &cookie).send().await.unwrap();
    let listed = listed.text().await.unwrap();
    assert!(!listed.contains(&made.token) && listed.contains(&made.view.id.to_string()));
    for file in ["atelier.db", "atelier.db-wal"] {
        let bytes = std::fs::read(plane.folder.path().join("data").join(file)).unwrap();
        let found = bytes.windows(made.token.len()).any(|window| window == made.token.as_bytes());
        assert!(!found, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say_and_nothing_else() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let every = token(&plane, &cookie, &["read", "write", "answer", "delete"]).await.token;
    let id = conversation(&plane, &every).await.id;
    let of = |rest: &str| format!("/api/conversations/{id}{rest}");
    let item = Uuid::new_v4();
    let answer = json!({ "prompt": "p", "decision": { "type": "deny" } });
    let message = json!({ "id": item, "text": "hi" });
    let cases = [
        ("read", Method::GET, "/api/conversations".to_owned(), json!(null), 200),
        ("read", Method::GET, of(""), json!(null), 200),
        ("read", Method::GET, of("/events"), json!(null), 200),
        ("read", Method::GET, of("/changes"), json!(null), 200),
        ("read", Method::GET, "/api/user/profile".to_owned(), json!(null), 200),
        ("write", Method::POST, of("/messages"), message, 202),
        ("read", Method::GET, of(&format!("/messages/{item}")), json!(null), 200),
        ("write", Method::POST, of("/stop"), json!({}), 202),
        ("write", Method::PATCH, of(""), json!({ "title": "x" }), 200),
        ("answer", Method::POST, of("/answers"), answer, 409),
        ("delete", Method::DELETE, of(""), json!(null), 204),
    ];
    for (scope, method, path, body, expected) in cases {
        let others: Vec<_> =
            ["read", "write", "answer", "delete"].into_iter().filter(|s| *s != scope).collect();
        let lacking = token(&plane, &cookie, &others).await.token;
        let request = |token: &str| ask(&plane, method.clone(), &path, token).json(&body);
        let refused = request(&lacking).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{method} {path}");
        assert!(refused.text().await.unwrap().contains(scope));
        let having = token(&plane, &cookie, &[scope]).await.token;
        let status = request(&having).send().await.unwrap().status().as_u16();
        assert_eq!(status, expected, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_people_at_the_page_is_refused_to_a_token_whatever_cookie_comes_with_it() {
    let plane = Plane::start().await;
    let (me, cookie) = plane.user("Ada").await;
    let token = token(&plane, &cookie, &["read", "write", "answer", "delete"]).await;
    let requests = [
        (Method::GET, "/api/tokens".to_owned(), json!(null)),
        (Method::POST, "/api/tokens".to_owned(), json!({ "name": "x", "scopes": ["read"], "days": 1 })),
        (Method::DELETE, format!("/api/tokens/{}", token.view.id), json!(null)),
        (Method::GET, "/api/user/model-key".to_owned(), json!(null)),
        (Method::PUT, "/api/user/model-key".to_owned(), json!({ "key": "sk" })),
        (Method::DELETE, "/api/user/model-key".to_owned(), json!(null)),
        (Method::GET, "/api/user/audit".to_owned(), json!(null)),
        (Method::GET, "/api/operator/audit".to_owned(), json!(null)),
        (Method::GET, "/api/operator/audit/export".to_owned(), json!(null)),
        (Method::POST, "/api/sign-out".to_owned(), json!(null)),
    ];
    for (method, path, body) in requests {
        let request = ask(&plane, method.clone(), &path, &token.token).json(&body);
        let request = request.header("cookie", &cookie).header("origin", plane.origin());
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{method} {path}");
    }
    for path in [format!("/workspace/{me}"), "/fleet".to_owned()] {
        let request = ask(&plane, Method::GET, &path, &token.token).header("cookie", &cookie);
        let request = request.header("origin", plane.origin()).header("sec-websocket-version", "13");
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let request = request.header("sec-websocket-protocol", "atelier.v1");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
    }
    // A bad token is not made good by a good cookie.
    let request = ask(&plane, Method::GET, "/api/conversations", "atelier_x").header("cookie", &cookie);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_a_token_in_by_its_scope_and_no_other() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.operator().await;
    let all = Scope::ALL.map(|scope| scope.as_str());
    let conversation = conversation(&plane, &token(&plane, &cookie, &all).await.token).await.id.to_string();
    for scope in Scope::ALL {
        let token = token(&plane, &cookie, &[scope.as_str()]).await.token;
        for route in router::table() {
            let path =
                route.path.replace("{id}", &conversation).replace("{user}", "x").replace("{item}", "x");
            let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
            // What it says does not matter: whoever may not is told so before it is looked at.
            let request =
                ask(&plane, method, &path, &token).header("content-type", "application/json").body("?");
            let status = request.send().await.unwrap().status();
            let open = route.rule.who == Who::Anyone && route.rule.how == How::Read;
            let lets_in = open || route.rule.scope == Some(scope);
            assert_eq!(
                lets_in,
                status != StatusCode::FORBIDDEN,
                "{} {} by {scope:?}: {status}",
                route.method,
                route.path
            );
            assert!(
                !status.is_server_error() || path == "/health",
                "{} {}: {status}",
                route.method,
                route.path
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reaches_its_own_users_conversations_alone() {
    let plane = Plane::start().await;
    let scopes = ["read", "write", "answer", "delete"];
    let (_, ada) = plane.user("Ada").await;
    let (_, eve) = plane.user("Eve").await;
    let (ada, eve) = (token(&plane, &ada, &scopes).await.token, token(&plane, &eve, &scopes).await.token);
    let id = conversation(&plane, &ada).await.id;
    let requests = [
        (Method::GET, "", json!(null)),
        (Method::PATCH, "", json!({ "title": "x" })),
        (Method::DELETE, "", json!(null)),
        (Method::GET, "/events", json!(null)),
        (Method::GET, "/changes", json!(null)),
        (Method::GET, "/stream", json!(null)),
        (Method::POST, "/messages", json!({ "text": "x" })),
        (Method::POST, "/stop", json!({})),
        (Method::POST, "/answers", json!({ "prompt": "p", "decision": { "type": "deny" } })),
    ];
    for (method, rest, body) in requests {
        let path = format!("/api/conversations/{id}{rest}");
        let request = ask(&plane, method.clone(), &path, &eve).json(&body);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{method} {rest}");
    }
    let listed = ask(&plane, Method::GET, "/api/conversations", &eve).send().await.unwrap();
    assert_eq!(listed.json::<ConversationPage>().await.unwrap().conversations, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_for_a_time_and_with_sense() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let wrong = [
        json!({ "name": "x", "scopes": [], "days": 1 }),
        json!({ "name": "x", "scopes": ["all"], "days": 1 }),
        json!({ "name": "", "scopes": ["read"], "days": 1 }),
        json!({ "name": "  ", "scopes": ["read"], "days": 1 }),
        json!({ "name": "a\u{7}", "scopes": ["read"], "days": 1 }),
        json!({ "name": "x".repeat(241), "scopes": ["read"], "days": 1 }),
        json!({ "name": "x", "scopes": ["read"], "days": 0 }),
        json!({ "name": "x", "scopes": ["read"], "days": 366 }),
        json!({ "name": "x", "scopes": ["read", "answer"], "days": 31 }),
    ];
    for body in wrong {
        assert_eq!(make(&plane, &cookie, &body).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    let fits = json!({ "name": "빌드 서버", "scopes": ["read", "read", "answer"], "days": 30 });
    let made: NewToken = make(&plane, &cookie, &fits).await.json().await.unwrap();
    assert_eq!(made.view.expires_at - made.view.created_at, 30 * 86_400_000);
    assert_eq!(made.view.scopes.len(), 2);
    // Its end is its end.
    let expired = control_plane::auth::token::ApiToken::new();
    let mut record = plane.store().api_tokens(plane.user("Ada").await.0).await.unwrap().remove(0);
    record.id = control_plane::store::records::ApiTokenId(Uuid::new_v4());
    record.expires_at = control_plane::clock::now();
    plane.store().add_api_token(expired.hash(), &record).await.unwrap();
    let refused = ask(&plane, Method::GET, "/api/user/profile", expired.text()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_worth_nothing_and_someone_elses_cannot_be_revoked() {
    let plane = Plane::start().await;
    let (_, ada) = plane.user("Ada").await;
    let (_, eve) = plane.user("Eve").await;
    let made = token(&plane, &ada, &["read"]).await;
    let revoke = async |cookie: &str| {
        let path = format!("/api/tokens/{}", made.view.id);
        let request = plane.request(Method::DELETE, &path).header("cookie", cookie);
        request.header("origin", plane.origin()).send().await.unwrap().status()
    };
    let works =
        async || ask(&plane, Method::GET, "/api/user/profile", &made.token).send().await.unwrap().status();
    assert_eq!(revoke(&eve).await, StatusCode::NOT_FOUND);
    assert_eq!(works().await, StatusCode::OK);
    assert_eq!(revoke(&ada).await, StatusCode::NO_CONTENT);
    assert_eq!(works().await, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&ada).await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_kept_out_has_no_token_either() {
    let plane = Plane::start().await;
    let (me, cookie) = plane.user("Ada").await;
    let made = token(&plane, &cookie, &["read"]).await;
    plane.store().set_disabled(me, true).await.unwrap();
    let refused = ask(&plane, Method::GET, "/api/user/profile", &made.token).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_use_shows_and_is_written_down_once_a_day() {
    let plane = Plane::start().await;
    let (me, cookie) = plane.user("Ada").await;
    let made = token(&plane, &cookie, &["read"]).await;
    assert_eq!(made.view.used_at, None);
    for _ in 0..3 {
        ask(&plane, Method::GET, "/api/user/profile", &made.token).send().await.unwrap();
    }
    let listed = plane.get("/api/tokens").header("cookie", &cookie).send().await.unwrap();
    let listed: TokenList = listed.json().await.unwrap();
    assert!(listed.tokens[0].used_at >= Some(made.view.created_at));
    let filter = AuditFilter { who: Some(me.to_string()), ..AuditFilter::default() };
    let page = plane.store().audit(&filter, AuditFrom::After(0), 10).await.unwrap();
    let kinds: Vec<_> = page.records.iter().map(|record| record.entry.kind.as_str()).collect();
    assert_eq!(kinds, ["token_created", "token_used"]);
    let object = &page.records[0].entry.object;
    assert_eq!(*object, made.view.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_asks_too_often_is_told_when_to_come_back() {
    let plane = Plane::start_with(&["--api-requests", "5"]).await;
    let (_, cookie) = plane.user("Ada").await;
    let (busy, other) =
        (token(&plane, &cookie, &["read"]).await.token, token(&plane, &cookie, &["read"]).await.token);
    let profile =
        async |token: &str| ask(&plane, Method::GET, "/api/user/profile", token).send().await.unwrap();
    for _ in 0..5 {
        assert_eq!(profile(&busy).await.status(), StatusCode::OK);
    }
    let refused = profile(&busy).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=13).contains(&after), "{after}");
    assert_eq!(profile(&other).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_asks_less_needs_the_scope_that_answers() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let writes = token(&plane, &cookie, &["write"]).await.token;
    let answers = token(&plane, &cookie, &["write", "answer"]).await.token;
    let make = async |token: &str, mode: &str| {
        let body = json!({ "settings": { "mode": mode } });
        ask(&plane, Method::POST, "/api/conversations", token).json(&body).send().await.unwrap().status()
    };
    assert_eq!(make(&writes, "plan").await, StatusCode::CREATED);
    assert_eq!(make(&writes, "acceptEdits").await, StatusCode::FORBIDDEN);
    assert_eq!(make(&answers, "acceptEdits").await, StatusCode::CREATED);
    assert_eq!(make(&answers, "bypassPermissions").await, StatusCode::FORBIDDEN, "it is not offered here");
}

//! Who is let in by a browser's request: the one-time code, the cookie, the Origin.

use control_plane::auth::session::{SESSION_MS, Token};
use control_plane::auth::{local, session};
use control_plane::clock;
use protocol::api::Me;
use reqwest::{Response, StatusCode};

use crate::plane::Plane;

/// Signs in with a code, from the page's own origin.
async fn sign_in(plane: &Plane, code: &str) -> Response {
    let body = format!(r#"{{"code":"{code}"}}"#);
    plane
        .post("/api/sign-in/local")
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

/// The cookie that an answer has the browser keep: `name=value`, and its attributes.
fn cookie(answer: &Response) -> (String, String) {
    let text = answer.headers()["set-cookie"].to_str().unwrap();
    let (pair, attributes) = text.split_once(';').unwrap();
    (pair.to_owned(), attributes.to_owned())
}

async fn profile(plane: &Plane, cookie: &str) -> Response {
    plane.get("/api/user/profile").header("cookie", cookie).send().await.unwrap()
}

/// Signed in, with the cookie.
async fn signed_in(plane: &Plane) -> String {
    cookie(&sign_in(plane, plane.code()).await).0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_code_signs_in_once() {
    let plane = Plane::start().await;
    let answer = sign_in(&plane, plane.code()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let (pair, attributes) = cookie(&answer);
    assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"));
    assert!(attributes.contains("Path=/") && attributes.contains("Max-Age=86400"));
    let me: Me = profile(&plane, &pair).await.json().await.unwrap();
    assert_eq!(me.name, "You");
    let again = sign_in(&plane, plane.code()).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(!again.headers().contains_key("set-cookie"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_in_is_the_same_user_with_a_session_of_its_own() {
    let plane = Plane::start().await;
    let first = signed_in(&plane).await;
    let code = local::new_code(plane.store()).await.unwrap();
    let second = cookie(&sign_in(&plane, &code).await).0;
    assert_ne!(first, second);
    let mut ids = Vec::new();
    for pair in [&first, &second] {
        ids.push(profile(&plane, pair).await.json::<Me>().await.unwrap().id);
    }
    assert_eq!(ids[0], ids[1]);
    let out = plane.post("/api/sign-out").header("cookie", &first).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(cookie(&out).1.contains("Max-Age=0"));
    assert_eq!(profile(&plane, &first).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(profile(&plane, &second).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_with_one_code_one_is_signed_in() {
    let plane = Plane::start().await;
    let asking = (0..100).map(|_| sign_in(&plane, plane.code()));
    let answers = futures_util::future::join_all(asking).await;
    let signed_in = answers.iter().filter(|answer| answer.status() == StatusCode::NO_CONTENT);
    assert_eq!(signed_in.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_sign_nobody_in() {
    let plane = Plane::start().await;
    for code in ["", "guess", &"A".repeat(10_000)] {
        assert_eq!(sign_in(&plane, code).await.status(), StatusCode::UNAUTHORIZED, "{code}");
    }
    let expired = "expired";
    plane.store().add_code(local::hash(expired), clock::now()).await.unwrap();
    assert_eq!(sign_in(&plane, expired).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&plane, plane.code()).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_sign_in_is_refused_and_the_code_stays_good() {
    let plane = Plane::start().await;
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"] {
        let body = format!(r#"{{"code":"{}"}}"#, plane.code());
        let request = plane.post("/api/sign-in/local").header("content-type", "application/json");
        let answer = request.header(header, "198.51.100.7").body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{header}");
    }
    assert_eq!(sign_in(&plane, plane.code()).await.status(), StatusCode::NO_CONTENT);
}

/// Where a request says that it comes from and goes to: `Origin` and `Host`, none of them ours.
fn others(plane: &Plane) -> Vec<(Option<String>, String)> {
    let port = plane.running.public.port();
    let own = format!("127.0.0.1:{port}");
    vec![
        (None, own.clone()),
        (Some("null".into()), own.clone()),
        (Some("https://evil.example".into()), own.clone()),
        (Some(format!("https://{own}")), own.clone()),
        (Some(format!("http://{own}.evil.example")), own.clone()),
        (Some(format!("http://127.0.0.1:{}", port ^ 1)), own.clone()),
        (Some(format!("http://{own}")), "evil.example".into()),
        (Some(format!("http://localhost:{port}")), own),
        (Some(format!("http://evil.example:{port}")), format!("evil.example:{port}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changes_something_must_come_from_our_page() {
    let plane = Plane::start().await;
    let pair = signed_in(&plane).await;
    let id = uuid::Uuid::new_v4();
    let requests = [
        (reqwest::Method::POST, "/api/conversations".to_owned(), format!(r#"{{"id":"{id}"}}"#)),
        (reqwest::Method::PATCH, format!("/api/conversations/{id}"), r#"{"title":"x"}"#.to_owned()),
        (reqwest::Method::DELETE, format!("/api/conversations/{id}"), String::new()),
        (reqwest::Method::POST, "/api/sign-out".to_owned(), String::new()),
        (reqwest::Method::POST, "/api/sign-in/local".to_owned(), r#"{"code":"x"}"#.to_owned()),
    ];
    for (origin, host) in others(&plane) {
        for (method, path, body) in &requests {
            let request = plane.request(method.clone(), path).header("cookie", &pair).header("host", &host);
            let request = request.header("content-type", "application/json").body(body.clone());
            let request = match &origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            };
            let status = request.send().await.unwrap().status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} from {origin:?} to {host}");
        }
    }
    assert_eq!(profile(&plane, &pair).await.status(), StatusCode::OK);
}

/// What a viewer's socket is answered.
async fn socket(plane: &Plane, user: &str, headers: &[(&str, &str)]) -> StatusCode {
    let request = plane.get(&format!("/workspace/{user}"));
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13");
    let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let request = request.header("sec-websocket-protocol", "atelier.v1");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewers_socket_needs_the_page_the_cookie_and_ones_own_workspace() {
    let plane = Plane::start().await;
    let pair = signed_in(&plane).await;
    let me = profile(&plane, &pair).await.json::<Me>().await.unwrap().id.to_string();
    let other = plane.workspace().await.user.to_string();
    let (origin, cookie) = (("origin", plane.origin()), ("cookie", pair));
    let (origin, cookie) = ((origin.0, origin.1.as_str()), (cookie.0, cookie.1.as_str()));
    let evil = ("origin", "https://evil.example");
    assert_eq!(socket(&plane, &me, &[cookie]).await, StatusCode::FORBIDDEN);
    assert_eq!(socket(&plane, &me, &[cookie, evil]).await, StatusCode::FORBIDDEN);
    assert_eq!(socket(&plane, &me, &[cookie, origin, evil]).await, StatusCode::FORBIDDEN);
    assert_eq!(socket(&plane, &me, &[origin]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(socket(&plane, &other, &[cookie, origin]).await, StatusCode::NOT_FOUND);
    assert_eq!(socket(&plane, "me", &[cookie, origin]).await, StatusCode::NOT_FOUND);
    assert_eq!(socket(&plane, &me, &[cookie, origin]).await, StatusCode::SWITCHING_PROTOCOLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_cookie_of_an_open_session_is_a_user() {
    let plane = Plane::start().await;
    let pair = signed_in(&plane).await;
    let (name, value) = pair.split_once('=').unwrap();
    let wrong = [
        String::new(),
        format!("{name}="),
        format!("{name}={value}x"),
        format!("{name}={}", &value[1..]),
        format!("{name}2={value}"),
        format!("__Host-atelier-session={value}"),
        format!("{name}=\u{e9}"),
    ];
    for cookie in wrong {
        assert_eq!(profile(&plane, &cookie).await.status(), StatusCode::UNAUTHORIZED, "{cookie}");
    }
    let beside = format!("theme=dark; {pair}; lang=ko");
    assert_eq!(profile(&plane, &beside).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_a_day_and_its_token_is_not_in_the_store() {
    let plane = Plane::start().await;
    let user = plane.workspace().await.user;
    let before = clock::now();
    let token = session::open(plane.store(), user, &"Browser ".repeat(1000)).await.unwrap();
    let (kept, _) = plane.store().session(token.hash(), before).await.unwrap().unwrap();
    assert_eq!(kept.expires_at - kept.created_at, SESSION_MS);
    assert!(kept.device.len() <= 210 && kept.created_at >= before);
    assert_eq!(plane.store().session(token.hash(), kept.expires_at).await.unwrap(), None);
    assert_ne!(Token::new().hash(), Token::new().hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_the_api_are_never_cached_and_pages_run_nothing_of_others() {
    let plane = Plane::start().await;
    let pair = signed_in(&plane).await;
    assert_eq!(profile(&plane, &pair).await.headers()["cache-control"], "no-store");
    for path in ["/", "/api/user/profile", "/nowhere", "/health"] {
        let answer = plane.get(path).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-frame-options"], "DENY", "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}

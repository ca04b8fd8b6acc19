//! A user's own key for the model: checked, sealed, used for them alone, and never shown.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use control_plane::gateway::Request;
use control_plane::store::records::{AuditFilter, AuditFrom};
use protocol::UserId;
use protocol::api::ModelAccess;
use protocol::api::model_key::ModelKeyView;
use scripted_model::{Config, Serving, serve};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::plane::Plane;

/// The one key that the model takes.
const GOOD: &str = "sk-own-canary-7f31";

async fn model(required_key: Option<&str>) -> Serving {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config { required_key: required_key.map(str::to_owned), ..Config::default() };
    serve(listener, config, CancellationToken::new()).await.unwrap()
}

async fn plane(model: &Serving, more: &[&str]) -> Plane {
    let upstream = model.base_url();
    Plane::start_with(&[&["--upstream", &upstream], more].concat()).await
}

async fn set(plane: &Plane, cookie: &str, key: &str) -> reqwest::Response {
    let request = plane.request(Method::PUT, "/api/user/model-key").header("origin", plane.origin());
    request.header("cookie", cookie).json(&json!({ "key": key })).send().await.unwrap()
}

async fn shown(plane: &Plane, cookie: &str) -> ModelKeyView {
    let answer = plane.get("/api/user/model-key").header("cookie", cookie).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn remove(plane: &Plane, cookie: &str) {
    let request = plane.request(Method::DELETE, "/api/user/model-key").header("origin", plane.origin());
    assert_eq!(request.header("cookie", cookie).send().await.unwrap().status(), StatusCode::NO_CONTENT);
}

/// What a user's workspace is answered when it asks the model something.
async fn asks(plane: &Plane, user: UserId) -> (StatusCode, String) {
    let workspace = match plane.store().workspace_of(user).await.unwrap() {
        Some(workspace) => workspace,
        None => plane.store().create_workspace(user, 200_000..200_100, 100, 1).await.unwrap(),
    };
    let body = json!({ "model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{ "role": "user", "content": "hi" }] });
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("anthropic-version", "2023-06-01".parse().unwrap());
    let request = Request {
        workspace: workspace.id,
        user,
        conversation: None,
        method: Method::POST,
        path: "/v1/messages".into(),
        query: None,
        headers,
        body: Body::from(body.to_string()),
    };
    let answer = plane.app().gateway.forward(request).await;
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Which files below a folder hold these bytes.
fn holding(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_only_if_the_models_api_takes_it_and_is_never_shown() {
    let model = model(Some(GOOD)).await;
    let plane = plane(&model, &[]).await;
    let (me, cookie) = plane.user("Ada").await;
    assert_eq!(shown(&plane, &cookie).await, ModelKeyView { key: None, operator: false });
    let refused = set(&plane, &cookie, "sk-wrong").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await.unwrap().contains("refuses this key"));
    for nonsense in ["", "   ", "a\nb", &"x".repeat(600)] {
        assert_eq!(set(&plane, &cookie, nonsense).await.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(shown(&plane, &cookie).await.key, None);
    let taken = set(&plane, &cookie, &format!(" {GOOD}\n")).await;
    assert_eq!(taken.status(), StatusCode::OK);
    let text = taken.text().await.unwrap();
    assert!(text.contains("7f31") && !text.contains("canary"), "{text}");
    assert_eq!(holding(plane.folder.path(), "canary"), Vec::<String>::new());
    assert_eq!(plane.app().gateway.access_of(me).await, ModelAccess::Ready { demo: false });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cant_be_checked_is_not_kept() {
    let gone = model(None).await;
    let upstream = gone.base_url();
    gone.stop().await.unwrap();
    let plane = Plane::start_with(&["--upstream", &upstream]).await;
    let (_, cookie) = plane.user("Ada").await;
    let refused = set(&plane, &cookie, GOOD).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().await.unwrap().contains("nothing was changed"));
    assert_eq!(shown(&plane, &cookie).await.key, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_used_for_its_owners_workspace_alone_and_until_it_is_removed() {
    let model = model(Some(GOOD)).await;
    let plane = plane(&model, &[]).await;
    let (ada, cookie) = plane.user("Ada").await;
    let (eve, _) = plane.user("Eve").await;
    set(&plane, &cookie, GOOD).await;
    assert_eq!(asks(&plane, ada).await.0, StatusCode::OK);
    let (status, words) = asks(&plane, eve).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(words.contains("has not given it a model key"), "{words}");
    remove(&plane, &cookie).await;
    assert_eq!(asks(&plane, ada).await.0, StatusCode::FORBIDDEN);
    assert_eq!(plane.store().user_secret(ada, "model-key").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_key_goes_before_the_operators_and_its_refusal_is_told_to_its_owner_alone() {
    let model = model(Some("sk-operators")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-operators").unwrap();
    let plane = plane(&model, &["--anthropic-key-file", file.to_str().unwrap()]).await;
    let (ada, cookie) = plane.user("Ada").await;
    let (eve, _) = plane.user("Eve").await;
    assert_eq!(asks(&plane, ada).await.0, StatusCode::OK, "without an own key it is the operator's");
    // One that was good when it was typed in, and is not any more.
    plane.app().gateway.own().set(ada, "sk-was-good-once").await.unwrap();
    let (status, words) = asks(&plane, ada).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(words.contains("your own key"), "{words}");
    assert_eq!(plane.app().gateway.access_of(ada).await, ModelAccess::OwnKeyRefused {});
    let shown = shown(&plane, &cookie).await;
    assert!(shown.operator && shown.key.unwrap().refused);
    assert_eq!(asks(&plane, eve).await.0, StatusCode::OK);
    assert_ne!(plane.app().gateway.access_of(eve).await, ModelAccess::OwnKeyRefused {});
    remove(&plane, &cookie).await;
    assert_eq!(asks(&plane, ada).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_with_a_key_is_written_down_and_its_use_once_a_day() {
    let model = model(Some(GOOD)).await;
    let plane = plane(&model, &[]).await;
    let (ada, cookie) = plane.user("Ada").await;
    set(&plane, &cookie, GOOD).await;
    for _ in 0..3 {
        asks(&plane, ada).await;
    }
    remove(&plane, &cookie).await;
    remove(&plane, &cookie).await;
    let filter = AuditFilter { who: Some(ada.to_string()), ..AuditFilter::default() };
    let page = plane.store().audit(&filter, AuditFrom::After(0), 10).await.unwrap();
    let kinds: Vec<_> = page.records.iter().map(|record| record.entry.kind.as_str()).collect();
    assert_eq!(kinds, ["model_key_set", "model_key_used", "model_key_removed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_cant_be_tried_one_after_the_other() {
    let model = model(Some(GOOD)).await;
    let plane = plane(&model, &[]).await;
    let (_, cookie) = plane.user("Mallory").await;
    let mut refused = None;
    for n in 0..7 {
        let answer = set(&plane, &cookie, &format!("sk-guess-{n}")).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
        }
    }
    assert!(refused.unwrap().headers().contains_key("retry-after"));
    let (_, other) = plane.user("Ada").await;
    assert_eq!(set(&plane, &other, GOOD).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_own_key_pays_for_is_no_part_of_the_operators_budget() {
    let model = model(None).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, prices) = (folder.path().join("key"), folder.path().join("prices.json"));
    std::fs::write(&file, "sk-operators").unwrap();
    let price =
        json!([{ "model": "claude-*", "input": 1e6, "output": 1e6, "cache_read": 0, "cache_write": 0 }]);
    std::fs::write(&prices, price.to_string()).unwrap();
    let flags = [
        "--anthropic-key-file",
        file.to_str().unwrap(),
        "--prices",
        prices.to_str().unwrap(),
        "--budget-usd",
        "1",
    ];
    let plane = plane(&model, &flags).await;
    let (ada, _) = plane.user("Ada").await;
    plane.app().gateway.own().set(ada, GOOD).await.unwrap();
    for _ in 0..3 {
        assert_eq!(asks(&plane, ada).await.0, StatusCode::OK);
    }
    let workspace = plane.store().workspace_of(ada).await.unwrap().unwrap().id;
    assert_eq!(plane.store().spent_since(workspace, 0).await.unwrap(), 0);
    plane.app().gateway.own().remove(ada).await.unwrap();
    assert_eq!(asks(&plane, ada).await.0, StatusCode::OK);
}

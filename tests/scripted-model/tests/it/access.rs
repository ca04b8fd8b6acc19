//! Keys, the list of models, and what there is not.

use scripted_model::{AuthKind, Config};
use serde_json::Value;

use crate::common::{Model, asking};

async fn guarded() -> Model {
    Model::start_with(Config { required_key: Some("right".into()), ..Config::default() }).await
}

#[tokio::test]
async fn only_the_required_key_is_let_in() {
    let model = guarded().await;
    let ask = || model.post("/v1/messages", &asking("hi"));
    assert_eq!(ask().header("x-api-key", "right").send().await.unwrap().status(), 200);
    assert_eq!(ask().bearer_auth("right").send().await.unwrap().status(), 200);
    assert_eq!(ask().bearer_auth("wrong").send().await.unwrap().status(), 401);
    assert_eq!(ask().send().await.unwrap().status(), 401);
    let answer = ask().header("x-api-key", "wrong").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["type"], "authentication_error");
    assert_eq!(model.get("/v1/models").send().await.unwrap().status(), 401);
    assert_eq!(model.get("/_requests").send().await.unwrap().status(), 200, "tests need no key");
}

#[tokio::test]
async fn keys_are_recorded_by_kind_and_digest_only() {
    let model = guarded().await;
    model.post("/v1/messages", &asking("hi")).header("x-api-key", "right").send().await.unwrap();
    model.post("/v1/messages", &asking("hi")).bearer_auth("wrong").send().await.unwrap();
    let records = model.serving.requests();
    assert_eq!((records[0].auth, records[0].status), (Some(AuthKind::XApiKey), Some(200)));
    assert_eq!((records[1].auth, records[1].status), (Some(AuthKind::Bearer), Some(401)));
    assert_eq!(records[0].key_sha256.as_deref(), Some("27042f4e6eca"));
    assert_ne!(records[0].key_sha256, records[1].key_sha256);
}

#[tokio::test]
async fn models_are_listed_up_to_the_limit() {
    let model = Model::start().await;
    let list = async |query: &str| {
        let answer = model.get(&format!("/v1/models{query}")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, all) = list("").await;
    assert_eq!((status, &all["has_more"]), (200, &false.into()));
    assert!(all["data"].as_array().unwrap().len() > 2);
    let (_, two) = list("?limit=2").await;
    assert_eq!((two["data"].as_array().unwrap().len(), &two["has_more"]), (2, &true.into()));
    assert_eq!((&two["first_id"], &two["last_id"]), (&two["data"][0]["id"], &two["data"][1]["id"]));
    for bad in ["?limit=0", "?limit=1001", "?limit=many"] {
        assert_eq!(list(bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn anything_else_is_not_found_in_anthropics_shape() {
    let model = Model::start().await;
    let nowhere =
        [model.get("/"), model.get("/v1/files"), model.get("/v1/messages"), model.delete("/v1/models")];
    for request in nowhere {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(answer.headers().contains_key("request-id"));
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["type"], "not_found_error");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_too_large() {
    let model = Model::start().await;
    let mut request = model.post("/v1/messages", &Value::Null);
    request = request.body(vec![b' '; 64 * 1024 * 1024 + 1]);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["type"], "request_too_large");
}

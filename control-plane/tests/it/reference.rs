//! The API's description of itself.

use control_plane::auth::guard::{How, Who};
use control_plane::router::{self, Route};
use reqwest::Method;
use serde_json::Value;

use crate::plane::Plane;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

async fn document(plane: &Plane) -> Value {
    plane.get("/api/openapi.json").send().await.unwrap().json().await.unwrap()
}

/// Every endpoint of a document: method and path.
fn endpoints(document: &Value) -> Vec<(Method, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            found.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_is_described_and_none_that_is_not_there() {
    let plane = Plane::start().await;
    let sorted = |mut all: Vec<(Method, String)>| {
        all.sort_by_key(|(method, path)| format!("{path} {method}"));
        all
    };
    // Sockets speak a protocol of their own, which this document has no words for.
    let routes = router::table().into_iter().filter(|route| route.rule.how != How::Socket);
    let routes = routes.map(|route| (route.method, route.path.to_owned())).collect();
    assert_eq!(sorted(endpoints(&document(&plane).await)), sorted(routes));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_who_may_is_the_rule() {
    let plane = Plane::start().await;
    let document = document(&plane).await;
    for Route { method, path, rule, .. } in
        router::table().iter().filter(|route| route.rule.how != How::Socket)
    {
        let security = &document["paths"][path][method.as_str().to_lowercase()]["security"];
        let scope = security.as_array().unwrap().iter().find_map(|way| way.get("token"));
        let expected = rule.scope.map(|scope| serde_json::json!([scope]));
        assert_eq!(scope, expected.as_ref(), "{method} {path}");
        let open = security == &serde_json::json!([{}]);
        let signs_out = *path == "/api/sign-out";
        assert_eq!(open, rule.who == Who::Anyone && !signs_out, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole() {
    let plane = Plane::start().await;
    let document = document(&plane).await;
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is named and not there");
    }
    for (method, path) in endpoints(&document) {
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        assert!(operation["security"].is_array(), "{method} {path} does not say who may");
        let words = operation["summary"].as_str().or(operation["description"].as_str());
        assert!(words.is_some_and(|words| words.len() > 10) || path.contains("openapi"), "{method} {path}");
        assert!(operation["responses"].get("401").is_some());
    }
}

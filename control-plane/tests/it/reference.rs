//! The API's description of itself.

use reqwest::{Method, StatusCode};
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
async fn every_endpoint_that_is_described_is_there() {
    let plane = Plane::start().await;
    for (method, path) in endpoints(&document(&plane).await) {
        let concrete: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let answer = plane.request(method.clone(), &concrete).send().await.unwrap();
        let status = answer.status();
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(!answer.text().await.unwrap().contains("no such endpoint"), "{method} {path}");
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

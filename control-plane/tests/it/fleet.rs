//! Who is let in to see the fleet.

use control_plane::auth::session;
use control_plane::store::records::Identity;
use protocol::api::{Me, Role};
use protocol::close::ErrorCode;
use reqwest::{RequestBuilder, StatusCode};

use crate::plane::Plane;

/// The fleet's socket, as a browser asks for it.
fn socket(plane: &Plane, cookie: &str) -> RequestBuilder {
    plane
        .get("/fleet")
        .header("cookie", cookie)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "atelier.v1")
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

/// Someone's cookie, and who they are.
async fn someone(plane: &Plane, subject: &str) -> (String, protocol::UserId) {
    let user = plane.store().sign_in(&Identity::new(subject, "Ada"), 1).await.unwrap();
    let token = session::open(plane.store(), user.id, "a test").await.unwrap();
    let header = plane.app().cookie.keep(&token).unwrap();
    (header.to_str().unwrap().split(';').next().unwrap().to_owned(), user.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_locally_is_an_operator() {
    let plane = Plane::start().await;
    let body = format!(r#"{{"code":"{}"}}"#, plane.code());
    let signing_in = plane.post("/api/sign-in/local").header("content-type", "application/json").body(body);
    let answer = signing_in.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let profile = plane.get("/api/user/profile").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(profile.json::<Me>().await.unwrap().role, Role::Operator);
    let origin = plane.origin();
    assert_eq!(
        status(socket(&plane, &cookie).header("origin", &origin)).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_see_the_fleet_and_only_from_our_own_page() {
    let plane = Plane::start().await;
    let origin = plane.origin();
    let (cookie, user) = someone(&plane, "test:ada").await;
    let refused = socket(&plane, &cookie).header("origin", &origin).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<protocol::api::ApiError>().await.unwrap().code, ErrorCode::Forbidden);
    assert_eq!(status(socket(&plane, "none=1").header("origin", &origin)).await, StatusCode::UNAUTHORIZED);

    plane.store().set_role(user, Role::Operator).await.unwrap();
    assert_eq!(
        status(socket(&plane, &cookie).header("origin", &origin)).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
    assert_eq!(status(socket(&plane, &cookie)).await, StatusCode::FORBIDDEN);
    assert_eq!(
        status(socket(&plane, &cookie).header("origin", "http://evil.example")).await,
        StatusCode::FORBIDDEN
    );
    // A role that is taken away is away with the next request.
    plane.store().set_role(user, Role::User).await.unwrap();
    assert_eq!(status(socket(&plane, &cookie).header("origin", &origin)).await, StatusCode::FORBIDDEN);
}

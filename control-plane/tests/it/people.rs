//! What is done to people, by operators and by themselves: sessions that end, roles, exports, erasure.

use control_plane::auth::session::{self, SESSION_MS, Term};
use control_plane::clock;
use control_plane::people;
use control_plane::store::StoreError;
use control_plane::store::records::NewConversation;
use protocol::ConversationId;
use protocol::api::Role;
use protocol::people::{Profile, SessionView, UserPage};
use protocol::settings::Settings;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::plane::{Plane, Socket};

fn request(plane: &Plane, method: Method, path: &str, cookie: &str) -> RequestBuilder {
    plane.request(method, path).header("origin", plane.origin()).header("cookie", cookie)
}

async fn status(plane: &Plane, method: Method, path: &str, cookie: &str) -> StatusCode {
    request(plane, method, path, cookie).send().await.unwrap().status()
}

async fn json_of(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

/// Reads until the socket is closed, and returns the code.
async fn closed(mut socket: Socket) -> u16 {
    use futures_util::StreamExt;
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
            Some(Ok(_)) => {}
            other => panic!("not closed with a word: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_sessions_and_ends_any_of_them() {
    let plane = Plane::start().await;
    let (user, here) = plane.person("ada").await;
    let (_, there) = plane.person("ada").await;
    let (_, stranger) = plane.person("eve").await;
    let list: Vec<SessionView> =
        request(&plane, Method::GET, "/api/user/sessions", &here).send().await.unwrap().json().await.unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list.iter().filter(|session| session.current).count(), 1);
    assert!(list.iter().all(|session| session.device == "a test" && session.expires_at > session.created_at));
    let other = list.iter().find(|session| !session.current).unwrap();
    let path = format!("/api/user/sessions/{}", other.id);
    let open = plane.socket(&format!("/workspace/{}", user.id), &there).await;
    assert_eq!(status(&plane, Method::DELETE, &path, &stranger).await, StatusCode::NOT_FOUND);
    assert_eq!(status(&plane, Method::DELETE, &path, &here).await, StatusCode::NO_CONTENT);
    assert_eq!(closed(open).await, 4002);
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &there).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &here).await, StatusCode::OK);
    assert_eq!(status(&plane, Method::DELETE, &path, &here).await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_everywhere_ends_every_session_and_every_socket() {
    let plane = Plane::start().await;
    let (user, here) = plane.person("ada").await;
    let (_, there) = plane.person("ada").await;
    let (_, other) = plane.person("eve").await;
    let path = format!("/workspace/{}", user.id);
    let sockets = [plane.socket(&path, &here).await, plane.socket(&path, &there).await];
    assert_eq!(status(&plane, Method::POST, "/api/sign-out/everywhere", &here).await, StatusCode::NO_CONTENT);
    for open in sockets {
        assert_eq!(closed(open).await, 4002);
    }
    for cookie in [&here, &there] {
        assert_eq!(status(&plane, Method::GET, "/api/user/profile", cookie).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &other).await, StatusCode::OK);
    assert_eq!(plane.deeds("signed_out_everywhere").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_uses_ends_and_one_that_is_used_goes_on() {
    let plane = Plane::start().await;
    let (user, _) = plane.person("ada").await;
    let hour = 3_600_000;
    let token =
        session::open_for(plane.store(), user.id, "x", Term { lasts: SESSION_MS, idle: hour }).await.unwrap();
    let now = clock::now();
    let is_good = async |at| plane.store().session(token.hash(), at).await.unwrap().is_some();
    assert!(is_good(now + hour - 1000).await && !is_good(now + hour + 1000).await);
    plane.store().touch_session(token.hash(), now + hour / 2).await.unwrap();
    assert!(is_good(now + hour + 1000).await && !is_good(now + 2 * hour).await);
    // Nothing is good for more than a day, whatever is configured.
    let long =
        session::open_for(plane.store(), user.id, "x", Term { lasts: 9 * SESSION_MS, idle: 9 * SESSION_MS });
    let long = long.await.unwrap();
    assert!(plane.store().session(long.hash(), now + SESSION_MS + 1000).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_says_of_themselves_at_first_is_kept() {
    let plane = Plane::start().await;
    let (user, cookie) = plane.person("ada").await;
    let say = |body: Value| {
        let request = request(&plane, Method::POST, "/api/user/onboarding", &cookie);
        request.header("content-type", "application/json").body(body.to_string()).send()
    };
    for wrong in [
        json!({}),
        json!({ "name": "", "language": "ko" }),
        json!({ "name": "  ", "language": "ko" }),
        json!({ "name": "A", "language": "tlh" }),
        json!({ "name": "A".repeat(300), "language": "en" }),
        json!({ "name": "A\u{7}", "language": "en" }),
        json!({ "name": "A", "language": "en", "purposes": ["spying"] }),
    ] {
        assert_eq!(say(wrong.clone()).await.unwrap().status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let said =
        json!({ "name": " 아다 ", "language": "ko", "purposes": ["data", "code", "data"], "note": "시작" });
    let profile: Profile = say(said).await.unwrap().json().await.unwrap();
    assert_eq!((profile.me.name.as_str(), profile.language.as_deref()), ("아다", Some("ko")));
    assert!(profile.onboarded);
    let again = json_of(request(&plane, Method::GET, "/api/user/profile", &cookie)).await;
    assert_eq!((again["name"].as_str(), again["onboarded"].as_bool()), (Some("아다"), Some(true)));
    // Another name says nothing of what they want, and takes none of it away.
    let renamed = json!({ "name": "Ada", "language": "en" });
    let profile: Profile = say(renamed).await.unwrap().json().await.unwrap();
    assert_eq!((profile.me.name.as_str(), profile.language.as_deref()), ("Ada", Some("en")));
    let kept = plane.store().user(user.id).await.unwrap().onboarding;
    assert_eq!(kept, Some(json!({ "purposes": ["code", "data"], "note": "시작" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_is_out_at_once_until_they_are_let_in_again() {
    let plane = Plane::start().await;
    let (user, theirs) = plane.person("ada").await;
    let (_, boss) = plane.operator().await;
    let open = plane.socket(&format!("/workspace/{}", user.id), &theirs).await;
    let workspace = plane.store().workspace_of(user.id).await.unwrap().unwrap();
    let path = format!("/api/users/{}", user.id);
    assert_eq!(status(&plane, Method::POST, &format!("{path}/disable"), &boss).await, StatusCode::NO_CONTENT);
    assert_eq!(closed(open).await, 4002);
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &theirs).await, StatusCode::UNAUTHORIZED);
    assert!(plane.store().workspace(workspace.id).await.unwrap().certificates.revoked);
    // A session that comes into being all the same lets nobody in.
    let (_, late) = plane.person("ada").await;
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &late).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&plane, Method::POST, &format!("{path}/enable"), &boss).await, StatusCode::NO_CONTENT);
    assert!(!plane.store().workspace(workspace.id).await.unwrap().certificates.revoked);
    let (_, again) = plane.person("ada").await;
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &again).await, StatusCode::OK);
    for kind in ["user_disabled", "user_enabled"] {
        assert_eq!(plane.deeds(kind).await[0].object, user.id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeping_somebody_out_that_was_cut_off_is_done_later_and_undone_by_letting_them_in() {
    let plane = Plane::start().await;
    let (user, _) = plane.person("ada").await;
    let (_, boss) = plane.operator().await;
    let workspace = plane.store().create_workspace(user.id, 200_000..200_100, 100, 1).await.unwrap();
    let revoked = async || plane.store().workspace(workspace.id).await.unwrap().certificates.revoked;
    plane.store().set_disabled(user.id, true).await.unwrap();
    assert!(!revoked().await);
    people::keep_shut(plane.app()).await;
    assert!(revoked().await);
    let path = format!("/api/users/{}/enable", user.id);
    assert_eq!(status(&plane, Method::POST, &path, &boss).await, StatusCode::NO_CONTENT);
    people::keep_shut(plane.app()).await;
    assert!(!revoked().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_ceases_to_be_one_is_signed_out() {
    let plane = Plane::start().await;
    let (_, boss) = plane.operator().await;
    let (user, theirs) = plane.person("ada").await;
    let path = format!("/api/users/{}/role", user.id);
    let set = |role: &str| {
        let request = request(&plane, Method::PUT, &path, &boss).header("content-type", "application/json");
        request.body(format!(r#"{{"role":"{role}"}}"#)).send()
    };
    assert_eq!(status(&plane, Method::GET, "/api/users", &theirs).await, StatusCode::FORBIDDEN);
    assert_eq!(set("operator").await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&plane, Method::GET, "/api/users", &theirs).await, StatusCode::OK);
    let fleet = plane.socket("/fleet", &theirs).await;
    assert_eq!(set("user").await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(closed(fleet).await, 4002);
    assert_eq!(status(&plane, Method::GET, "/api/users", &theirs).await, StatusCode::UNAUTHORIZED);
    assert_eq!(set("emperor").await.unwrap().status(), StatusCode::BAD_REQUEST);
    let deeds = plane.deeds("role_changed").await;
    assert_eq!((deeds.len(), &deeds[0].detail["to"]), (2, &json!(Role::Operator)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_undoes_themselves_from_the_list_of_people() {
    let plane = Plane::start().await;
    let (me, boss) = plane.operator().await;
    for (method, what) in [(Method::POST, "/disable"), (Method::DELETE, "")] {
        let path = format!("/api/users/{}{what}", me.id);
        assert_eq!(status(&plane, method, &path, &boss).await, StatusCode::CONFLICT);
    }
    let request = request(&plane, Method::PUT, &format!("/api/users/{}/role", me.id), &boss);
    let answer =
        request.header("content-type", "application/json").body(r#"{"role":"user"}"#).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(status(&plane, Method::GET, "/api/users", &boss).await, StatusCode::OK);
    let missing = format!("/api/users/{}/disable", uuid::Uuid::new_v4());
    assert_eq!(status(&plane, Method::POST, &missing, &boss).await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_find_people_page_by_page() {
    let plane = Plane::start().await;
    let (_, boss) = plane.operator().await;
    for n in 0..120 {
        plane.person(&format!("person {n:03}")).await;
    }
    let page = async |query: &str| -> UserPage {
        request(&plane, Method::GET, &format!("/api/users?{query}"), &boss)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let first = page("q=person").await;
    let next = first.next.unwrap();
    let rest = page(&format!("q=person&after={next}")).await;
    assert_eq!((first.users.len(), rest.users.len(), rest.next), (100, 20, None));
    assert_eq!(page("q=PERSON+007").await.users[0].name, "person 007");
}

/// An export's lines.
async fn export(plane: &Plane, path: &str, cookie: &str) -> Vec<Value> {
    let answer = request(plane, Method::GET, path, cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_takes_along_all_that_is_ones_own_and_an_operator_only_what_they_may_see() {
    let plane = Plane::start().await;
    let (user, theirs) = plane.person("ada").await;
    let (other, _) = plane.person("eve").await;
    let (_, boss) = plane.operator().await;
    for (owner, title) in [(user.id, "my secret plans"), (other.id, "eve's plans")] {
        let workspace = plane.store().create_workspace(owner, 200_000..200_100, 100, 1).await.unwrap();
        let new = NewConversation {
            id: ConversationId(uuid::Uuid::new_v4()),
            workspace: workspace.id,
            title: title.to_owned(),
            settings: Settings::default(),
            now: 1,
        };
        plane.store().create_conversation(&new).await.unwrap();
    }
    let own = export(&plane, "/api/user/export", &theirs).await;
    let text = serde_json::to_string(&own).unwrap();
    assert!(text.contains("my secret plans") && !text.contains("eve"), "{text}");
    let last = own.last().unwrap();
    assert_eq!(
        (last["kind"].as_str(), last["end"]["lines"].as_u64()),
        (Some("end"), Some(own.len() as u64 - 1))
    );
    for kind in ["user", "session", "workspace", "conversation", "deed"] {
        assert!(own.iter().any(|line| line["kind"] == kind), "{kind}");
    }
    let seen = export(&plane, &format!("/api/users/{}/export", user.id), &boss).await;
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("secret plans") && text.contains("conversation"), "{text}");
    assert_eq!(plane.deeds("user_exported").await.len(), 2);
    // No token and no hash of one is in it.
    let value = theirs.split_once('=').unwrap().1;
    assert!(!serde_json::to_string(&own).unwrap().contains(value));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_gone_with_all_that_was_theirs_but_their_deeds() {
    let plane = Plane::start().await;
    let (user, theirs) = plane.person("ada").await;
    let (_, boss) = plane.operator().await;
    let path = format!("/api/users/{}", user.id);
    assert_eq!(status(&plane, Method::DELETE, &path, &boss).await, StatusCode::NO_CONTENT);
    assert!(matches!(plane.store().user(user.id).await, Err(StoreError::NotFound)));
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &theirs).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&plane, Method::DELETE, &path, &boss).await, StatusCode::NOT_FOUND);
    let (me, own) = plane.person("eve").await;
    let answer = request(&plane, Method::DELETE, "/api/user", &own).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(matches!(plane.store().user(me.id).await, Err(StoreError::NotFound)));
    let deeds = plane.deeds("user_erased").await;
    assert_eq!((deeds.len(), deeds[1].who.clone()), (2, me.id.to_string()));
    // Whoever comes back is somebody new.
    assert_ne!(plane.person("ada").await.0.id, user.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_being_erased_is_not_let_in_again() {
    let plane = Plane::start().await;
    let (user, _) = plane.person("ada").await;
    let (_, boss) = plane.operator().await;
    plane.store().begin_erasing(user.id).await.unwrap();
    let path = format!("/api/users/{}/enable", user.id);
    assert_eq!(status(&plane, Method::POST, &path, &boss).await, StatusCode::CONFLICT);
    let list: UserPage =
        request(&plane, Method::GET, "/api/users", &boss).send().await.unwrap().json().await.unwrap();
    let seen = list.users.iter().find(|seen| seen.id == user.id).unwrap();
    assert!(seen.disabled && seen.erasing);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_too_quickly_is_told_when_to_come_back() {
    let plane = Plane::start().await;
    let (_, hasty) = plane.person("hasty").await;
    let (_, calm) = plane.person("calm").await;
    let mut refused = None;
    for _ in 0..400 {
        let answer = request(&plane, Method::POST, "/api/user/onboarding", &hasty).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap());
            break;
        }
    }
    assert!((1..=60).contains(&refused.expect("nothing stops it")));
    assert_eq!(status(&plane, Method::GET, "/api/user/profile", &hasty).await, StatusCode::OK);
    assert_ne!(
        status(&plane, Method::POST, "/api/user/onboarding", &calm).await,
        StatusCode::TOO_MANY_REQUESTS
    );
}

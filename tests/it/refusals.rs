//! Bad input: each gets a clear refusal, in the log and to whoever caused it, and nothing else stops working.

use std::time::Duration;

use e2e::impostor::{self, closed, post};
use e2e::viewer::connect_as;
use e2e::{Impostor, Stack, StackOptions, Viewer};
use protocol::close::CloseCode;
use protocol::frame::encode_events;
use protocol::{ConversationId, WorkspaceId};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_tungstenite::tungstenite::Message;
use workspace_agent::link::tls;

async fn workspace(stack: &Stack, viewer: &Viewer) -> anyhow::Result<WorkspaceId> {
    Ok(stack.store().await?.workspace_of(viewer.user_id().parse()?).await?.unwrap().id)
}

#[tokio::test(flavor = "multi_thread")]
async fn links_without_a_good_certificate_are_refused() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let viewer = stack.viewer().await?;
    let anonymous = tls::pinned(&stack.ca_digest().await?)?;
    // No certificate.
    let refused = impostor::dial(stack.link, &anonymous, "atelier.v1").await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    // A foreign CA's.
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let foreign = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let forged = CertificateParams::default().signed_by(&key, &foreign)?;
    let seal = control_plane::seal::Seal::from_file(&stack.data.path().join("sealing-key"))?;
    let authority = control_plane::pki::Authority::load(&*stack.store().await?, &seal).await?;
    let forged = tls::mutual(authority.trust(), &forged.pem(), &key.serialize_pem())?;
    assert!(impostor::dial(stack.link, &forged, "atelier.v1").await.is_err());
    // A wrong CA digest on our side: the first contact is authenticated already.
    let wrong = tls::pinned(&"00".repeat(32))?;
    assert!(impostor::connect(stack.link, &wrong).await.is_err());
    // One that was good until the workspace enrolled anew.
    let id = workspace(&stack, &viewer).await?;
    let first = Impostor::enrol(&stack, id).await?;
    drop(first.link().await?);
    let second = Impostor::enrol(&stack, id).await?;
    let refused = first.dial("atelier.v1").await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    drop(second.link().await?);
    assert!(stack.log_text().contains("the certificate was revoked or replaced"));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_good_once_and_not_for_long() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let viewer = stack.viewer().await?;
    let id = workspace(&stack, &viewer).await?;
    let store = stack.store().await?;
    store.add_enrol_token(Sha256::digest(b"spent").into(), id, u64::MAX >> 1).await?;
    Impostor::enrol_with(&stack, "spent").await?;
    store.add_enrol_token(Sha256::digest(b"late").into(), id, 1).await?;
    for token in ["spent", "late", "never was", ""] {
        let refused = Impostor::enrol_with(&stack, token).await.unwrap_err().to_string();
        assert!(refused.contains("403: the token is unknown, spent or expired"), "{token}: {refused}");
    }
    let anonymous = tls::pinned(&stack.ca_digest().await?)?;
    for body in
        ["", "{}", "{\"token\":1}", &format!("{{\"token\":\"{}\",\"csr\":\"\"}}", "x".repeat(100_000))]
    {
        let (status, _) = post(stack.link, &anonymous, "/enrol", body).await?;
        assert!((400..500).contains(&status), "{status}");
    }
    // Renewal needs the certificate that is to be replaced.
    let (status, words) = post(stack.link, &anonymous, "/renew", "{\"csr\":\"\"}").await?;
    assert_eq!((status, words.as_str()), (401, "this needs a workspace's certificate"));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_agent_that_breaks_the_protocol_is_closed_and_told_why() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mine: ConversationId = viewer.conversation().await?.parse()?;
    let impostor = Impostor::enrol(&stack, workspace(&stack, &viewer).await?).await?;
    let refused = impostor.dial("atelier.v9").await.unwrap_err().to_string();
    assert!(refused.contains("400"), "{refused}");

    let event = |n: u64| json!({ "n": n, "at": 1, "kind": "note", "text": { "text": "x" } }).to_string();
    let gap = encode_events(mine, 1, 7, std::iter::once(event(7).as_str()));
    let misnumbered = encode_events(mine, 1, 1, std::iter::once(event(2).as_str()));
    let malformed =
        encode_events(mine, 1, 1, std::iter::once("{\"n\":1,\"at\":1,\"kind\":\"state\",\"state\":5}"));
    let mut truncated = encode_events(mine, 1, 1, std::iter::once(event(1).as_str()));
    truncated.truncate(20);
    for (what, message, code) in [
        ("malformed JSON", Message::text("{"), CloseCode::Protocol),
        ("a second hello", Message::text(r#"{"type":"hello"}"#), CloseCode::Protocol),
        ("a gap in the log", Message::binary(gap), CloseCode::Protocol),
        ("a wrong number", Message::binary(misnumbered), CloseCode::Protocol),
        ("a malformed event", Message::binary(malformed), CloseCode::Protocol),
        ("a truncated frame", Message::binary(truncated), CloseCode::Protocol),
        ("an empty frame", Message::binary(Vec::new()), CloseCode::Protocol),
        ("a frame that is too large", Message::binary(vec![1; 2 << 20]), CloseCode::TooLarge),
    ] {
        use futures_util::SinkExt;
        let mut link = impostor.link().await?;
        link.send(message).await?;
        assert_eq!(closed(&mut link).await?, Some(code), "{what}");
    }
    // What is merely unknown is skipped.
    use futures_util::SinkExt;
    let mut link = impostor.link().await?;
    link.send(Message::text(r#"{"type":"later","x":1}"#)).await?;
    link.send(Message::binary(vec![200, 1, 2])).await?;
    let good = encode_events(mine, 1, 1, std::iter::once(r#"{"n":1,"at":1,"kind":"later","x":[1]}"#));
    link.send(Message::binary(good)).await?;
    let event = viewer.event(&mine.to_string(), "later").await?;
    assert_eq!(event["x"], json!([1]), "an unknown kind is passed on as it came");
    assert!(stack.log_text().contains("the link is closed"));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_writes_into_its_own_conversations_alone() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut victim = stack.viewer().await?;
    let theirs = victim.conversation().await?;
    let stranger = stack.stranger("Mallory").await?;
    let impostor = Impostor::enrol(&stack, workspace(&stack, &stranger).await?).await?;
    use futures_util::SinkExt;
    let mut link = impostor.link().await?;
    let line = r#"{"n":1,"at":1,"kind":"note","text":{"text":"forged"}}"#;
    link.send(Message::binary(encode_events(theirs.parse()?, 1, 1, std::iter::once(line)))).await?;
    let delta = json!({ "type": "delta", "conversation": theirs, "block": "m:0", "what": { "type": "text" },
                        "at": 0, "text": "forged" });
    link.send(Message::text(delta.to_string())).await?;
    // It is told that there is no such conversation, which is all it may know.
    loop {
        if let Message::Text(text) = impostor::read(&mut link).await?
            && text.contains("\"forget\"")
        {
            break;
        }
    }
    let page = victim.get(&format!("/api/conversations/{theirs}/events")).await?;
    assert_eq!(page["events"], json!([]));
    assert!(victim.seen.live.is_empty());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_sockets_from_elsewhere_are_refused() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let viewer = stack.viewer().await?;
    let own = stack.base_url();
    let cookie = viewer.cookie.as_str();
    let version = ("sec-websocket-protocol", "atelier.v1");
    for (what, headers, status) in [
        ("no Origin", vec![("cookie", cookie), version], "403"),
        ("a foreign Origin", vec![("cookie", cookie), ("origin", "http://evil.example"), version], "403"),
        ("no cookie", vec![("origin", own.as_str()), version], "401"),
        ("a wrong cookie", vec![("origin", own.as_str()), ("cookie", "atelier-session=x"), version], "401"),
        (
            "an unknown version",
            vec![("origin", own.as_str()), ("cookie", cookie), ("sec-websocket-protocol", "x")],
            "400",
        ),
    ] {
        let refused = connect_as(stack.public, viewer.user_id(), &headers).await.unwrap_err().to_string();
        assert!(refused.contains(status), "{what}: {refused}");
    }
    // Requests that change something likewise.
    let client = reqwest::Client::builder().no_proxy().build()?;
    for origin in [None, Some("http://evil.example"), Some("null")] {
        let mut request =
            client.post(format!("{own}/api/conversations")).header("cookie", cookie).json(&json!({}));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(request.send().await?.status(), 403, "{origin:?}");
    }
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reaches_nothing_of_someone_elses() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut owner = stack.viewer().await?;
    let theirs = owner.conversation().await?;
    let item = owner.send(&theirs, "private").await?;
    owner.result_of(&theirs, &item).await?;
    let mut stranger = stack.stranger("Mallory").await?;
    let socket = stranger_socket(&stack, &owner, &stranger).await;
    assert!(socket.contains("404"), "{socket}");
    for request in [
        json!({ "type": "open", "conversation": theirs }),
        json!({ "type": "send", "conversation": theirs, "item": uuid::Uuid::new_v4(), "text": "hi" }),
        json!({ "type": "stop", "conversation": theirs, "item": uuid::Uuid::new_v4() }),
        json!({ "type": "configure", "conversation": theirs, "settings": { "mode": "plan" } }),
    ] {
        assert_eq!(stranger.try_ask(request.clone()).await?["code"], "not_found", "{request}");
    }
    let path = format!("/api/conversations/{theirs}");
    for (method, path) in [
        (reqwest::Method::GET, format!("{path}/events")),
        (reqwest::Method::GET, format!("{path}/bodies/{}/0", "0".repeat(64))),
        (reqwest::Method::DELETE, path.clone()),
        (reqwest::Method::GET, format!("/api/conversations?after={theirs}")),
    ] {
        assert_eq!(stranger.request(method.clone(), &path).send().await?.status(), 404, "{method} {path}");
    }
    let rename = stranger.request(reqwest::Method::PATCH, &path).json(&json!({ "title": "mine" }));
    assert_eq!(rename.send().await?.status(), 404);
    // Not even by making one of the same id.
    let create = stranger.request(reqwest::Method::POST, "/api/conversations").json(&json!({ "id": theirs }));
    assert_eq!(create.send().await?.status(), 404);
    assert_eq!(stranger.get("/api/conversations").await?["conversations"], json!([]));
    assert_ne!(stack.container_of(&owner).await?, stack.container_of(&stranger).await?);
    stack.finish().await;
    Ok(())
}

async fn stranger_socket(stack: &Stack, owner: &Viewer, stranger: &Viewer) -> String {
    let origin = stack.base_url();
    let headers = [
        ("origin", origin.as_str()),
        ("cookie", stranger.cookie.as_str()),
        ("sec-websocket-protocol", "atelier.v1"),
    ];
    connect_as(stack.public, owner.user_id(), &headers).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_long_or_no_text_are_refused() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let send = |text: &str| json!({ "type": "send", "conversation": conversation, "item": uuid::Uuid::new_v4(), "text": text });
    assert_eq!(viewer.try_ask(send(&"x".repeat(300_000))).await?["code"], "too_large");
    assert_eq!(viewer.try_ask(send(" \n ")).await?["code"], "invalid");
    assert_eq!(viewer.try_ask(send(&"x".repeat(1 << 20))).await?["code"], "too_large");
    for (what, message) in [
        ("malformed JSON", Message::text("{")),
        ("an unknown request", Message::text(r#"{"re":1,"type":"later"}"#)),
        ("a frame that ends inside its header", Message::binary(vec![4, 0xFE])),
    ] {
        let mut broken = viewer.another().await?;
        broken.send_raw(message).await?;
        let code = broken.until("it is closed", |seen| seen.closed).await?;
        assert_eq!(code, CloseCode::Protocol.number(), "{what}");
    }
    let mut raw = viewer.another().await?;
    raw.send_invalid_utf8().await?;
    assert_eq!(raw.until("it is closed", |seen| seen.closed).await?, CloseCode::Protocol.number());
    // The first viewer was not disturbed.
    let item = viewer.send(&conversation, "still here").await?;
    viewer.until("it is saved", |seen| seen.items.contains_key(&item).then_some(())).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_eleven_megabytes_is_taken_and_cut() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &item).await?;
    let container = stack.container().await?;
    let fill = "base64 -w 100 /dev/urandom | head -c 5000000 > /home/workspace/big.txt; chown 200000:200000 /home/workspace/big.txt";
    stack
        .engine
        .run(&[
            "run",
            "--rm",
            "--volumes-from",
            &container,
            "--entrypoint",
            "sh",
            "claude-workspace:latest",
            "-c",
            fill,
        ])
        .await?;
    // Reading it first is what the tool asks for; then it is written again, whole.
    let text = "TOOL:Bash head -c 1000000 /dev/zero | tr '\\0' y\nTOOL:Read {\"file_path\":\"/home/workspace/big.txt\",\"limit\":1}\nTOOL:Write {\"file_path\":\"/home/workspace/big.txt\",\"content\":\"short\"}";
    let item = viewer.send(&conversation, text).await?;
    for n in 1..=2 {
        let asked = viewer
            .until("it asks or is done", |seen| {
                let asked = seen.of_kind(&conversation, "prompt_asked").nth(n - 1).cloned();
                let done = seen.of_kind(&conversation, "result").nth(1).cloned();
                asked.or(done)
            })
            .await?;
        if let Some(prompt) = asked["prompt"].as_str() {
            viewer.decide(&conversation, prompt, json!({ "type": "allow" })).await?;
        }
    }
    viewer.result_of(&conversation, &item).await?;
    for event in viewer.seen.log(&conversation) {
        assert!(event.to_string().len() <= 64 * 1024);
    }
    let cut = viewer
        .seen
        .of_kind(&conversation, "tool_result")
        .any(|result| result.to_string().contains("\"cut\""));
    assert!(cut, "{}", viewer.summary());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_disk_is_full_refuses_clearly_and_recovers() -> anyhow::Result<()> {
    let stack = Stack::start_with(StackOptions { small_disk: true, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "before").await?;
    viewer.result_of(&conversation, &item).await?;
    stack.fill_disk()?;
    let send = |text: &str| json!({ "type": "send", "conversation": conversation, "item": uuid::Uuid::new_v4(), "text": text });
    // What is left in already allocated pages may take one or two more.
    let mut refused = json!(null);
    for _ in 0..50 {
        let answer = viewer.try_ask(send(&"x".repeat(20_000))).await?;
        if answer["type"] == "refused" {
            refused = answer;
            break;
        }
    }
    assert_eq!(refused["code"], "unavailable", "{refused}");
    let health = viewer.request(reqwest::Method::GET, "/health").send().await?;
    assert_eq!(health.status(), 503);
    // Reading goes on.
    viewer.get(&format!("/api/conversations/{conversation}/events")).await?;
    stack.free_disk()?;
    let recovered = async {
        while viewer.request(reqwest::Method::GET, "/health").send().await?.status() != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(e2e::stack::PATIENCE, recovered).await??;
    let item = viewer.send(&conversation, "after").await?;
    viewer.result_of(&conversation, &item).await?;
    stack.finish().await;
    Ok(())
}

//! Hostile code in a workspace: what it finds, where it gets, and whom it can disturb.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use e2e::stack::KEY;
use e2e::{Outside, Stack, StackOptions, Viewer};
use serde_json::json;

/// Has Claude call its shell with a script, and allows it. The script must be one that the CLI asks about.
async fn call(viewer: &mut Viewer, conversation: &str, script: &str) -> anyhow::Result<String> {
    let asked = viewer.seen.of_kind(conversation, "prompt_asked").count();
    let call = json!({ "command": script });
    let item = viewer.send(conversation, &format!("TOOL:Bash {call}")).await?;
    let prompt = viewer.nth_event(conversation, "prompt_asked", asked + 1).await?;
    let prompt = prompt["prompt"].as_str().unwrap_or_default().to_owned();
    viewer.decide(conversation, &prompt, json!({ "type": "allow" })).await?;
    Ok(item)
}

/// Runs a script as Claude's tools run, and returns what it printed.
async fn run(viewer: &mut Viewer, conversation: &str, script: &str) -> anyhow::Result<String> {
    let item = call(viewer, conversation, script).await?;
    viewer.result_of(conversation, &item).await?;
    let result = viewer.seen.last(conversation, "tool_result").unwrap_or_default();
    Ok(result["content"]["text"].as_str().unwrap_or_default().to_owned())
}

/// Starts a script and returns as soon as it says `ready`. Its turn goes on.
async fn unleash(
    stack: &Stack,
    viewer: &mut Viewer,
    conversation: &str,
    script: &str,
) -> anyhow::Result<String> {
    let item = call(viewer, conversation, &format!("touch /workspace/ready; {script}")).await?;
    let container = stack.container_of(viewer).await?;
    e2e::until("it has begun", async || {
        stack.engine.run(&["exec", &container, "test", "-e", "/home/workspace/ready"]).await.is_ok()
    })
    .await?;
    Ok(item)
}

/// Stop works in this conversation, and someone else's workspace does not notice.
async fn nobody_else_is_disturbed(
    viewer: &mut Viewer,
    conversation: &str,
    item: &str,
    stranger: &mut Viewer,
) -> anyhow::Result<()> {
    let theirs = stranger.conversation().await?;
    let answered = stranger.send(&theirs, "TEXT undisturbed").await?;
    stranger.result_of(&theirs, &answered).await?;
    viewer.stop(conversation).await?;
    viewer
        .until("the turn is over", |seen| {
            let ended = |event: &&serde_json::Value| event["item"] == item;
            let over = seen.of_kind(conversation, "message_ended").any(|event| ended(&event))
                || seen.of_kind(conversation, "result").next().is_some();
            over.then_some(())
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_holds_no_secret() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let search = format!(
        "canary=$(printf '%s' '{}' | rev)
         echo \"uid $(id -u) groups $(id -G | wc -w)\"
         grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status
         cat /proc/*/environ /proc/*/cmdline >/tmp/processes 2>/dev/null; grep -ac \"$canary\" /tmp/processes
         grep -rlsF \"$canary\" /etc /run /var /home /tmp /workspace /root /usr/local 2>/dev/null | wc -l
         grep -rlsE 'PRIVATE[ ]KEY' /etc /run /var /home /tmp /workspace /root 2>/dev/null | wc -l
         for secret in /var/lib/atelier /var/lib/atelier/enrol /proc/1/environ /proc/1/mem /proc/1/maps /proc/1/root/var /proc/1/fd /proc/1/cwd/var/lib/atelier; do
           if [ -d $secret ]; then ls $secret >/dev/null 2>&1; else head -c 1 $secret >/dev/null 2>&1; fi && echo \"readable: $secret\"
         done
         touch /usr/bin/x /etc/x /var/lib/x /run/atelier/x 2>/dev/null && echo 'writable'
         find / -xdev -perm /6000 -type f 2>/dev/null | xargs -r -n1 sh -c '[ -x $0 ] && $0 --version' >/dev/null 2>&1
         kill -9 1 2>/dev/null && echo 'PID 1 can be killed'
         kill -STOP 1 2>/dev/null && echo 'PID 1 can be stopped'
         ls -A /run/docker.sock /var/run/docker.sock 2>/dev/null
         echo end",
        KEY.chars().rev().collect::<String>()
    );
    let found = run(&mut viewer, &conversation, &search).await?;
    let uid = stack.uid_of(&viewer).await?;
    let expected = format!(
        "uid {uid} groups 2\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000000000e0\n\
         NoNewPrivs:\t1\n0\n0\n0\nend"
    );
    assert_eq!(found, expected);

    // Nor is anything to be seen of it from outside.
    let container = stack.container().await?;
    let inspected = stack.engine.run(&["inspect", &container]).await?;
    assert!(inspected.contains("ATELIER_LINK") && !inspected.contains(KEY), "{inspected}");
    let words = stack.engine.run(&["logs", &container]).await?;
    assert!(!words.contains(KEY) && !stack.log_text().contains(KEY));
    for file in std::fs::read_dir(stack.data.path())?.flatten().filter(|file| file.path().is_file()) {
        let holds = String::from_utf8_lossy(&std::fs::read(file.path())?).contains(KEY);
        assert_eq!(holds, file.file_name() == "anthropic-key", "{}", file.path().display());
    }
    // The scripted model accepts no other key: it did reach the model, and the search was for the right one.
    assert!(viewer.seen.of_kind(&conversation, "result").all(|result| result["error"].is_null()));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_reaches_the_link_and_what_is_public_and_nothing_else() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let theirs = stranger.conversation().await?;

    // A network of the test's own, with a stand-in for each kind of place.
    let private = Ipv4Addr::new(10, 99, 77, 2);
    let home = Ipv4Addr::new(192, 168, 77, 2);
    let metadata = Ipv4Addr::new(169, 254, 77, 2);
    let shared = Ipv4Addr::new(100, 99, 77, 2);
    let public = Ipv4Addr::new(198, 51, 100, 2);
    let outside = Outside::new(stack.instance(), &[private, home, metadata, shared, public])?;
    let port = outside.port();
    for address in [private, home, metadata, shared, public] {
        e2e::outside::reach((address, port).into())?;
    }
    // A service of this machine's, on every address it has.
    let host = TcpListener::bind("0.0.0.0:0")?;
    let host_port = host.local_addr()?.port();
    let greeter = std::thread::spawn(move || {
        while let Ok((mut caller, _)) = host.accept() {
            let _ = caller.write_all(b"host");
        }
    });
    // A service in the neighbour's workspace.
    let serve = "setsid python3 -m http.server 8000 >/dev/null 2>&1 & \
                 until curl -s http://127.0.0.1:8000/ >/dev/null; do :; done; hostname -i";
    let neighbour = run(&mut stranger, &theirs, serve).await?;
    let neighbour: Ipv4Addr =
        neighbour.lines().last().unwrap_or_default().trim().parse().with_context(|| neighbour.clone())?;

    let own = run(&mut viewer, &conversation, "touch /tmp/own; hostname -i").await?;
    let own: Ipv4Addr = own.trim().parse().with_context(|| own.clone())?;
    let gateway = Ipv4Addr::from_bits((own.to_bits() & !7) + 1);
    let link = stack.link;
    let allowed: Vec<SocketAddr> = vec![link, (public, port).into()];
    let mut denied: Vec<SocketAddr> =
        [private, home, metadata, shared].map(|address| (address, port).into()).to_vec();
    for address in [IpAddr::V4(gateway), link.ip()] {
        denied.push((address, host_port).into());
    }
    for own in e2e::outside::own_addresses()? {
        denied.push((own, host_port).into());
    }
    denied.push((gateway, link.port()).into());
    denied.push((neighbour, 8000).into());
    denied.push((Ipv4Addr::new(172, 17, 0, 1), 22).into());
    let probe = |target: &SocketAddr| {
        format!(
            "python3 -c \"import socket; socket.create_connection(('{}', {}), 1.5)\" 2>/dev/null \
             && echo {target} reached || echo {target} not",
            target.ip(),
            target.port()
        )
    };
    let targets: Vec<SocketAddr> = allowed.iter().chain(&denied).copied().collect();
    let script = targets.iter().map(|target| format!("({}) &", probe(target))).collect::<Vec<_>>().join("\n");
    let found = run(&mut viewer, &conversation, &format!("{script}\nwait")).await?;
    for target in &targets {
        let expected = if allowed.contains(target) { "reached" } else { "not" };
        assert!(found.lines().any(|line| line == format!("{target} {expected}")), "{target}:\n{found}");
    }
    drop(greeter);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_is_stopped_and_harms_nobody_else() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let conversation = viewer.conversation().await?;
    let bomb = "bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1000";
    let item = unleash(&stack, &mut viewer, &conversation, bomb).await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn used_up_inotify_instances_harm_nobody_else() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let conversation = viewer.conversation().await?;
    let hoard = "python3 -c \"
import ctypes, resource, time
libc = ctypes.CDLL(None)
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
n = 0
while libc.inotify_init() >= 0: n += 1
open('/workspace/hoarded', 'w').write(str(n))
time.sleep(1000)\"";
    let item = unleash(&stack, &mut viewer, &conversation, hoard).await?;
    let container = stack.container_of(&viewer).await?;
    e2e::until("all are taken", async || {
        stack.engine.run(&["exec", &container, "test", "-s", "/home/workspace/hoarded"]).await.is_ok()
    })
    .await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_harms_nobody_else() -> anyhow::Result<()> {
    let options = StackOptions { flags: vec!["--disk=128m".to_owned()], ..StackOptions::default() };
    let stack = Stack::start_with(options).await?;
    let mut viewer = stack.viewer().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let conversation = viewer.conversation().await?;
    let fill = "head -c 1G /dev/zero > /workspace/fill; head -c 300M /dev/zero > /tmp/fill; sleep 1000";
    let item = unleash(&stack, &mut viewer, &conversation, fill).await?;
    let container = stack.container_of(&viewer).await?;
    e2e::until("the disk is full", async || {
        stack
            .engine
            .run(&[
                "exec",
                &container,
                "sh",
                "-c",
                "! dd if=/dev/zero of=/home/user/x bs=1M count=1 2>/dev/null",
            ])
            .await
            .is_ok()
    })
    .await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    // It goes on as soon as there is room.
    let user = stack.uid_of(&viewer).await?.to_string();
    stack
        .engine
        .run(&["exec", "--user", &user, &container, "rm", "-f", "/home/workspace/fill", "/tmp/fill"])
        .await?;
    let item = viewer.send(&conversation, "TEXT room again").await?;
    viewer.result_of(&conversation, &item).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hoarded_connections_to_the_workspace_agent_do_not_keep_a_stop_from_working() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let conversation = viewer.conversation().await?;
    // Twice as many requests as the workspace-agent has descriptors, none of which ever comes to its end; and a CLI that
    // stands still, so that only force ends the turn.
    let hoard = "python3 -c \"
import os, resource, signal, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
head = b'POST /v1/messages HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 30000000\\r\\n\\r\\n'
first = os.fork()
held = []
try:
    while True:
        held.append(socket.create_connection(('127.0.0.1', 8787), 3))
        held[-1].send(head)
except OSError: pass
if first == 0: time.sleep(1000)
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        if open(f'/proc/{pid}/comm').read().startswith('claude'): os.kill(int(pid), signal.SIGSTOP)
    except OSError: pass
open('/workspace/hoarded', 'w').write(str(len(held)))
time.sleep(1000)\"";
    let item = unleash(&stack, &mut viewer, &conversation, hoard).await?;
    let container = stack.container_of(&viewer).await?;
    e2e::until("all are taken", async || {
        stack.engine.run(&["exec", &container, "test", "-s", "/home/workspace/hoarded"]).await.is_ok()
    })
    .await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    // Nothing of it is left, and the next message is answered.
    let item = viewer.send(&conversation, "TEXT room again").await?;
    viewer.result_of(&conversation, &item).await?;
    let left = stack.engine.run(&["exec", &container, "sh", "-c", "cat /proc/[0-9]*/comm"]).await?;
    assert!(!left.contains("python3"), "{left}");
    stack.finish().await;
    Ok(())
}

//! Hostile code in a workspace: what it finds, where it gets, and whom it can disturb.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

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
    made(stack, viewer, "-e", "ready").await?;
    Ok(item)
}

/// Waits until a script has made a file in the workspace: `-e` as soon as it is there, `-s` once something is in it.
async fn made(stack: &Stack, viewer: &Viewer, how: &str, name: &str) -> anyhow::Result<()> {
    let (container, path) = (stack.container_of(viewer).await?, format!("/home/workspace/{name}"));
    let is_there = async || stack.engine.run(&["exec", &container, "test", how, &path]).await.is_ok();
    e2e::until("the script has got that far", is_there).await
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
            // What goes on there may have been too much for the process itself, which then died of it.
            let over = seen.of_kind(conversation, "message_ended").any(|event| ended(&event))
                || seen.of_kind(conversation, "message_unknown").any(|event| ended(&event))
                || seen.of_kind(conversation, "result").next().is_some();
            over.then_some(())
        })
        .await?;
    Ok(())
}

/// A script that tries to reach each of these over TCP and UDP at once, and says of each whether it did.
fn probes(targets: &[SocketAddr]) -> String {
    const PROBE: &str = "import os, socket, sys
def ask(kind, host, port):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(1.5)
        s.connect((host, int(port)))
        if kind == socket.SOCK_DGRAM:
            s.send(b'x')
            s.recv(9)
kind, host, port = sys.argv[1:]
# In one piece: others speak at the same time.
def say(word): os.write(1, f'{kind} {host} {port} {word}\\n'.encode())
# A datagram may be lost.
for left in range(3 if kind == 'udp' else 1):
    try:
        ask(socket.SOCK_DGRAM if kind == 'udp' else socket.SOCK_STREAM, host, port)
        say('reached')
        break
    except OSError:
        pass
else:
    say('not')";
    let probe = |kind: &str, target: &SocketAddr| {
        format!("python3 -c \"$probe\" {kind} {} {} &\n", target.ip(), target.port())
    };
    let each = targets.iter().flat_map(|target| ["tcp", "udp"].map(|kind| probe(kind, target)));
    format!("probe=$(cat <<'END'\n{PROBE}\nEND\n)\n{}wait", each.collect::<String>())
}

/// What such a script says when these are reached and no others.
fn expect(found: &str, targets: &[SocketAddr], reached: &[(&str, SocketAddr)]) {
    for target in targets {
        for kind in ["tcp", "udp"] {
            let word = if reached.contains(&(kind, *target)) { "reached" } else { "not" };
            let line = format!("{kind} {} {} {word}", target.ip(), target.port());
            assert!(found.lines().any(|found| found == line), "{line}:\n{found}");
        }
    }
}

/// The rules of a stack's wall, if it stands.
fn wall(stack: &Stack) -> String {
    let table = format!("atelier_{}", stack.instance());
    let listed = Command::new("nft").args(["list", "table", "inet", &table]).output();
    listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default()
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
    e2e::outside::echo(host.local_addr()?)?;
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
    let open: SocketAddr = (public, port).into();
    let targets: Vec<SocketAddr> = [link, open].into_iter().chain(denied).collect();
    let found = run(&mut viewer, &conversation, &probes(&targets)).await?;
    expect(&found, &targets, &[("tcp", link), ("tcp", open), ("udp", open)]);
    drop(greeter);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_gateway_alone_a_workspace_reaches_the_link_and_nothing_that_is_public()
-> anyhow::Result<()> {
    let flags = vec!["--egress=gateway".to_owned()];
    let stack = Stack::start_with(StackOptions { flags, ..StackOptions::default() }).await?;
    let public = Ipv4Addr::new(198, 51, 100, 6);
    let outside = Outside::new(stack.instance(), &[public])?;
    let open: SocketAddr = (public, outside.port()).into();
    e2e::outside::reach(open)?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    // That Claude answers at all shows that it reaches its model.
    let targets = [stack.link, open];
    let found = run(&mut viewer, &conversation, &probes(&targets)).await?;
    expect(&found, &targets, &[("tcp", stack.link)]);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workspace_has_of_ipv6_leads_nowhere() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TEXT up").await?;
    viewer.result_of(&conversation, &item).await?;
    // No workspace gets an IPv6 address. Suppose it had one, and its bridge too.
    let container = stack.container().await?;
    let pid = stack.engine.run(&["inspect", "-f", "{{.State.Pid}}", &container]).await?;
    let pid = pid.trim();
    let here = std::process::id().to_string();
    let bridge = format!("atl{}-0", stack.instance());
    let own = "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 addr add fd77:a71e::2/64 dev eth0 nodad";
    e2e::outside::inside(pid, own)?;
    let near =
        "sysctl -qw net.ipv6.conf.BRIDGE.disable_ipv6=0; ip -6 addr add fd77:a71e::1/64 dev BRIDGE nodad";
    e2e::outside::inside(&here, &near.replace("BRIDGE", &bridge))?;
    let host = TcpListener::bind("[fd77:a71e::1]:0")?;
    let target = host.local_addr()?;
    e2e::outside::echo(target)?;
    let greeter = std::thread::spawn(move || {
        while let Ok((mut caller, _)) = host.accept() {
            let _ = caller.write_all(b"host");
        }
    });
    // This machine reaches it, and so would the workspace: without the wall it does.
    expect(&e2e::outside::inside(&here, &probes(&[target]))?, &[target], &[("tcp", target), ("udp", target)]);
    expect(&e2e::outside::inside(pid, &probes(&[target]))?, &[target], &[]);
    let lift = format!("nft delete table inet atelier_{}", stack.instance());
    e2e::outside::inside(&here, &lift)?;
    expect(&e2e::outside::inside(pid, &probes(&[target]))?, &[target], &[("tcp", target), ("udp", target)]);
    drop(greeter);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_that_someone_took_down_is_put_up_again_and_always_as_it_is_configured() -> anyhow::Result<()>
{
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TEXT up").await?;
    viewer.result_of(&conversation, &item).await?;
    let here = std::process::id().to_string();
    let before = wall(&stack);
    assert!(before.contains("169.254.0.0/16"), "{before}");
    e2e::outside::inside(&here, &format!("nft delete table inet atelier_{}", stack.instance()))?;
    e2e::until("the wall stands again", async || wall(&stack) == before).await?;
    // The next control plane lets less out, also of what it finds running.
    let life = stack.life().await?;
    stack.stop_control_plane().await;
    stack.add_flags(&["--egress=gateway".to_owned()]);
    stack.start_control_plane().await?;
    let closed = |rules: &str| rules.contains("chain from_workspace") && !rules.contains("169.254.0.0/16");
    e2e::until("it is the new wall", async || closed(&wall(&stack))).await?;
    assert_eq!(life, stack.life().await?);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_fills_up_what_runs_is_stopped_not_what_is_large() -> anyhow::Result<()> {
    let flags = vec!["--disk=0".to_owned()];
    let mut stack = Stack::start_with(StackOptions { flags, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TEXT up").await?;
    viewer.result_of(&conversation, &item).await?;
    let mut large = stack.stranger("hoarder").await?;
    let theirs = large.conversation().await?;
    run(&mut large, &theirs, "head -c 50M /dev/urandom > /workspace/hoard").await?;
    large.ask(json!({ "type": "stop_workspace" })).await?;
    large.until("it is stopped", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(())).await?;
    // From now on no disk is empty enough.
    stack.stop_control_plane().await;
    stack.add_flags(&["--least-free=1000000g".to_owned()]);
    stack.start_control_plane().await?;
    viewer.reconnect().await?;
    viewer
        .until("what runs is stopped", |seen| (seen.workspace["phase"]["type"] == "failed").then_some(()))
        .await?;
    let reason = &viewer.seen.workspace["phase"]["reason"];
    assert_eq!(reason["code"], "disk_full");
    // Its few files were found.
    let bytes = reason["detail"].as_str().unwrap_or_default();
    assert!(bytes.contains(" MB") && !bytes.contains("take up 0 MB"), "{bytes}");
    large.reconnect().await?;
    large
        .until("the other is as it was", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(()))
        .await?;
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
    made(&stack, &viewer, "-s", "hoarded").await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_the_link_port_harms_nobody_else() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut stranger = stack.stranger("neighbour").await?;
    let conversation = viewer.conversation().await?;
    // Silent connections, and requests without a certificate that promise a large body: as many as it can have at a
    // time, again and again.
    let (address, port) = (stack.link.ip(), stack.link.port());
    let flood = format!(
        "python3 -c \"
import socket, ssl, threading
context = ssl._create_unverified_context()
context.set_alpn_protocols(['http/1.1'])
head = b'POST /model/-/v1/messages HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 30000000\\r\\n\\r\\n'
def silent():
    held = []
    while True:
        try: held.append(socket.create_connection(('{address}', {port}), 1))
        except OSError: held.clear()
        if len(held) == 300: held.clear()
def large():
    held = []
    while True:
        try:
            held.append(context.wrap_socket(socket.create_connection(('{address}', {port}), 1)))
            held[-1].sendall(head + b'x' * 100000)
        except OSError: held.clear()
        if len(held) == 100: held.clear()
for flood in [silent] * 4 + [large] * 4: threading.Thread(target=flood).start()
open('/workspace/flooding', 'w').write('yes')\""
    );
    let item = unleash(&stack, &mut viewer, &conversation, &flood).await?;
    made(&stack, &viewer, "-s", "flooding").await?;
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
    made(&stack, &viewer, "-s", "hoarded").await?;
    nobody_else_is_disturbed(&mut viewer, &conversation, &item, &mut stranger).await?;
    // Nothing of it is left, and the next message is answered.
    let item = viewer.send(&conversation, "TEXT room again").await?;
    viewer.result_of(&conversation, &item).await?;
    let container = stack.container_of(&viewer).await?;
    let left = stack.engine.run(&["exec", &container, "sh", "-c", "cat /proc/[0-9]*/comm"]).await?;
    assert!(!left.contains("python3"), "{left}");
    stack.finish().await;
    Ok(())
}

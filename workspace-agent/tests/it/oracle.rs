//! The screen model against the emulator of the page: whatever a terminal printed, an emulator that is given a snapshot and the
//! rest shows and does the same as one that was given everything.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use protocol::terminal::Size;
use serde_json::json;
use workspace_agent::terminal::screen::Screen;

/// The emulator, in a process of its own.
struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/terminals")
}

impl Oracle {
    fn start() -> Self {
        let mut child = Command::new("node")
            .arg(folder().join("compare.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs; scripts/oracle.sh fetches what it needs");
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    /// What is different when the stream is handed over after `cut` bytes; nothing, if all is well.
    fn compare(&mut self, size: Size, whole: &[u8], cut: usize) -> String {
        let mut screen = Screen::new(size);
        screen.feed(&whole[..cut]);
        let snapshot = screen.snapshot();
        screen.feed(&whole[cut..]);
        let replies = screen.take_replies();
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let case = json!({
            "cols": size.cols, "rows": size.rows, "whole": text(whole), "snapshot": text(&snapshot),
            "tail": text(&whole[cut..]), "replies": text(&replies),
        });
        writeln!(self.stdin, "{case}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the oracle is gone; scripts/oracle.sh fetches what it needs");
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A piece of what programs print.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![4 => 0..12u32, 1 => 12..40u32, 1 => Just(0u32)];
    let plain =
        (prop::sample::select(b"@ABCDEFGHIJKLMPSTXZ`abdefgsu".to_vec()), prop::collection::vec(small, 0..3))
            .prop_map(|(last, params)| {
                let params: Vec<String> = params.iter().map(u32::to_string).collect();
                format!("\x1b[{}{}", params.join(";"), char::from(last))
            })
            // The emulator fails when it erases up to the last column of the last line.
            // And it keeps a saved cursor below the screen when the scrollback is erased.
            .prop_map(
                |sequence| if sequence.ends_with('J') { format!("\r{sequence}\x1b7") } else { sequence },
            );
    let modes = prop::sample::select(vec![
        "4", "?1", "?6", "?9", "?25", "?47", "?66", "?1000", "?1002", "?1003", "?1004", "?1006", "?1016",
        "?1047", "?1048", "?1049", "?2004", "?2026", "20", "?2", "?12",
    ]);
    let modes =
        (modes, any::<bool>()).prop_map(|(mode, on)| format!("\x1b[{mode}{}", if on { 'h' } else { 'l' }));
    let look = prop::collection::vec(
        prop::sample::select(vec![
            "0",
            "1",
            "2",
            "3",
            "4",
            "4:3",
            "4:0",
            "5",
            "7",
            "8",
            "9",
            "21",
            "22",
            "23",
            "24",
            "27",
            "29",
            "31",
            "39",
            "42",
            "49",
            "97",
            "103",
            "38;5;123",
            "48;5;7",
            "38;2;1;2;3",
            "48:2::9:8:7",
            "58:5:9",
            "58;2;4;5;6",
            "59",
            "53",
            "55",
        ]),
        0..4,
    )
    .prop_map(|codes| format!("\x1b[{}m", codes.join(";")));
    let others = prop::sample::select(vec![
        "\x1b7",
        "\x1b8",
        "\x1bD",
        "\x1bE",
        "\x1bH",
        "\x1bM",
        "\x1b=",
        "\x1b>",
        "\x1bc",
        "\x1b(0",
        "\x1b(B",
        "\x1b)0",
        "\x1b*A",
        "\x1b+K",
        "\x1bn",
        "\x1bo",
        "\x0e",
        "\x0f",
        "\x1b#8",
        "\x1b[!p",
        "\x1b[?J",
        "\r\x1b[?1J",
        "\x1b[?2J",
        "\x1b[?K",
        "\x1b[1\"q",
        "\x1b[0\"q",
        "\x1b[3 q",
        "\x1b[6 q",
        "\x1b[0 q",
        "\x1b[D\x1b[2 @",
        "\x1b[D\x1b[2 A",
        "\x1b[D\x1b[2'}",
        "\x1b[D\x1b[2'~",
        "\x1b]0;제목\x07",
        "\x1b]2;title\x1b\\",
        "\x1b]1;icon\x07",
        "\x1b]4;1;#ff0000\x07",
        "\x1b]11;#000\x07",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[5n",
        "\x1b[?7$p",
        "\x1b[4$p",
        "\x1bP$qr\x1b\\",
        "\x1bP$q\"q\x1b\\",
        "\x1bPq#0\x1b\\",
        "\x1b_ignored\x1b\\",
        "\x1b[>1u",
        "\x1b[<u",
        "\x1b[=5;1u",
        "\x1b[2;5r",
        "\x1b[3;4r",
        "\x1b[r",
        "\x1b[3g",
        "\x1b[g",
        "\u{9b}3C",
        "\u{84}",
        "\u{85}",
        "\x18",
        "\x1b[3\x08D",
        "\x1b[999;999H",
    ]);
    let text = prop_oneof![
        4 => "[ -~]{1,30}",
        2 => "[가-힣a ]{1,12}",
        1 => "[😀🙂🚀é\u{301}\u{200d}\u{fe0f}漢 ]{1,6}",
        1 => "[a-z]{60,200}",
    ];
    // An emulator brings a link back to life that was open when a cursor was restored; so they are closed at once.
    let links = ("(id=x)?", "[a-z 가]{1,9}")
        .prop_map(|(id, text)| format!("\x1b]8;{id};http://a\x07{text}\x1b]8;;\x07"));
    // Nor does an emulator do the same with wide characters that don't fit, if they come in one piece or in two.
    let unwrapped = "[ -~]{1,40}".prop_map(|text| format!("\r\x1b[?7l{text}\r\x1b[?7h"));
    let controls =
        prop::sample::select(vec!["\r\n", "\n", "\r", "\x08", "\t", "\x07", "\r\n\r\n\r\n", "\x0b"]);
    prop_oneof![6 => text, 4 => controls.prop_map(str::to_owned), 4 => plain, 3 => look, 2 => modes, 3 => others.prop_map(str::to_owned), 1 => links, 1 => unwrapped]
        .prop_map(String::into_bytes)
}

fn streams() -> impl Strategy<Value = (Size, Vec<u8>, usize)> {
    let size = (2..24u16, 2..9u16).prop_map(|(cols, rows)| Size { cols, rows });
    (size, prop::collection::vec(piece(), 1..60), any::<prop::sample::Index>()).prop_map(
        |(size, pieces, cut)| {
            let whole = pieces.concat();
            let cut = cut.index(whole.len() + 1);
            (size, whole, cut)
        },
    )
}

fn cases() -> u32 {
    std::env::var("ATELIER_ORACLE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_500)
}

#[test]
fn a_snapshot_and_the_rest_are_as_good_as_everything() {
    let oracle = Mutex::new(Oracle::start());
    let config =
        Config { cases: cases(), failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let bytes = std::sync::atomic::AtomicUsize::new(0);
    // The same streams in every run, unless another number of them is wanted.
    let mut runner = match std::env::var_os("ATELIER_ORACLE_CASES") {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let tried = runner.run(&streams(), |(size, whole, cut)| {
        bytes.fetch_add(whole.len(), std::sync::atomic::Ordering::Relaxed);
        let found = oracle.lock().unwrap().compare(size, &whole, cut);
        if found.is_empty() {
            return Ok(());
        }
        let (before, after) = (whole[..cut].escape_ascii(), whole[cut..].escape_ascii());
        Err(TestCaseError::fail(format!("{found} ({size:?})\nbefore: {before}\nafter: {after}")))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
    println!("oracle: {} random streams, {} bytes: equal", cases(), bytes.into_inner());
}

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

/// A piece of a stream.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Bytes(&'a [u8]),
    Size(Size),
}

impl Piece<'_> {
    fn play(&self, screen: &mut Screen) {
        match self {
            Self::Bytes(bytes) => screen.feed(bytes),
            Self::Size(size) => screen.resize(*size),
        }
    }

    fn told(&self) -> serde_json::Value {
        match self {
            Self::Bytes(bytes) => json!(STANDARD.encode(bytes)),
            Self::Size(size) => json!(size),
        }
    }
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
        let (before, after) = whole.split_at(cut);
        self.compare_sized(size, &[Piece::Bytes(before)], &[Piece::Bytes(after)], true)
    }

    /// The same of a stream with other sizes in it. `saved`: whether saved cursors are compared.
    fn compare_sized(
        &mut self,
        size: Size,
        before: &[Piece<'_>],
        after: &[Piece<'_>],
        saved: bool,
    ) -> String {
        let mut screen = Screen::new(size);
        before.iter().for_each(|piece| piece.play(&mut screen));
        let (then, snapshot) = (screen.size(), screen.snapshot());
        after.iter().for_each(|piece| piece.play(&mut screen));
        let replies = screen.take_replies();
        let stream = |pieces: &[Piece<'_>]| pieces.iter().map(Piece::told).collect::<Vec<_>>();
        let case = json!({
            "size": size, "then": then, "saved": saved, "whole": stream(&[before, after].concat()),
            "snapshot": STANDARD.encode(&snapshot), "tail": stream(after), "replies": STANDARD.encode(&replies),
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

/// What shells and full-screen programs print around another size: lines of any length, and words where the cursor is. What becomes
/// of a region, of half of a wide character, of a cursor that was saved and has scrolled away, or of lines below the cursor is not
/// compared.
fn plain_piece() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![3 => "[a-z ]{0,12}", 2 => "[a-z]{20,90}", 1 => "[가-힣]{1,8}"];
    let line = line.prop_map(|line| format!("{line}\r\n"));
    let others = prop::sample::select(vec!["$ ", "\x1b[K", "x"]);
    prop_oneof![5 => line, 3 => others.prop_map(str::to_owned)].prop_map(String::into_bytes)
}

#[test]
fn another_size_is_taken_as_the_emulator_takes_it() {
    let oracle = Mutex::new(Oracle::start());
    let config =
        Config { cases: cases(), failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let size = || (4..24u16, 2..9u16).prop_map(|(cols, rows)| Size { cols, rows });
    let pieces = || prop::collection::vec(plain_piece(), 0..25).prop_map(|pieces| pieces.concat());
    let streams = (any::<bool>(), size(), pieces(), size(), pieces(), size(), pieces());
    let tried =
        runner.run(&streams, |(full, size, mut first, second_size, second, third_size, mut third)| {
            if full {
                // A program that takes the whole screen meanwhile, and gives it back.
                first.extend(b"\x1b[?1049h");
                third.splice(0..0, *b"\x1b[?1049l");
            }
            let before = [Piece::Bytes(&first), Piece::Size(second_size), Piece::Bytes(&second)];
            let after = [Piece::Size(third_size), Piece::Bytes(&third)];
            let found = oracle.lock().unwrap().compare_sized(size, &before, &after, full);
            if found.is_empty() {
                return Ok(());
            }
            let told = [&first, &second, &third].map(|bytes| bytes.escape_ascii().to_string());
            Err(TestCaseError::fail(format!("{found} ({size:?}, {second_size:?}, {third_size:?}): {told:?}")))
        });
    if let Err(error) = tried {
        panic!("{error}");
    }
    println!("oracle: {} random streams with other sizes: equal", cases());
}

/// Sessions of real programs, recorded on 80 columns and 24 rows, cut at many places.
#[test]
fn recorded_sessions_are_handed_over_at_any_place() {
    let folder = folder().join("../fixtures/terminals");
    let mut oracle = Oracle::start();
    let size = Size { cols: 80, rows: 24 };
    for name in ["vim", "htop", "less", "claude", "korean"] {
        let whole = std::fs::read(folder.join(format!("{name}.raw"))).unwrap();
        let step = whole.len() / 40 + 1;
        let cuts: Vec<usize> = (0..whole.len()).step_by(step).chain([whole.len()]).collect();
        for cut in &cuts {
            let found = oracle.compare(size, &whole, *cut);
            assert!(found.is_empty(), "{name}, handed over at byte {cut}: {found}");
        }
        println!("oracle: {name}, {} bytes, handed over at {} places: equal", whole.len(), cuts.len());
    }
}

#[test]
fn sequences_of_any_length_and_nonsense_leave_a_model_that_is_bounded() {
    let size = Size { cols: 80, rows: 24 };
    let bombs: [(&[u8], &[u8]); 6] = [
        (b"\x1b]0;", b"x"),
        (b"\x1bPq", b"~"),
        (b"\x1b[", b"1;"),
        (b"\x1b_", b"y"),
        (b"e", "\u{301}".as_bytes()),
        (b"", b"\x1b]8;;http://a\x07a\x1b[99999b\x1b[999L"),
    ];
    for (intro, body) in bombs {
        let mut screen = Screen::new(size);
        screen.feed(intro);
        for _ in 0..2_000 {
            screen.feed(&body.repeat(10));
        }
        let snapshot = screen.snapshot();
        assert!(snapshot.len() < 1024 * 1024, "{} bytes after {intro:?}", snapshot.len());
        screen.feed(b"\x18\x1b\\\x1bcok");
        assert_eq!(screen.text()[0], "ok");
    }
}

//! What goes over the wire, byte for byte. A changed snapshot is a changed protocol: within version 1 only
//! additions are allowed.

use std::collections::BTreeSet;

use protocol::EventBody;
use serde::Serialize;

use crate::samples;

fn lines<T: Serialize>(values: &[T]) -> String {
    values.iter().map(|value| serde_json::to_string(value).unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn events_look_like_this() {
    insta::assert_snapshot!(lines(&samples::events()));
}

#[test]
fn the_workspace_agent_says_this() {
    insta::assert_snapshot!(lines(&samples::from_agent()));
}

#[test]
fn the_control_plane_says_this_to_a_workspace_agent() {
    insta::assert_snapshot!(lines(&samples::from_control()));
}

#[test]
fn a_viewer_says_this() {
    insta::assert_snapshot!(lines(&samples::from_viewer()));
}

#[test]
fn the_control_plane_says_this_to_a_viewer() {
    insta::assert_snapshot!(lines(&samples::from_server()));
}

#[test]
fn an_operator_says_this() {
    insta::assert_snapshot!(lines(&samples::from_operator()));
}

#[test]
fn the_control_plane_says_this_to_an_operator() {
    insta::assert_snapshot!(lines(&samples::to_operator()));
}

#[test]
fn binary_frames_look_like_this() {
    let dump: Vec<String> = samples::frames()
        .iter()
        .map(|frame| frame.chunks(32).map(hex).collect::<Vec<_>>().join("\n"))
        .collect();
    insta::assert_snapshot!(dump.join("\n\n"));
}

fn hex(bytes: &[u8]) -> String {
    let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits:64}  {}", bytes.iter().map(printable).collect::<String>())
}

#[test]
fn every_kind_has_a_sample() {
    let kinds: BTreeSet<String> = samples::events()
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    // serde names every variant it knows when it meets one that it doesn't.
    let error = serde_json::from_str::<EventBody>(r#"{"kind":"?"}"#).unwrap_err().to_string();
    let known: BTreeSet<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert_eq!(kinds, known);
}

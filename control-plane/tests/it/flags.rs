//! A command line, and what comes of it.

use std::path::Path;

use clap::Parser;
use control_plane::config::{Config, ServeArgs};
use tempfile::TempDir;

#[derive(Parser, Debug)]
#[command(args_override_self = true)]
struct Line {
    #[command(flatten)]
    serve: ServeArgs,
}

/// A folder with a page in it and room for data.
pub(crate) fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("web")).unwrap();
    std::fs::write(dir.path().join("web/index.html"), "<!doctype html><title>Atelier</title>").unwrap();
    dir
}

/// The command line of a control plane in that folder, with these flags besides. It has no container engine.
pub(crate) fn parse(folder: &Path, flags: &[&str]) -> ServeArgs {
    let path = |name: &str| folder.join(name).display().to_string();
    let engine = format!("unix://{}", path("no-engine.sock"));
    let fixed = [
        ("--data", path("data")),
        ("--web", path("web")),
        ("--docker-host", engine),
        ("--dns", "192.0.2.1".into()),
    ];
    let fixed = fixed.iter().flat_map(|(flag, value)| [*flag, value.as_str()]);
    let line = std::iter::once("serve").chain(fixed).chain(flags.iter().copied());
    Line::try_parse_from(line).unwrap().serve
}

/// What it comes to: the configuration, or everything that is wrong with it, a line each.
pub(crate) fn check(folder: &Path, flags: &[&str]) -> Result<Config, Vec<String>> {
    parse(folder, flags).check().map_err(|mistakes| {
        let text = mistakes.to_string();
        text.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(str::to_owned).collect()
    })
}

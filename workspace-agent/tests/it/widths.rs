//! The page's table of character widths is the model's.
//!
//! `ATELIER_BLESS=1 cargo test -p workspace-agent widths` writes it anew.

use std::path::Path;

use workspace_agent::terminal::screen::width;

/// The characters of this width, as gaps and lengths in base 36.
fn ranges(wanted: u8) -> String {
    let (mut ranges, mut at, mut first) = (Vec::new(), 0, None);
    for code in 0x20..=0x11_0000u32 {
        let is = char::from_u32(code).is_some_and(|character| width(character) == wanted);
        match (is, first) {
            (true, None) => first = Some(code),
            (false, Some(start)) => {
                ranges.push(format!("{},{}", base36(start - at), base36(code - start)));
                (at, first) = (code, None);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    ranges.join(" ")
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

fn generate() -> String {
    format!(
        "// Generated from the workspace-agent's model by its test `widths`. Not to be edited by hand.\n\n\
         // Each range is its distance from the end of the one before, and its length, in base 36. What is in none takes one column.\n\n\
         /** Characters that take no column. */\n// prettier-ignore\nexport const NARROW =\n  '{}';\n\n\
         /** Characters that take two columns. */\n// prettier-ignore\nexport const WIDE =\n  '{}';\n",
        ranges(0),
        ranges(2),
    )
}

#[test]
fn the_pages_table_of_widths_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/lib/terminal/widths.ts");
    let generated = generate();
    if std::env::var_os("ATELIER_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is not current: run ATELIER_BLESS=1 cargo test -p workspace-agent widths",
        path.display()
    );
}

//! Looking into files for what should not be there.

use std::path::Path;

/// Shows `look` every file below a folder that can be read, but for those whose path ends with one of `but`.
///
/// # Errors
/// When a folder can't be listed.
pub fn look_below(folder: &Path, but: &[&str], look: &mut dyn FnMut(&Path, &[u8])) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if but.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            look_below(&path, but, look)?;
        } else if let Ok(content) = std::fs::read(&path) {
            look(&path, &content);
        }
    }
    Ok(())
}

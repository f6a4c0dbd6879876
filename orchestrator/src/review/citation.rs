//! Whether the place that a finding cites is there: a regular file inside the workspace that has that line.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use agents_domain::evidence::Citation;

/// Files are read so far only, in bytes: no reviewer cites what stands behind it.
const READ_MOST: u64 = 16 * 1024 * 1024;

/// What such a citation is worth. A file without a line is enough where it is there.
pub fn check(folder: &Path, file: Option<&str>, line: Option<u32>) -> Citation {
    match file {
        None => Citation::None,
        Some(file) if is_there(folder, file, line) => Citation::Holds,
        Some(_) => Citation::Wrong,
    }
}

fn is_there(folder: &Path, file: &str, line: Option<u32>) -> bool {
    let named = Path::new(file);
    // `..` and links may lead out, which the real path tells; the repository's own records are no work.
    let Ok(root) = folder.canonicalize() else { return false };
    let Ok(real) = root.join(named).canonicalize() else { return false };
    let Ok(inside) = real.strip_prefix(&root) else { return false };
    if inside.components().any(|part| part == Component::Normal(".git".as_ref())) || !real.is_file() {
        return false;
    }
    match line {
        None => true,
        Some(0) => false,
        Some(line) => has_line(&real, u64::from(line)).unwrap_or(false),
    }
}

fn has_line(file: &Path, line: u64) -> std::io::Result<bool> {
    let mut reader = BufReader::new(File::open(file)?.take(READ_MOST));
    let mut buffer = [0; 16 * 1024];
    // The line after the last line feed counts if anything stands in it.
    let mut complete = 0;
    let mut has_rest = false;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(complete + u64::from(has_rest) >= line);
        }
        complete += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        has_rest = buffer[read - 1] != b'\n';
        if complete >= line {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_holds_only_for_a_line_that_a_file_of_the_workspace_has() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("work");
        std::fs::create_dir_all(root.join("src")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::write(root.join("src/a.rs"), "one\ntwo\nthree").unwrap();
        std::fs::write(root.join("empty"), "").unwrap();
        std::fs::write(root.join(".git/config"), "x\n").unwrap();
        std::fs::write(temp.path().join("outside"), "x\n").unwrap();
        std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
        std::os::unix::fs::symlink("src/a.rs", root.join("inner")).unwrap();
        let whole = root.join("src/a.rs").display().to_string();
        let cases = [
            ("src/a.rs", Some(1), Citation::Holds),
            ("src/a.rs", Some(3), Citation::Holds),
            ("./src/../src/a.rs", Some(2), Citation::Holds),
            ("inner", Some(2), Citation::Holds),
            (&whole, Some(3), Citation::Holds),
            ("src/a.rs", None, Citation::Holds),
            ("src/a.rs", Some(4), Citation::Wrong),
            ("src/a.rs", Some(0), Citation::Wrong),
            ("empty", Some(1), Citation::Wrong),
            ("src", Some(1), Citation::Wrong),
            ("src/b.rs", Some(1), Citation::Wrong),
            ("../outside", Some(1), Citation::Wrong),
            ("link", Some(1), Citation::Wrong),
            (".git/config", Some(1), Citation::Wrong),
            ("/dev/zero", Some(1), Citation::Wrong),
            ("", None, Citation::Wrong),
            ("a\0b", Some(1), Citation::Wrong),
        ];
        for (file, line, expected) in cases {
            assert_eq!(check(&root, Some(file), line), expected, "{file}:{line:?}");
        }
        assert_eq!(check(&root, None, Some(3)), Citation::None);
    }
}

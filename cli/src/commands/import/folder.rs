//! Reads the files of a folder of hs-conductor, and says how far it is.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use agents_orchestrator::import::SourceFile;
use agents_orchestrator::import::conductor::Folder;

use crate::failure::Failure;
use crate::output::Printer;

/// The largest file that is read: a definition or a record is far below.
const BYTES_MAX: u64 = 4 << 20;

/// How deep folders of workloads may lie in each other.
const DEPTH_MAX: usize = 16;

/// Progress is shown after so many files.
const TOLD_EVERY: usize = 50;

/// What was read, and what could not be.
pub struct Files {
    pub folder: Folder,
    /// Each with the reason and what to do.
    pub unreadable: Vec<String>,
}

impl Files {
    /// Reads it all.
    pub fn of(printer: Printer, root: &Path) -> Result<Self, Failure> {
        let (workloads, data) = (root.join("workloads"), root.join("data"));
        if !workloads.is_dir() && !data.is_dir() {
            let message = format!("{} has neither workloads/ nor data/ in it", root.display());
            return Err(Failure::bad_input(message).hint("name the folder of hs-conductor itself"));
        }
        let mut reading = Reading { root, printer, unreadable: Vec::new() };
        let mut paths = Vec::new();
        reading.find_yaml(&workloads, 0, &mut paths);
        let workloads = reading.read("workloads", paths);
        let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let paths = reading.entries(&data.join("schedules")).into_iter().filter(is_json);
        let paths: Vec<PathBuf> = paths.collect();
        let schedules = reading.read("schedules", paths);
        let runs = reading.entries(&data.join("runs")).into_iter().map(|folder| folder.join("run.json"));
        let paths: Vec<PathBuf> = runs.filter(|path| path.is_file()).collect();
        let runs = reading.read("runs", paths);
        printer.progress("");
        Ok(Self { folder: Folder { workloads, schedules, runs }, unreadable: reading.unreadable })
    }
}

struct Reading<'a> {
    root: &'a Path,
    printer: Printer,
    unreadable: Vec<String>,
}

impl Reading<'_> {
    /// What is in a folder, by name; one that is not there is empty.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.refuse(folder, &error.to_string(), "make it readable");
                return Vec::new();
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }

    /// Every YAML file below; folders that are only linked are left out, so that none is met twice.
    fn find_yaml(&mut self, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
        for path in self.entries(folder) {
            let is_folder = path.symlink_metadata().is_ok_and(|data| data.is_dir());
            if is_folder && depth < DEPTH_MAX {
                self.find_yaml(&path, depth + 1, found);
            } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file() {
                found.push(path);
            }
        }
    }

    fn read(&mut self, what: &str, paths: Vec<PathBuf>) -> Vec<SourceFile> {
        let mut files = Vec::with_capacity(paths.len());
        for (number, path) in paths.iter().enumerate() {
            if number % TOLD_EVERY == 0 {
                self.printer.progress(&format!("reading {what}: {number} of {}", paths.len()));
            }
            match text_of(path) {
                Ok(text) => files.push(SourceFile { name: self.name(path), text }),
                Err((why, hint)) => self.refuse(path, &why, hint),
            }
        }
        files
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).display().to_string()
    }

    fn refuse(&mut self, path: &Path, why: &str, hint: &str) {
        let name = self.name(path);
        self.unreadable.push(format!("{name}: {why}; {hint}"));
    }
}

fn text_of(path: &Path) -> Result<String, (String, &'static str)> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| (error.to_string(), "make it readable, or take it away"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(("it is larger than 4 MiB".to_owned(), "take it away"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        (format!("not UTF-8: the byte at offset {at} fits nowhere"), "convert it, or take it away")
    })
}

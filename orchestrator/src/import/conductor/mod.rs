//! A folder of hs-conductor: `workloads/` (YAML; its demos are left out), `data/schedules/*.json`, `data/runs/*/run.json`.
//!
//! What its own loader demands is demanded here; what it ignores is reported and left out.

mod marks;
mod run;
mod schedule;
mod worker;
mod workload;

use std::collections::BTreeMap;

use agents_definitions::{Problem, Problems};
use agents_domain::timestamp::Timestamp;

use super::SourceFile;
use super::fields::BEGINNING;
use super::planned::Import;
use workload::Workload;

/// The files of such a folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub workloads: Vec<SourceFile>,
    pub schedules: Vec<SourceFile>,
    pub runs: Vec<SourceFile>,
}

/// How they are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConductorOptions {
    /// By whose clock its schedules go.
    pub zone: String,
    /// Runs that began before are left out.
    pub runs_since: Timestamp,
}

/// Reads all of it; or everything that is wrong with it, file by file.
pub fn read(folder: &Folder, options: &ConductorOptions) -> Result<Import, Vec<Problems>> {
    let mut reading = Reading { import: Import::default(), bad: Vec::new(), options };
    let workloads = reading.workloads(&folder.workloads);
    reading.schedules(&folder.schedules, &workloads);
    reading.runs(&folder.runs);
    match reading.bad.is_empty() {
        true => Ok(reading.import),
        false => Err(reading.bad),
    }
}

/// What is known so far.
struct Reading<'a> {
    import: Import,
    bad: Vec<Problems>,
    options: &'a ConductorOptions,
}

/// The workloads by their ids.
type Workloads = BTreeMap<String, Workload>;

impl Reading<'_> {
    /// Keeps what was read of a file, or what is wrong with it.
    fn keep<T>(&mut self, file: &SourceFile, read: Result<T, Vec<Problem>>) -> Option<T> {
        read.map_err(|problems| self.bad.push(Problems::new(&file.name, &file.text, problems))).ok()
    }

    fn workloads(&mut self, files: &[SourceFile]) -> Workloads {
        let mut workloads = Workloads::new();
        for file in files {
            let node = match super::fields::yaml(file) {
                Ok(node) => node,
                Err(problems) => {
                    self.bad.push(problems);
                    continue;
                }
            };
            let read = workload::read(file, &node, &mut self.import);
            let Some(workload) = self.keep(file, read) else { continue };
            if let Some(problem) = clash(&workload, &workloads) {
                self.bad.push(Problems::new(&file.name, &file.text, vec![problem]));
                continue;
            }
            self.import.definitions.extend(workload.definition.clone());
            workloads.insert(workload.id.clone(), workload);
        }
        workloads
    }

    fn schedules(&mut self, files: &[SourceFile], workloads: &Workloads) {
        let mut seen = BTreeMap::new();
        for file in files {
            let node = match super::fields::json(file) {
                Ok(node) => node,
                Err(problems) => {
                    self.bad.push(problems);
                    continue;
                }
            };
            let read = schedule::read((file, &node), (workloads, self.options), &mut self.import);
            let Some(Some(schedule)) = self.keep(file, read) else { continue };
            if let Some(first) = seen.insert(schedule.name.clone(), file.name.clone()) {
                let message = format!("{first} has a schedule `{}` already", schedule.name);
                let problem = Problem::new(BEGINNING, message, "give one of the two another `id`");
                self.bad.push(Problems::new(&file.name, &file.text, vec![problem]));
                continue;
            }
            self.import.schedules.push(schedule);
        }
    }

    fn runs(&mut self, files: &[SourceFile]) {
        let mut seen = BTreeMap::new();
        for file in files {
            let node = match super::fields::json(file) {
                Ok(node) => node,
                Err(problems) => {
                    self.bad.push(problems);
                    continue;
                }
            };
            let read = run::read((file, &node), &mut self.import);
            let Some(Some(run)) = self.keep(file, read) else { continue };
            if run.started_at < self.options.runs_since {
                self.import.older_runs += 1;
                continue;
            }
            if let Some(first) = seen.insert(run.key.clone(), file.name.clone()) {
                let message = format!("{first} is a run `{}` already", run.key);
                let problem = Problem::new(BEGINNING, message, "take one of the two files away");
                self.bad.push(Problems::new(&file.name, &file.text, vec![problem]));
                continue;
            }
            self.import.runs.push(run);
        }
    }
}

/// Two workloads can't have one name.
fn clash(workload: &Workload, known: &Workloads) -> Option<Problem> {
    let other = known.values().find(|known| known.id == workload.id || known.name == workload.name)?;
    let message = format!("{} is a workload `{}` already", other.source, other.name);
    Some(Problem::new(workload.id_at, message, "give one of the two another `id`"))
}

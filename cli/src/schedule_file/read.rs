//! Reads a file of schedules: everything that is wrong in it at once, each mistake with its place. JSON is YAML, whose reader
//! knows where things stand.

use agents_definitions::node::{self, Node};
use agents_definitions::{At, Problem, Problems};
use serde_json::{Map, Value};

use super::Entry;
use crate::suggestion;

const BEGIN: At = At { line: 1, column: 1 };

const HINT: &str = "`agents schedule export` shows what a file looks like";

/// One entry of a file, if it could be read, and where it stands.
#[derive(Debug)]
pub struct Placed {
    /// From 1.
    pub number: usize,
    pub entry: Entry,
}

/// What a file says, and what is wrong with it.
#[derive(Debug)]
pub struct Reading {
    node: Option<Node>,
    pub entries: Vec<Placed>,
    pub problems: Vec<Problem>,
}

impl Reading {
    /// Reads a text.
    pub fn of(text: &str) -> Self {
        let mut reading = Self { node: None, entries: Vec::new(), problems: Vec::new() };
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let at = At { line: error.line().max(1), column: error.column().max(1) };
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or_default().to_owned();
                reading.problems.push(Problem::new(at, format!("not JSON: {said}"), HINT));
                return reading;
            }
        };
        match node::parse(text) {
            Ok(node) => reading.node = Some(node),
            // Places are a comfort, but what is there twice was not meant.
            Err(problems) => {
                let is_twice = |problem: &Problem| problem.message.contains("for the second time");
                reading.problems.extend(problems.into_iter().filter(is_twice));
            }
        }
        reading.root(&value);
        reading
    }

    fn root(&mut self, value: &Value) {
        let Some(Value::Array(all)) = value.get("schedules") else {
            let said = "no file of schedules: it is an object with the list `schedules`";
            self.problems.push(Problem::new(BEGIN, said, HINT));
            return;
        };
        for key in value.as_object().into_iter().flat_map(Map::keys).filter(|key| *key != "schedules") {
            self.problems.push(Problem::new(self.at(key), format!("unknown key `{key}`"), HINT));
        }
        for (index, value) in all.iter().enumerate() {
            self.entry(index + 1, value);
        }
    }

    /// What is wrong with one key says nothing about the others: it is taken away, and the rest is read.
    fn entry(&mut self, number: usize, value: &Value) {
        let before = self.problems.len();
        let mut value = value.clone();
        let entry = loop {
            let error = match serde_path_to_error::deserialize::<_, Entry>(&value) {
                Ok(entry) => break entry,
                Err(error) => error,
            };
            let path = error.path().to_string();
            let (said, named) =
                (error.inner().to_string(), path.split(['.', '[']).next().unwrap_or_default());
            let quoted = said.split('`').nth(1).unwrap_or_default();
            let key = [named, quoted].into_iter().find(|key| value.get(key).is_some()).map(str::to_owned);
            let Some(key) = key else {
                return self.problem((number, &name_of(&value)), "", said);
            };
            if let Some(fields) = value.as_object_mut() {
                fields.remove(&key);
            }
            let name = name_of(&value);
            match said.strip_prefix("unknown field") {
                Some(_) => {
                    let known: Vec<String> = said.split('`').skip(3).step_by(2).map(str::to_owned).collect();
                    let hint = suggestion::did_you_mean(&key, &known, "known here are");
                    self.problem((number, &name), &key, format!("unknown key `{key}`: {hint}"));
                }
                None => self.problem((number, &name), &key, format!("{key}: {said}")),
            }
        };
        for (key, why) in entry.problems() {
            self.problem((number, &entry.name), key, why);
        }
        if self.problems.len() == before {
            self.entries.push(Placed { number, entry });
        }
    }

    /// Something is wrong with an entry under that key; an empty one: as a whole.
    pub fn problem(&mut self, (number, name): (usize, &str), key: &str, why: impl AsRef<str>) {
        let entry = format!("schedules.{}", number - 1);
        let at = self.at(&if key.is_empty() { entry } else { format!("{entry}.{key}") });
        let message = format!("schedule {number} (`{name}`): {}", why.as_ref());
        self.problems.push(Problem { at, message, hint: None });
    }

    fn at(&self, path: &str) -> At {
        self.node.as_ref().map_or(BEGIN, |node| node.place_of(path))
    }

    /// What is wrong with the text, if anything.
    pub fn wrong(self, source: &str, text: &str) -> Option<Problems> {
        (!self.problems.is_empty()).then(|| Problems::new(source, text, self.problems))
    }
}

fn name_of(value: &Value) -> String {
    value.get("name").and_then(Value::as_str).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_in_a_file_is_said_at_once_with_its_place() {
        let text = "{\"schedules\": [\n  {\"name\": \"a\", \"evry\": \"1h\", \"jitter\": 5,\n   \"cron\": \"0 25 * * *\", \"zone\": \"Berln\", \"run\": \"x\"},\n  {\"name\": \"b\", \"every\": \"1h\", \"run\": \"x\", \"overlap\": \"ski\", \"from\": \"soon\"}\n], \"version\": 1}\n";
        let reading = Reading::of(text);
        assert_eq!(reading.entries.len(), 0);
        let said = reading.wrong("s.json", text).unwrap();
        let places: Vec<(usize, usize)> =
            said.problems.iter().map(|problem| (problem.at.line, problem.at.column)).collect();
        assert_eq!(places, [(2, 25), (2, 41), (3, 12), (3, 34), (4, 55), (4, 70), (5, 15)], "{said}");
        let said = said.to_string();
        for part in [
            "unknown key `evry`: did you mean `every`?",
            "jitter: invalid type",
            "field 2 (hour)",
            "Europe/Berlin",
            "skip, queue",
            "--from",
            "unknown key `version`",
        ] {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }

    #[test]
    fn what_is_no_json_and_what_is_there_twice_has_its_place() {
        let check = |text: &str, place: &str| {
            let said = Reading::of(text).wrong("s.json", text).unwrap().to_string();
            assert!(said.starts_with(&format!("s.json:{place}: ")), "{said}");
        };
        check("{\"schedules\": [\n}", "2:1");
        check("[]", "1:1");
        check(
            "{\"schedules\": [{\"name\": \"a\", \"run\": \"x\", \"every\": \"1h\", \"every\": \"2h\"}]}",
            "1:57",
        );
    }
}

//! Plays the steps of a reply: what is done is done here, what it looks like is the stream's word.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::AgentError;
use crate::flood::Flood;
use crate::process;
use crate::script::Reply;
use crate::step::{EndlessStep, FileStep, ResultStep, RunStep, Step, ToolStep, Usage, WaitForStep};
use crate::variables::{filled, filled_value};
use crate::wire::{Answer, Printed, Tool, ToolOutcome, UnhappyEnd, Wire, as_shell_command};
use crate::{Io, StreamKind};

/// What a result says of its cost when the script does not: enough to be seen in a sum, in dollars.
const USUAL_COST_USD: f64 = 0.012;

const USUAL_USAGE: Usage = Usage { input: 1200, cached: 900, output: 80 };

/// How often `waitFor` looks.
const POLL: Duration = Duration::from_millis(10);

/// A word that no event contains by itself, to find the place of the text in a line.
const MARK: &str = "~filling~";

/// Whether the next step follows.
enum Flow {
    On,
    End(i32),
}

/// One run of an agent.
pub(crate) struct Player<'a, 'io> {
    pub stream: StreamKind,
    pub wire: Box<dyn Wire>,
    pub io: &'a mut Io<'io>,
    last_text: Option<String>,
    has_ended: bool,
}

impl<'a, 'io> Player<'a, 'io> {
    pub(crate) fn new(stream: StreamKind, wire: Box<dyn Wire>, io: &'a mut Io<'io>) -> Self {
        Self { stream, wire, io, last_text: None, has_ended: false }
    }

    /// Plays a whole reply; the exit code of the agent.
    pub(crate) fn play(mut self, reply: &Reply, prompt: &str) -> Result<i32, AgentError> {
        let ends_at_startup =
            matches!(reply.steps.first(), Some(Step::Fail { failure, .. }) if failure.is_at_startup());
        if !reply.no_init && !ends_at_startup {
            self.print(|wire, out| wire.start(prompt, out))?;
        }
        for step in &reply.steps {
            if let Flow::End(code) = self.step(step)? {
                return Ok(code);
            }
        }
        if !self.has_ended && !reply.no_result {
            let answer = self.usual_answer();
            self.print(|wire, out| wire.result(&answer, out))?;
        }
        Ok(0)
    }

    fn step(&mut self, step: &Step) -> Result<Flow, AgentError> {
        match step {
            Step::Text(text) => self.text(text)?,
            Step::Thinking(text) => {
                let text = self.filled(text)?;
                self.print(|wire, out| wire.thinking(&text, out))?;
            }
            Step::Tool(tool) => self.tool(tool)?,
            Step::Write(file) => self.write(file)?,
            Step::Append(file) => self.append(file)?,
            Step::Run(run) => self.run(run)?,
            Step::Wait { ms } => std::thread::sleep(Duration::from_millis(*ms)),
            Step::WaitFor(wait) => self.wait_for(wait)?,
            Step::Touch(path) => self.touch(path)?,
            Step::Raw(line) => {
                let line = self.filled(line)?;
                self.put(format!("{line}\n").as_bytes())?;
            }
            Step::RawBytes(bytes) => self.put(bytes)?,
            Step::Stderr(text) => {
                let mut out = Printed::default();
                out.warn(&self.filled(text)?);
                self.flush(&out)?;
            }
            Step::IgnoreSignals => process::ignore_signals().map_err(AgentError::Process)?,
            Step::SpawnChild(child) => {
                process::leave_child(child, self.io.cwd).map_err(AgentError::Process)?;
            }
            Step::Endless(endless) => self.endless(endless)?,
            Step::Fail { failure, resets_in_seconds } => {
                let end = UnhappyEnd {
                    failure: *failure,
                    resets_in_seconds: *resets_in_seconds,
                    answer: self.usual_answer(),
                };
                return self.fail(&end);
            }
            Step::Exit(code) => return Ok(Flow::End(*code)),
            Step::Die(signal) => return process::die(*signal).map(Flow::End).map_err(AgentError::Process),
            Step::Result(result) => self.result(result)?,
            Step::Decision(decision) => self.decision(decision)?,
        }
        Ok(Flow::On)
    }

    fn text(&mut self, text: &str) -> Result<(), AgentError> {
        let text = self.filled(text)?;
        self.print(|wire, out| wire.text(&text, out))?;
        self.last_text = Some(text);
        Ok(())
    }

    fn tool(&mut self, step: &ToolStep) -> Result<(), AgentError> {
        let input = filled_value(&step.input, self.io.env)?;
        let command = input.get("command").and_then(Value::as_str);
        let tool = match command {
            Some(command) if step.name == "Bash" => Tool::Shell { command: command.to_owned() },
            Some(_) | None => Tool::Named { name: step.name.clone(), input },
        };
        let output = self.filled(&step.output)?;
        self.use_tool(&tool, |_| Ok((output, i32::from(step.is_error), false)))
    }

    fn write(&mut self, step: &FileStep) -> Result<(), AgentError> {
        let (path, content) = (self.path(&step.path)?, self.filled(&step.content)?);
        let tool = Tool::Write { path: path.display().to_string(), content: content.clone() };
        self.use_tool(&tool, |_| {
            let existed = path.exists();
            let (output, exit_code) = told(put_file(&path, &content, false));
            Ok((output, exit_code, existed))
        })
    }

    fn append(&mut self, step: &FileStep) -> Result<(), AgentError> {
        let (path, content) = (self.path(&step.path)?, self.filled(&step.content)?);
        let tool = Tool::Append { path: path.display().to_string(), content: content.clone() };
        self.use_tool(&tool, |_| {
            let (output, exit_code) = told(put_file(&path, &content, true));
            Ok((output, exit_code, true))
        })
    }

    fn run(&mut self, step: &RunStep) -> Result<(), AgentError> {
        let mut argv = step.argv.iter().map(|word| self.filled(word)).collect::<Result<Vec<_>, _>>()?;
        let tool = Tool::Shell { command: as_shell_command(&argv) };
        if argv.first().is_some_and(|program| program == "agents")
            && let Some(program) = (self.io.env)("AGENTS_BIN")
        {
            argv[0] = program;
        }
        self.use_tool(&tool, |cwd| {
            let finished = process::run(&argv, cwd).map_err(AgentError::Process)?;
            Ok((finished.output, finished.exit_code, false))
        })
    }

    /// Prints the call, does the work, prints what came of it: output, exit code, whether a file was there before.
    fn use_tool(
        &mut self,
        tool: &Tool,
        work: impl FnOnce(&Path) -> Result<(String, i32, bool), AgentError>,
    ) -> Result<(), AgentError> {
        self.print(|wire, out| wire.call(tool, out))?;
        let (output, exit_code, existed) = work(self.io.cwd)?;
        let outcome = ToolOutcome { output, exit_code, existed };
        self.print(|wire, out| wire.returned(tool, &outcome, out))
    }

    fn wait_for(&mut self, step: &WaitForStep) -> Result<(), AgentError> {
        let path = self.path(&step.file)?;
        let timeout = Duration::from_millis(step.timeout_ms);
        let since = Instant::now();
        while !path.exists() {
            if since.elapsed() >= timeout {
                return Err(AgentError::NotAppeared { path, timeout_ms: step.timeout_ms });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn touch(&mut self, path: &str) -> Result<(), AgentError> {
        let path = self.path(path)?;
        put_file(&path, "", true).map_err(|source| AgentError::File { path, source })
    }

    fn endless(&mut self, step: &EndlessStep) -> Result<(), AgentError> {
        let mut out = Printed::at((self.io.now_ms)());
        self.wire.text(MARK, &mut out);
        let cut = out.stdout.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let line = out.stdout.split_off(cut);
        self.flush(&out)?;
        let (head, tail) = line.split_once(MARK).unwrap_or((line.as_str(), ""));
        let flood = Flood { head, tail, line_bytes: step.line_bytes, bytes: step.bytes };
        flood.pour(self.io.stdout).map_err(AgentError::Output)?;
        self.put(b"")
    }

    fn fail(&mut self, end: &UnhappyEnd) -> Result<Flow, AgentError> {
        let mut code = None;
        self.print(|wire, out| code = wire.fail(end, out))?;
        match code {
            Some(code) => Ok(Flow::End(code)),
            None => Err(AgentError::NoSuchEnd { stream: self.stream, failure: end.failure }),
        }
    }

    fn result(&mut self, step: &ResultStep) -> Result<(), AgentError> {
        let answer = Answer {
            text: self.filled(&step.text)?,
            cost_usd: step.cost_usd.unwrap_or(USUAL_COST_USD),
            usage: step.usage.unwrap_or(USUAL_USAGE),
            structured: None,
        };
        self.answer(&answer)
    }

    fn decision(&mut self, decision: &Value) -> Result<(), AgentError> {
        let decision = filled_value(decision, self.io.env)?;
        let text = format!("This is what comes next.\n\n```json\n{decision:#}\n```");
        let answer =
            Answer { text, cost_usd: USUAL_COST_USD, usage: USUAL_USAGE, structured: Some(decision) };
        self.answer(&answer)
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), AgentError> {
        self.print(|wire, out| wire.result(answer, out))?;
        self.has_ended = true;
        Ok(())
    }

    /// What the agent answers when the script leaves it open: what it said last.
    fn usual_answer(&self) -> Answer {
        let text = self.last_text.clone().unwrap_or_else(|| "Done.".to_owned());
        Answer { text, cost_usd: USUAL_COST_USD, usage: USUAL_USAGE, structured: None }
    }

    fn filled(&self, text: &str) -> Result<String, AgentError> {
        Ok(filled(text, self.io.env)?)
    }

    fn path(&self, path: &str) -> Result<PathBuf, AgentError> {
        Ok(self.io.cwd.join(self.filled(path)?))
    }

    fn print(&mut self, event: impl FnOnce(&mut dyn Wire, &mut Printed)) -> Result<(), AgentError> {
        let mut out = Printed::at((self.io.now_ms)());
        event(self.wire.as_mut(), &mut out);
        self.flush(&out)
    }

    fn flush(&mut self, out: &Printed) -> Result<(), AgentError> {
        self.io.stderr.write_all(out.stderr.as_bytes()).map_err(AgentError::Output)?;
        self.io.stderr.flush().map_err(AgentError::Output)?;
        self.put(out.stdout.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), AgentError> {
        self.io.stdout.write_all(bytes).map_err(AgentError::Output)?;
        self.io.stdout.flush().map_err(AgentError::Output)
    }
}

/// Writes a file and makes the folders above it.
fn put_file(path: &Path, content: &str, append: bool) -> io::Result<()> {
    use io::Write;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).append(append).truncate(!append);
    options.open(path)?.write_all(content.as_bytes())
}

/// A file that cannot be written is a tool that failed; the agent itself goes on.
fn told(written: io::Result<()>) -> (String, i32) {
    match written {
        Ok(()) => (String::new(), 0),
        Err(error) => (error.to_string(), 1),
    }
}

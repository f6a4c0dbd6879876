//! `agents logs`: what an agent said, while it says it or afterwards.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use agents_domain::harness::StreamReader;
use agents_domain::id::JobId;
use agents_domain::store::{AttemptRecord, JobDetail, Store};
use agents_orchestrator::attempt::{self, Line, Tail};
use agents_orchestrator::process::AttemptFiles;
use clap::Args;

use crate::app::{App, Here};
use crate::failure::{Failure, FailureKind};
use crate::output::{Form, agent_event};
use crate::{settings_source, target};

/// How often a log that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Show what a job's agent said and did
///
/// The stream that the agent printed, as text; `--raw` gives it byte for byte, `--json` as one object a line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents logs 3fa1c77e\n  agents logs 3fa1c77e -f\n  \
                        agents logs 3fa1c77e --attempt 1 --raw | jq .type\n  agents logs 3fa1c77e --prompt")]
pub struct LogsArgs {
    /// The job: its id, or a beginning or end of it
    pub job: String,
    /// Go on until the attempt has ended
    #[arg(short, long)]
    pub follow: bool,
    /// The stream as the agent printed it, byte for byte
    #[arg(long)]
    pub raw: bool,
    /// The number of the attempt; the latest one otherwise
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// What the agent was told, instead of what it said
    #[arg(long, conflicts_with_all = ["follow", "raw", "stderr"])]
    pub prompt: bool,
    /// What it printed on standard error, instead of its stream
    #[arg(long, conflicts_with_all = ["follow", "raw"])]
    pub stderr: bool,
}

/// Runs the command.
pub async fn run(app: &App, args: &LogsArgs) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let job = target::job(&store, &args.job).await?;
    let Some(attempt) = wait_for_attempt(&store, job, args).await? else {
        return Err(Failure::new(FailureKind::NotFound, format!("job {} has no attempt yet", job.short()))
            .hint(format!("agents logs {} -f waits for it", job.short())));
    };
    let files = attempt::files(&here.config.data_folder()?, attempt.id);
    match (args.prompt, args.stderr) {
        (true, _) => copy(&files.prompt()),
        (_, true) => copy(&files.stderr()),
        (false, false) => {
            show(app, &here, &Shown { store: &store, job, attempt: &attempt, files, args }).await
        }
    }
}

struct Shown<'a> {
    store: &'a dyn Store,
    job: JobId,
    attempt: &'a AttemptRecord,
    files: AttemptFiles,
    args: &'a LogsArgs,
}

async fn detail(store: &dyn Store, job: JobId) -> Result<JobDetail, Failure> {
    let found = store.job(job).await?;
    let gone = || Failure::new(FailureKind::NotFound, format!("job {} is gone", job.short()));
    found.map(|(_, detail)| detail).ok_or_else(gone)
}

/// The attempt that is asked for; with `--follow`, as soon as there is one.
async fn wait_for_attempt(
    store: &dyn Store,
    job: JobId,
    args: &LogsArgs,
) -> Result<Option<AttemptRecord>, Failure> {
    loop {
        let detail = detail(store, job).await?;
        let wanted = match args.attempt {
            Some(number) => detail.attempts.iter().find(|attempt| attempt.number == number),
            None => detail.attempts.last(),
        };
        match (wanted, args.attempt) {
            (Some(attempt), _) => return Ok(Some(attempt.clone())),
            (None, Some(number)) if !args.follow => {
                let message = format!("job {} has no attempt {number}", job.short());
                return Err(Failure::new(FailureKind::NotFound, message)
                    .hint(format!("it has {} of them", detail.attempts.len())));
            }
            (None, _) if !args.follow || detail.job.status().is_final() => return Ok(None),
            (None, _) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn show(app: &App, here: &Here, shown: &Shown<'_>) -> Result<(), Failure> {
    let path = shown.files.stdout();
    let missing = |error: &std::io::Error| missing_log(&path, error);
    let mut tail = loop {
        match Tail::open(&path) {
            Ok(tail) => break tail,
            // A follower may come before the agent has been started.
            Err(_) if shown.args.follow && is_running(shown).await? => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(missing(&error)),
        }
    };
    let mut writer = Writer::new(app, here, shown);
    loop {
        let was_running = shown.args.follow && is_running(shown).await?;
        while writer.step(&mut tail).map_err(|error| missing(&error))? > 0 {
            writer.flush()?;
        }
        if !was_running {
            writer.end(&mut tail);
            return writer.flush();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn is_running(shown: &Shown<'_>) -> Result<bool, Failure> {
    let detail = detail(shown.store, shown.job).await?;
    Ok(detail.job.running_attempt() == Some(shown.attempt.id))
}

/// Turns lines of the stream into what is shown.
struct Writer {
    reader: Option<Box<dyn StreamReader>>,
    form: Form,
    pending: Vec<u8>,
    raw_offset: u64,
    file: std::path::PathBuf,
}

impl Writer {
    fn new(app: &App, here: &Here, shown: &Shown<'_>) -> Self {
        // A harness that the config no longer knows: its lines are shown as they are.
        let harness = settings_source::harness(&here.config, &shown.attempt.harness);
        let reader = match shown.args.raw {
            true => None,
            false => harness.ok().map(|harness| harness.reader()),
        };
        let file = shown.files.stdout();
        Self { reader, form: app.printer.form, pending: Vec::new(), raw_offset: 0, file }
    }

    /// Reads one piece. Gives how many bytes it had.
    fn step(&mut self, tail: &mut Tail) -> std::io::Result<usize> {
        let (reader, form, pending) = (&mut self.reader, self.form, &mut self.pending);
        match reader {
            Some(reader) => tail.read(&mut |line| write_line(reader.as_mut(), form, line, pending)),
            None => self.copy_piece(),
        }
    }

    /// The bytes as they are, also those of a line that has not ended.
    fn copy_piece(&mut self) -> std::io::Result<usize> {
        use std::io::{Read, Seek, SeekFrom};
        const PIECE: u64 = 256 << 10;
        let mut file = std::fs::File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.raw_offset))?;
        let count = file.take(PIECE).read_to_end(&mut self.pending)?;
        self.raw_offset += count as u64;
        Ok(count)
    }

    fn end(&mut self, tail: &mut Tail) {
        let (form, pending) = (self.form, &mut self.pending);
        if let Some(reader) = &mut self.reader {
            tail.finish(&mut |line| write_line(reader.as_mut(), form, line, pending));
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut to = anstream::AutoStream::auto(std::io::stdout());
        let written = match self.reader {
            Some(_) => to.write_all(&self.pending).and_then(|()| to.flush()),
            None => std::io::stdout().write_all(&self.pending).and_then(|()| std::io::stdout().flush()),
        };
        self.pending.clear();
        written.map_err(|error| Failure::output(&error))
    }
}

fn write_line(reader: &mut dyn StreamReader, form: Form, line: Line<'_>, to: &mut Vec<u8>) {
    match line {
        Line::Whole([]) => {}
        Line::Whole(line) => reader.line(line, &mut |event| {
            let text = match form {
                Form::Human => agent_event::human(&event),
                Form::Json => format!("{}\n", agent_event::json(&event)),
            };
            to.extend_from_slice(text.as_bytes());
        }),
        Line::TooLong { head, bytes } => {
            let text = match form {
                Form::Human => format!("[a line of {bytes} bytes is not shown; --raw has it]\n"),
                Form::Json => format!("{}\n", agent_event::json_of_long_line(head, bytes)),
            };
            to.extend_from_slice(text.as_bytes());
        }
    }
}

fn copy(path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| missing_log(path, &error))?;
    let mut to = std::io::stdout();
    to.write_all(&bytes).and_then(|()| to.flush()).map_err(|error| Failure::output(&error))
}

fn missing_log(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::NotFound, format!("{} can't be read: {error}", path.display()))
        .hint("logs are on the machine, and in the data folder, of the runner that ran the job")
        .hint("those of closed assignments are deleted after `retention.logs` (`agents config show`)")
}

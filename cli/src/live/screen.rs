//! Writes lines and, on a terminal, keeps the running jobs below them. One thread owns the output.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use agents_domain::timestamp::Clock;
use agents_orchestrator::runner::{Board, Listener, RunnerEvent};
use crossterm::cursor::{MoveToColumn, MoveUp};
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{Clear, ClearType, DisableLineWrap, EnableLineWrap};
use tracing_subscriber::fmt::MakeWriter;

use super::line::{Style, describe, json};
use super::status;
use crate::output::text::{one_line, plain};

/// How often the running jobs are drawn anew. Nothing is drawn while none runs.
const REDRAW: Duration = Duration::from_millis(250);
/// The width that is assumed when a terminal does not tell its own.
const WIDTH: u16 = 80;

/// How the lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With the running jobs below them.
    Terminal,
    Lines,
    Json,
}

enum Message {
    Line(Style, String),
    End,
}

/// Where a runner's events are shown.
pub struct Screen {
    form: Form,
    clock: Arc<dyn Clock>,
    sender: Mutex<Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Screen {
    /// Starts the thread that writes to standard output.
    pub fn start(form: Form, board: Board, clock: Arc<dyn Clock>) -> io::Result<Arc<Self>> {
        let (sender, receiver) = channel();
        let painter = Painter {
            form,
            board,
            clock: Arc::clone(&clock),
            drawn: 0,
            output: Box::new(anstream::stdout()),
        };
        let thread =
            std::thread::Builder::new().name("screen".to_owned()).spawn(move || painter.run(&receiver))?;
        Ok(Arc::new(Self { form, clock, sender: Mutex::new(sender), thread: Mutex::new(Some(thread)) }))
    }

    /// Writes a line.
    pub fn line(&self, style: Style, text: String) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails when the painter has ended because nobody reads our output. The work goes on, and to log it would lead
        // back to here.
        sender.send(Message::Line(style, text)).unwrap_or(());
    }

    /// Waits until everything is written, and takes the running jobs away.
    pub fn end(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(Message::End).unwrap_or(());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the screen broke down");
        }
    }
}

impl Listener for Screen {
    fn hear(&self, event: &RunnerEvent) {
        let now = self.clock.now();
        match self.form {
            Form::Json => self.line(Style::Plain, json(event, now).to_string()),
            Form::Terminal | Form::Lines => {
                if let Some((style, text)) = describe(event) {
                    // An agent's own words are in it: they must neither break the line nor steer the terminal.
                    self.line(style, format!("{}  {}", wall_time(now), one_line(&text)));
                }
            }
        }
    }
}

/// The local time of day.
fn wall_time(now: agents_domain::timestamp::Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(now.as_millis()) {
        Ok(moment) => moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string(),
        Err(_) => now.to_string(),
    }
}

struct Painter {
    form: Form,
    board: Board,
    clock: Arc<dyn Clock>,
    /// Lines of running jobs that stand on the terminal now.
    drawn: u16,
    output: Box<dyn Write + Send>,
}

impl Painter {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let message = match self.form {
                Form::Terminal if self.drawn > 0 || !self.board.attempts().is_empty() => {
                    messages.recv_timeout(REDRAW)
                }
                Form::Terminal | Form::Lines | Form::Json => {
                    messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
                }
            };
            let painted = match message {
                Ok(Message::Line(style, text)) => self.paint(Some((style, text))),
                Err(RecvTimeoutError::Timeout) => self.paint(None),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => {
                    if self.erase().and_then(|()| self.output.flush()).is_err() {
                        tracing::trace!("nobody reads our output any more");
                    }
                    return;
                }
            };
            if painted.is_err() {
                return;
            }
        }
    }

    fn paint(&mut self, line: Option<(Style, String)>) -> io::Result<()> {
        self.erase()?;
        if let Some((style, text)) = line {
            writeln!(self.output, "{}{text}{}", style.start(), style.end())?;
        }
        if self.form == Form::Terminal {
            let (width, height) = crossterm::terminal::size().unwrap_or((WIDTH, 24));
            let mut lines =
                status::lines(&self.board.cards(), self.clock.now(), usize::from(width.max(2)) - 1);
            lines.truncate(usize::from(height.saturating_sub(2)));
            queue!(self.output, DisableLineWrap)?;
            for line in &lines {
                queue!(self.output, Print(format!("{}{line}{}\r\n", "\x1b[36m", "\x1b[0m")))?;
            }
            queue!(self.output, EnableLineWrap)?;
            self.drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        }
        self.output.flush()
    }

    fn erase(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            queue!(self.output, MoveUp(self.drawn), MoveToColumn(0), Clear(ClearType::FromCursorDown))?;
            self.drawn = 0;
        }
        Ok(())
    }
}

/// Lets log lines of the engine appear between the others, so that they do not tear the screen apart.
#[derive(Clone)]
pub struct LineWriter(pub Arc<Screen>);

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = LineBuffer;

    fn make_writer(&'a self) -> LineBuffer {
        LineBuffer { screen: Arc::clone(&self.0), text: Vec::new() }
    }
}

/// One log line; shown when it is whole.
pub struct LineBuffer {
    screen: Arc<Screen>,
    text: Vec<u8>,
}

impl Write for LineBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        // What failed may name files and say words of others.
        let text = plain(String::from_utf8_lossy(&self.text).trim_end());
        if !text.is_empty() {
            self.screen.line(Style::Attention, text);
        }
    }
}

//! The real agent CLIs: where they are installed, how each is pointed at a server of this crate, and
//! what each calls the tools that every test needs. Measured with Claude Code 2.1.329,
//! Codex 0.169.0 and Gemini CLI 0.61.0. It starts no process.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::turn::ToolCall;

/// Overrides the folder with the programs `claude`, `codex` and `gemini`.
const BIN_VARIABLE: &str = "AGENTS_CLIS_BIN";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cli {
    Claude,
    Codex,
    Gemini,
}

impl Cli {
    pub const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Gemini];

    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// A model that the CLI knows and that takes [`shell`] and [`write_file`] as they are.
    ///
    /// Codex offers GPT-6 models one tool of its own, `exec`, that runs JavaScript. A scenario for
    /// them calls `ToolCall::custom("exec", "const r = await tools.exec_command({\"cmd\": \"ls\"});
    /// text(JSON.stringify(r));")`.
    pub fn model(self) -> &'static str {
        match self {
            Self::Claude => "claude-sonnet-5-5",
            Self::Codex => "gpt-5.5",
            Self::Gemini => "gemini-2.5-pro",
        }
    }
}

impl fmt::Display for Cli {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{} is not installed; run .ci/install-clis", .path.display())]
pub struct MissingCli {
    pub path: PathBuf,
}

/// The installed program: below `AGENTS_CLIS_BIN` if that is set, else below `.tools/bin` of this
/// workspace. Never one that is found on `PATH`, whose version nobody pinned.
pub fn program(cli: Cli) -> Result<PathBuf, MissingCli> {
    let installed = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".tools").join("bin");
    let path = std::env::var_os(BIN_VARIABLE).map_or_else(installed, PathBuf::from).join(cli.name());
    if path.is_file() { Ok(path) } else { Err(MissingCli { path }) }
}

/// The variables that point a CLI at the server and keep it from everything else. The caller adds
/// `PATH` and what else it wants; nothing of this process's environment is in here.
pub fn cli_env(cli: Cli, home: &Path, base_url: &str) -> Vec<(String, String)> {
    let codex_home = home.join(".codex").display().to_string();
    let of_cli: Vec<(&str, &str)> = match cli {
        Cli::Claude => vec![
            ("ANTHROPIC_BASE_URL", base_url),
            ("ANTHROPIC_API_KEY", "scripted"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            // Root may not bypass permissions without it; it changes nothing for others.
            ("IS_SANDBOX", "1"),
        ],
        Cli::Codex => vec![("CODEX_HOME", &codex_home)],
        Cli::Gemini => vec![
            ("GOOGLE_GEMINI_BASE_URL", base_url),
            ("GEMINI_API_KEY", "scripted"),
            ("GEMINI_TELEMETRY_ENABLED", "false"),
            // One process instead of two, so that a signal to its pid works.
            ("GEMINI_CLI_NO_RELAUNCH", "true"),
        ],
    };
    let home = home.display().to_string();
    let common = [("HOME", home.as_str()), ("LANG", "C.UTF-8"), ("TERM", "dumb")];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    common.into_iter().chain(of_cli).map(owned).collect()
}

/// The arguments that point a CLI at the server. Codex takes them after `exec` and before `resume`;
/// it reads no variable for this, and a config file is no way in with `--ignore-user-config`.
pub fn extra_args(cli: Cli, base_url: &str) -> Vec<String> {
    match cli {
        Cli::Claude | Cli::Gemini => Vec::new(),
        Cli::Codex => {
            let provider = format!(
                r#"model_providers.scripted={{name="scripted",base_url="{base_url}/v1",wire_api="responses"}}"#
            );
            let settings = [
                r#"model_provider="scripted""#,
                &provider,
                "analytics.enabled=false",
                "check_for_update_on_startup=false",
            ];
            settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
        }
    }
}

/// Writes what a CLI wants to find in a fresh home folder. `home` must exist.
pub fn prepare_home(cli: Cli, home: &Path) -> io::Result<()> {
    match cli {
        // Claude Code makes its own files.
        Cli::Claude => Ok(()),
        Cli::Codex => std::fs::create_dir_all(home.join(".codex")),
        Cli::Gemini => {
            let folder = home.join(".gemini");
            std::fs::create_dir_all(&folder)?;
            let settings = json!({
                "security": {"auth": {"selectedType": "gemini-api-key"}},
                "privacy": {"usageStatisticsEnabled": false},
                "general": {"enableAutoUpdate": false},
            });
            std::fs::write(folder.join("settings.json"), settings.to_string())
        }
    }
}

/// A call of the CLI's shell tool.
pub fn shell(cli: Cli, command: &str) -> ToolCall {
    match cli {
        Cli::Claude => ToolCall::function("Bash", json!({"command": command, "description": "Run"})),
        Cli::Codex => ToolCall::function("exec_command", json!({"cmd": command})),
        Cli::Gemini => {
            ToolCall::function("run_shell_command", json!({"command": command, "description": "Run"}))
        }
    }
}

/// A call of the CLI's own tool for a new file. `path` is absolute; `content` ends with a newline.
pub fn write_file(cli: Cli, path: &Path, content: &str) -> ToolCall {
    let path = path.display().to_string();
    match cli {
        Cli::Claude => ToolCall::function("Write", json!({"file_path": path, "content": content})),
        Cli::Codex => {
            let added: String = content.lines().map(|line| format!("+{line}\n")).collect();
            let patch = format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch\n");
            ToolCall::custom("apply_patch", patch)
        }
        Cli::Gemini => ToolCall::function("write_file", json!({"file_path": path, "content": content})),
    }
}

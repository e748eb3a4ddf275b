//! `shakedown lint`: what is wrong with scripts before anybody uploads them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{answer, exit};
use crate::process::Tool;
use crate::script::RegionVersion;
use crate::script::lint::{self, Finding, Level};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shakedown lint --hints scripts/testing/*\n  shakedown lint --region 3.4 scripts/testing/*\n\nA comment `# shakedown: allow RULE …` in a script silences warnings and hints of that rule there, errors never.\n\n\
    Exit codes:\n  0  no errors (with --strict: no warnings either)\n  1  errors\n  3  a file cannot be read"
)]
pub(super) struct Arguments {
    /// The scripts
    #[arg(value_name = "SCRIPT", required = true)]
    scripts: Vec<PathBuf>,
    /// Lines for people and editors, or one JSON document
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The MAAS that the scripts are for, as 3.4: what it refuses or does otherwise than the newest is told, too
    #[arg(long, value_name = "VERSION", default_value_t)]
    region: RegionVersion,
    /// Let warnings fail, too
    #[arg(long)]
    strict: bool,
    /// Show hints besides errors and warnings; JSON always has them
    #[arg(long)]
    hints: bool,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let mut scripts = Vec::new();
    let mut is_unreadable = false;
    for path in &arguments.scripts {
        match std::fs::read(path) {
            Ok(bytes) => scripts.push((path.display().to_string(), bytes)),
            Err(error) => {
                is_unreadable = true;
                complain!("shakedown: {}: {error}", path.display());
            }
        }
    }
    let mut found: Vec<(&str, Vec<Finding>)> =
        scripts.iter().map(|(label, bytes)| (label.as_str(), lint::lint_for(bytes, arguments.region))).collect();
    for (path, (_, findings)) in scripts.iter().map(|(label, _)| Path::new(label)).zip(&mut found) {
        findings.extend(syntax(path).await);
    }
    for (place, finding) in lint::duplicates(&scripts) {
        found[place].1.push(finding);
    }
    let count =
        |level| found.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.level == level).count();
    let (errors, warnings, hints) = (count(Level::Error), count(Level::Warning), count(Level::Info));
    match arguments.format {
        Format::Json => {
            answer(&json!({"scripts": documents(&found), "errors": errors, "warnings": warnings}).to_string())?;
        }
        Format::Text => {
            let least = if arguments.hints { Level::Info } else { Level::Warning };
            answer(&format!("{}{}", lines(&found, least), summary(scripts.len(), [errors, warnings, hints])))?;
        }
    }
    Ok(if is_unreadable {
        exit::CANNOT_RUN
    } else if errors > 0 || arguments.strict && warnings > 0 {
        exit::SCRIPT_FAILED
    } else {
        exit::OK
    })
}

/// What the script's own shell says of it without running it (`sh -n`); nothing where that shell is not here.
async fn syntax(path: &Path) -> Option<Finding> {
    let shell = lint::shell(&std::fs::read(path).ok()?)?;
    let tool = Tool {
        program: Path::new("/bin").join(shell),
        arguments: vec!["-n".into(), std::path::absolute(path).ok()?.into()],
        environment: vec![("LC_ALL".into(), "C".into())],
        limit: Duration::from_secs(10),
        grace: Duration::from_secs(1),
        most: 64 << 10,
    };
    let answer = tool.call(&CancellationToken::new()).await.ok()?;
    (!answer.status.success()).then(|| lint::shell_syntax(shell, &String::from_utf8_lossy(&answer.stderr)))
}

fn documents(found: &[(&str, Vec<Finding>)]) -> serde_json::Value {
    found.iter().map(|(file, findings)| json!({"file": file, "findings": findings})).collect()
}

/// `FILE:LINE: LEVEL: what is wrong; what to do [rule]`, as compilers write it.
pub(super) fn lines(found: &[(&str, Vec<Finding>)], least: Level) -> String {
    let one = |file: &str, finding: &Finding| {
        let Finding { rule, level, line, message, advice } = finding;
        format!("{file}:{line}: {}: {message}; {advice} [{rule}]\n", level.name())
    };
    let shown = found.iter().flat_map(|(file, findings)| findings.iter().map(move |finding| (*file, finding)));
    shown.filter(|(_, finding)| finding.level >= least).map(|(file, finding)| one(file, finding)).collect()
}

fn summary(scripts: usize, [errors, warnings, hints]: [usize; 3]) -> String {
    let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts = [(errors, "error"), (warnings, "warning"), (hints, "hint")].map(|(count, word)| many(count, word));
    format!("{}: {}", many(scripts, "script"), counts.join(", "))
}

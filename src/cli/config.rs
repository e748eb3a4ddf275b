//! `shakedown config`: the settings of a site, and where each came from.

use serde_json::json;

use super::{answer, exit};
use crate::config::{From, settings};
use crate::report::table;

const HELP: &str = "\
Places, later ones win:
  1  the defaults
  2  /etc/shakedown/config.toml, or the file that SHAKEDOWN_CONFIG names
  3  *.toml in the folder config.d beside it, in the order of their names
  4  variables, such as SHAKEDOWN_JOURNAL_KEEP_RUNS for journal.keep_runs
  5  --set KEY=VALUE on the command line

Exit codes:
  0  everything that is set is understood
  2  the command line is wrong
  3  a file or variable sets something that this program does not know, or to a value that it cannot have";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Every setting with its value and where it came from
    #[command(after_help = HELP)]
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let Verb::Show(show) = &arguments.verb;
    let settings = settings()?;
    match show.format {
        Format::Table => {
            let row = |setting: &crate::config::Setting| {
                [setting.key, &setting.value, &setting.from.to_string(), setting.meaning].map(str::to_owned).to_vec()
            };
            let rows: Vec<Vec<String>> = settings.iter().map(row).collect();
            answer(table(&["KEY", "VALUE", "FROM", "MEANING"], &rows).trim_end())?;
        }
        Format::Json => {
            let object = |setting: &crate::config::Setting| {
                let mut object = json!({
                    "key": setting.key, "value": setting.value, "from": from(&setting.from), "variable": setting.variable,
                    "meaning": setting.meaning,
                });
                if let From::File(path, line) = &setting.from {
                    object["file"] = path.display().to_string().into();
                    object["line"] = (*line).into();
                }
                object
            };
            answer(&format!("{:#}", json!({"settings": settings.iter().map(object).collect::<Vec<_>>()})))?;
        }
    }
    Ok(exit::OK)
}

fn from(from: &From) -> &'static str {
    match from {
        From::Default => "default",
        From::File(..) => "file",
        From::Variable(_) => "environment",
        From::CommandLine => "command-line",
    }
}

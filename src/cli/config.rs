//! `shakedown config`: the settings of a site, and where each came from.

use serde_json::{Map, Value, json};

use super::format::Format;
use super::{answer, connection, exit};
use crate::config::{Connection, From, Setting, settings};
use crate::host::Host;
use crate::report::table;

const HELP: &str = "\
Places, later ones win:
  1  the defaults
  2  /etc/shakedown/config.toml, or the file that SHAKEDOWN_CONFIG names
  3  *.toml in the folder config.d beside it, in the order of their names
  4  variables, such as SHAKEDOWN_JOURNAL_KEEP_RUNS for journal.keep_runs
  5  --set KEY=VALUE on the command line

Examples:
  shakedown config show
  shakedown --set journal.keep_runs=500 config show

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
    Show(Box<Show>),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also the region and whose credentials are used for it, as `run` would find them; secrets are hidden
    #[arg(long)]
    region: bool,
    #[command(flatten)]
    connection: connection::Options,
}

/// A line of the answer.
struct Row {
    key: &'static str,
    value: String,
    from: String,
    meaning: &'static str,
    /// What only programs want.
    more: Map<String, Value>,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let Verb::Show(show) = arguments.verb;
    let mut rows: Vec<Row> = settings()?.into_iter().map(of_setting).collect();
    if show.region {
        rows.extend(of_region(&show.connection.find(&Host::live(), false).await?));
    }
    match show.format {
        Format::Table => {
            let cells = |row: Row| vec![row.key.to_owned(), row.value, row.from, row.meaning.to_owned()];
            let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
            answer(table(&["KEY", "VALUE", "FROM", "MEANING"], &rows).trim_end())?;
        }
        Format::Json => {
            let settings: Vec<Value> = rows.into_iter().map(object).collect();
            answer(&format!("{:#}", json!({ "settings": settings })))?;
        }
    }
    Ok(exit::OK)
}

fn object(row: Row) -> Value {
    let mut object = Map::new();
    object.insert("key".to_owned(), row.key.into());
    object.insert("value".to_owned(), row.value.into());
    object.insert("from".to_owned(), row.from.into());
    object.insert("meaning".to_owned(), row.meaning.into());
    object.extend(row.more);
    Value::Object(object)
}

fn of_setting(setting: Setting) -> Row {
    let mut more = Map::new();
    let place = match &setting.from {
        From::Default => "default",
        From::File(path, line) => {
            more.insert("file".to_owned(), path.display().to_string().into());
            more.insert("line".to_owned(), (*line).into());
            "file"
        }
        From::Variable(_) => "environment",
        From::CommandLine => "command-line",
    };
    more.insert("place".to_owned(), place.into());
    more.insert("variable".to_owned(), setting.variable.into());
    Row { key: setting.key, value: setting.value, from: setting.from.to_string(), meaning: setting.meaning, more }
}

fn of_region(found: &Connection) -> Vec<Row> {
    let credentials = found.client.credentials.as_ref();
    let from = credentials.map_or_else(|| "no credentials were found".to_owned(), |found| found.source.clone());
    let row = |key, value: String, meaning| Row { key, value, from: from.clone(), meaning, more: Map::new() };
    let mut url = found.client.metadata_url.clone();
    if url.password().is_some() {
        // An address of HTTP always takes one.
        let _ = url.set_password(Some("hidden"));
    }
    // A password with a slash in it is read as a path.
    let shown = if url.path().contains('@') { crate::http::masked(url.as_str()) } else { url.to_string() };
    let hidden = |is_set: bool| if is_set { "(hidden)" } else { "" }.to_owned();
    vec![
        row("region.metadata_url", shown, "the region's metadata service"),
        row(
            "region.consumer_key",
            hidden(credentials.is_some_and(|known| !known.consumer_key.is_empty())),
            "OAuth consumer key",
        ),
        row(
            "region.token_key",
            hidden(credentials.is_some_and(|known| !known.token_key.is_empty())),
            "OAuth token key",
        ),
        row(
            "region.token_secret",
            hidden(credentials.is_some_and(|known| !known.token_secret.is_empty())),
            "OAuth token secret",
        ),
    ]
}

//! `shakedown events`: the event and audit log, in the region's own form.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{answer, exit, help, print_line, state, unless_reader_has_gone};
use crate::config::metadata_url;
use crate::event::{EventQuery, EventRecord};
use crate::region::{Client, ClientOptions, Credentials, RetryOptions, persist};
use crate::report::table;

/// Between two looks when following.
const PACE: Duration = Duration::from_millis(500);
/// How long a region is tried.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
#[command(after_help = help::EVENTS)]
pub(super) struct Arguments {
    #[command(flatten)]
    state: state::Options,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Events as `maas PROFILE events query` prints them, newest first
    Query(Box<Query>),
    /// The event types with their levels
    Types,
    /// Check that no audit event and no result was altered, removed or moved; prints the last seal of each
    ///
    /// Whoever is root on the machine can make both chains anew. What they cannot change is the head that the region was told at the end
    /// of each run, as an event `shakedown/audit-head`: give it with --expect.
    Verify {
        /// A head that the region was told: the chains must have it
        #[arg(long, value_name = "HEAD", value_parser = head)]
        expect: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The region's answer
    #[default]
    Json,
    /// One object a line
    Jsonl,
    /// For people
    Table,
}

#[derive(clap::Args)]
struct Query {
    /// AUDIT alone, or one of DEBUG, INFO, WARNING, ERROR, CRITICAL and all above it [default: INFO]
    #[arg(long)]
    level: Option<String>,
    /// At most so many, up to 1000 [default: 100]
    #[arg(long)]
    limit: Option<String>,
    /// Only events with a smaller id
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Only events with a larger id, the oldest of them
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// Only events of this type, for example `SCRIPT_DID_NOT_COMPLETE`; may be given more than once
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,
    /// Only events of the node with this host name; may be given more than once
    #[arg(long)]
    hostname: Vec<String>,
    /// Only what this user did
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Only what happened since: a time (2026-11-20T10:00:00Z), a date, or a span back from now (2h, 3d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Go on printing what happens
    #[arg(long)]
    follow: bool,
    /// Ask this region's API instead of the local log
    #[arg(long, value_name = "URL", requires = "api_key")]
    region: Option<String>,
    /// A user's API key for that region, `CONSUMER:TOKEN:SECRET`
    #[arg(long, value_name = "KEY", env = "SHAKEDOWN_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The same in the words of the MAAS command line, for example level=AUDIT limit=20
    #[arg(value_name = "KEY=VALUE", value_parser = word)]
    words: Vec<(String, String)>,
}

impl std::fmt::Debug for Query {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("words", &self.words).finish_non_exhaustive()
    }
}

fn word(text: &str) -> Result<(String, String), String> {
    const KNOWN: [&str; 12] = [
        "level",
        "limit",
        "before",
        "after",
        "hostname",
        "mac_address",
        "id",
        "zone",
        "agent_name",
        "domain",
        "pool",
        "owner",
    ];
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    if KNOWN.contains(&key) {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err(format!("{key:?} is none of {}", KNOWN.join(", ")))
    }
}

/// A seal: 64 hexadecimal digits.
fn head(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a head has 64 hexadecimal digits, as `events verify` and the region's event show it".to_owned())
    }
}

/// A time in any of the forms that people give it in.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let date =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let back = || {
        let (number, unit) = text.split_at(text.len() - 1);
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        let span = jiff::SignedDuration::from_secs(number.parse::<i64>().ok()?.checked_mul(seconds)?);
        Timestamp::now().checked_sub(span).ok()
    };
    let found =
        text.parse().ok().or_else(date).or_else(|| if text.is_ascii() && text.len() > 1 { back() } else { None });
    found.ok_or_else(|| "it is neither a time, nor a date, nor a span such as 90s, 15m, 2h, 3d".to_owned())
}

impl Query {
    fn pairs(&self) -> Vec<(String, String)> {
        let one = |key: &str, value: &Option<String>| value.clone().map(|value| (key.to_owned(), value));
        let mut pairs: Vec<(String, String)> =
            self.hostname.iter().map(|name| ("hostname".to_owned(), name.clone())).collect();
        pairs.extend(one("owner", &self.owner));
        pairs.extend(one("level", &self.level));
        pairs.extend(one("limit", &self.limit));
        pairs.extend(one("before", &self.before));
        pairs.extend(one("after", &self.after));
        pairs.extend(self.words.iter().cloned());
        pairs
    }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    match arguments.verb {
        Verb::Query(query) => match &query.region {
            Some(region) => remote(&query, region).await?,
            None => local(&query, &arguments.state).await?,
        },
        Verb::Types => {
            let level = |number: i64| {
                crate::event::Level::ALL
                    .into_iter()
                    .find(|level| *level as i64 == number)
                    .map_or("", |level| level.name())
            };
            let rows: Vec<Vec<String>> = arguments
                .state
                .read()?
                .event_types()?
                .into_iter()
                .map(|(number, name, description)| vec![level(number).to_owned(), name, description])
                .collect();
            answer(table(&["LEVEL", "NAME", "DESCRIPTION"], &rows).trim_end())?;
        }
        Verb::Verify { expect } => match arguments.state.read()?.verify_against(expect.as_deref())? {
            Ok(verified) => {
                let (rows, head, results) = (verified.rows, verified.head, verified.results);
                answer(&format!("{rows} audit events, none altered; seal of the last: {head}"))?;
                let (seals, hash) = (results.head.seals, results.head.hash);
                answer(&format!("{seals} seals of results, all as sealed; the last: {hash}"))?;
                if results.deleted > 0 {
                    let runs = if results.deleted == 1 { "run is" } else { "runs are" };
                    answer(&format!("{} {runs} sealed as deleted: out of the bounds of `[journal]`", results.deleted))?;
                }
                if expect.is_some() {
                    answer("the expected head is in the chain")?;
                }
            }
            Err(broken) => {
                complain!("shakedown: {broken}");
                return Ok(exit::SCRIPT_FAILED);
            }
        },
    }
    Ok(exit::OK)
}

async fn local(arguments: &Query, state: &state::Options) -> anyhow::Result<()> {
    let store = state.read()?;
    let mut query = EventQuery::parse(&arguments.pairs())?;
    if let Some(name) = query.place.given() {
        anyhow::bail!("the local log does not know {name}, which only the region does: ask it with --region");
    }
    query.types.clone_from(&arguments.types);
    query.since = arguments.since;
    let rows = store.events(&query)?;
    if !arguments.follow {
        return print(&query.answer(&rows.iter().collect::<Vec<_>>()), arguments.format);
    }
    query.after = Some(rows.first().map_or(0, |row| row.id));
    query.before = None;
    // Until nobody reads it any more.
    let mut printed = print_lines(rows, arguments.format);
    while printed.is_ok() {
        tokio::time::sleep(PACE).await;
        let rows = store.events(&query)?;
        query.after = query.after.max(rows.first().map(|row| row.id));
        printed = print_lines(rows, arguments.format);
    }
    unless_reader_has_gone(printed)
}

/// Oldest first, as a log grows.
fn print_lines(mut rows: Vec<EventRecord>, format: Format) -> io::Result<()> {
    rows.reverse();
    for row in rows {
        let json = row.json();
        let text = if format == Format::Table { line(&json).join("  ") } else { json.to_string() };
        print_line(&text)?;
    }
    Ok(())
}

fn line(event: &Value) -> Vec<String> {
    ["id", "created", "level", "username", "hostname", "type", "description"]
        .iter()
        .map(|key| match &event[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}

fn print(found: &Value, format: Format) -> anyhow::Result<()> {
    let events = found["events"].as_array().map_or(&[][..], Vec::as_slice);
    match format {
        Format::Json => answer(&indented(found)),
        Format::Jsonl => events.iter().try_for_each(|event| answer(&event.to_string())),
        Format::Table => {
            let rows: Vec<Vec<String>> = events.iter().map(line).collect();
            answer(table(&["ID", "CREATED", "LEVEL", "USER", "NODE", "TYPE", "DESCRIPTION"], &rows).trim_end())
        }
    }
}

/// With four blanks, as the MAAS command line prints it.
fn indented(answer: &Value) -> String {
    use serde::Serialize as _;
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // Writing a value to memory cannot fail.
    let _ = answer.serialize(&mut serializer);
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn remote(arguments: &Query, region: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.types.is_empty() && arguments.since.is_none() && !arguments.follow,
        "a region's API knows neither --type nor --since nor --follow"
    );
    let key = arguments.api_key.as_deref().unwrap_or_default();
    let credentials = Credentials::from_api_key(key).context("--api-key is not CONSUMER:TOKEN:SECRET")?;
    let client = Client::new(ClientOptions::new(metadata_url(region)?, Some(credentials)))?;
    let cancel = CancellationToken::new();
    let limit = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        limit.cancel();
    });
    let mut pairs = vec![("op".to_owned(), "query".to_owned())];
    pairs.extend(arguments.pairs());
    let retry = RetryOptions { few: 2, ..RetryOptions::default() };
    let answer = persist(&retry, &cancel, "asking the region for events", || client.api("events/", &pairs)).await?;
    print(&Value::Object(answer.as_object().cloned().unwrap_or_else(Map::new)), arguments.format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        assert_eq!(since("2026-11-20T10:00:00Z").map(|t| t.to_string()), Ok("2026-11-20T10:00:00Z".into()));
        assert_eq!(since("2026-11-20").map(|t| t.to_string()), Ok("2026-11-20T00:00:00Z".into()));
        assert!(since("2h").is_ok_and(|time| time < Timestamp::now()));
        for wrong in ["", "h", "2w", "soon", "ü", "999999999999999s", "9999999999d"] {
            assert!(since(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn words_of_the_maas_command_line_are_checked() {
        assert_eq!(word("level=AUDIT"), Ok(("level".into(), "AUDIT".into())));
        assert!(word("colour=blue").is_err());
        assert!(word("level").is_err());
    }
}

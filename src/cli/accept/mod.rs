//! `shakedown accept`: compares a machine with the profile of what was ordered.

mod history;
pub(super) mod machines;
pub(super) mod profiles;
mod result;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(super) use result::document_beside;

use super::{answer, answer_whole, exit, help, state};
use crate::acceptance::{
    Figures, Judgement, Machine, Siblings, Verdict, figures, judge_over_time, learn, ocp_lines, schema,
};
use crate::report::table;

#[derive(Debug, clap::Args)]
#[command(after_help = help::ACCEPT)]
pub(super) struct Arguments {
    /// Profile of the machine that was ordered; or a folder of profiles, of which the one whose `match` fits the machine is used
    #[arg(long, value_name = "FILE|DIR", default_value = profiles::FOLDER)]
    profile: PathBuf,
    /// Judge a machine in a file instead of this one: a snapshot, a copied tree, or the output of `shakedown inventory --format json`
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
    /// Results with figures of this machine for `[measure]`: JSON, OCP lines
    #[arg(long, value_name = "RESULTS", num_args = 1..)]
    measured: Vec<PathBuf>,
    /// Results with figures of the machine's siblings: one file per sibling, or folders of such files
    #[arg(long, value_name = "RESULTS", num_args = 1..)]
    siblings: Vec<PathBuf>,
    #[command(flatten)]
    state: state::Options,
    /// Write a profile from this machine, or from the facts that several machines in files share
    #[arg(long, value_name = "SNAPSHOT", num_args = 0.., conflicts_with_all = ["root", "measured", "siblings", "check"])]
    learn: Option<Vec<PathBuf>>,
    /// The name in the profile that --learn writes
    #[arg(long, value_name = "NAME", requires = "learn")]
    name: Option<String>,
    /// Report all problems in profiles, and judge no machine
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["root", "measured", "siblings"])]
    check: Vec<PathBuf>,
    /// Print the JSON Schema of profiles and nothing else
    #[arg(long)]
    schema: bool,
    /// For people, as one JSON document, or as lines in the form of OCP Test & Validation 2.0
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Write a result file for MAAS, as its scripts do
    #[arg(long, value_name = "FILE", env = "RESULT_PATH")]
    result_path: Option<PathBuf>,
}

/// The form of figures, for messages.
const FIGURES: &str = "{\"NAME\": {\"value\": 3, \"unit\": \"GiB/s\"}}";

/// Form of a judgement.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Table,
    /// One JSON object.
    Json,
    /// Test & Validation output of the Open Compute Project: one JSON object per line.
    Ocp,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    if arguments.schema {
        answer_whole(schema())?;
        return Ok(exit::OK);
    }
    if !arguments.check.is_empty() {
        return Ok(check(&arguments.check));
    }
    if let Some(paths) = &arguments.learn {
        return learnt(paths, arguments.name.as_deref());
    }
    let judged = judgement(arguments);
    if let Some(path) = &arguments.result_path {
        result::write(path, judged.as_ref())?;
    }
    let judged = match judged {
        Ok(judged) => judged,
        Err(error) => {
            let Some(wrong) = error.downcast_ref::<profiles::Wrong>() else { return Err(error) };
            complain!("shakedown: {wrong}");
            return Ok(exit::USAGE);
        }
    };
    match arguments.format {
        Form::Json => answer(&format!("{:#}", judged.document()))?,
        Form::Table => answer_whole(&page(&judged))?,
        Form::Ocp => {
            let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            let lines = ocp_lines(&judged, &words.join(" "), Vec::new()).context("cannot write the judgement")?;
            answer_whole(&String::from_utf8_lossy(&lines))?;
        }
    }
    Ok(match judged.verdict() {
        Verdict::Accepted | Verdict::Noted => exit::OK,
        Verdict::Rejected => exit::SCRIPT_FAILED,
        Verdict::Incomplete => exit::CANNOT_RUN,
    })
}

fn judgement(arguments: &Arguments) -> anyhow::Result<Judgement> {
    let document = arguments.root.as_deref().map_or_else(machines::live, machines::inventory)?;
    let of = arguments.root.as_deref().unwrap_or(Path::new("this machine")).display().to_string();
    let machine = Machine::of(&document).map_err(|reason| anyhow::anyhow!("{of}: {reason}"))?;
    let profile = profiles::choose(&arguments.profile, &machine)?;
    let mut own = Figures::new();
    for path in machines::files(&arguments.measured)? {
        own.extend(figures_of(&path)?);
    }
    let mut siblings = Siblings::new();
    for path in machines::files(&arguments.siblings)? {
        // A folder that `shakedown region fetch` filled has inventories, too.
        for (name, amount) in figures_beside(&path)? {
            siblings.entry(name).or_default().push(amount);
        }
    }
    // The journal here is of this machine alone.
    let mut last = Figures::new();
    if arguments.root.is_none() && profile.asks_for_history() {
        // Without a journal the figures are unknown, and everything else is judged all the same.
        match arguments.state.read() {
            Ok(store) => last = history::last(&store, &mut own)?,
            Err(error) => complain!("shakedown: {error:#}"),
        }
    }
    Ok(judge_over_time(&profile, &machine, &own, &siblings, &last))
}

fn figures_of(path: &Path) -> anyhow::Result<Figures> {
    let found = figures_beside(path)?;
    anyhow::ensure!(!found.is_empty(), "{} holds no figures: {FIGURES}", path.display());
    Ok(found)
}

/// The figures of a file; none of an inventory, and of what `shakedown region fetch` brought of tests that measure nothing.
fn figures_beside(path: &Path) -> anyhow::Result<Figures> {
    let machines::Content::Documents(documents) = machines::content(path)? else {
        anyhow::bail!("{} holds no results", path.display());
    };
    let is_inventory = |document: &&serde_json::Value| Machine::of(document).is_ok();
    let found: Figures = documents.iter().filter(|document| !is_inventory(document)).flat_map(figures).collect();
    let is_known = documents.iter().any(|document| is_inventory(&document) || document["figures"].is_object());
    anyhow::ensure!(is_known || !found.is_empty(), "{} holds no figures: {FIGURES}", path.display());
    Ok(found)
}

fn page(judged: &Judgement) -> String {
    let machine = if judged.machine.is_empty() { "this machine" } else { &judged.machine };
    let mut text =
        format!("{machine}: {} (profile {}, {} expectations)\n", judged.headline(), judged.profile, judged.checked);
    let rows: Vec<Vec<String>> = judged.rows().into_iter().map(|row| row.to_vec()).collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&table(&["WHAT", "FOUND", "NEXT"], &rows));
    }
    text
}

fn check(files: &[PathBuf]) -> u8 {
    let mut is_wrong = false;
    for file in files {
        match profiles::read(file) {
            Ok(profile) => say!("{}: {} is in order", file.display(), profile.name),
            Err(error) => {
                is_wrong = true;
                complain!("shakedown: {error:#}");
            }
        }
    }
    if is_wrong { exit::USAGE } else { exit::OK }
}

fn learnt(paths: &[PathBuf], name: Option<&str>) -> anyhow::Result<u8> {
    let documents = if paths.is_empty() {
        vec![("this machine".to_owned(), machines::live()?)]
    } else {
        let files = machines::files(paths)?;
        files
            .iter()
            .map(|path| Ok((path.display().to_string(), machines::inventory(path)?)))
            .collect::<anyhow::Result<_>>()?
    };
    let machines: Vec<Machine> = documents
        .iter()
        .map(|(of, document)| Machine::of(document).map_err(|reason| anyhow::anyhow!("{of}: {reason}")))
        .collect::<anyhow::Result<_>>()?;
    let text = learn(&machines, name).map_err(anyhow::Error::msg).context("no profile can be learnt")?;
    answer_whole(&text)?;
    Ok(exit::OK)
}

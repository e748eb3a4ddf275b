//! `shakedown compare`: many machines against each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::accept::machines::{self, Content};
use super::format::Format;
use super::{answer, answer_whole, exit, help};
use crate::acceptance::{Figures, Herd, Machine, Member, compare, figures, page, text};
use crate::report::table;

#[derive(Debug, clap::Args)]
#[command(after_help = help::COMPARE)]
pub(super) struct Arguments {
    /// A file for each machine, or folders of them: snapshots, what `shakedown inventory --format json` printed, results with figures
    /// (JSON, OCP lines). What a machine is called is the name of its file up to the first dot, or that of a folder with several files of it
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Results of the same machines from before, in files or folders of the same names: whose figures fell since is named
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    before: Vec<PathBuf>,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write one page for the whole batch, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut members = BTreeMap::new();
    for path in machines::files(&arguments.paths)? {
        take(&mut members, &path)?;
    }
    anyhow::ensure!(!members.is_empty(), "there is no machine in these folders");
    if !arguments.before.is_empty() {
        recall(&mut members, &arguments.before)?;
    }
    let herds = compare(members.into_values().collect());
    if let Some(path) = &arguments.html {
        fs::write(path, page(&herds)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    match arguments.format {
        Format::Json => answer(&format!("{:#}", json!({"form": 1, "groups": herds})))?,
        Format::Table => answer_whole(&herds.iter().map(shown).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(exit::OK)
}

/// Takes the figures from before to the machines of now.
fn recall(members: &mut BTreeMap<String, Member>, paths: &[PathBuf]) -> anyhow::Result<()> {
    let mut before = BTreeMap::new();
    for path in machines::files(paths)? {
        take(&mut before, &path)?;
    }
    let mut is_one_known = false;
    for (name, own) in before {
        let Some(member) = members.get_mut(&name) else { continue };
        is_one_known |= own.figures.keys().any(|figure| member.figures.contains_key(figure));
        // Who names older results wants these, and not what the region kept besides.
        member.last.extend(own.figures);
    }
    anyhow::ensure!(
        is_one_known,
        "no machine has a figure both in --before and now: files of one machine have one name in both"
    );
    Ok(())
}

/// Takes what a file tells to the machine that it is of.
fn take(members: &mut BTreeMap<String, Member>, path: &Path) -> anyhow::Result<()> {
    let is_tree = ["sys", "proc"].iter().any(|name| path.join(name).is_dir());
    if path.is_dir() && !is_tree {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in machines::files(&[path.to_owned()])? {
            put(members, &name, &file)?;
        }
        return Ok(());
    }
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    put(members, file.split('.').next().unwrap_or(&file), path)
}

fn put(members: &mut BTreeMap<String, Member>, name: &str, path: &Path) -> anyhow::Result<()> {
    let member = members.entry(name.to_owned()).or_insert_with(|| Member {
        name: name.to_owned(),
        machine: None,
        figures: Figures::new(),
        last: Figures::new(),
    });
    let documents = match machines::content(path)? {
        Content::Machine(inventory) => vec![*inventory],
        Content::Documents(documents) => documents,
    };
    let before = member.figures.len();
    let mut is_known = false;
    for document in &documents {
        if let Ok(machine) = Machine::of(document) {
            anyhow::ensure!(
                member.machine.replace(machine).is_none(),
                "{}: there is an inventory of {name} already: give each machine a file name or a folder of its own",
                path.display()
            );
            is_known = true;
        } else {
            member.figures.extend(figures(document));
            member.last.extend(figures(&document["before"]));
            // What `shakedown region fetch` brought of tests that measure nothing.
            is_known |= document["figures"].is_object() && document["scripts"].is_array();
        }
    }
    anyhow::ensure!(
        is_known || member.figures.len() > before,
        "{} is neither an inventory nor are there figures in it",
        path.display()
    );
    Ok(())
}

fn shown(herd: &Herd) -> String {
    let (headline, rows, remarks) = text(herd);
    let mut shown = format!("{headline}{}\n", if rows.is_empty() { ", nothing is odd" } else { "" });
    if !rows.is_empty() {
        let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.to_vec()).collect();
        shown.push_str(&format!("\n{}", table(&["MACHINE", "WHAT", "HERE", "USUALLY"], &rows)));
    }
    if !remarks.is_empty() {
        shown.push_str(&format!(
            "\nWithout verdict:\n{}",
            remarks.iter().map(|remark| format!("  {remark}\n")).collect::<String>()
        ));
    }
    shown
}

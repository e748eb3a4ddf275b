//! Programs, scripts and profiles of Shakedown in a region, as `shakedown region status` and `install` print them.

use super::super::register::Region;
use super::super::{answer, exit};
use crate::adoption::{self, CARRIER, Carried, Present, Profiles, of_file_name};
use crate::region::{Client, StoredScript};
use crate::report::table;

/// The programs and scripts that a region has, as a page, and whether all of them are in order.
pub(super) struct Shown {
    pub(super) is_well: bool,
    page: String,
}

impl Shown {
    /// Prints the page; the exit code that goes with it.
    pub(super) fn print(&self) -> anyhow::Result<u8> {
        answer(self.page.trim_end())?;
        Ok(if self.is_well { exit::OK } else { exit::SCRIPT_FAILED })
    }
}

/// Looks at a region. Downloads each program and checks its checksum.
pub(super) async fn look(region: &Region, client: &Client) -> anyhow::Result<Shown> {
    let present = region.ask("looking", || Present::ask(client)).await?;
    if present.files.is_empty() && present.scripts.is_empty() {
        return Ok(Shown { is_well: true, page: "Nothing of Shakedown is in this region.".to_owned() });
    }
    let mut is_well = true;
    let mut rows = Vec::new();
    for file in &present.files {
        let Some((version, architecture)) = of_file_name(&file.name) else { continue };
        let content = match region.ask("fetching a program", || client.file_content(file)).await {
            Ok(content) => content,
            // Somebody has just taken it away.
            Err(error) if error.is_about_request() => {
                is_well = false;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let is_right = file.name.ends_with(&format!("-{}.xz", &adoption::sum(&content)[..12]));
        is_well &= is_right;
        let state = if is_right { "as it was put there" } else { "DAMAGED: delete it, and install again" };
        rows.push(vec![
            architecture.name().to_owned(),
            version.to_owned(),
            content.len().to_string(),
            state.to_owned(),
        ]);
    }
    let mut page = table(&["ARCHITECTURE", "VERSION", "BYTES", "STATE"], &rows);
    let rows: Vec<Vec<String>> = present.scripts.iter().map(|script| row(&present, script)).collect();
    page += &table(&["SCRIPT", "TYPE", "PUT THERE BY", "VERSIONS", "TAKES ITS PROGRAM FROM"], &rows);
    let rows: Vec<Vec<String>> = present.scripts.iter().flat_map(profiles_of).collect();
    if !rows.is_empty() {
        page += &table(&["PROFILE", "NAME", "MADE FOR", "STATE"], &rows);
    }
    is_well &= present.scripts.iter().flat_map(carried).all(|one| one.profile.is_ok());
    is_well &=
        present.scripts.iter().all(|script| !adoption::was_changed(script) && present.missing_of(script).is_empty());
    Ok(Shown { is_well, page })
}

/// The row of a script in the table of `status`.
fn row(present: &Present, script: &StoredScript) -> Vec<String> {
    let programs: Vec<&str> = present.programs_of(script).iter().map(|(_, architecture)| architecture.name()).collect();
    let is_takeover = script.name.starts_with("00-shakedown-");
    let programs = match (present.missing_of(script).is_empty(), programs.is_empty()) {
        (false, _) => "MISSING: install again".to_owned(),
        (true, true) if is_takeover => "a server of the site".to_owned(),
        (true, _) => programs.join(" "),
    };
    let by = match (adoption::was_changed(script), script.comment.as_str()) {
        (false, comment) => comment.to_owned(),
        (true, "") => "CHANGED by somebody else".to_owned(),
        (true, comment) => format!("CHANGED by somebody else: {comment}"),
    };
    vec![script.name.clone(), script.type_name.clone(), by, script.versions.to_string(), programs]
}

/// The profiles in the text of a script.
fn carried(script: &StoredScript) -> Vec<Carried> {
    if script.name == CARRIER { Profiles::carried_by(&script.content) } else { Vec::new() }
}

/// The rows of the profiles that a script carries, in the table of `status`.
fn profiles_of(script: &StoredScript) -> Vec<Vec<String>> {
    let row = |one: Carried| match one.profile {
        Ok(profile) => {
            let machines = profile.made_for();
            let state = if machines.is_some() { "in order" } else { "for no machine: it has no `match`" };
            vec![one.file, profile.name.clone(), machines.unwrap_or_default(), state.to_owned()]
        }
        Err(error) => {
            let first = error.problems.first().map(ToString::to_string).unwrap_or_default();
            vec![one.file, String::new(), String::new(), format!("WRONG, install it again: {first}")]
        }
    };
    carried(script).into_iter().map(row).collect()
}

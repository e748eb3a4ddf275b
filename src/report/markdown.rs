//! Markdown: what a ticket needs.

use super::excerpt::Excerpt;
use super::model::{Acceptance, Grade, Inventory, Report, Section, TestResult};
use super::table::bytes;
use super::time::{length, moment};
use super::used::used;

pub(super) fn page(report: &Report) -> String {
    let run = &report.run;
    let machine = if report.machine.hostname.is_empty() { "this machine" } else { &report.machine.hostname };
    let mut text = format!(
        "# {}: run {} on {}\n\n**{}**\n\n",
        report.verdict.grade.word().to_uppercase(),
        run.id,
        inline(machine),
        inline(&report.verdict.headline)
    );
    for problem in &report.problems {
        text.push_str(&format!(
            "- **{}** – {}: {}  \n  *Next:* {}\n",
            inline(&problem.what),
            inline(&problem.status),
            inline(&problem.reason),
            inline(&problem.next)
        ));
    }
    let ended = run.ended.as_deref().map_or_else(|| "not at its end".to_owned(), moment);
    text.push_str(&format!(
        "\nStarted {}, ended {ended} (UTC){}; region {}{}.\n\n",
        moment(&run.started),
        run.seconds.map(|seconds| format!(", lasted {}", length(Some(seconds)))).unwrap_or_default(),
        inline(&run.region),
        run.outcome.as_ref().map(|outcome| format!("; outcome: {}", inline(outcome))).unwrap_or_default()
    ));
    text.push_str(&results(&report.results));
    text.extend(report.another_load.as_ref().map(|told| format!("**Note:** {}.\n\n", inline(told))));
    text.extend(report.acceptance.as_ref().map(acceptance));
    text.push_str(&disks(report));
    text.extend(report.inventory.as_ref().map(machine_in_lines));
    if !report.changes.is_empty() {
        text.push_str("## Hardware changes\n\n");
        let changes = report.changes.iter();
        text.extend(changes.map(|event| format!("- {} {}\n", moment(&event.time), inline(&event.description))));
        text.push('\n');
    }
    text.extend(
        report.results.iter().filter(|result| result.grade >= Grade::Degraded || !result.notes.is_empty()).map(output),
    );
    text
}

fn acceptance(judged: &Acceptance) -> String {
    let (verdict, profile, source) = (inline(&judged.verdict), inline(&judged.profile), inline(&judged.source));
    let head =
        format!("## Acceptance\n\n**{verdict}**; profile {profile}, {} expectations; {source}.\n\n", judged.checked);
    if judged.deviations.rows.is_empty() { head } else { head + &section(&judged.deviations) }
}

fn machine_in_lines(inventory: &Inventory) -> String {
    let mut text = format!("## Inventory\n\nFrom {}.\n\n", inline(&inventory.source));
    for fact in &inventory.facts {
        text.push_str(&format!("- {}: {}\n", inline(&fact.name), inline(&fact.value)));
    }
    for finding in inventory.findings.iter().flatten() {
        text.push_str(&format!("- **Worth a look:** {}\n", inline(finding)));
    }
    if let Some(more) = inventory.more(inventory.findings_left_out) {
        text.push_str(&format!("- **Worth a look:** {}\n", inline(&more)));
    }
    let gaps = inventory.gaps.len() + inventory.gaps_left_out;
    if gaps > 0 {
        let whole = inline(&inventory.whole);
        text.push_str(&format!("- **Could not be found out:** {gaps} facts; {whole} tells which\n"));
    }
    text.push('\n');
    text.extend(inventory.sections.iter().map(section));
    text
}

fn results(results: &[TestResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let row = |result: &TestResult| {
        let exit = result.exit_status.map(|exit| exit.to_string()).unwrap_or_default();
        vec![
            result.subject.clone(),
            result.set.clone(),
            result.status.name().to_owned(),
            exit,
            length(result.seconds),
            result.cost.as_ref().map(used).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = results.iter().map(row).collect();
    format!("## Results\n\n{}", table(&["Script", "Set", "Status", "Exit", "Time", "Used"], &rows))
}

fn disks(report: &Report) -> String {
    if report.disks.is_empty() {
        return String::new();
    }
    let row = |disk: &super::model::Disk| {
        vec![
            disk.name.clone(),
            disk.model.clone(),
            disk.health.clone(),
            disk.wear.clone(),
            disk.temperature.clone(),
            disk.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = report.disks.iter().map(row).collect();
    format!("## Disks\n\n{}", table(&["Disk", "Model", "Health", "Wear %", "°C", "Reason"], &rows))
}

fn section(section: &Section) -> String {
    let more =
        if section.left_out > 0 { format!("\n{} more are left out.\n", section.left_out) } else { String::new() };
    format!("### {}\n\n{}{more}", section.title, table(&section.columns, &section.rows))
}

fn output(result: &TestResult) -> String {
    let Excerpt { path, bytes: size, head, left_out, tail } = &result.output;
    let shown = match size {
        None => {
            return format!(
                "## Output of {}\n\nThere is none on record ({}).\n\n",
                inline(&result.subject),
                inline(path)
            );
        }
        Some(0) => return format!("## Output of {}\n\nIt printed nothing.\n\n", inline(&result.subject)),
        Some(_) if *left_out == 0 => head.clone(),
        Some(_) => format!("{head}\n[... {left_out} bytes left out ...]\n{tail}"),
    };
    // Longer than any run of backticks in it, so that it cannot end its own block.
    let runs = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs.max(2) + 1);
    format!(
        "## Output of {}\n\n{}, {}:\n\n{fence}text\n{}\n{fence}\n\n",
        inline(&result.subject),
        inline(path),
        bytes(size.unwrap_or(0)),
        shown.trim_end()
    )
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.iter().map(|cell| (*cell).to_owned()).collect());
    text.push_str(&line(head.iter().map(|_| "---".to_owned()).collect()));
    text.extend(rows.iter().map(|row| line(row.iter().map(|cell| inline(cell)).collect())));
    text + "\n"
}

/// A text in a line, where nothing in it means anything to Markdown or HTML.
fn inline(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => line.push(' '),
            '&' => line.push_str("&amp;"),
            '<' => line.push_str("&lt;"),
            '>' => line.push_str("&gt;"),
            // Forges look for names of people after they have read the Markdown, so a backslash would not help: an invisible word
            // joiner does.
            '@' => line.push_str("@&#8288;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => line.extend(['\\', c]),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_means_anything_to_markdown() {
        assert_eq!(inline("a|b\n<script>`x`[y](z)"), "a\\|b &lt;script&gt;\\`x\\`\\[y\\](z)");
    }

    #[test]
    fn nobody_is_called_by_a_name_that_a_machine_has_in_it() {
        assert_eq!(inline("power @octocat, root@node"), "power @&#8288;octocat, root@&#8288;node");
    }
}

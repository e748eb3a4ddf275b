//! The sections behind the results: disks, inventory, changes, delivery, the log.

use super::escape::Html;
use super::icon::icon;
use super::pairs;
use crate::report::model::{Acceptance, Disk, Event, Grade, Inventory, Log, Section, Undelivered};
use crate::report::time::moment;

/// Nothing if the machine was not judged: most runs have no profile.
pub(super) fn acceptance(acceptance: Option<&Acceptance>) -> String {
    let Some(judged) = acceptance else { return String::new() };
    let mut html = format!(
        "<p class=\"{} health\">{}<b>{}</b></p>\n<p class=\"source\">Profile {}, {} expectations; {}.</p>\n",
        judged.grade.word(),
        icon(judged.grade),
        Html(&judged.verdict),
        Html(&judged.profile),
        judged.checked,
        Html(&judged.source),
    );
    if !judged.deviations.rows.is_empty() {
        html.push_str(&devices(&judged.deviations));
    }
    section("acceptance", "Acceptance", &html)
}

pub(super) fn disks(disks: &[Disk]) -> String {
    if disks.is_empty() {
        return section(
            "disks",
            "Disks",
            "<p class=\"none\">No script of this run told of the health of a disk.</p>\n",
        );
    }
    // The name is for narrow screens, where there is no head.
    let cell = |name: &str, text: &str| format!("<td data-name=\"{name}\">{}</td>", Html(text));
    let number = |name: &str, text: &str, unit: &str| {
        let unit = if text.is_empty() { "" } else { unit };
        format!("<td class=\"n\" data-name=\"{name}\">{}{unit}</td>", Html(text))
    };
    let row = |disk: &Disk| {
        let grade = grade(&disk.health);
        let words =
            [&disk.model, &disk.serial].into_iter().filter(|word| !word.is_empty()).map(|word| Html(word).to_string());
        let bad = [
            ("replaced", &disk.reallocated_sectors),
            ("pending", &disk.pending_sectors),
            ("media errors", &disk.media_errors),
        ];
        let bad = bad.iter().filter(|(_, count)| !count.is_empty()).map(|(what, count)| format!("{count} {what}"));
        format!(
            "<tr><th scope=\"row\">{}<small>{}</small></th><td class=\"{} health\">{}{}</td>{}{}{}{}{}{}</tr>\n",
            Html(&disk.name),
            words.collect::<Vec<_>>().join(" · "),
            grade.word(),
            icon(grade),
            Html(&disk.health),
            number("Temperature", &disk.temperature, " °C"),
            number("Wear", &disk.wear, " %"),
            number("On", &disk.power_on_hours, " h"),
            cell("", &bad.collect::<Vec<_>>().join(", ")),
            cell("Self-test", &disk.self_test),
            cell("", &disk.reason),
        )
    };
    let head = "<tr><th>Disk<th>Health<th class=\"n\">Temperature<th class=\"n\">Wear<th class=\"n\">On<th>Sectors<th>Self-test<th>Reason</tr>";
    let rows: String = disks.iter().map(row).collect();
    section(
        "disks",
        "Disks",
        &format!(
            "<div class=\"scroll\"><table class=\"disks\"><thead>{head}</thead><tbody>\n{rows}</tbody></table></div>\n"
        ),
    )
}

fn grade(health: &str) -> Grade {
    match health {
        "healthy" => Grade::Passed,
        "degraded" => Grade::Degraded,
        "not-supported" => Grade::Skipped,
        _ => Grade::Failed,
    }
}

pub(super) fn inventory(inventory: Option<&Inventory>) -> String {
    let Some(inventory) = inventory else {
        let none = "<p class=\"none\">Not on record: no script of this run printed an inventory (<code>20-maas-03-machine-resources</code> \
                    does). On the machine itself <code>shakedown report --live</code> looks now.</p>\n";
        return section("inventory", "Inventory", none);
    };
    let facts: Vec<(&str, String)> =
        inventory.facts.iter().map(|fact| (fact.name.as_str(), fact.value.clone())).collect();
    let mut html = format!(
        "<p class=\"source\">From {}.</p>\n<dl class=\"facts\">{}</dl>\n",
        Html(&inventory.source),
        pairs(&facts)
    );
    html.push_str(&match &inventory.findings {
        None => "<p class=\"none\">The region's form of an inventory tells no findings. A script that runs \
                 <code>\"$SHAKEDOWN_BINARY\" inventory --format json</code> puts them on record; on the machine itself \
                 <code>shakedown report --live</code> looks now.</p>\n"
            .to_owned(),
        Some(found) if found.is_empty() => "<p class=\"none\">Nothing in it is worth a look.</p>\n".to_owned(),
        Some(found) => list("Worth a look", "degraded", found, inventory.more(inventory.findings_left_out).as_ref()),
    });
    if !inventory.gaps.is_empty() {
        let more = inventory.more(inventory.gaps_left_out);
        html.push_str(&list("Could not be found out", "unfinished", &inventory.gaps, more.as_ref()));
    }
    html.extend(inventory.sections.iter().map(devices));
    section("inventory", "Inventory", &html)
}

fn list(title: &str, class: &str, lines: &[String], more: Option<&String>) -> String {
    let items: String = lines.iter().chain(more).map(|line| format!("<li>{}</li>\n", Html(line))).collect();
    format!("<h3>{title}</h3>\n<ul class=\"notes {class}\">{items}</ul>\n")
}

fn devices(section: &Section) -> String {
    let head: String = section.columns.iter().map(|column| format!("<th>{}</th>", Html(column))).collect();
    let row = |row: &Vec<String>| {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", Html(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = section.rows.iter().map(row).collect();
    let more = if section.left_out > 0 {
        format!("<p class=\"none\">{} more are left out.</p>\n", section.left_out)
    } else {
        String::new()
    };
    format!(
        "<h3>{} <span class=\"n\">{}</span></h3>\n<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n{more}",
        Html(section.title),
        section.rows.len() + section.left_out,
    )
}

pub(super) fn changes(changes: &[Event]) -> String {
    if changes.is_empty() {
        return section("changes", "Hardware changes", "<p class=\"none\">None were recorded during this run.</p>\n");
    }
    let row = |event: &Event| format!("<li><time>{}</time> {}</li>\n", moment(&event.time), Html(&event.description));
    section(
        "changes",
        "Hardware changes",
        &format!("<ul class=\"notes\">{}</ul>\n", changes.iter().map(row).collect::<String>()),
    )
}

pub(super) fn delivery(undelivered: &[Undelivered], left_out: usize) -> String {
    if undelivered.is_empty() {
        return String::new();
    }
    let row = |message: &Undelivered| {
        let state = if message.is_refused { "refused" } else { "waiting" };
        let reason = if message.reason.is_empty() { String::new() } else { format!(": {}", Html(&message.reason)) };
        format!("<li><b>{state}</b> {}{reason}</li>\n", Html(&message.message))
    };
    let rows: String = undelivered.iter().map(row).collect();
    let more =
        if left_out > 0 { format!("<p class=\"none\">{left_out} more are left out.</p>\n") } else { String::new() };
    section("delivery", "Not delivered", &format!("<ul class=\"notes undelivered\">{rows}</ul>\n{more}"))
}

pub(super) fn log(log: &Log) -> String {
    let row = |event: &Event| {
        let who = if event.user.is_empty() { String::new() } else { format!(" <em>{}</em>", Html(&event.user)) };
        format!(
            "<tr data-level=\"{level}\"><td class=\"n\"><time>{}</time></td><td class=\"level {level}\">{level}</td><td>{}{who}<small>{}</small></td></tr>\n",
            moment(&event.time),
            Html(&event.description),
            Html(&event.kind),
            level = event.level,
        )
    };
    let rows: String = log.events.iter().map(row).collect();
    let left_out = match log.left_out {
        0 => String::new(),
        count => format!(
            "<p class=\"none\">{count} older events are left out; <code>shakedown events query</code> shows them.</p>\n"
        ),
    };
    let chain = if log.chain.is_empty() {
        String::new()
    } else {
        let grade = if log.is_sound { Grade::Passed } else { Grade::Failed };
        format!("<p class=\"chain {}\">{}Audit log: {}</p>\n", grade.word(), icon(grade), Html(&log.chain))
    };
    // The filter appears where it works.
    let filter = "<p class=\"filter\" hidden><label>Filter <input type=\"search\" id=\"words\" placeholder=\"words\"></label> <label>Level \
                  <select id=\"level\"><option value=\"\">all<option>AUDIT<option>DEBUG<option>INFO<option>WARNING<option>ERROR</select></label> \
                  <output id=\"shown\"></output></p>\n";
    let table = format!(
        "<div class=\"scroll\"><table class=\"log\"><thead><tr><th>Time</th><th>Level</th><th>Event</th></tr></thead><tbody id=\"events\">\n{rows}</tbody></table></div>\n"
    );
    section("log", "Event and audit log", &format!("{chain}{filter}{left_out}{table}"))
}

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n")
}

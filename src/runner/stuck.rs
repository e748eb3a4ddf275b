//! Where the processes of a script stood when they hung, or when the script's time was up: the cause of a hang is often a device that one
//! of them waits for.

use std::fmt::Write as _;

use super::{Finished, append};
use crate::process::{Standing, Stood};
use crate::script::{Outputs, Script};

/// Most processes that a note names; all are in the output.
const NOTED: usize = 3;

/// Adds to the output and the notes of a script where its processes stood. Output that the region parses stays as it is.
pub(super) fn tell(script: &Script, outputs: &Outputs, stood: &Stood, finished: &mut Finished) {
    finished.notes.extend(note(stood));
    let text = section(stood);
    if text.is_empty() || script.stdout_is_parsed() {
        return;
    }
    if let Err(error) = append(&outputs.combined, &text) {
        finished.notes.push(format!("where its processes stood is not in its output: {error}"));
    }
}

/// Those that waited for the kernel, in one sentence; `None` if none did.
fn note(stood: &Stood) -> Option<String> {
    let hung = stood.at_limit.iter().filter(|one| one.state == 'D').chain(&stood.hanging);
    let mut named: Vec<String> = Vec::new();
    for one in hung {
        let name = format!("{} ({})", one.name, one.pid);
        if !named.iter().any(|known| known.starts_with(&name)) {
            named.push(format!("{name}{}", place(one)));
        }
    }
    if named.is_empty() {
        return None;
    }
    let more = named.len().saturating_sub(NOTED);
    named.truncate(NOTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let disks = match stood.in_flight.as_slice() {
        [] => String::new(),
        disks => format!("; disks with requests in flight: {}", disks.join(", ")),
    };
    Some(format!("waited for the kernel and took no signal: {}{more}{disks}", named.join(", ")))
}

/// ` in wait_on_page_bit, with /dev/sdb open`
fn place(one: &Standing) -> String {
    let waits = one.waits_in.as_ref().or(one.stack.first()).map(|name| format!(" in {name}")).unwrap_or_default();
    let device = one.files.iter().find(|file| file.starts_with("/dev/"));
    let device = device.map(|file| format!(", with {file} open")).unwrap_or_default();
    format!("{waits}{device}")
}

fn section(stood: &Stood) -> String {
    let mut text = String::new();
    let parts = [(Stood::HANGING, &stood.hanging), (Stood::AT_LIMIT, &stood.at_limit)];
    for (title, standing) in parts.into_iter().filter(|(_, standing)| !standing.is_empty()) {
        let _ = writeln!(text, "\n{title}");
        for one in standing {
            let comma = if place(one).is_empty() { "" } else { "," };
            let _ = writeln!(text, "- {} ({}): {}{comma}{}", one.name, one.pid, state(one.state), place(one));
            if !one.stack.is_empty() {
                let _ = writeln!(text, "  in the kernel: {}", one.stack.join(" < "));
            }
            if !one.files.is_empty() {
                let _ = writeln!(text, "  open: {}", one.files.join(", "));
            }
        }
    }
    if !text.is_empty() && !stood.in_flight.is_empty() {
        let _ = writeln!(text, "  disks with requests in flight: {}", stood.in_flight.join(", "));
    }
    text
}

/// A letter of `ps` in words.
fn state(letter: char) -> &'static str {
    match letter {
        'R' => "at work",
        'S' => "waits for input, a child or a time",
        'D' => "waits for the kernel and takes no signal",
        'T' | 't' => "halted",
        'Z' | 'X' => "ended",
        _ => "in another state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(name: &str, state: char) -> Standing {
        Standing {
            pid: 42,
            name: name.into(),
            state,
            waits_in: (state == 'D').then(|| "folio_wait_bit".into()),
            stack: vec!["folio_wait_bit".into(), "blkdev_read_iter".into()],
            files: vec!["/dev/sdb".into(), "/var/log/x".into()],
        }
    }

    #[test]
    fn a_process_that_waits_for_the_kernel_is_named_with_its_place_and_device() {
        let stood = Stood {
            hanging: vec![standing("dd", 'D')],
            at_limit: vec![standing("dd", 'D'), standing("sh", 'S')],
            in_flight: vec!["sdb (1 reads, 0 writes)".into()],
        };
        let note = note(&stood).expect("one hung");
        assert_eq!(
            note,
            "waited for the kernel and took no signal: dd (42) in folio_wait_bit, with /dev/sdb open; disks with requests in flight: sdb \
             (1 reads, 0 writes)"
        );
        let text = section(&stood);
        for part in [
            "\nWhere its processes stood at its time limit\n- dd (42): waits for the kernel and takes no signal, in folio_wait_bit, with",
            "  in the kernel: folio_wait_bit < blkdev_read_iter\n",
            "- sh (42): waits for input",
            "  disks with requests in flight: sdb",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_script_that_hung_nowhere_has_no_note() {
        let stood = Stood { at_limit: vec![standing("sh", 'S')], ..Stood::default() };
        assert_eq!(note(&stood), None);
        assert_eq!((note(&Stood::default()), section(&Stood::default())), (None, String::new()));
    }
}

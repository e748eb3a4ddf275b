//! Each place of `docs/contract` that the source names in a comment, as `(contract REGION, "Order")`, is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::page;

/// The pages by their names in citations.
const PAGES: [&str; 6] = ["ADOPTION", "REGION", "RESOURCES", "SCRIPTS", "SMART", "VERSIONS"];

/// One citation: its place in the source, and its text from the page's name on.
struct Citation {
    place: String,
    words: String,
}

/// Comments of a source file, each run of comment lines as one line with its number.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (line, number) in text.lines().zip(1..) {
        let Some((_, comment)) = line.split_once("//") else { continue };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        match found.last_mut().filter(|_| last + 1 == number && line.trim_start().starts_with("//")) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(comment);
            }
            None => found.push((number, comment.to_owned())),
        }
        last = number;
    }
    found
}

/// True if a word is written like the name of a page: four or more capital letters.
fn is_page(word: &str) -> bool {
    word.len() >= 4 && word.chars().all(|c| c.is_ascii_uppercase())
}

/// The citations of a comment: from a page's name to the end of its sentence or bracket.
fn citations(place: &str, comment: &str) -> Vec<Citation> {
    let starts = ["contract ", "Contract ", "contracts "];
    let after = starts.iter().flat_map(|start| comment.split(start).skip(1));
    let ours = after.filter(|rest| is_page(rest.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default()));
    ours.map(|rest| {
        let end = rest.find([')', ':']).unwrap_or(rest.len());
        Citation { place: place.to_owned(), words: rest[..end].to_owned() }
    })
    .collect()
}

/// The headings of a page without their signs, and the numbers of its corrections.
fn places(page: &str) -> Vec<String> {
    let text = page::file(&format!("docs/contract/{}.md", page.to_lowercase()));
    let (mut found, mut heading) = (Vec::new(), "");
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim();
            found.push(heading.to_owned());
        } else if let Some((number, _)) = line.split_once(". ").filter(|_| heading == "Corrections") {
            found.push(format!("correction {number}"));
        }
    }
    found
}

/// The words of a citation that are not there.
fn missing(citation: &Citation) -> Vec<String> {
    let mut missing = Vec::new();
    let name = citation.words.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default();
    if !PAGES.contains(&name) {
        return vec![format!("there is no page {name}")];
    }
    let (mut page, mut is_correction) = (name, false);
    for (part, is_quoted) in citation.words.split('"').zip([false, true].into_iter().cycle()) {
        if is_quoted {
            if !places(page).iter().any(|place| place == part) {
                missing.push(format!("{page}, \"{part}\""));
            }
            continue;
        }
        for word in part.split([' ', ',', ';']) {
            let word = word.trim_end_matches(['.', '…']);
            page = PAGES.into_iter().find(|page| *page == word).unwrap_or(page);
            is_correction = (is_correction || word.starts_with("correction")) && !PAGES.contains(&word);
            let wanted = match word.strip_prefix('§') {
                Some(number) => number.to_owned(),
                None if is_correction && word.parse::<u32>().is_ok() => format!("correction {word}"),
                None => continue,
            };
            let fits = |place: &String| {
                place.strip_prefix(&wanted).is_some_and(|rest| {
                    rest.is_empty()
                        || rest.starts_with([' ', '.']) && !rest[1..].starts_with(|c: char| c.is_ascii_digit())
                })
            };
            if !places(page).iter().any(fits) {
                missing.push(format!("{page}, {word}"));
            }
        }
    }
    missing
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the project").flatten();
    let files = entries.flat_map(|e| if e.path().is_dir() { sources(&e.path()) } else { vec![e.path()] });
    files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

#[test]
fn each_place_of_the_contract_that_the_source_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seen, mut wrong) = (0, Vec::new());
    let here = root.join(file!());
    let all = ["src", "tests"].iter().flat_map(|folder| sources(&root.join(folder)));
    for path in all.filter(|path| *path != here) {
        let text = fs::read_to_string(&path).expect("a source file in UTF-8");
        let name = path.strip_prefix(root).expect("a file of the project").display();
        for (line, comment) in comments(&text) {
            for citation in citations(&format!("{name}:{line}"), &comment) {
                seen += 1;
                wrong.extend(missing(&citation).iter().map(|what| format!("{}: {what}", citation.place)));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "docs/contract has no such heading or row");
    assert!(seen > 60, "only {seen} citations: are they written in another way now?");
}

#[test]
fn a_citation_of_what_is_not_there_is_found() {
    let wrong = |comment: &str| citations("x.rs:1", comment).iter().flat_map(missing).collect::<Vec<_>>();
    assert_eq!(wrong("(contract REGION, \"Order\") and (contract SMART §2.6)"), [""; 0]);
    assert_eq!(wrong("(contract REGION, corrections 7 and 8) (contract RESOURCES, §0: one line)"), [""; 0]);
    assert_eq!(wrong("(contract REGION, \"Orders\")"), ["REGION, \"Orders\""]);
    assert_eq!(wrong("(contract REGION, corrections, 7 and 99; SCRIPTS, \"The header\")"), ["REGION, 99"]);
    assert_eq!(wrong("contract SMART §2.9. Contract VERSIONS, §1"), ["SMART, §2.9"]);
    assert_eq!(wrong("(contract NOWHERE, §1) (the contract of a script)"), ["there is no page NOWHERE"]);
    let joined = comments("// a (contract REGION, \"Where\n//! credentials come from\")\nlet x; // b");
    assert_eq!(joined[0].1, "a (contract REGION, \"Where credentials come from\")");
}

//! Whatever is cut off or changed: nothing panics, and nothing that has lost its health is healthy.

use proptest::prelude::*;
use serde_json::Value;
use shakedown::disk::{Policy, Verdict, judge, page, parse};

use crate::{fixture, fixtures, judged};

/// Parses, judges and shows, as all of the program would.
fn survive(output: &[u8]) -> Verdict {
    let judgement = judged(output);
    if let Ok(report) = parse(output) {
        assert!(!page(&report, &judgement).is_empty());
        let again = judge(&report, &Policy::default(), Some(&report));
        assert_eq!(again.verdict, judgement.verdict);
    }
    judgement.verdict
}

/// Whether any line of a text says how the drive is, found in another way than the program does.
fn text_has_health(text: &str) -> bool {
    let attribute = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() >= 8 && words[0].parse::<u8>().is_ok() && words[3].len() == 3
    };
    text.contains("PASSED")
        || text.contains("Critical Warning:")
        || text.contains("Health Status: OK")
        || text.lines().any(attribute)
}

/// The same of a document.
fn json_has_health(value: &Value) -> bool {
    let text: String =
        value["smartctl"]["output"].as_array().into_iter().flatten().filter_map(|line| line.as_str()).collect();
    text_has_health(&text)
        || value["smart_status"]["passed"] == true
        || value["ata_smart_attributes"]["table"].as_array().is_some_and(|rows| !rows.is_empty())
        || value["nvme_smart_health_information_log"]["critical_warning"].is_number()
}

/// Takes out, or makes null, what is at the end of a random walk.
fn thin(value: &mut Value, path: &[usize], null: bool) {
    let Some((step, rest)) = path.split_first() else { return *value = Value::Null };
    let remove = rest.is_empty() && !null;
    match value {
        Value::Object(object) if !object.is_empty() => {
            let key = object.keys().nth(step % object.len()).expect("a key").clone();
            if remove {
                object.remove(&key);
            } else {
                thin(&mut object[&key], rest, null);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let place = step % list.len();
            if remove {
                list.remove(place);
            } else {
                thin(&mut list[place], rest, null);
            }
        }
        _ => *value = Value::Null,
    }
}

fn any_fixture(of: &'static str) -> impl Strategy<Value = String> {
    let names = fixtures().into_iter().map(|(name, _)| name).filter(|name| name.ends_with(of));
    prop::sample::select(names.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_report_that_breaks_off_is_never_healthy_without_its_health(name in any_fixture(""), part in any::<prop::sample::Index>()) {
        let whole = fixture(&name);
        let cut = &whole[..part.index(whole.trim_ascii_end().len())];
        let verdict = survive(cut);
        if name.ends_with(".json") {
            prop_assert_ne!(verdict, Verdict::Healthy);
        } else if !text_has_health(&String::from_utf8_lossy(cut)) {
            prop_assert_ne!(verdict, Verdict::Healthy);
        }
    }

    #[test]
    fn changed_bytes_panic_nowhere(name in any_fixture(""), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut output = fixture(&name);
        for (place, byte) in edits {
            let place = place.index(output.len());
            output[place] = byte;
        }
        survive(&output);
    }

    #[test]
    fn lines_that_are_lost_never_make_healthy(name in any_fixture(".txt"), kept in prop::collection::vec(any::<bool>(), 400)) {
        let whole = String::from_utf8(fixture(&name)).expect("UTF-8");
        let text: String = whole.lines().zip(kept.iter().cycle()).filter(|(_, kept)| **kept).map(|(line, _)| format!("{line}\n")).collect();
        let verdict = survive(text.as_bytes());
        prop_assert!(verdict != Verdict::Healthy || text_has_health(&text), "{}", text);
    }

    #[test]
    fn keys_that_are_lost_never_make_healthy(name in any_fixture(".json"), paths in prop::collection::vec((prop::collection::vec(any::<usize>(), 1..5), any::<bool>()), 1..40)) {
        let mut document: Value = serde_json::from_slice(&fixture(&name)).expect("a document");
        for (path, null) in &paths {
            thin(&mut document, path, *null);
        }
        let verdict = survive(document.to_string().as_bytes());
        prop_assert!(verdict != Verdict::Healthy || json_has_health(&document), "{}", document);
    }

    #[test]
    fn what_is_no_report_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_ne!(survive(&bytes), Verdict::Healthy);
    }
}

#[test]
fn input_is_bounded_in_size_and_in_depth() {
    assert_eq!(judged(vec![b' '; shakedown::disk::LIMIT + 1]).verdict, Verdict::Error);
    assert_eq!(judged("{\"a\":".repeat(100_000)).verdict, Verdict::Error);
    let rows = "# 1  Short offline  Completed: read failure 90% 1 1\n".repeat(100_000);
    let log = format!(
        "smartctl 7.4\nNum  Test_Description    Status  Remaining  LifeTime(hours)  LBA_of_first_error\n{rows}"
    );
    assert_eq!(judged(log).verdict, Verdict::Failed);
}

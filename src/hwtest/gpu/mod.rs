//! The test of graphics processors and accelerators: whether they are there, answer, have their windows of memory and their drivers, and
//! what driver or vendor's program say of their health. Computing is left to the vendor's own tests.

mod card;
mod nvidia;

use std::time::Duration;

use card::Card;
use nvidia::{Answer, Told};

use super::{Metric, Order, Outcome, Progress, Report, Tick, crash_if_asked};
use crate::host::Host;

/// Longest time of a question to the vendor's program: it loads a driver's firmware at its first call.
const LIMIT: Duration = Duration::from_secs(30);

/// Looks at all of them.
#[must_use]
pub fn run(host: &Host, order: &Order, progress: &Progress) -> Report {
    crash_if_asked(order.inject);
    progress.tick(&Tick { phase: "look at the cards".to_owned(), ..Tick::default() });
    let cards = card::cards(host);
    let has_nvidia = cards.iter().any(|card| card.ids.starts_with("10de:"));
    let answer = if has_nvidia && host.is_live() { ask() } else { Answer::None };
    let mut report = Report::new(order);
    judge(&cards, &answer, &mut report);
    report
}

fn ask() -> Answer {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(nvidia::ask(LIMIT)),
        Err(error) => Answer::Broken(error.to_string()),
    }
}

fn judge(cards: &[Card], answer: &Answer, report: &mut Report) {
    let (screens, cards): (Vec<&Card>, Vec<&Card>) = cards.iter().partition(|card| card.is_screen);
    if !screens.is_empty() {
        report.not_tested.push(format!("{} screens of management controllers", screens.len()));
    }
    if cards.is_empty() {
        report.find(Outcome::Skipped, "no-gpu", "gpu", "This machine has no graphics processor and no accelerator.");
        return;
    }
    for card in &cards {
        sanity(card, report);
        if let Some(memory) = card.memory {
            report.measure(Metric::GpuMemory, &card.address, memory);
        }
        let errors = card.errors.map(|(uncorrected, corrected)| (Some(uncorrected), Some(corrected)));
        health(&card.address, errors.unwrap_or_default(), report);
        told(card, answer, report);
    }
    let count = cards.len() as u64;
    report.covered("this machine", "gpus", count, count);
    report.measure(Metric::Gpus, "", count);
    report.not_tested.push("computing: the vendor's own test does that (dcgmi diag, rvs)".to_owned());
}

fn sanity(card: &Card, report: &mut Report) {
    let name = card.address.as_str();
    if card.is_gone {
        let finding = report.find(
            Outcome::Failed,
            "gpu-gone",
            name,
            "The card does not answer: its configuration reads as all ones.",
        );
        finding.next("Look at the kernel's log, then at the card's power cables and seat.");
        return;
    }
    if card.windows.is_empty() {
        report
            .find(Outcome::Failed, "gpu-no-window", name, "The card has no window to its memory at all.")
            .next("Seat the card anew, and update its firmware.");
    }
    for (size, _) in card.windows.iter().filter(|(_, has_address)| !has_address) {
        let what = format!("A window of {} MiB to the card's memory got no address.", size >> 20);
        report
            .find(Outcome::Failed, "gpu-window-unassigned", name, what)
            .next("Allow addresses above 4 GiB in the firmware's setup.");
    }
    if card.driver.is_none() {
        report.find(Outcome::Passed, "gpu-no-driver", name, "No driver is bound, so nobody knows the card's health.");
        report.not_tested.push(format!("{name}: health, memory and temperature, which only a driver knows"));
    }
}

fn health(name: &str, (uncorrected, corrected): (Option<u64>, Option<u64>), report: &mut Report) {
    if let Some(count) = uncorrected {
        report.measure(Metric::GpuUncorrected, name, count);
        if count > 0 {
            let what = format!("Its memory had {count} errors since the driver was loaded that it could not correct.");
            report
                .find(Outcome::Failed, "gpu-uncorrected", name, what)
                .next("Reset the card, run the vendor's test, and replace the card if they come again.");
        }
    }
    if let Some(count) = corrected {
        report.measure(Metric::GpuCorrected, name, count);
        if count > 0 {
            let what = format!("Its memory corrected {count} errors since the driver was loaded.");
            report
                .find(Outcome::Degraded, "gpu-corrected", name, what)
                .next("Run the vendor's test, and watch whether they grow.");
        }
    }
}

fn told(card: &Card, answer: &Answer, report: &mut Report) {
    if !card.ids.starts_with("10de:") {
        return;
    }
    let name = card.address.as_str();
    match answer {
        Answer::None => report.not_tested.push(format!("{name}: health, since nvidia-smi is not installed")),
        Answer::Broken(reason) => {
            // Without a driver the program cannot work, and the missing driver is told already.
            let outcome = if card.driver.as_deref() == Some("nvidia") { Outcome::Error } else { Outcome::Passed };
            let what = format!("nvidia-smi gave no answer: {reason}");
            report.find(outcome, "gpu-tool-broken", name, what).next("Look at the kernel's log for NVRM and Xid.");
        }
        Answer::Cards(cards) => match cards.iter().find(|told| told.address == name) {
            Some(told) => nvidia_health(told, report),
            None if card.driver.as_deref() == Some("nvidia") => {
                let finding = report.find(
                    Outcome::Failed,
                    "gpu-lost",
                    name,
                    "The driver is bound, and nvidia-smi does not list the card.",
                );
                finding.next("Look at the kernel's log for Xid 79 (fallen off the bus).");
            }
            None => {}
        },
    }
}

fn nvidia_health(told: &Told, report: &mut Report) {
    let name = told.address.as_str();
    if let Some(mib) = told.memory {
        report.measure(Metric::GpuMemory, name, mib << 20);
    }
    if let Some(celsius) = told.temperature {
        report.measure(Metric::GpuTemperature, name, celsius);
    }
    health(name, (told.uncorrected, told.corrected), report);
    if told.failure {
        let finding = report.find(
            Outcome::Failed,
            "gpu-rows-failed",
            name,
            "Rows of its memory are bad and could not be replaced.",
        );
        finding.next("Replace the card.");
    }
    if told.pending {
        let finding = report.find(
            Outcome::Degraded,
            "gpu-rows-pending",
            name,
            "Rows of its memory are bad and wait to be replaced.",
        );
        finding.next("Reset the card or reboot, then test again.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Level};
    use super::*;

    fn card(vendor: &str) -> Card {
        Card {
            address: "0000:41:00.0".into(),
            ids: format!("{vendor}:2330"),
            driver: Some(if vendor == "10de" { "nvidia" } else { "amdgpu" }.into()),
            windows: vec![(16 << 20, true)],
            ..Card::default()
        }
    }

    fn judged(card: Card, answer: &Answer) -> Report {
        let mut report =
            Report::new(&Order { kind: Kind::Gpu, level: Level::Smoke, seconds: 5, seed: 0, inject: None });
        judge(&[card], answer, &mut report);
        report
    }

    fn outcome(card: Card) -> Outcome {
        judged(card, &Answer::None).outcome()
    }

    #[test]
    fn a_card_that_is_well_passes_and_says_that_nothing_was_computed() {
        let report = judged(card("1002"), &Answer::None);
        assert_eq!(report.outcome(), Outcome::Passed, "{:?}", report.findings);
        assert!(report.not_tested.iter().any(|line| line.starts_with("computing")));
    }

    #[test]
    fn a_card_that_does_not_answer_or_got_no_address_has_failed() {
        assert_eq!(outcome(Card { is_gone: true, ..card("1002") }), Outcome::Failed);
        assert_eq!(
            outcome(Card { windows: vec![(16 << 20, true), (64 << 30, false)], ..card("1002") }),
            Outcome::Failed
        );
        assert_eq!(outcome(Card { windows: vec![], ..card("1002") }), Outcome::Failed);
        assert_eq!(
            outcome(Card { driver: None, ..card("1002") }),
            Outcome::Passed,
            "a missing driver is no fault of the card"
        );
    }

    #[test]
    fn errors_of_its_memory_decide_by_whether_they_were_corrected() {
        assert_eq!(outcome(Card { errors: Some((0, 0)), ..card("1002") }), Outcome::Passed);
        assert_eq!(outcome(Card { errors: Some((0, 3)), ..card("1002") }), Outcome::Degraded);
        assert_eq!(outcome(Card { errors: Some((1, 0)), ..card("1002") }), Outcome::Failed);
    }

    #[test]
    fn what_nvidias_program_says_counts_and_its_silence_is_no_pass() {
        let told = |told: Told| Answer::Cards(vec![Told { address: "0000:41:00.0".into(), ..told }]);
        let outcome = |answer: &Answer| judged(card("10de"), answer).outcome();
        assert_eq!(outcome(&told(Told::default())), Outcome::Passed);
        assert_eq!(outcome(&told(Told { pending: true, ..Told::default() })), Outcome::Degraded);
        assert_eq!(outcome(&told(Told { failure: true, ..Told::default() })), Outcome::Failed);
        assert_eq!(outcome(&told(Told { uncorrected: Some(1), ..Told::default() })), Outcome::Failed);
        assert_eq!(outcome(&Answer::Cards(vec![])), Outcome::Failed, "the driver lost the card");
        assert_eq!(outcome(&Answer::Broken("no answer within 30 s".into())), Outcome::Error);
        let none = judged(card("10de"), &Answer::None);
        assert!(none.not_tested.iter().any(|line| line.contains("nvidia-smi is not installed")));
    }

    #[test]
    fn the_screen_of_a_management_controller_is_no_graphics_processor() {
        let report = judged(Card { is_screen: true, ..card("1a03") }, &Answer::None);
        assert_eq!((report.outcome(), report.not_tested.len()), (Outcome::Skipped, 1));
    }
}

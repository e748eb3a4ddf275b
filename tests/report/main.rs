//! `shakedown report`: what a reader is told of a run, in each form, with real runs against a region in a box.
//!
//! * `verdict`: the first screenful says what is wrong and what to do, and nothing is called passed that is not.
//! * `hostile`: whatever scripts print, the page stays one page, and of a bounded size.
//! * `forms`: JSON, `JUnit`, Markdown; the same run gives the same bytes.
//! * `machine`: disks and inventory, as far as the run has them on record.
//! * `ocp`: the form of the Open Compute Project, checked with its schema.
//! * `markup` reads tags as a tolerant parser would.

mod forms;
#[path = "../journal/harness.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod harness;
mod hostile;
#[path = "../support/left_out.rs"]
mod left_out;
mod machine;
mod markup;
mod ocp;
#[path = "../support/ocp.rs"]
mod ocp_schema;
mod verdict;

use std::fs;

use harness::Machine;

impl Machine {
    /// The report of the last run, in a form.
    async fn report(&self, form: &str) -> String {
        self.ask("report").words(&["--format", form]).end().await.answer()
    }

    /// What a reader of the page sees first: the beginning of its body, without the tags.
    async fn first_screenful(&self) -> String {
        let page = self.report("html").await;
        let (_, body) = page.split_once("<header").expect("the page has a header");
        let text: String = markup::text(&format!("<header{body}")).chars().take(1200).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A script of a folder of this machine.
    fn document(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("a file is written");
        path.display().to_string()
    }
}

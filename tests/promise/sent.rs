//! Files of a result that were sound as they were judged, and break as they are sent: all reads of them fail from the first one on, from
//! the second one on, and so on.

use shakedown::sandbox::{NodeStatus, ResultRow};
use shakedown::script::Status;

use super::LIMIT;
use super::disk::{Library, LocalFault};
use super::support::{Node, plain, region, row};

/// More reads than there are of one file.
const READS: u32 = 8;

/// What the region holds of a script, after a run in which reads of files with `path` in their names fail; with the run, for whoever has to
/// understand it.
async fn row_after(fault: &LocalFault, (name, body): (&str, &str)) -> (ResultRow, String) {
    let scripts = [(format!("commissioning/{name}"), plain(body))];
    let region = region(&scripts, |options| options.status = NodeStatus::Commissioning).await;
    let node = Node::of(&region);
    let end = fault.strike(node.run().args(["--retry-wait", "0.01"])).start().finish(LIMIT).await;
    let row = row(&region, name);
    let story = format!("{fault:?}: exit {:?}, {row:?}\n{}", end.code, end.stderr);
    (row, story)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_has_counted_is_not_lost_with_the_file_that_said_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let Some(library) = Library::build(home.path()) else { return };
    for skip in 0..READS {
        let fault = LocalFault::reads(&library, "written.", skip);
        let (row, story) = row_after(&fault, ("written", "echo 'status: failed' > \"$RESULT_PATH\"")).await;
        assert!(row.status.is_failure(), "{story}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_the_region_parses_arrives_whole_or_its_script_failed() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let Some(library) = Library::build(home.path()) else { return };
    for skip in 0..READS {
        let fault = LocalFault::reads(&library, "maas-lshw.", skip);
        let (row, story) = row_after(&fault, ("maas-lshw", "echo '{\"a\": 1}'")).await;
        assert!(row.status.is_failure() || row.stdout == b"{\"a\": 1}\n", "{story}");
        assert_ne!(row.status, Status::Running, "{story}");
    }
}

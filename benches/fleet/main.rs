//! What a fleet of deployed machines costs a region: `scripts/dev/fleet [N]`.
//!
//! Two parts, and what each is good for:
//!
//! 1. **Measured**: real agents' client code, over real HTTP through a proxy that counts every byte in both directions, against one
//!    region in a box: a first report, a quiet one, one after a change. Then the busiest minute that part 2 found, request by request in
//!    real time.
//! 2. **Simulated**: N machines over a day, each with the watching loop, the schedule and the settling of the program itself, in
//!    time that jumps from one event to the next. A look costs there what part 1 measured, and takes no time.
//!
//! The reference's pattern is computed: 9 requests and 9.8 MB for each machine in each quarter of an hour.

#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod day;
mod region;

use std::time::Duration;

use shakedown::report::{bytes, table};

use day::{Course, Day, Traffic};
use region::Cost;

/// Requests and bytes of one hardware sync of the reference.
const REFERENCE: Cost = Cost { requests: 9, bytes: 9_800_000 };
/// Machines of the rack that is re-cabled.
const RACK: usize = 40;
/// Changes of each of them.
const CHANGES: u32 = 12;
/// Whoever re-cables a rack gets from one machine to the next in this time.
const PACE: Duration = Duration::from_secs(20);

fn main() {
    let machines = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    let costs = region::measure();
    println!("Measured over HTTP, headers and answers included:\n");
    let row = |name: &str, cost: &Cost| vec![name.to_owned(), cost.requests.to_string(), bytes(cost.bytes)];
    let rows = [
        row("the first report of a machine", &costs.first),
        row("a quiet report", &costs.quiet),
        row("a report after a change", &costs.changed),
        row("the reference, each time (contract)", &REFERENCE),
    ];
    println!("{}", table(&["ONE MACHINE", "REQUESTS", "BYTES"], &rows));
    let rack = RACK.min(machines);
    let day = Day { machines, rack: 0, changes: 0, pace: PACE };
    let quiet = day::simulate(&day, &costs);
    let busy = day::simulate(&Day { rack, changes: CHANGES, ..day }, &costs);
    let worst = day::simulate(&Day { rack, changes: CHANGES, pace: Duration::ZERO, ..day }, &costs);
    let reference = day::reference(machines, REFERENCE, Course::SameSecond);
    let spread = day::reference(machines, REFERENCE, Course::WithinAMinute);
    println!("{machines} machines, one day, an interval of 15 minutes:\n");
    let row = |name: &str, traffic: &Traffic| {
        let times = |ours: u64, theirs: u64| format!("{}×", theirs / ours.max(1));
        vec![
            name.to_owned(),
            traffic.requests.to_string(),
            bytes(traffic.bytes),
            traffic.peak().to_string(),
            times(traffic.requests, reference.requests),
            times(traffic.peak(), spread.peak()),
        ]
    };
    let times = format!("{rack} machines, {CHANGES} changes each");
    let rows = [
        row("quiet", &quiet),
        row(&format!("a rack is re-cabled: {times}"), &busy),
        row(&format!("{times}, all in the same second"), &worst),
        row("reference, all in the same second", &reference),
        row("reference, within a minute (systemd's default)", &spread),
    ];
    println!("{}", table(&["DAY", "REQUESTS", "BYTES", "PEAK/S", "FEWER", "LOWER PEAK"], &rows));
    println!(
        "FEWER and LOWER PEAK: beside the reference; the peak beside the one within a minute, which is the milder.\n"
    );
    let minute = quiet.busiest_minute();
    let replayed = region::replay(&minute);
    println!(
        "The busiest minute of the quiet day in real time: {} requests asked for, {} answered with 200, at most {} in a second, the \
         slowest took {:.0} ms.",
        minute.iter().sum::<u64>(),
        replayed.answered,
        replayed.peak,
        replayed.slowest.as_secs_f64() * 1000.0,
    );
    let fewer = reference.requests / quiet.requests.max(1);
    let lower = spread.peak() / busy.peak().max(1);
    let is_met = fewer >= 9 && (lower >= 50 || machines < 10_000);
    println!(
        "At least 9× fewer requests and, from 10,000 machines on, a 50× lower peak: {}",
        if is_met { "yes" } else { "NO" }
    );
    std::process::exit(i32::from(!is_met));
}

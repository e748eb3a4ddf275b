//! A day of many machines, in time that jumps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use shakedown::agent::watch::{Looked, Plan, Purpose, phase, watch};
use shakedown::host::{Hardware, Service};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::region::{Cost, Costs};

const INTERVAL: Duration = Duration::from_secs(900);
const LENGTH: Duration = Duration::from_secs(86_400);
/// Any midnight.
const EPOCH: Duration = Duration::from_secs(1_799_971_200);

/// What happens.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    pub(crate) machines: usize,
    /// So many of them have changes, each so many.
    pub(crate) rack: usize,
    pub(crate) changes: u32,
    /// From one machine of the rack to the next.
    pub(crate) pace: Duration,
}

/// What the region gets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    seconds: BTreeMap<u64, u64>,
}

impl Traffic {
    fn add(&mut self, second: u64, cost: &Cost) {
        self.requests += cost.requests;
        self.bytes += cost.bytes;
        *self.seconds.entry(second).or_default() += cost.requests;
    }

    /// The most requests of a second.
    pub(crate) fn peak(&self) -> u64 {
        self.seconds.values().max().copied().unwrap_or(0)
    }

    /// The requests of each second of the busiest minute.
    pub(crate) fn busiest_minute(&self) -> Vec<u64> {
        let minute = |start: u64| (start..start + 60).map(|second| self.seconds.get(&second).copied().unwrap_or(0));
        let starts = self.seconds.keys().copied().take(2000);
        starts.max_by_key(|start| minute(*start).sum::<u64>()).map(|start| minute(start).collect()).unwrap_or_default()
    }
}

/// When the reference's timers strike.
#[derive(Clone, Copy)]
pub(crate) enum Course {
    /// On all machines at once, as the unit says.
    SameSecond,
    /// Within a minute after that: systemd's `AccuracySec=` if the unit sets none.
    WithinAMinute,
}

/// The reference's day.
pub(crate) fn reference(machines: usize, cost: Cost, course: Course) -> Traffic {
    let mut traffic = Traffic::default();
    for machine in 0..machines {
        let offset = match course {
            Course::SameSecond => 0,
            Course::WithinAMinute => phase(&name(machine), Duration::from_secs(60)).as_secs(),
        };
        for quarter in 0..96 {
            traffic.add(quarter * 900 + offset, &cost);
        }
    }
    traffic
}

fn name(machine: usize) -> String {
    format!("machine-{machine}")
}

/// The day of machines that run this program, each in its own loop. They have been watched for long: their first look finds nothing new.
pub(crate) fn simulate(day: &Day, costs: &Costs) -> Traffic {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without threads");
    let traffic: Rc<RefCell<Traffic>> = Rc::default();
    let stop = CancellationToken::new();
    let local = LocalSet::new();
    let mut rack: Vec<UnboundedSender<Hardware>> = Vec::new();
    let mut quiet: Vec<UnboundedSender<Hardware>> = Vec::new();
    local.block_on(&runtime, async {
        let start = Instant::now();
        for machine in 0..day.machines {
            let (news, hints) = unbounded_channel();
            let is_in_rack = machine < day.rack;
            if is_in_rack {
                rack.push(news);
            } else {
                quiet.push(news);
            }
            let (traffic, stop, costs) = (Rc::clone(&traffic), stop.clone(), *costs);
            tokio::task::spawn_local(async move {
                let clock = || EPOCH + start.elapsed();
                let look = |purpose| {
                    let second = start.elapsed().as_secs();
                    // In a rack that is being re-cabled every look into news finds a change.
                    let changed = is_in_rack && purpose == Purpose::Changes && second > 0;
                    match purpose {
                        Purpose::Changes if changed => traffic.borrow_mut().add(second, &costs.changed),
                        // Drives are asked without the region.
                        Purpose::Changes | Purpose::Drives => {}
                        Purpose::Report => traffic.borrow_mut().add(second, &costs.quiet),
                    }
                    std::future::ready(Looked { changed, ..Looked::default() })
                };
                let plan = Plan::new(&name(machine), INTERVAL, EPOCH);
                let watched = watch(hints, plan, &Service::default(), clock, || INTERVAL, look, &stop).await;
                watched.expect("a channel can be heard");
            });
        }
        for _ in 0..day.changes {
            sleep(LENGTH / 2 / day.changes).await;
            for news in &rack {
                // A drive that is plugged in is a dozen messages.
                for _ in 0..12 {
                    let _ = news.send(Hardware::Disk);
                }
                sleep(day.pace).await;
            }
        }
        sleep(LENGTH.saturating_sub(start.elapsed())).await;
        stop.cancel();
    });
    drop(local);
    traffic.take()
}

//! Watching a deployed machine: a change is noticed within seconds and told once; without one the region hears of the machine once in
//! each interval, in one request.
//!
//! This process only waits: for the kernel's news, for its own time in the interval, for the watchdog. A look – collecting,
//! comparing, telling – is a process of its own ([`look`]), so that the one that waits stays small, a reader that hangs does not
//! deafen it, and nothing of a look is left when it is over.

mod damper;
mod drives;
mod incidents;
mod look;
mod notice;
mod schedule;
mod settle;
mod troubled;

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::host::{Hardware, News, Service};

pub use drives::look_at_drives;
pub use incidents::look_at_incidents;
pub use look::look;
pub use schedule::{Looked, Plan, Purpose, phase};
pub use troubled::{TroubledDrive, troubled_drives};

use settle::Settling;

/// Whoever tells that something may have changed.
pub trait Hints {
    /// Waits for the next hint; for ever when none will come.
    ///
    /// # Errors
    /// When no more can be heard.
    fn next(&mut self) -> impl Future<Output = io::Result<Hardware>>;
}

/// Without news only the schedule leads to looks.
impl Hints for Option<News> {
    async fn next(&mut self) -> io::Result<Hardware> {
        match self {
            Some(news) => News::next(news).await,
            None => std::future::pending().await,
        }
    }
}

impl Hints for UnboundedReceiver<Hardware> {
    async fn next(&mut self) -> io::Result<Hardware> {
        match self.recv().await {
            Some(hardware) => Ok(hardware),
            None => std::future::pending().await,
        }
    }
}

/// Watches until it is stopped. `look` begins a look; it is asked for the next one when that is over. `clock` tells the time since
/// the Unix epoch, `interval` how often the region wants to hear of the machine.
///
/// # Errors
/// When no more can be heard of the kernel.
pub async fn watch<F: Future<Output = Looked>>(
    mut hints: impl Hints,
    mut plan: Plan,
    service: &Service,
    clock: impl Fn() -> Duration,
    interval: impl Fn() -> Duration,
    mut look: impl FnMut(Purpose) -> F,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut settling = Settling::default();
    // Drives are asked beside: one that hangs keeps no change from being told.
    let (mut looking, mut asking) = (None, None);
    let mut pulse = service.pulse().map(|pulse| interval_at(Instant::now() + pulse, pulse));
    service.ready("watching");
    let heard = loop {
        let (due, purpose) = next(&plan, &settling, clock());
        tokio::select! {
            biased;
            () = stop.cancelled() => break Ok(()),
            looked = finished(&mut looking) => {
                let (purpose, looked): (Purpose, Looked) = looked;
                looking = None;
                tracing::info!(?purpose, ?looked, "looked");
                service.status(status(&looked));
                settling.looked(Instant::now(), looked.changed);
                plan.set_interval(interval(), clock());
                plan.looked(purpose, &looked, clock());
            }
            asked = finished(&mut asking) => {
                let (purpose, asked): (Purpose, Looked) = asked;
                asking = None;
                tracing::info!(?purpose, ?asked, "asked");
                plan.asked_drives(&asked, clock());
                if asked.changed {
                    // The look that follows brings the region what was put on record.
                    settling.hear(Instant::now());
                }
            }
            hint = hints.next() => match hint {
                Ok(hardware) => {
                    tracing::debug!(?hardware, "news");
                    settling.hear(Instant::now());
                }
                Err(error) => break Err(error),
            },
            () = beat(&mut pulse) => service.alive(),
            () = sleep_until(due), if looking.is_none() => {
                settling.look();
                looking = Some((purpose, Box::pin(look(purpose))));
            }
            () = at(plan.drives_due(), clock()), if asking.is_none() => {
                asking = Some((Purpose::Drives, Box::pin(look(Purpose::Drives))));
            }
        }
    };
    service.stopping();
    for mut ending in [looking, asking] {
        if ending.is_some() {
            finished(&mut ending).await;
        }
    }
    heard
}

/// For `systemctl status`.
fn status(looked: &Looked) -> &'static str {
    match (looked.failed, looked.changed) {
        (true, _) => "watching; the region has not everything, or the last look failed",
        (false, true) => "watching; the last look found changes",
        (false, false) => "watching; the last look found nothing new",
    }
}

/// What comes first: what the plan says, or a look into news.
fn next(plan: &Plan, settling: &Settling, now: Duration) -> (Instant, Purpose) {
    let (due, purpose) = plan.due();
    let planned = Instant::now() + due.saturating_sub(now);
    match settling.due() {
        Some(due) if due < planned => (due, Purpose::Changes),
        _ => (planned, purpose),
    }
}

/// Waits for a time; for ever where there is none.
async fn at(due: Option<Duration>, now: Duration) {
    match due {
        Some(due) => sleep_until(Instant::now() + due.saturating_sub(now)).await,
        None => std::future::pending().await,
    }
}

/// The next time to tell that this program is alive; never if nobody wants to hear.
async fn beat(pulse: &mut Option<Interval>) {
    match pulse {
        Some(pulse) => drop(pulse.tick().await),
        None => std::future::pending().await,
    }
}

/// The end of the look that is under way; never without one.
async fn finished<F: Future<Output = Looked>>(
    looking: &mut Option<(Purpose, std::pin::Pin<Box<F>>)>,
) -> (Purpose, Looked) {
    match looking {
        Some((purpose, look)) => (*purpose, look.await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::time::sleep;

    const QUARTER: Duration = Duration::from_secs(900);
    const DAY: Duration = Duration::from_secs(86_400);

    /// What a machine under watch did: each look with its time since the start.
    struct Watched {
        news: UnboundedSender<Hardware>,
        looks: Rc<RefCell<Vec<(Duration, Purpose)>>>,
        started: Instant,
        stop: CancellationToken,
    }

    impl Watched {
        fn times(&self, purpose: Purpose) -> Vec<Duration> {
            self.looks.borrow().iter().filter(|(_, other)| *other == purpose).map(|(at, _)| *at).collect()
        }
    }

    /// Watches while `story` happens. Every look takes 300 ms and ends as `outcome` says. No drives are asked.
    async fn watched<F: Future<Output = ()>>(
        outcome: impl Fn(Duration) -> Looked,
        story: impl FnOnce(Rc<Watched>) -> F,
    ) -> Rc<Watched> {
        watched_with_drives(|_, at| outcome(at), None, story).await
    }

    async fn watched_with_drives<F: Future<Output = ()>>(
        outcome: impl Fn(Purpose, Duration) -> Looked,
        drives: Option<Duration>,
        story: impl FnOnce(Rc<Watched>) -> F,
    ) -> Rc<Watched> {
        let (news, hints) = unbounded_channel();
        let started = Instant::now();
        let stop = CancellationToken::new();
        let watched = Rc::new(Watched { news, looks: Rc::default(), started, stop: stop.clone() });
        let look = |purpose| {
            let at = started.elapsed();
            watched.looks.borrow_mut().push((at, purpose));
            let looked = outcome(purpose, at);
            async move {
                sleep(Duration::from_millis(300)).await;
                looked
            }
        };
        let epoch = Duration::from_secs(1_800_000_000);
        let plan = Plan::new("abc123", QUARTER, epoch).with_drives(drives, epoch);
        let clock = || epoch + started.elapsed();
        let service = Service::default();
        let end = async {
            story(Rc::clone(&watched)).await;
            watched.stop.cancel();
        };
        let (result, ()) = tokio::join!(watch(hints, plan, &service, clock, || QUARTER, look, &stop), end);
        result.expect("the channel can be heard");
        watched
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_day_is_a_look_at_its_start_and_a_report_in_every_interval() {
        let watched = watched(|_| Looked::default(), |_| sleep(DAY)).await;
        assert_eq!(watched.times(Purpose::Changes).len(), 1);
        let reports = watched.times(Purpose::Report);
        assert_eq!(reports.len(), 96);
        assert!(
            reports.windows(2).all(|pair| pair[1].saturating_sub(pair[0]).abs_diff(QUARTER) < Duration::from_millis(5)),
            "{reports:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_news_is_one_look_within_two_seconds() {
        let watched = watched(
            |_| Looked { changed: true, ..Looked::default() },
            |watched| async move {
                sleep(Duration::from_secs(10)).await;
                for _ in 0..5000 {
                    watched.news.send(Hardware::Disk).expect("it is heard");
                }
                sleep(Duration::from_millis(400)).await;
                watched.news.send(Hardware::Pci).expect("it is heard");
                sleep(Duration::from_secs(20)).await;
            },
        )
        .await;
        let looks = watched.times(Purpose::Changes);
        assert_eq!(looks.len(), 2, "the one at the start, and one: {looks:?}");
        assert!(
            (Duration::from_millis(900)..=Duration::from_secs(2))
                .contains(&looks[1].saturating_sub(Duration::from_secs(10)))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_during_a_look_is_looked_into_afterwards() {
        let watched = watched(
            |_| Looked { changed: true, ..Looked::default() },
            |watched| async move {
                sleep(Duration::from_millis(100)).await;
                watched.news.send(Hardware::Usb).expect("it is heard");
                sleep(Duration::from_secs(20)).await;
            },
        )
        .await;
        assert_eq!(watched.times(Purpose::Changes).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_is_away_is_tried_less_and_less_and_heard_of_again_when_it_is_back() {
        let outage = Duration::from_secs(6 * 3600);
        let watched = watched(move |at| Looked { failed: at < outage, ..Looked::default() }, |_| sleep(DAY)).await;
        let reports = watched.times(Purpose::Report);
        let during = reports.iter().filter(|at| **at < outage).count();
        assert!((24..=60).contains(&during), "{during} attempts in six hours without a region");
        let back = reports.iter().find(|at| **at >= outage).expect("it goes on");
        assert!(*back <= outage + QUARTER, "{back:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn drives_are_asked_beside_and_what_they_say_leads_to_one_look() {
        let half_hour = Duration::from_secs(1800);
        let failing_at = 2 * half_hour;
        let outcome = move |purpose, at: Duration| Looked {
            changed: purpose == Purpose::Drives && at.abs_diff(failing_at) < half_hour / 2,
            ..Looked::default()
        };
        let watched = watched_with_drives(outcome, Some(half_hour), |_| sleep(DAY / 2)).await;
        let asked = watched.times(Purpose::Drives);
        assert!((23..=24).contains(&asked.len()), "{asked:?}");
        let looks = watched.times(Purpose::Changes);
        assert_eq!(looks.len(), 2, "the one at the start, and one: {looks:?}");
        assert!(looks[1].saturating_sub(asked[2]) < Duration::from_secs(2), "{looks:?}, {asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn noise_costs_little() {
        let watched = watched(
            |_| Looked::default(),
            |watched| async move {
                while watched.started.elapsed() < Duration::from_secs(3600) {
                    watched.news.send(Hardware::Disk).expect("it is heard");
                    sleep(Duration::from_secs(1)).await;
                }
            },
        )
        .await;
        assert!(watched.times(Purpose::Changes).len() < 70);
        assert_eq!(watched.times(Purpose::Report).len(), 4, "and puts no report off");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_settled_is_looked_at_again() {
        let soon = Duration::from_secs(300);
        let again = move |at| Looked { again: (at < soon).then_some(soon), ..Looked::default() };
        let watched = watched(again, |_| sleep(QUARTER / 2)).await;
        let looks = watched.looks.borrow().len();
        assert!((2..=3).contains(&looks), "{looks}");
        assert!(watched.looks.borrow().iter().any(|(at, _)| at.abs_diff(soon) < Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_is_under_way_ends_before_the_watch_does() {
        let ended = Rc::new(RefCell::new(false));
        let stop = CancellationToken::new();
        let (_news, hints) = unbounded_channel();
        let look = |_| {
            let (ended, stop) = (Rc::clone(&ended), stop.clone());
            async move {
                stop.cancelled().await;
                sleep(Duration::from_secs(5)).await;
                *ended.borrow_mut() = true;
                Looked::default()
            }
        };
        let plan = Plan::new("abc123", QUARTER, Duration::ZERO);
        let service = Service::default();
        let end = async {
            sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        let (result, ()) = tokio::join!(watch(hints, plan, &service, || Duration::ZERO, || QUARTER, look, &stop), end);
        assert!(result.is_ok() && *ended.borrow());
    }
}

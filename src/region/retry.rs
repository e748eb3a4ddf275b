//! Repeating by class of answer, with jittered exponential backoff and no upper end.

use std::time::Duration;

use rand::RngExt as _;
use tokio_util::sync::CancellationToken;

use super::{Disposition, Error};

/// Pace of repetition.
#[derive(Clone, Debug)]
pub struct RetryOptions {
    /// First wait.
    pub first: Duration,
    /// Longest wait.
    pub cap: Duration,
    /// How often an answer that most likely never changes is asked for again.
    pub few: u32,
    /// Once this strikes the program is about to end: a wait is broken off for one more attempt, and none is longer than [`LAST_WAIT`].
    pub hurry: CancellationToken,
}

/// Longest wait of a program that is about to end.
const LAST_WAIT: Duration = Duration::from_secs(2);

impl Default for RetryOptions {
    /// 1 s, doubling to 30 s; 45 times for a plain 500, or for a refusal that is not the region's, which is ten minutes at the least.
    fn default() -> Self {
        RetryOptions {
            first: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            few: 45,
            hurry: CancellationToken::new(),
        }
    }
}

/// The waits of one series of attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// A series from its beginning.
    #[must_use]
    pub fn new(options: &RetryOptions) -> Self {
        Backoff { next: options.first.min(options.cap), cap: options.cap }
    }

    /// The next wait: between half and all of a span that doubles up to the cap, so that machines which lost the region
    /// together do not come back together.
    pub fn wait(&mut self) -> Duration {
        let span = self.next;
        self.next = (span * 2).min(self.cap);
        span.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

/// Repeats an attempt until it succeeds, is refused for good, or the caller gives up.
///
/// # Errors
/// The last attempt's error when repeating is no use, [`Error::Cancelled`] with the last error's text when `cancel` struck.
pub async fn persist<T, F: Future<Output = Result<T, Error>>>(
    options: &RetryOptions,
    cancel: &CancellationToken,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let mut backoff = Backoff::new(options);
    let (mut few, mut resigned, mut failures) = (0, 0, 0u32);
    loop {
        let error = tokio::select! {
            result = attempt() => match result {
                Ok(value) => {
                    if failures > 0 {
                        tracing::info!(what, failures, "done after failures");
                    }
                    return Ok(value);
                }
                Err(error) => error,
            },
            () = cancel.cancelled() => return Err(Error::Cancelled(what.to_owned())),
        };
        failures += 1;
        let wait = match error.disposition() {
            // At once, but not for ever: a region that finds fault with every nonce is not to be flooded.
            Disposition::Resign if resigned < 3 => {
                resigned += 1;
                tracing::info!(what, %error, "repeating");
                continue;
            }
            Disposition::Retry(at_least) => {
                backoff.wait().max(at_least.unwrap_or_default().min(Duration::from_secs(300)))
            }
            Disposition::RetryAFewTimes | Disposition::Resign if few < options.few => {
                few += 1;
                backoff.wait()
            }
            _ => return Err(error),
        };
        let hurries = options.hurry.is_cancelled();
        let wait = if hurries { wait.min(LAST_WAIT) } else { wait };
        tracing::warn!(what, %error, wait_seconds = wait.as_secs_f64(), "will be repeated");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // Whoever asked to be left alone for an hour is asked once more, since nobody will be there in an hour.
            () = options.hurry.cancelled(), if !hurries => {}
            () = cancel.cancelled() => return Err(Error::Cancelled(format!("{what}: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn answer(status: u16) -> Error {
        Error::Status {
            proxy: None,
            status: StatusCode::from_u16(status).expect("a status"),
            text: String::new(),
            retry_after: None,
        }
    }

    async fn attempts_until_end(errors: impl Fn(u32) -> Option<Error>) -> (u32, bool) {
        let mut count = 0;
        let result = persist(&RetryOptions::default(), &CancellationToken::new(), "a test", || {
            count += 1;
            std::future::ready(errors(count).map_or(Ok(()), Err))
        })
        .await;
        (count, result.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn each_class_of_answer_is_repeated_as_it_deserves() {
        let unreachable = || Error::Unreachable { url: String::new(), reason: String::new() };
        assert_eq!(
            attempts_until_end(|n| (n < 500).then(unreachable)).await,
            (500, true),
            "an outage has no upper end"
        );
        assert_eq!(attempts_until_end(|n| (n < 500).then(|| answer(503))).await, (500, true));
        assert_eq!(attempts_until_end(|_| Some(answer(500))).await, (46, false), "a plain 500 has one");
        let began = tokio::time::Instant::now();
        assert_eq!(attempts_until_end(|_| Some(answer(403))).await, (46, false), "somebody's refusal has one");
        assert!(began.elapsed() >= Duration::from_secs(600), "{:?}", began.elapsed());
        let refused = || Error::Refused { status: StatusCode::CONFLICT, text: String::new() };
        assert_eq!(attempts_until_end(|_| Some(refused())).await, (1, false), "the region's has none");
        assert_eq!(attempts_until_end(|n| (n < 3).then_some(Error::ClockSkew { seconds: 9 })).await, (3, true));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_to_the_cap_with_jitter() {
        let mut backoff = Backoff::new(&RetryOptions::default());
        for full in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let wait = backoff.wait().as_secs_f64();
            assert!((full / 2.0..=full).contains(&wait), "{wait} for {full}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_is_about_to_end_tries_once_more_at_once() {
        let options = RetryOptions::default();
        let stop = options.hurry.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.cancel();
        });
        let asked_to_wait = || Error::Status {
            proxy: None,
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: String::new(),
            retry_after: Some(Duration::from_secs(3600)),
        };
        let (began, mut count) = (tokio::time::Instant::now(), 0);
        let attempt = || {
            count += 1;
            std::future::ready(if count < 4 { Err(asked_to_wait()) } else { Ok(()) })
        };
        persist(&options, &CancellationToken::new(), "a test", attempt).await.expect("the fourth attempt");
        assert_eq!(began.elapsed(), Duration::from_secs(3 + 2 + 2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_can_give_up() {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(600)).await;
            stop.cancel();
        });
        let result: Result<(), _> =
            persist(&RetryOptions::default(), &cancel, "a test", || async { Err(answer(503)) }).await;
        assert!(matches!(result, Err(Error::Cancelled(_))));
    }
}

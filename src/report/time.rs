//! Times of the journal, for people.

use std::time::Duration;

use jiff::Timestamp;

use super::table::span;

const UNKNOWN: &str = "unknown time";

/// `2026-11-20 12:00:05`. What is no time is not shown: a journal may come from another machine, and a time is written unescaped.
pub(super) fn moment(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => UNKNOWN.to_owned(),
    }
}

/// `12:00:05`.
pub(super) fn clock(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%H:%M:%S").to_string(),
        Err(_) => UNKNOWN.to_owned(),
    }
}

/// Seconds since 1970; nothing for what is no time.
pub(super) fn seconds(time: &str) -> Option<f64> {
    time.parse::<Timestamp>().ok().map(|time| time.as_duration().as_secs_f64())
}

/// Seconds from one time to another.
pub(super) fn between(from: &str, to: &str) -> Option<f64> {
    Some((seconds(to)? - seconds(from)?).max(0.0))
}

/// `3:05`; nothing for what is no span.
pub(super) fn length(seconds: Option<f64>) -> String {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(span).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_brings_no_text_into_a_page() {
        for text in ["<script>alert(1)</script>", "", "yesterday"] {
            assert_eq!([moment(text), clock(text)], [UNKNOWN, UNKNOWN]);
        }
    }
}

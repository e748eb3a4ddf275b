//! Required values of a profile's keys, and their comparison with facts.

use std::cmp::Ordering;

use super::catalogue::Shape;
use super::fact::Fact;
use super::pattern::Pattern;
use super::version::Version;

/// Result of comparing a fact with the required value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The fact is as ordered.
    Yes,
    /// The fact differs from the order.
    No,
    /// The version is newer than the one that was ordered.
    Newer,
    /// The fact is unknown, for this reason, so it is neither as ordered nor different.
    Unknown(String),
}

/// An end of a range.
#[derive(Clone, Debug)]
pub(super) struct End<T> {
    /// The value.
    pub(super) value: T,
    /// True if the value itself belongs to the range.
    pub(super) included: bool,
}

/// Required value of a key.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// On (true) or off.
    Flag(bool),
    /// A text that matches this pattern.
    Text(Pattern),
    /// This version; a newer one compares as `Fit::Newer`.
    Version(Version),
    /// A version between these ends; `None` is no limit.
    Versions(Option<End<Version>>, Option<End<Version>>),
    /// A number between these ends; `None` is no limit.
    Numbers(Option<End<f64>>, Option<End<f64>>),
    /// Any one of these.
    Any(Vec<Want>),
    /// A value that depends on the device's model: the first pattern that matches decides; if none matches, any value fits.
    ByModel(Vec<(Pattern, Want)>),
}

impl Want {
    /// Compares a fact with the required value; `model` is the device's model.
    pub(super) fn test(&self, fact: &Fact, model: &Fact) -> Fit {
        if let (Fact::Unknown(reason), true) = (fact, !matches!(self, Want::ByModel(_))) {
            return Fit::Unknown(reason.clone());
        }
        match self {
            Want::Any(wants) => any(wants.iter().map(|want| want.test(fact, model))),
            Want::ByModel(models) => {
                if let Fact::Unknown(reason) = model {
                    return Fit::Unknown(reason.clone());
                }
                let own = models.iter().find(|(pattern, _)| model.names().any(|text| pattern.fits(text)));
                own.map_or(Fit::Yes, |(_, want)| want.test(fact, model))
            }
            Want::Flag(wanted) => yes_if(*fact == Fact::Flag(*wanted)),
            Want::Numbers(low, high) => match fact {
                Fact::Number(number) => yes_if(above(low.as_ref(), *number) && below(high.as_ref(), *number)),
                _ => Fit::No,
            },
            Want::Text(_) | Want::Version(_) | Want::Versions(..) => {
                let fits = fact.names().map(|text| self.test_text(text));
                if matches!(fact, Fact::Every(_)) { all(fits) } else { any(fits) }
            }
        }
    }

    fn test_text(&self, text: &str) -> Fit {
        let version = || Version::of(text);
        match self {
            Want::Text(pattern) => yes_if(pattern.fits(text)),
            Want::Version(wanted) => match version().compare(wanted) {
                Ordering::Equal => Fit::Yes,
                // A text without digits and letters is no version, so it cannot be newer.
                Ordering::Greater if !version().is_empty() => Fit::Newer,
                _ => Fit::No,
            },
            Want::Versions(low, high) => {
                let own = version();
                let is_above = low.as_ref().is_none_or(|low| {
                    let order = own.compare(&low.value);
                    order == Ordering::Greater && (low.included || !own.begins_with(&low.value))
                        || low.included && order == Ordering::Equal
                });
                // 22.43.1014 belongs to 22.43, so it is not beyond that end.
                let is_below = high.as_ref().is_none_or(|high| {
                    let is_of = own.compare(&high.value) == Ordering::Equal || own.begins_with(&high.value);
                    if high.included {
                        is_of || own.compare(&high.value) == Ordering::Less
                    } else {
                        !is_of && own.compare(&high.value) == Ordering::Less
                    }
                });
                yes_if(is_above && is_below)
            }
            _ => Fit::No,
        }
    }

    /// True if at least one of the possible values `words` fits; also true if there is no fixed list of values.
    pub(super) fn can_fit(&self, shape: Shape, words: &[&str]) -> bool {
        let fact = |word: &&str| match shape {
            Shape::Number(..) | Shape::Whole => word.parse().map_or_else(|_| Fact::text(word), Fact::Number),
            _ => Fact::text(word),
        };
        words.is_empty() || words.iter().any(|word| self.test(&fact(word), &Fact::text("any")) == Fit::Yes)
    }
}

fn yes_if(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

fn above(low: Option<&End<f64>>, number: f64) -> bool {
    low.is_none_or(|low| number > low.value || low.included && number >= low.value)
}

fn below(high: Option<&End<f64>>, number: f64) -> bool {
    high.is_none_or(|high| number < high.value || high.included && number <= high.value)
}

/// Best of several results: one `Yes` suffices, an unknown comes next; `Newer` only if all are newer.
fn any(fits: impl Iterator<Item = Fit>) -> Fit {
    let (mut unknown, mut is_newer, mut is_none) = (None, true, true);
    for fit in fits {
        match fit {
            Fit::Yes => return Fit::Yes,
            Fit::Unknown(_) => unknown = unknown.or(Some(fit)),
            Fit::No => is_newer = false,
            Fit::Newer => {}
        }
        is_none = false;
    }
    unknown.unwrap_or(if is_newer && !is_none { Fit::Newer } else { Fit::No })
}

/// Worst of several results: one `No` suffices, then an unknown, then `Newer`; `No` if there are no results.
fn all(fits: impl Iterator<Item = Fit>) -> Fit {
    let (mut unknown, mut is_newer, mut is_none) = (None, false, true);
    for fit in fits {
        match fit {
            Fit::No => return Fit::No,
            Fit::Unknown(_) => unknown = unknown.or(Some(fit)),
            Fit::Newer => is_newer = true,
            Fit::Yes => {}
        }
        is_none = false;
    }
    match unknown {
        _ if is_none => Fit::No,
        Some(unknown) => unknown,
        None if is_newer => Fit::Newer,
        None => Fit::Yes,
    }
}

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
    /// The version is newer than the range that was ordered.
    Beyond,
    /// The version is of another scheme than the ordered one, so that neither is newer; with the reason in words.
    Foreign(String),
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

/// Required value for the devices of one model.
#[derive(Clone, Debug)]
pub(super) struct OfModel {
    /// The models.
    pub(super) model: Pattern,
    /// The required value.
    pub(super) want: Want,
    /// The required value in words for messages.
    pub(super) shown: String,
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
    /// This version and no other; a newer one compares as `Fit::Beyond`.
    Exactly(Version),
    /// A version between these ends; `None` is no limit.
    Versions(Option<End<Version>>, Option<End<Version>>),
    /// A number between these ends; `None` is no limit.
    Numbers(Option<End<f64>>, Option<End<f64>>),
    /// Any one of these.
    Any(Vec<Want>),
    /// A value that depends on the device's model: the first pattern that matches decides; if none matches, the required value is unknown.
    ByModel(Vec<OfModel>),
}

impl Want {
    /// Compares a fact with the required value; `model` is the device's model.
    pub(super) fn test(&self, fact: &Fact, model: &Fact) -> Fit {
        if let (Fact::Unknown(reason), true) = (fact, !matches!(self, Want::ByModel(_))) {
            return Fit::Unknown(reason.clone());
        }
        match self {
            Want::Any(wants) => any(wants.iter().map(|want| want.test(fact, model))),
            Want::ByModel(models) => match (of_model(models, model), model) {
                (_, Fact::Unknown(reason)) => Fit::Unknown(reason.clone()),
                (Some(own), _) => own.want.test(fact, model),
                (None, _) => {
                    let name = model.names().next().unwrap_or_default();
                    Fit::Unknown(format!("the profile's table by model has no entry for {name}"))
                }
            },
            Want::Flag(wanted) => yes_if(*fact == Fact::Flag(*wanted)),
            Want::Numbers(low, high) => match fact {
                Fact::Number(number) => yes_if(above(low.as_ref(), *number) && below(high.as_ref(), *number)),
                _ => Fit::No,
            },
            Want::Text(_) | Want::Version(_) | Want::Exactly(_) | Want::Versions(..) => {
                let fits = fact.names().map(|text| self.test_text(text));
                if matches!(fact, Fact::Every(_)) { all(fits) } else { any(fits) }
            }
        }
    }

    /// The words for the model of a device if the required value depends on it.
    pub(super) fn shown_for(&self, model: &Fact) -> Option<&str> {
        match self {
            Want::ByModel(models) => of_model(models, model).map(|own| own.shown.as_str()),
            _ => None,
        }
    }

    fn test_text(&self, text: &str) -> Fit {
        match self {
            Want::Text(pattern) => yes_if(pattern.fits(text)),
            Want::Version(wanted) => version(&Version::of(text), wanted, text),
            Want::Exactly(wanted) => match version(&Version::of(text), wanted, text) {
                Fit::Newer => Fit::Beyond,
                fit => fit,
            },
            Want::Versions(low, high) => versions(&Version::of(text), (low.as_ref(), high.as_ref()), text),
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

    /// Lowest and highest number that fit; `None` if no numbers are required.
    pub(super) fn bounds(&self) -> Option<(f64, f64)> {
        match self {
            Want::Numbers(low, high) => Some((
                low.as_ref().map_or(f64::NEG_INFINITY, |low| low.value),
                high.as_ref().map_or(f64::INFINITY, |high| high.value),
            )),
            Want::Any(wants) => wants
                .iter()
                .map(Want::bounds)
                .reduce(|all, own| Some((all?.0.min(own?.0), all?.1.max(own?.1))))
                .flatten(),
            _ => None,
        }
    }
}

fn of_model<'a>(models: &'a [OfModel], model: &Fact) -> Option<&'a OfModel> {
    models.iter().find(|own| model.names().any(|text| own.model.fits(text)))
}

fn version(own: &Version, wanted: &Version, text: &str) -> Fit {
    if own.is_none() || wanted.is_none() {
        return yes_if(own.is_none() && wanted.is_none());
    }
    if own.is_same(wanted) {
        return Fit::Yes;
    }
    match own.compare(wanted) {
        None => foreign(text),
        Some(Ordering::Greater) => Fit::Newer,
        Some(_) => Fit::No,
    }
}

/// A version between two ends. 22.43.1014 belongs to 22.43, so it is neither after that end nor before it.
fn versions(own: &Version, (low, high): (Option<&End<Version>>, Option<&End<Version>>), text: &str) -> Fit {
    if own.is_none() {
        return Fit::No;
    }
    for (end, bad, fit) in [(low, Ordering::Less, Fit::No), (high, Ordering::Greater, Fit::Beyond)] {
        let Some(end) = end else { continue };
        let Some(order) = own.compare(&end.value) else { return foreign(text) };
        let is_of = order.is_eq() || order.is_gt() && own.begins_with(&end.value);
        if if is_of { !end.included } else { order == bad } {
            return fit;
        }
    }
    Fit::Yes
}

fn foreign(text: &str) -> Fit {
    Fit::Foreign(format!("{text} is a version of another scheme, so it is neither older nor newer"))
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

/// Best of several results: one `Yes` suffices, an unknown comes next. A version of another scheme is left to the values of its own scheme;
/// newer only if no value is of an age that the fact has not reached.
fn any(fits: impl Iterator<Item = Fit>) -> Fit {
    let (mut unknown, mut foreign, mut rest) = (None, None, Vec::new());
    for fit in fits {
        match fit {
            Fit::Yes => return Fit::Yes,
            Fit::Unknown(_) => unknown = unknown.or(Some(fit)),
            Fit::Foreign(_) => foreign = foreign.or(Some(fit)),
            _ => rest.push(fit),
        }
    }
    let first = rest.first().filter(|first| rest.iter().all(|fit| fit == *first)).cloned();
    unknown.unwrap_or(match (rest.is_empty(), foreign) {
        (true, Some(foreign)) => foreign,
        _ => first.unwrap_or(Fit::No),
    })
}

/// Worst of several results: one `No` suffices, then `Beyond`, an unknown, `Newer`; `No` if there are no results.
fn all(fits: impl Iterator<Item = Fit>) -> Fit {
    let rank = |fit: &Fit| match fit {
        Fit::No => 0,
        Fit::Beyond => 1,
        Fit::Unknown(_) => 2,
        Fit::Foreign(_) => 3,
        Fit::Newer => 4,
        Fit::Yes => 5,
    };
    fits.min_by_key(rank).unwrap_or(Fit::No)
}

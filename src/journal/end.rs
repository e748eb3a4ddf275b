//! Decisions as the tables have them: how a run ended, whether all of it did, who hears of it, where a message is. Texts are for
//! people and are never read again.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::script::Status;

/// A number that the journal gives, of a type of its own: a run is not a message.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The number itself, for people and for documents.
            #[must_use]
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                $name(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map($name)
            }
        }
    };
}

number! {
    /// A run on this machine. Grows with time.
    RunId
}
number! {
    /// A message to the region. Grows with time and is never given twice.
    MessageId
}

impl MessageId {
    /// The number behind this one, for messages that no journal numbers.
    #[must_use]
    pub const fn next(self) -> Self {
        MessageId(self.0 + 1)
    }
}

/// An enumeration that the tables hold as a word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$one:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$one])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word for it in the tables and in documents.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The word as SQL has it, for conditions that an index is made for.
            #[allow(dead_code, reason = "not every enumeration stands in a condition")]
            pub(super) const fn literal(self) -> &'static str {
                match self { $($name::$variant => concat!("'", $word, "'"),)+ }
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.word()))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                let found = $name::ALL.iter().find(|one| one.word() == word).copied();
                found.ok_or_else(|| FromSqlError::Other(format!("{word:?} is no {}", stringify!($name)).into()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}

words! {
    /// How a run ended.
    RunEnd {
        /// Every script came to its end, and none failed.
        Passed = "passed",
        /// At least one script failed.
        Failed = "failed",
        /// Every script came to its end and none failed, and the region refused a result.
        NotTaken = "not-taken",
        /// The region had nothing to run.
        Nothing = "nothing",
        /// The region has this machine already, so that it does not enlist; nothing was run.
        Registered = "registered",
        /// Hardware sync of a deployed machine, and the region has everything.
        Synchronised = "synchronised",
        /// Hardware sync of a deployed machine that leaves something to the next one.
        Unfinished = "unfinished",
        /// Something was only said: what was noticed of the hardware.
        Noticed = "noticed",
        /// Somebody stopped it.
        Stopped = "stopped",
        /// Another run was begun in its place.
        Abandoned = "abandoned",
        /// Something kept it from its scripts; the text says what.
        Refused = "refused",
    }
}

impl RunEnd {
    /// True if a run that ended so did what it was to do, as far as its end tells: its scripts must have come to theirs, too. A
    /// script that failed is an answer, and so no reason against that.
    #[must_use]
    pub const fn may_be_complete(self) -> bool {
        match self {
            RunEnd::Passed
            | RunEnd::Failed
            | RunEnd::Nothing
            | RunEnd::Registered
            | RunEnd::Synchronised
            | RunEnd::Noticed => true,
            RunEnd::NotTaken | RunEnd::Unfinished | RunEnd::Stopped | RunEnd::Abandoned | RunEnd::Refused => false,
        }
    }
}

words! {
    /// Who is told of a run.
    Audience {
        /// The region.
        Region = "region",
        /// Nobody: everything stays on this machine.
        Nobody = "nobody",
    }
}

words! {
    /// Where a message to the region is.
    MessageState {
        /// It is to be sent.
        Waiting = "waiting",
        /// The region has it.
        Delivered = "delivered",
        /// The region will never take it.
        Refused = "refused",
        /// Nobody wants it any more.
        Superseded = "superseded",
    }
}

/// The numbers of some statuses as SQL has them, for `IN (…)`.
pub(super) fn statuses(is_one: fn(Status) -> bool) -> String {
    let numbers = Status::ALL.into_iter().filter(|status| is_one(*status)).map(|status| status.number().to_string());
    numbers.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of the outbox is made for this very text.
    #[test]
    fn a_word_in_a_condition_is_the_word_in_the_table() {
        for state in MessageState::ALL {
            assert_eq!(state.literal(), format!("'{}'", state.word()));
        }
        assert_eq!(MessageState::Waiting.literal(), "'waiting'");
    }

    #[test]
    fn every_word_reads_back_and_no_other_is_taken() {
        for end in RunEnd::ALL {
            assert_eq!(RunEnd::column_result(ValueRef::Text(end.word().as_bytes())).ok(), Some(*end));
        }
        assert!(RunEnd::column_result(ValueRef::Text(b"Passed")).is_err());
    }

    #[test]
    fn a_run_that_failed_may_be_complete_and_one_that_was_stopped_is_not() {
        assert!(RunEnd::Failed.may_be_complete() && !RunEnd::Stopped.may_be_complete());
    }
}

//! Why a test with a peer could not be done. None of it says anything about a cable, so all of it is an error and never a verdict.

use std::io;

use super::super::super::{Outcome, Report};

/// Why a test with a peer could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A name without an address.
    #[error("{0} has no address: {1}.")]
    NoName(String, String),
    /// Nobody listens there.
    #[error("Nobody listens at {0}.")]
    Refused(String),
    /// No way there.
    #[error("There is no way to {0}: {1}.")]
    NoRoute(String, String),
    /// Nothing came back.
    #[error("{0} gave no answer.")]
    NoAnswer(String),
    /// Another program, or another version of this one, answered.
    #[error("What answers at {0} is no listener of this program, or one of another version.")]
    Stranger(String),
    /// The listener has another peer.
    #[error("The listener at {0} serves another peer.")]
    Busy(String),
    /// The tokens differ.
    #[error("The listener at {0} does not take this token, or has another one.")]
    WrongToken(String),
    /// The connection ended in the middle.
    #[error("The peer went away during: {0} ({1}).")]
    Gone(&'static str, String),
    /// The peer said something that this version does not understand.
    #[error("The peer sent what is no message, during: {0}.")]
    Nonsense(&'static str),
    /// The peer will not do what was asked.
    #[error("The peer refused: {0}.")]
    Declined(String),
    /// Too little time for figures.
    #[error("There are {0} s for the test, and it needs {1}.")]
    TooShort(u64, u64),
    /// Nobody came.
    #[error("No peer came within {0} s.")]
    NoPeer(u64),
    /// One direction moved nothing.
    #[error("Nothing came through from {0}.")]
    Nothing(&'static str),
    /// This system refused something.
    #[error("{0}: {1}.")]
    Here(&'static str, io::Error),
}

impl Trouble {
    fn code(&self) -> &'static str {
        match self {
            Trouble::NoName(..) => "net-peer-unknown",
            Trouble::Refused(_) => "net-peer-refused",
            Trouble::NoRoute(..) => "net-peer-no-route",
            Trouble::NoAnswer(_) => "net-peer-no-answer",
            Trouble::Stranger(_) | Trouble::Nonsense(_) => "net-peer-stranger",
            Trouble::Busy(_) => "net-peer-busy",
            Trouble::WrongToken(_) => "net-peer-token",
            Trouble::Gone(..) => "net-peer-gone",
            Trouble::Declined(_) => "net-peer-declined",
            Trouble::TooShort(..) => "net-too-short",
            Trouble::NoPeer(_) => "net-no-peer",
            Trouble::Nothing(_) => "net-nothing-came",
            Trouble::Here(..) => "net-not-possible",
        }
    }

    fn next(&self) -> &'static str {
        match self {
            Trouble::NoName(..) => "Check the name, or give an address.",
            Trouble::Refused(_) => "Start the listener there first: shakedown test network --listen ADDRESS.",
            Trouble::NoRoute(..) => "Check addresses and routes (ip route get).",
            Trouble::NoAnswer(_) => "Let firewalls pass the listener's port, TCP and UDP.",
            Trouble::Stranger(_) | Trouble::Nonsense(_) => {
                "Use the same version at both ends, and check host and port."
            }
            Trouble::Busy(_) => "Test one pair after the other.",
            Trouble::WrongToken(_) => "Give both ends the same token.",
            Trouble::Gone(..) => "Read what the other end says, and test again.",
            Trouble::Declined(_) | Trouble::TooShort(..) => "Give both ends more time: --seconds.",
            Trouble::NoPeer(_) => "Start the other end while this one waits: shakedown test network --peer ADDRESS.",
            Trouble::Nothing(_) => "Let firewalls pass the listener's port, TCP and UDP, in both directions.",
            Trouble::Here(..) => "Set that right, and test again.",
        }
    }

    /// Adds it to a report.
    pub(super) fn add(&self, subject: &str, report: &mut Report) {
        report.find(Outcome::Error, self.code(), subject, self.to_string()).next(self.next());
    }
}

/// A peer that went away: in words for people, without numbers of errors.
pub(super) fn gone(during: &'static str, error: &io::Error) -> Trouble {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection ended".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        kind => kind.to_string(),
    };
    Trouble::Gone(during, why)
}

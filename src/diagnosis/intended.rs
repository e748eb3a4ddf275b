//! What somebody wanted: sleep, a slot's button, a disk that is taken out by command, a driver that is loaded again.
//!
//! A link that goes down because the machine goes to sleep is no incident. The kernel tells such actions in lines of their own; around
//! them lie windows, and what happens in a window to a device of the action is taken back when the log is over: the line that explains
//! often stands behind the line that it explains.

use super::book::{Book, Entry, Mark, Now};
use super::code::Code;
use super::name;
use super::stories::Names;

/// An action that people or programs start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Suspend or hibernation, and the way back.
    Sleep,
    /// The button of a hot-plug slot.
    Button,
    /// A disk that was taken from the system by command.
    Removal,
    /// A driver that lets go of a network card or takes it.
    Driver,
}

/// What a line says of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The action goes on.
    Goes,
    /// The action is over.
    Ends,
}

/// How far an action reaches.
struct Reach {
    /// Seconds before its first line.
    before: f64,
    /// Seconds after its last line.
    after: f64,
    /// What it explains.
    codes: &'static [Code],
    /// Only of the device that its line names.
    same: bool,
}

impl Action {
    const fn reach(self) -> Reach {
        match self {
            Self::Sleep => Reach {
                before: 2.0,
                after: 5.0,
                codes: &[Code::NetLinkDown, Code::UsbReset, Code::UsbDisconnect, Code::DiskLinkReset],
                same: false,
            },
            Self::Button => Reach { before: 0.0, after: 15.0, codes: &[Code::PcieLinkDown], same: true },
            Self::Removal => Reach { before: 0.0, after: 5.0, codes: &[Code::DiskOffline], same: true },
            // Drivers tell of their end up to some seconds after they took the link down.
            Self::Driver => Reach { before: 6.0, after: 3.0, codes: &[Code::NetLinkDown], same: true },
        }
    }
}

/// Codes that an action can explain: their occurrences are kept apart.
pub(super) fn can_explain(code: Code) -> bool {
    [Action::Sleep, Action::Button, Action::Removal, Action::Driver]
        .iter()
        .any(|action| action.reach().codes.contains(&code))
}

/// Where a line stands: in the order of the log, and in time where that is known.
#[derive(Clone, Copy, Debug)]
struct Point {
    order: u64,
    seconds: Option<f64>,
}

#[derive(Debug)]
struct Window {
    action: Action,
    /// The names of its device.
    devices: Vec<String>,
    first: Point,
    last: Point,
    open: bool,
}

/// The actions that a log tells of.
#[derive(Debug, Default)]
pub(super) struct Intended {
    windows: Vec<Window>,
}

/// So many are kept; a log with more is not one of a machine that is tested.
const MOST: usize = 1000;

impl Intended {
    /// Takes a line that tells of an action.
    pub(super) fn note(&mut self, (action, step): (Action, Step), order: u64, now: &Now<'_>) {
        let point = Point { order, seconds: now.at().seconds };
        let devices = if action.reach().same { devices(action, now.text) } else { Vec::new() };
        let open = self.windows.iter_mut().rev().find(|window| {
            // A sleep lasts as long as it lasts; its end closes it.
            let goes_on = action == Action::Sleep || near(window.last, point, action.reach().after);
            window.action == action && window.open && window.devices == devices && goes_on
        });
        if let Some(window) = open {
            window.last = point;
            window.open = step == Step::Goes;
            return;
        }
        if self.windows.len() < MOST {
            self.windows.push(Window { action, devices, first: point, last: point, open: step == Step::Goes });
        }
    }

    /// Takes back what these actions explain.
    pub(super) fn take_back(&self, book: &mut Book, names: &Names) {
        if self.windows.is_empty() {
            return;
        }
        book.keep(|entry, mark| !self.windows.iter().any(|window| window.explains(entry, mark, names)));
    }
}

fn near(one: Point, other: Point, seconds: f64) -> bool {
    one.seconds.zip(other.seconds).is_none_or(|(one, other)| (other - one).abs() <= seconds)
}

impl Window {
    fn explains(&self, entry: &Entry, mark: &Mark, names: &Names) -> bool {
        let reach = self.action.reach();
        if !reach.codes.contains(&entry.code) {
            return false;
        }
        let is = |device: &String| {
            *device == entry.device
                || names.interface(device) == Some(entry.device.as_str())
                || names.interface(&entry.device) == Some(device.as_str())
        };
        if reach.same && !self.devices.iter().any(is) {
            return false;
        }
        let between = (self.first.order..=self.last.order).contains(&mark.order);
        let in_time = match (self.first.seconds, self.last.seconds, mark.at.seconds) {
            (Some(first), Some(last), Some(seconds)) => (first - reach.before..=last + reach.after).contains(&seconds),
            _ => false,
        };
        between || in_time
    }
}

/// The names that the device of an action may have in other lines.
fn devices(action: Action, text: &str) -> Vec<String> {
    match action {
        Action::Removal => {
            let (address, disk) = name::scsi(text);
            // Hosts of libata have one port each, counted from 1.
            let host = address.and_then(|address| address.split(':').next()?.parse::<u32>().ok());
            let port = host.map(|host| format!("ata{}", host.saturating_add(1)));
            [disk, address].into_iter().flatten().map(str::to_string).chain(port).collect()
        }
        _ => match name::pci(text) {
            Some(address) => vec![address],
            None => Some(name::net(text)).filter(|name| !name.is_empty()).into_iter().collect(),
        },
    }
}

//! Intended actions: sleep, the button of a slot, a disk removed by command, a driver that is loaded again.
//!
//! A link that goes down because the machine goes to sleep is no incident. The kernel logs such actions in lines of their own. Each
//! action opens a window of time; incidents of its devices within the window are removed at the end of the log, since the line that
//! explains often stands behind the line that it explains.

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
    /// A driver that lets go of a USB controller.
    UsbDriver,
    /// The driver of a TPM that finds out that the TPM's interrupt does not come.
    Polling,
}

/// The step of an action that a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The action goes on.
    Goes,
    /// The action is over.
    Ends,
}

/// The time, codes and devices that an action can explain.
struct Reach {
    /// Seconds before its first line.
    before: f64,
    /// Seconds after its last line.
    after: f64,
    /// The codes of incidents that the action explains.
    codes: &'static [Code],
    /// True if the action explains only incidents of the device that its line names.
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
            // A driver logs its end up to some seconds after it took the link down.
            Self::Driver => Reach { before: 6.0, after: 3.0, codes: &[Code::NetLinkDown], same: true },
            // A controller that died says so in a line of its own before.
            Self::UsbDriver => Reach { before: 0.0, after: 1.0, codes: &[Code::UsbDisconnect], same: false },
            // The command that waits for the interrupt fails first; polling is what such machines use from then on.
            Self::Polling => Reach { before: 5.0, after: 1.0, codes: &[Code::TpmError], same: true },
        }
    }
}

/// True if an action can explain the code; occurrences of such codes are kept one by one.
pub(super) fn can_explain(code: Code) -> bool {
    [Action::Sleep, Action::Button, Action::Removal, Action::Driver, Action::UsbDriver, Action::Polling]
        .iter()
        .any(|action| action.reach().codes.contains(&code))
}

/// The place of a line: its number in the log, and its time in seconds where that is known.
#[derive(Clone, Copy, Debug)]
struct Point {
    order: u64,
    seconds: Option<f64>,
}

#[derive(Debug)]
struct Window {
    action: Action,
    /// The names of the action's device; empty if the action is about the whole machine.
    devices: Vec<String>,
    first: Point,
    last: Point,
    open: bool,
}

/// The intended actions that a log reports.
#[derive(Debug, Default)]
pub(super) struct Intended {
    windows: Vec<Window>,
}

/// Most actions that are kept; a machine under test does not log more.
const MOST: usize = 1000;

impl Intended {
    /// Records a line that reports an action.
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

    /// Removes the occurrences that these actions explain.
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
        Action::Polling => name::prefix(text).rsplit(' ').next().map(str::to_string).into_iter().collect(),
        _ => match name::pci(text) {
            Some(address) => vec![address],
            None => Some(name::net(text)).filter(|name| !name.is_empty()).into_iter().collect(),
        },
    }
}

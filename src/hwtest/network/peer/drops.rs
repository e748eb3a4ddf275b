//! Packets that a machine drops itself, for want of room or time: none of them is lost on the way.

use super::super::state::{Cause, State};
use crate::host::Host;

/// Counters of drops at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drops {
    /// Counters of the interface, among them overruns of its queues.
    interface: Option<State>,
    /// Packets that it dropped instead of sending them.
    sending: u64,
    /// Packets for which the queues of processors had no room (`softnet_stat`).
    queues: u64,
}

impl Drops {
    pub(super) fn read(host: &Host, interface: &str) -> Self {
        let sending = host.text(format!("/sys/class/net/{interface}/statistics/tx_dropped"));
        let queues = host.text("/proc/self/net/softnet_stat").unwrap_or_default();
        Drops {
            interface: State::read(host, interface),
            sending: sending.and_then(|text| text.parse().ok()).unwrap_or(0),
            queues: of_queues(&queues),
        }
    }

    /// Packets that were dropped before they left.
    pub(super) fn sending_since(&self, before: &Drops) -> u64 {
        self.sending.saturating_sub(before.sending)
    }

    /// Packets that were dropped after they came.
    pub(super) fn receiving_since(&self, before: &Drops) -> u64 {
        let of_card = self.interface.as_ref().zip(before.interface.as_ref());
        let errors = of_card.map(|(after, before)| after.errors_since(before, Cause::Host)).unwrap_or_default();
        let of_card = errors.iter().filter(|(name, _)| !name.starts_with("tx_")).map(|(_, count)| count);
        of_card.fold(self.queues.saturating_sub(before.queues), |sum, count| sum.saturating_add(*count))
    }
}

/// A line for each processor, numbers in hexadecimal; the second is `dropped`.
fn of_queues(table: &str) -> u64 {
    let dropped = table.lines().filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok());
    dropped.sum()
}

/// Datagrams that came for a port and found no room, of `/proc/net/udp` and `udp6`.
pub(super) fn of_port(host: &Host, port: u16) -> u64 {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    tables.iter().filter_map(|path| host.text(path)).map(|text| dropped_of(&text, port)).sum()
}

/// Lines begin `sl local_address …`, addresses are `HEX:PORT` in hexadecimal, and the last field is `drops`.
fn dropped_of(table: &str, port: u16) -> u64 {
    let lines = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (_, local) = fields.nth(1)?.rsplit_once(':')?;
        (u16::from_str_radix(local, 16) == Ok(port))
            .then(|| fields.last().and_then(|drops| drops.parse::<u64>().ok()))?
    });
    lines.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    #[test]
    fn drops_of_a_port_are_in_the_last_column() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            22: 0100007F:1EC6 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 9 2 0000000000000000 17\n\
            23: 0100007F:1EC7 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 8 2 0000000000000000 5\n";
        assert_eq!((dropped_of(table, 7878), dropped_of(table, 7879), dropped_of(table, 80)), (17, 5, 0));
        assert_eq!(dropped_of("", 1) + dropped_of("x\ny\n a b:zz c", 1), 0);
    }

    #[test]
    fn what_a_machine_drops_is_told_by_its_direction() {
        const SENT: &str = "sys/class/net/eth0/statistics/tx_dropped";
        const MISSED: &str = "sys/class/net/eth0/statistics/rx_missed_errors";
        const QUEUES: &str = "proc/self/net/softnet_stat";
        let (root, host) =
            machine_of(&[(SENT, "5\n"), (MISSED, "1\n"), (QUEUES, "00ff 0000000a 0\n00ff 00000000 0\n")]);
        let before = Drops::read(&host, "eth0");
        for (path, text) in [(SENT, "8\n"), (MISSED, "3\n"), (QUEUES, "00ff 0000000b 0\n00ff 00000010 0\n")] {
            std::fs::write(root.path().join(path), text).expect("write");
        }
        let after = Drops::read(&host, "eth0");
        assert_eq!((after.sending_since(&before), after.receiving_since(&before)), (3, 2 + 1 + 16));
        assert_eq!((before.sending_since(&before), before.receiving_since(&before)), (0, 0));
    }
}

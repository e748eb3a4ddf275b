//! Heat, USB, lack of memory, programs, clocks.

use std::collections::{BTreeMap, BTreeSet};

use super::Story;
use crate::diagnosis::book::{At, Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::name;
use crate::diagnosis::pattern::word;

/// USB devices that leave within so many seconds after the start are not ready yet.
const SETTLING: f64 = 10.0;
/// Within so many seconds after it was plugged in, a USB device is taken by its driver.
const TAKING: f64 = 5.0;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Cores and packages that were throttled.
    hot: Vec<Hot>,
    limited: Option<String>,
    /// USB devices that the BMC emulates.
    virtual_usb: BTreeSet<String>,
    /// When USB devices were plugged in, in seconds.
    plugged: BTreeMap<String, f64>,
    /// The last disk that was told to write its cache before it was let go: the number of the line and its time.
    synced: Option<(u64, Option<f64>)>,
    /// The last USB device that left: the number of the line and its time.
    left: Option<(u64, Option<f64>)>,
    /// Processes that were killed because memory ran out.
    killed: BTreeSet<String>,
    /// A lack of memory whose last line, which names the victim, is still to come.
    out_of_memory: Option<OutOfMemory>,
    /// An incident that waits for the line that names its process: code, name if known, time, line.
    waits: Option<(Code, String, At, String)>,
    clock: String,
    /// True if a file server does not answer.
    server: bool,
}

/// A disk writes its cache, and its USB device leaves within so many seconds: somebody let go of it. Without times, within so many lines.
const LET_GO: f64 = 5.0;
const LET_GO_LINES: u64 = 20;

impl State {
    /// A disk was told to write its cache: before it is let go, or because its USB device has just left.
    pub(super) fn synced(&mut self, now: &Now<'_>, order: u64) {
        let here = (order, now.at().seconds);
        self.synced = Some(here).filter(|_| !soon_after(self.left, here));
    }

    /// True if a USB device that leaves here has a disk that somebody let go of.
    fn let_go(&mut self, now: &Now<'_>, order: u64) -> bool {
        let here = (order, now.at().seconds);
        self.left = Some(here);
        soon_after(self.synced.take(), here)
    }
}

fn soon_after(before: Option<(u64, Option<f64>)>, (order, seconds): (u64, Option<f64>)) -> bool {
    before.is_some_and(|(from, at)| match at.zip(seconds) {
        Some((at, seconds)) => (0.0..=LET_GO).contains(&(seconds - at)),
        None => order - from <= LET_GO_LINES,
    })
}

pub(super) fn heat(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let cpu = name::cpu(part);
    let found = match story {
        Story::HeatShutdown => {
            if book.more(&[Code::ThermalCritical], now).is_some() {
                return true;
            }
            Found::new(Code::ThermalCritical, "")
        }
        Story::Throttled => Found::new(Code::CpuThrottled, throttled(cpu, now, &mut state.hot)),
        _ => Found::new(Code::PowerLimited, state.limited.get_or_insert(cpu).clone()).severity(Severity::Info),
    };
    book.note(found, now);
    true
}

/// A core or package that was throttled. Each of its CPUs reports that, with the same number of events,
/// or one that another has just raised.
#[derive(Debug)]
struct Hot {
    is_package: bool,
    /// The name under which it is an incident: the CPU that reported it first.
    device: String,
    cpus: BTreeSet<String>,
    /// `total events = N` of its last report; `None` if the line was cut before the number.
    events: Option<u64>,
    at: Option<f64>,
}

/// Reports of one core or package stand so close together, in seconds.
const TOGETHER: f64 = 2.0;

/// The core or package of a report about heat, by the CPU that reported it first. A package and one of its cores are one incident.
fn throttled(cpu: String, now: &Now<'_>, hot: &mut Vec<Hot>) -> String {
    let is_package = now.text.contains("Package temp");
    let events = now.text.split_once("total events = ").and_then(|(_, rest)| word(rest).parse::<u64>().ok());
    let at = now.at().seconds;
    let same = |one: &Hot| {
        let near = one.at.zip(at).is_none_or(|(before, now)| (now - before).abs() <= TOGETHER);
        one.is_package == is_package
            && (one.cpus.contains(&cpu)
                || near && one.events.zip(events).is_none_or(|(before, now)| before.abs_diff(now) <= 1))
    };
    if let Some(one) = hot.iter_mut().find(|one| same(one)) {
        one.cpus.insert(cpu);
        (one.events, one.at) = (events, at);
        return one.device.clone();
    }
    let taken = |device: &str| hot.iter().any(|one| one.is_package == is_package && one.device == device);
    let other = hot.iter().find(|one| one.is_package != is_package && one.cpus.contains(&cpu) && !taken(&one.device));
    let device = other.map_or_else(|| cpu.clone(), |one| one.device.clone());
    if hot.len() < MOST_HOT {
        hot.push(Hot { is_package, device: device.clone(), cpus: BTreeSet::from([cpu]), events, at });
    }
    device
}

/// Most cores and packages that are told apart.
const MOST_HOT: usize = 1024;

pub(super) fn usb(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let device = name::usb(now.text);
    match story {
        Story::UsbProduct => {
            const PRETENDED: [&str; 8] =
                ["virtual ", "american megatrends", "avocent", "remote console", "idrac", "ilo", "kvm", "hermon"];
            let text = now.text.to_ascii_lowercase() + " ";
            if PRETENDED.iter().any(|word| text.contains(word)) {
                state.virtual_usb.insert(device);
            }
        }
        Story::UsbNew => {
            if let Some(seconds) = now.at().seconds {
                state.plugged.insert(device, seconds);
            }
        }
        _ if state.virtual_usb.contains(&device) => {}
        Story::UsbReset => {
            let age = state.plugged.get(&device).zip(now.at().seconds).map(|(from, seconds)| seconds - from);
            // Some drivers reset a device that they take.
            if !age.is_some_and(|age| (0.0..TAKING).contains(&age)) {
                book.note(Found::new(Code::UsbReset, device), now);
            }
        }
        // Devices come back under another number when their firmware is loaded or their hub is set up.
        Story::UsbDisconnect if now.at().since_boot.is_some_and(|seconds| seconds < SETTLING) => {}
        Story::UsbDisconnect if state.let_go(now, book.order) => {}
        Story::UsbDisconnect => book.note(Found::new(Code::UsbDisconnect, device), now),
        // After the other lines, the kernel tries once more.
        _ => {
            let found = Found::new(Code::UsbEnumerationFailed, device);
            let gave_up = ["unable to enumerate", "can't read configurations", "can't set config"];
            let final_one = gave_up.iter().any(|words| now.text.contains(words));
            book.note(if final_one { found } else { found.weak() }, now);
        }
    }
    true
}

/// `… process 1402 (sshd) …`
fn victim(text: &str) -> Option<(String, &str)> {
    let (_, rest) = text.split_once("rocess ")?;
    let (pid, rest) = rest.split_once(" (").or_else(|| rest.split_once(", "))?;
    let (name, _) = rest.split_once(") ").or_else(|| rest.rsplit_once(')')).unwrap_or((rest, ""));
    let pid = pid.trim_end_matches(',');
    pid.bytes().all(|b| b.is_ascii_digit()).then(|| (format!("{name}[{pid}]"), pid))
}

/// A report about lack of memory; its last line can be cut off.
#[derive(Debug)]
struct OutOfMemory {
    /// The victim, where a line named it; else empty.
    victim: String,
    of_group: bool,
    at: At,
    line: String,
}

impl OutOfMemory {
    fn tell(self, book: &mut Book) {
        let code = if self.of_group { Code::OomKillCgroup } else { Code::OomKill };
        book.note_lines(Found::new(code, self.victim), self.at.clone(), self.at, vec![self.line]);
    }
}

/// The lines of a report about lack of memory before the last one.
fn begins(story: Story, now: &Now<'_>, state: &mut State) -> bool {
    let fresh = || OutOfMemory { victim: String::new(), of_group: false, at: now.at(), line: now.line() };
    if story == Story::OomBegins {
        state.out_of_memory = Some(fresh());
        return true;
    }
    let field = |name: &str| now.text.rsplit_once(name).map_or("", |(_, rest)| rest.split(',').next().unwrap_or(rest));
    let report = state.out_of_memory.get_or_insert_with(fresh);
    report.of_group = now.text.contains("constraint=CONSTRAINT_MEMCG");
    let (name, pid) = (field(",task="), field(",pid="));
    if !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()) {
        report.victim = format!("{name}[{pid}]");
    }
    true
}

pub(super) fn oom(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    if matches!(story, Story::OomBegins | Story::OomChosen) {
        if story == Story::OomBegins
            && let Some(cut) = state.out_of_memory.take()
        {
            cut.tell(book);
        }
        return begins(story, now, state);
    }
    state.out_of_memory = None;
    let Some((program, pid)) = victim(now.text) else { return false };
    if story == Story::OomMore {
        if state.killed.contains(pid) || !part.bytes().all(|b| b.is_ascii_digit()) {
            book.more(&[Code::OomKill, Code::OomKillCgroup], now);
            return true;
        }
    } else {
        state.killed.insert(pid.to_string());
    }
    let code = if story == Story::OomCgroup { Code::OomKillCgroup } else { Code::OomKill };
    book.note(Found::new(code, program), now);
    true
}

/// Programs that crashed, and those whose number stands in a later line.
pub(super) fn program(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::Crash => {
            let Some(program) = name::program(now.text) else { return false };
            book.note(Found::new(Code::ProgramCrashed, program), now);
            true
        }
        Story::Speaker => {
            let Some((code, name, at, line)) = state.waits.take() else { return false };
            let pid = now.text.split_once(" PID: ").map_or("", |(_, rest)| word(rest));
            let comm = now.text.split_once(" Comm: ").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(rest));
            let name = if name.is_empty() { comm } else { name.as_str() };
            book.note_lines(Found::new(code, format!("{name}[{pid}]")), at.clone(), at, vec![line]);
            true
        }
        _ => {
            waited(state, book);
            let code = if story == Story::Allocation { Code::KernelAllocationFailure } else { Code::ProgramCrashed };
            let name = if story == Story::Allocation { part.rsplit(": ").next().unwrap_or(part) } else { "" };
            state.waits = Some((code, name.to_string(), now.at(), now.line()));
            true
        }
    }
}

fn waited(state: &mut State, book: &mut Book) {
    if let Some((code, name, at, line)) = state.waits.take() {
        book.note_lines(Found::new(code, name), at.clone(), at, vec![line]);
    }
}

pub(super) fn clock(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::TscPair => state.clock = name::cpu(part),
        Story::TscWarp => book.note(Found::new(Code::ClocksourceUnstable, state.clock.clone()), now),
        _ => {
            if book.more(&[Code::ClocksourceUnstable], now).is_none() {
                book.note(Found::new(Code::ClocksourceUnstable, ""), now);
            }
        }
    }
    true
}

pub(super) fn other(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::HungTask => {
            let Some((name, pid)) = part.rsplit_once(':') else { return false };
            book.note(Found::new(Code::TaskHung, format!("{name}[{pid}]")), now);
        }
        Story::NetworkFiles => state.server = true,
        Story::NobodyCared => {
            let found = Found::new(Code::KernelWarning, format!("irq {}", word(part))).severity(Severity::Error);
            book.note(found, now);
        }
        // The interrupt of a TPM that is polled; nothing else is on that line.
        Story::TpmHandler => {
            book.withdraw(|entry| entry.code == Code::KernelWarning && entry.device.starts_with("irq "));
        }
        _ => {
            let (printer, number) = part.rsplit_once(": ").unwrap_or_default();
            let printer = printer.rsplit(": ").next().unwrap_or_default();
            if let (codes @ [_, ..], Ok(number)) = (of_printer(printer), number.parse::<u64>()) {
                book.suppressed(codes, number);
            }
        }
    }
    true
}

/// The codes of the lines that a function prints at a limited rate. Empty for all others: their lines are no incidents.
fn of_printer(function: &str) -> &'static [Code] {
    use Code as C;
    match function {
        "blk_update_request"
        | "print_req_error"
        | "blk_print_req_error"
        | "end_request"
        | "end_that_request_first"
        | "nvme_log_error"
        | "nvme_log_err_passthru"
        | "scsi_io_completion"
        | "scsi_io_completion_action" => &[
            C::DiskIoError,
            C::DiskMediumError,
            C::DiskTimeout,
            C::DiskOffline,
            C::DiskProtectionError,
            C::DiskPathFailed,
            C::DiskReservationConflict,
        ],
        "buffer_io_error"
        | "quiet_error"
        | "end_buffer_async_read"
        | "end_buffer_async_write"
        | "end_buffer_write_sync" => &[C::DiskIoError],
        "raid5_end_read_request" | "raid1_read_request" | "fix_read_error" => {
            &[C::DiskRecoveredError, C::DiskMediumError]
        }
        "EXT4-fs error"
        | "xfs_buf_ioerror_alert"
        | "xfs_end_ioend"
        | "xfs_end_bio"
        | "btrfs_dev_stat_print_on_error"
        | "btrfs_print_data_csum_error" => &[C::FilesystemError, C::DiskIoError],
        "dmar_fault"
        | "iommu_print_event"
        | "amd_iommu_report_page_fault"
        | "amd_iommu_report_rmp_fault"
        | "amd_iommu_report_rmp_hw_error"
        | "arm_smmu_evtq_thread"
        | "arm_smmu_context_fault"
        | "arm_smmu_global_fault" => &[C::IommuFault],
        "aer_ratelimit" | "aer_print_error" | "pci_print_aer" => &[C::PcieCorrected, C::PcieUncorrected, C::PcieFatal],
        "warn_alloc" | "warn_alloc_failed" => &[C::KernelAllocationFailure],
        "rpi_firmware_get_throttled" => &[C::PowerVoltageOutOfRange],
        function if function.starts_with("gmc_v") && function.ends_with("_process_interrupt") => {
            &[C::GpuApplicationFault]
        }
        _ => &[],
    }
}

pub(super) fn end(state: &mut State, book: &mut Book) {
    waited(state, book);
    if let Some(cut) = state.out_of_memory.take() {
        cut.tell(book);
    }
    // A program that waits for an unreachable server is no sign of a fault of this machine.
    if state.server {
        let hung = book.entries.iter_mut().filter(|entry| entry.code == Code::TaskHung);
        hung.for_each(|entry| entry.severity = Severity::Warning);
    }
}

//! The one table of rules. Reasons: contract SMART §7 and §13. A site's policy may change each line.
//! `docs/disk-rules.md` is made of it.

use super::measure::{Bit, Exception, Measure as M, Pick};
use super::rule::Limit::{Above, AtLeast, AtMost};
use super::rule::Rule;
use super::rule::Severity::{Degraded, Error, Failed, Info, NotSupported};

const REPLACE: &str = "save the data and replace the drive";
const COPY: &str = "copy the data now: it takes no writes any more; then replace the drive";
const WATCH: &str = "run an extended self-test, and replace the drive if the number grows";
const GROWS: &str = "it got worse since the last look: save the data and replace the drive";
const WRITE: &str =
    "write the whole drive, which replaces or clears them (a self-test only reads); replace it if they come back";
const PLAN: &str = "plan its replacement";
const CABLE: &str = "nothing, unless the number grows: then look at cable, backplane and power";
const CABLE_GROWS: &str = "it grew since the last look: look at the cable, its plugs, the backplane and the power";
const LOOK: &str = "nothing, unless it grows";
const COOL: &str = "look at fans and airflow, then test again";
const AGAIN: &str = "run smartctl -x again and look at what it and the kernel say";
const SURFACE: &str = "run an extended self-test: only one that passes shows that the whole surface can be read";

const ACS: &str = "ACS-4, SMART";
const STATISTICS: &str = "ACS-4, device statistics log";
const NVME: &str = "NVMe Base 2.0, SMART / health information log";
const SELF_TEST: &str = "ACS-4, NVMe and SPC-5, self-test logs";
const STUDY: &str = "Backblaze, what SMART stats tell us about hard drives";
const REPORTS: &str = "public reports";
const SMARTCTL: &str = "smartctl's manual and messages";
const DRIVEDB: &str = "smartmontools' drive database";

/// Damage by attribute: on platters the number alone says what it is, on flash the name has to say so, too.
const REALLOCATED: [Pick; 1] = [Pick::id(5).on_platters()];
const SPIN_RETRY: [Pick; 1] = [Pick::id(10).on_platters()];
const END_TO_END: [Pick; 2] =
    [Pick::id(184).on_platters(), Pick::id(184).on_flash().named(&["end-to-end", "end_to_end", "ioedc"])];
const UNCORRECTABLE: [Pick; 2] =
    [Pick::id(187).on_platters(), Pick::id(187).on_flash().named(&["uncorr", "_unc", "unc_", "_ue_", "uecc"])];
const PENDING: [Pick; 2] =
    [Pick::id(197).on_platters(), Pick::id(197).on_flash().named(&["pend"]).but(&["bogus", "ecc"])];
const OFFLINE: [Pick; 2] = [Pick::id(198).on_platters(), Pick::id(198).on_flash().named(&["uncorr", "_unc", "unc_"])];
const CRC: [Pick; 2] = [Pick::id(199).on_platters(), Pick::id(199).on_flash().named(&["crc"])];
const TIMEOUT: [Pick; 1] = [Pick::id(188).named(&["timeout", "time_out", "unknown"]).packed()];
const BLOCKS: [Pick; 1] = [Pick::id(5).on_flash()];
const PROTECTED: [Pick; 1] = [Pick::any().named(&["write_protect", "ssd_protect_mode"]).not_between_erases()];
/// The counters of damage, all together.
const DAMAGE: [Pick; 7] =
    [REALLOCATED[0], UNCORRECTABLE[0], UNCORRECTABLE[1], PENDING[0], PENDING[1], OFFLINE[0], OFFLINE[1]];
/// Names of attributes whose normalised value is what is left of the endurance in percent. Numbers alone do not tell: 202 is an error
/// count of one vendor and the endurance of another, and 230 counts up on some drives.
const WEAR: [Pick; 2] = [
    Pick::any()
        .on_flash()
        .named(&[
            "life_left",
            "lifetime_left",
            "life_remain",
            "lifetime_remain",
            "remaining_life",
            "remaining_lifetime",
            "rated_life_remain",
            "life_used",
            "percent_lifetime_used",
        ])
        .but(&["unknown"])
        .unlike(&["kingston"]),
    Pick::any().on_flash().named(&["wear_leveling_count", "media_wearout_indicator"]).without(&[230]).in_database(),
];
/// Counts either way, by firmware.
const WEAR_EITHER: [Pick; 1] = [Pick::any().on_flash().named(&["life_left"]).like(&["kingston"])];

/// The table.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // The drive's own verdict.
    Rule::new("status-failed", M::StatusFailed, "the drive itself says that it is failing", REPLACE).is(Failed, "ACS-4, NVMe and SPC-5, the drive's own verdict"),
    Rule::new("exception-warning", M::Exception(Exception::Warning), "a warning of the drive, not a failure", "look it up with the drive's maker, and test again").is(Degraded, "SPC-5, additional sense 0Bh"),
    Rule::new("exception-temperature", M::Exception(Exception::Temperature), "the drive warns of its temperature", COOL).is(Degraded, "SPC-5, additional sense 0Bh/01h, 0Ah to 0Dh"),
    Rule::new("exception-medium", M::Exception(Exception::Medium), "the drive's own scan of the medium found errors", SURFACE).is(Degraded, "SPC-5, additional sense 0Bh/03h to 05h"),
    Rule::new("exception-test", M::Exception(Exception::Test), "the drive was told to pretend a failure: it shows nothing else", "clear the TEST bit of the mode page of informational exceptions (sdparm --clear=TEST), then test again").is(Degraded, "SPC-5, mode page 1Ch; additional sense 5Dh/FFh"),
    Rule::new("exceptions-off", M::ExceptionsOff, "informational exceptions (SMART) are switched off, so that its OK is no evidence; its counters are", "switch them on (smartctl -s on), then test again").is(Info, "SPC-5, mode page 1Ch"),
    Rule::new("rated-endurance-used", M::RatedEnduranceUsed, "the rated endurance is used, which the drive reports as degraded reliability; spare blocks are there and no data was lost", PLAN).is(Degraded, "NVMe Base 2.0, critical warning bit 2; public reports"),
    Rule::new("nvme-spare", M::NvmeBit(Bit::Spare), "fewer spare blocks are left than the drive needs", REPLACE).is(Failed, NVME),
    Rule::new("temperature-critical", M::NvmeBit(Bit::Temperature), "the drive is outside of its temperatures now", COOL).is(Degraded, NVME),
    Rule::new("nvme-reliability", M::NvmeBit(Bit::Reliability), "the controller says that it is not reliable any more, for errors of its media or its own", REPLACE).is(Failed, NVME),
    Rule::new("nvme-read-only", M::NvmeBit(Bit::ReadOnly), "the media are read-only", COPY).is(Failed, NVME),
    Rule::new("nvme-backup", M::NvmeBit(Bit::Backup), "what the controller holds in memory is lost when the power fails: its backup device failed", REPLACE).is(Failed, NVME),
    Rule::new("nvme-persistent-memory", M::NvmeBit(Bit::Persistent), "its persistent memory region is read-only or unreliable", REPLACE).is(Failed, NVME),
    Rule::new("nvme-warning", M::NvmeBit(Bit::Other), "the controller raises a critical warning", REPLACE).is(Failed, NVME),
    Rule::new("endurance-group-warning", M::EnduranceGroups, "an endurance group has a critical warning", "see which one (nvme endurance-log), copy its data and plan its replacement").is(Degraded, "NVMe Base 2.0, health log byte 6"),
    Rule::new("spare-exhausted", M::SpareBelowThreshold, "fewer spare blocks are left than the drive needs", REPLACE).is(Failed, NVME),
    Rule::new("fault-mode", M::FaultMode, "the controller runs without its firmware or its flash: it shows no more than itself", "replace the drive; its data need a laboratory").is(Failed, REPORTS),
    Rule::new("write-protected", M::Raw(&PROTECTED), "the drive is write-protected, as at the end of its life", COPY).is(Failed, DRIVEDB).from(Above(0)),
    // Attributes against the vendor's thresholds.
    Rule::new("attribute-failing", M::PrefailNow, "an attribute that announces failure is at its threshold", REPLACE).is(Failed, ACS),
    Rule::new("attribute-aged", M::OldAgeNow, "an attribute of age is at its threshold", PLAN).is(Degraded, ACS),
    Rule::new("temperature-now", M::TemperatureNow, "the drive is too hot now", COOL).is(Degraded, ACS),
    Rule::new("temperature-limit", M::TemperatureLimit, "the drive is at or above the temperature that it must not have", COOL).is(Degraded, "ACS-4 (SCT), NVMe (CCTEMP), SPC-5 (trip temperature)"),
    Rule::new("temperature-warm", M::TemperatureWarm, "the drive is warmer than it should be", COOL).is(Info, "ACS-4 (SCT), NVMe (WCTEMP)"),
    Rule::new("attribute-failed-before", M::AttributePast, "an attribute was at its threshold once", WATCH).is(Degraded, ACS).history(),
    Rule::new("attribute-worst-unset", M::WorstUnset, "an attribute has 0 for its worst value, which none has: the drive does not keep it", LOOK).is(Info, "ACS-3, SMART attribute values; public reports").history(),
    Rule::new("temperature-before", M::TemperaturePast, "the drive was too hot once", LOOK).is(Info, ACS).history(),
    Rule::new("temperature-over-limit", M::OverLimit, "the drive was above the temperature that it must not have", LOOK).is(Info, "ACS-4, SCT status").from(Above(0)).history(),
    Rule::new("temperature-critical-before", M::CriticalMinutes, "the controller was above its critical temperature", LOOK).is(Info, NVME).from(Above(0)).history(),
    // Self-tests.
    Rule::new("self-test-failed", M::NewestSelfTest, "the newest self-test found a defect", REPLACE).is(Failed, SELF_TEST),
    Rule::new("self-test-not-refuted", M::UnrefutedSelfTest, "a self-test failed, and none that looks as deep passed since", "save the data; run an extended self-test, and replace the drive if it does not pass").is(Failed, SELF_TEST).history(),
    Rule::new("self-test-failed-before", M::RefutedSelfTest, "a self-test failed, and a later one that looks as deep passed", SURFACE).is(Degraded, SELF_TEST).history(),
    Rule::new("self-test-unseen", M::HiddenSelfTest, "smartctl says that the log has a failed self-test, which is not in the report", AGAIN).is(Error, "smartctl's exit status, bit 7"),
    Rule::new("self-test-running", M::RunningSelfTest, "a self-test is running", "wait for it, then judge again").is(Info, SELF_TEST),
    Rule::new("self-test-log-doubtful", M::DoubtfulSelfTest, "the self-test log is not to be trusted: what is in it cannot be", "run a self-test and look whether it is logged").is(Info, REPORTS),
    // Damage to the medium.
    Rule::new("reallocated-sectors", M::Raw(&REALLOCATED), "sectors went bad and were replaced", WATCH).is(Degraded, STUDY).from(AtLeast(5)).told_below().growing(GROWS),
    Rule::new("spin-retries", M::Raw(&SPIN_RETRY), "the motor did not start at once", WATCH).is(Degraded, STUDY).from(Above(0)).growing(GROWS),
    Rule::new("end-to-end-errors", M::Raw(&END_TO_END), "data changed on the way through the drive", REPLACE).is(Degraded, STUDY).from(Above(0)).growing(GROWS),
    Rule::new("reported-uncorrectable", M::Raw(&UNCORRECTABLE), "data was lost: reads could not be corrected", WATCH).is(Degraded, STUDY).from(Above(0)).growing(GROWS),
    Rule::new("pending-sectors", M::Raw(&PENDING), "sectors cannot be read and wait to be replaced", WRITE).is(Degraded, STUDY).from(Above(0)).growing(GROWS),
    Rule::new("offline-uncorrectable", M::Raw(&OFFLINE), "a scan found sectors that cannot be read", WATCH).is(Degraded, STUDY).from(Above(0)).growing(GROWS),
    Rule::new("pending-defects", M::PendingDefects, "sectors cannot be read and wait to be replaced", WRITE).is(Degraded, "ACS-4, pending defects log; SBC-4, pending defects log page").from(Above(0)).growing(GROWS),
    Rule::new("background-scan", M::ScanDefects, "the drive's background scan found sectors that cannot be read and were not put right", WRITE).is(Degraded, "SBC-4, background scan log page").from(Above(0)).growing(GROWS),
    Rule::new("background-scan-halted", M::ScanHalted, "the drive has stopped its own scan of the medium, so that new defects stay unfound", "run an extended self-test; replace the drive if the scan does not go on").is(Info, "SBC-4, background scan log page, status 3 to 7"),
    Rule::new("offline-collection-failed", M::OfflineFatal, "the drive broke off its own offline scan", SURFACE).is(Info, "ACS-3, offline data collection status 6"),
    Rule::new("media-errors", M::MediaErrors, "data was lost: the controller could not read or keep it intact", WATCH).is(Degraded, NVME).from(Above(0)).growing(GROWS),
    Rule::new("grown-defects", M::GrownDefects, "sectors went bad and were replaced", WATCH).is(Degraded, "SBC-4, defect lists").from(Above(0)).growing(GROWS),
    Rule::new("uncorrected-errors", M::Uncorrected, "reads or writes failed for good", WATCH).is(Degraded, "SPC-5, error counter log pages").from(Above(0)).growing(GROWS),
    // The same in ATA's statistics, of drives that do not tell it in an attribute.
    Rule::new("statistics-uncorrectable", M::Statistic(4, 8, 187), "data was lost: reads could not be corrected", WATCH).is(Degraded, STATISTICS).from(Above(0)).growing(GROWS),
    Rule::new("statistics-reallocated", M::Statistic(3, 0x20, 5), "sectors went bad and were replaced", WATCH).is(Degraded, STATISTICS).from(AtLeast(5)).growing(GROWS),
    Rule::new("statistics-candidates", M::Statistic(3, 0x38, 197), "sectors cannot be read and wait to be replaced", WRITE).is(Degraded, STATISTICS).from(Above(0)).growing(GROWS),
    Rule::new("statistics-crc", M::Statistic(6, 0x18, 199), "data changed on the way to the drive: cable, backplane or power", CABLE).is(Info, STATISTICS).from(Above(0)).history().growing(CABLE_GROWS),
    Rule::new("statistics-overheated", M::Statistic(5, 0x50, 0), "minutes above the temperature that it was made for", LOOK).is(Info, STATISTICS).from(Above(0)).history(),
    Rule::new("farm-errors", M::FarmErrors, "Seagate's FARM log counts reads or writes that failed for good", WATCH).is(Degraded, "Seagate, Field Access Reliability Metrics").from(Above(0)).growing(GROWS),
    Rule::new("farm-reallocated", M::FarmReallocated, "Seagate's FARM log counts more replaced sectors than SMART tells: sectors went bad, or SMART's counters were set back", WATCH).is(Degraded, "Seagate, Field Access Reliability Metrics").from(AtLeast(5)).growing(GROWS),
    Rule::new("hours-set-back", M::HoursSetBack, "the drive was in use before: its FARM log has many more hours than SMART tells, so its counters were set back", "ask where it is from; count its age by FARM").is(Degraded, "Seagate, Field Access Reliability Metrics; public reports of 2025"),
    // Wear.
    Rule::new("wear-left", M::WearLeft(&WEAR), "little of the rated endurance is left", PLAN).is(Degraded, DRIVEDB).from(AtMost(10)),
    Rule::new("wear-unclear", M::WearLeft(&WEAR_EITHER), "little of the rated endurance is left, or little is used: this maker's drives count either way, by firmware", "compare it with what was written to the drive").is(Info, DRIVEDB).from(AtMost(10)),
    Rule::new("endurance-used", M::EnduranceUsed, "the rated endurance is used or almost; that alone is no defect", PLAN).is(Degraded, "NVMe Base 2.0 and SBC-4, percentage used").from(AtLeast(90)).again_from(100),
    Rule::new("ata-endurance-used", M::AtaEnduranceUsed, "the rated endurance is used or almost; that alone is no defect", PLAN).is(Degraded, "ACS-4, device statistics page 7").from(AtLeast(90)).again_from(100),
    Rule::new("ata-endurance-bogus", M::AtaEnduranceBogus, "a statistic of 255 percent that some firmware never keeps", "compare it with the wear attributes").is(Info, REPORTS),
    // What alone says nothing of the drive.
    Rule::new("counter-no-number", M::NoNumber(&DAMAGE), "a counter of damage that cannot be a number: the drive does not keep it, or has miscounted", "look at the other counters; look for newer firmware").is(Info, REPORTS),
    Rule::new("checksum", M::Checksum, "a checksum in the drive's own data is wrong, so that a value may be, too", "read it again; if it stays so, look for newer firmware").is(Info, ACS),
    Rule::new("verdict-only", M::VerdictOnly, "only the drive's own verdict is known, which most failing drives leave at \"passed\"", "run smartctl -x").is(Info, SMARTCTL),
    Rule::new("virtual-drive", M::Virtual, "an emulated drive: its health is what its host makes of it, and shows no defect of a real one", "nothing; test the drives of the host").is(Info, REPORTS),
    Rule::new("security-locked", M::Locked, "a password locks the drive: it reads and writes nothing until it is unlocked", "unlock it if its data are wanted (hdparm --security-unlock), or erase it").is(Info, "ACS-4, security feature set"),
    Rule::new("self-tests-unseen", M::UnseenSelfTests, "a failed self-test would not show", "use smartctl 7.5, or ask the controller (/dev/nvme0) in place of the namespace").is(Info, SMARTCTL),
    Rule::new("crc-errors", M::Raw(&CRC), "data changed on the way to the drive: cable, backplane or power", CABLE).is(Info, ACS).from(Above(0)).history().growing(CABLE_GROWS),
    Rule::new("link-errors", M::LinkErrors, "data changed on the link, or the link was lost: cable, backplane, power, or a drive that was plugged", CABLE).is(Info, "ACS-4, SATA phy event counters; SPL-4, protocol specific port page").from(Above(0)).history(),
    Rule::new("command-timeouts", M::Raw(&TIMEOUT), "commands took too long, which power and cables cause, too", CABLE).is(Info, STUDY).from(Above(0)).history().growing(CABLE_GROWS),
    Rule::new("non-medium-errors", M::NonMedium, "errors that are none of the medium: of the link, the firmware, of resets", CABLE).is(Info, "SPC-5, non-medium error log page").from(Above(0)).history().growing("it grew since the last look: look at the cable and at the seat of the drive"),
    Rule::new("reallocated-blocks", M::Raw(&BLOCKS), "blocks were replaced, which is normal wear of flash", LOOK).is(Info, "Google, flash reliability in production (FAST 2016)").from(Above(0)).history(),
    Rule::new("grown-blocks", M::GrownBlocks, "blocks were replaced, which is normal wear of flash", LOOK).is(Info, "Google, flash reliability in production (FAST 2016)").from(Above(0)).history(),
    Rule::new("error-log", M::ErrorLog, "the drive logged errors of any age", LOOK).is(Info, ACS).from(Above(0)).history(),
    Rule::new("nvme-error-log", M::NvmeErrorLog, "the controller logged refused commands or errors of any age", LOOK).is(Info, NVME).from(Above(0)).history(),
    // No test was made.
    Rule::new("unreadable", M::Unreadable, "there is no report to judge", "run smartctl -x again and look at what it says").is(Error, SMARTCTL),
    Rule::new("usage", M::Complaint("usage"), "smartctl did not understand how it was called", "correct the options").is(Error, SMARTCTL),
    Rule::new("permission-denied", M::Complaint("permission-denied"), "smartctl was not allowed to open the device", "run as root (Windows: as administrator), with CAP_SYS_RAWIO and CAP_SYS_ADMIN").is(Error, SMARTCTL),
    Rule::new("device-missing", M::Complaint("device-missing"), "there is no such device, or it has vanished", "look whether the kernel still lists the drive; one that it lists and that does not answer is defective").is(Error, SMARTCTL),
    Rule::new("open-failed", M::Complaint("open-failed"), "smartctl could not open or identify the device", "look at smartctl's own words and the kernel's (dmesg); name the type with -d if it is behind a bridge or a controller").is(Error, SMARTCTL),
    Rule::new("standby", M::Complaint("standby"), "the drive sleeps and was not woken", "call smartctl without -n").is(Error, SMARTCTL),
    Rule::new("not-ready", M::Complaint("not-ready"), "the drive does not get ready", "start the drive and test again; replace it if it stays so").is(Error, "SPC-5, sense key 2"),
    Rule::new("self-test-refused", M::Complaint("self-test-refused"), "the drive did not take the command for a self-test", "wait for a running test, or choose one that the drive has").is(Error, SMARTCTL),
    Rule::new("device-unreadable", M::Complaint("device-unreadable"), "the drive does not answer", "look at cable and power, then replace the drive").is(Failed, "SPC-5, sense keys 3 and 4; the kernel's EIO"),
    Rule::new("smart-unanswered", M::Complaint("smart-unanswered"), "the drive says who it is and answers no question about its health, as dying drives do", "look at cable and power and at dmesg, then test again; replace the drive if it stays so").is(Error, REPORTS).yielding(),
    Rule::new("locked-unanswered", M::Complaint("locked-unanswered"), "a password locks the drive (ATA security), and it answers no question about its health", "unlock it (hdparm --security-unlock), then test again").is(Error, "ACS-4, security feature set").yielding(),
    Rule::new("health-refused", M::Complaint("health-refused"), "a drive that refuses its health page is not one without SMART", "look at dmesg; ask it as SATA (-d sat) if it is one; replace it if it stays so").is(Error, REPORTS).yielding(),
    Rule::new("smart-unavailable", M::Complaint("smart-unavailable"), "a device of a kind that nothing tells says that it has no SMART: a USB stick, a volume, or a SATA drive behind a translation", "look at what it is (lsblk -o NAME,TRAN,MODEL); ask a SATA drive as one (-d sat)").is(Error, REPORTS).yielding(),
    Rule::new("health-unreadable", M::Complaint("health-unreadable"), "smartctl was asked for the drive's health and shows none", AGAIN).is(Error, SMARTCTL).yielding(),
    Rule::new("verdict-unproven", M::Complaint("verdict-unproven"), "smartctl -H prints \"passed\" of SCSI devices without SMART, too, and nothing else is known", "run smartctl -x").is(Error, SMARTCTL),
    Rule::new("controller-answers", M::Complaint("controller-answers"), "a RAID controller answers with an error in place of the drive or the volume", "ask the drives behind it by their numbers (shakedown disk list, smartctl -d megaraid,N), and the controller's own program; test again").is(Error, REPORTS),
    Rule::new("platform-raid", M::Complaint("platform-raid"), "a driver of the platform's RAID (Intel RST, VMD, csmi) answers in place of the drive", "ask the drive behind it (smartctl --scan, -d csmi,N), or switch the controller to AHCI").is(Error, REPORTS),
    Rule::new("report-cut", M::Cut, "the report breaks off", "run smartctl -x again, and keep all that it prints").is(Error, SMARTCTL),
    Rule::new("report-cut-late", M::OpenEnd, "the report breaks off in its statistics, behind which only the less grave stands", "run smartctl -x again, and keep all that it prints").is(Error, "smartctl's own text, versions 6.0 to 8.0").yielding(),
    Rule::new("row-not-understood", M::LostRows, "a row of a table cannot be read, and may be the one that tells of a defect", "run smartctl -x again, and keep what it prints as it is").is(Error, SMARTCTL),
    Rule::new("status-unknown", M::StatusUnknown, "the drive's own verdict cannot be read", AGAIN).is(Error, SMARTCTL),
    Rule::new("exit-status-unexplained", M::Unexplained, "smartctl's exit status tells of a fault that is not in the report", AGAIN).is(Error, "smartctl's exit status, bits 4 and 5"),
    Rule::new("smart-off", M::Complaint("smart-off"), "SMART is switched off", "switch it on (smartctl -s on), which is for you to decide, then test again").is(Error, ACS).yielding(),
    Rule::new("no-health-data", M::Complaint("no-health-data"), "this call did not ask for the drive's health", "run smartctl -x").is(Error, SMARTCTL).yielding(),
    // Nothing to judge.
    Rule::new("type-unknown", M::Complaint("type-unknown"), "no drive that smartctl knows how to talk to, such as a virtual one", "nothing; test the drives of the host").is(NotSupported, SMARTCTL),
    Rule::new("usb-bridge-unknown", M::Complaint("usb-bridge-unknown"), "smartctl does not know the USB bridge", "try -d sat, or for an NVMe drive -d sntjmicron, -d sntasmedia, -d sntrealtek").is(NotSupported, SMARTCTL),
    Rule::new("usb-bridge-silent", M::Complaint("usb-bridge-silent"), "the USB bridge answers in place of the drive; its words say nothing of the drive", "try -d sat, or for an NVMe drive -d sntjmicron, -d sntasmedia, -d sntrealtek; or connect the drive without the bridge").is(NotSupported, REPORTS),
    Rule::new("no-pass-through", M::Complaint("no-pass-through"), "the device does not pass commands on to a drive of this type", "nothing; behind a controller or a bridge, name its type with -d (sat, sntjmicron, megaraid,N)").is(NotSupported, SMARTCTL),
    Rule::new("raid-volume", M::Complaint("raid-volume"), "a RAID volume: commands do not reach a drive", "test its members: smartctl --scan-open lists those of megaraid, aacraid, 3ware, areca; those of cciss are -d cciss,0 and so on at its /dev/sg").is(NotSupported, REPORTS),
    Rule::new("virtual-silent", M::Complaint("virtual-silent"), "a virtual disk, or a volume of an emulated controller, that answers to nothing but reads", "nothing; test its members or the drives of the host").is(NotSupported, REPORTS),
    Rule::new("array-volume", M::Complaint("array-volume"), "a volume of a storage array, not a drive", "nothing; the array tests its drives itself").is(NotSupported, REPORTS),
    Rule::new("not-a-disk", M::Complaint("not-a-disk"), "no disk", "nothing").is(NotSupported, "SPC-5, peripheral device types"),
    Rule::new("no-smart", M::Complaint("no-smart"), "the device has no SMART", "nothing").is(NotSupported, "ACS-4, IDENTIFY DEVICE"),
];

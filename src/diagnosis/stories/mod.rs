//! Stories: incidents that take several log lines.

mod above;
mod apei;
mod card;
mod command;
mod disk;
mod link;
mod mce;
mod memory;
mod names;
mod sense;
mod system;
mod trace;

use super::book::{Book, Now};

pub(super) use link::code_of_xid;
pub(super) use names::Names;

/// A line that is part of a story, named by how it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    EdacCorrected,
    EdacUncorrected,
    AmdHeader,
    AmdStatus,
    AmdDecoded,
    AmdNorthbridge,
    MceBank,
    MceReason,
    MceOld,
    MceOldBank,
    MceLogged,
    UserAccess,
    PageOffline,
    PageLost,
    PageInjected,
    Apei,
    ApeiBert,
    ApeiBertEnd,
    AerPort,
    SenseKey,
    AddSense,
    ScsiResult,
    DiskLeft,
    DiskSynced,
    Command,
    FusionAbort,
    FusionDone,
    NvmeEmpty,
    Block,
    BufferError,
    AtaPacket,
    AtaException,
    AtaResult,
    AtaSerror,
    AtaError,
    AtaTimeout,
    AtaSlower,
    AtaReset,
    AtaSlow,
    AtaGone,
    AtaLinkGone,
    AtaLinkBack,
    NvmeStatus,
    FrozenState,
    RaidRead,
    RaidStopped,
    RaidActive,
    MegaraidVolume,
    MegaraidSense,
    PathFailed,
    IscsiHost,
    IscsiError,
    Btrfs,
    Mapped,
    ZioError,
    CardFailed,
    CardNamed,
    TxTimeout,
    LinkDown,
    PortModule,
    LinkUp,
    Renamed,
    Opened,
    Banner,
    Xid,
    NvidiaNamed,
    NvidiaLost,
    AmdgpuRing,
    AmdgpuCount,
    AmdgpuBus,
    Throttled,
    PowerLimited,
    HeatShutdown,
    UsbNew,
    UsbReset,
    UsbProduct,
    UsbDisconnect,
    UsbSilent,
    Panic,
    OnPurpose,
    HungTask,
    NetworkFiles,
    RcuStall,
    RcuCpu,
    RcuMore,
    Oops,
    OopsMore,
    Instruction,
    EndOfTrace,
    CutHere,
    Modules,
    Warning,
    WarningTold,
    NobodyCared,
    TpmHandler,
    Allocation,
    Speaker,
    OomCgroup,
    OomKill,
    OomMore,
    OomBegins,
    OomChosen,
    Crash,
    FatalSignal,
    TscPair,
    TscWarp,
    TscMore,
    Suppressed,
}

/// Facts from earlier lines that later lines complete.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) names: Names,
    apei: apei::State,
    mce: mce::State,
    disk: disk::State,
    link: link::State,
    system: system::State,
    trace: trace::State,
}

/// Handles a line of a story; `false` leaves it to the rules that follow.
pub(super) fn tell(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    use Story as S;
    state.names.learn(now.text);
    if story == S::Banner {
        state.disk.restarted();
    }
    match story {
        S::EdacCorrected | S::EdacUncorrected => memory::edac(story == S::EdacUncorrected, part, now, book),
        S::UserAccess => memory::user_access(part, now, book),
        S::PageOffline | S::PageLost | S::PageInjected => memory::page(story, part, now, book, &mut state.mce),
        S::AmdHeader | S::AmdStatus | S::AmdDecoded | S::AmdNorthbridge => {
            mce::amd(story, part, now, book, &mut state.mce)
        }
        S::MceBank | S::MceReason | S::MceLogged | S::MceOld | S::MceOldBank => {
            mce::intel(story, part, now, book, &mut state.mce)
        }
        S::Apei | S::ApeiBert | S::ApeiBertEnd => apei::tell(story, now, book, &mut state.apei),
        S::AerPort => link::aer(part, now, book),
        S::SenseKey | S::AddSense | S::ScsiResult | S::DiskLeft => disk::scsi(story, now, book, state),
        S::DiskSynced => {
            state.system.synced(now, book.order);
            true
        }
        S::Command | S::FusionAbort | S::FusionDone => disk::fusion(story, part, now, book, &mut state.disk),
        S::CardFailed | S::CardNamed => card::card(story, now, book, state),
        S::IscsiHost | S::IscsiError => disk::iscsi(story, now, book, &mut state.disk),
        S::NvmeEmpty => disk::nvme_empty(part, now, &mut state.disk),
        S::Block | S::BufferError => disk::block(story, part, now, book, state),
        S::AtaPacket | S::AtaException | S::AtaResult | S::AtaSerror | S::AtaError => {
            disk::ata_fault(story, part, now, book, state)
        }
        S::AtaTimeout | S::AtaSlower | S::AtaReset | S::AtaSlow | S::AtaGone | S::AtaLinkGone | S::AtaLinkBack => {
            disk::ata_port(story, part, now, book, state)
        }
        S::NvmeStatus | S::FrozenState => disk::nvme(story, part, now, book),
        S::RaidRead
        | S::RaidStopped
        | S::RaidActive
        | S::MegaraidVolume
        | S::MegaraidSense
        | S::PathFailed
        | S::Mapped
        | S::ZioError
        | S::Btrfs => above::above(story, part, now, book),
        S::TxTimeout | S::LinkDown | S::PortModule | S::LinkUp | S::Renamed | S::Opened | S::Banner => {
            link::network(story, part, now, book, &mut state.link)
        }
        S::Xid | S::NvidiaNamed | S::NvidiaLost => link::nvidia(story, part, now, book, &mut state.link),
        S::AmdgpuRing | S::AmdgpuCount | S::AmdgpuBus => link::amdgpu(story, now, book),
        S::Throttled | S::PowerLimited | S::HeatShutdown => system::heat(story, part, now, book, &mut state.system),
        S::UsbNew | S::UsbReset | S::UsbProduct | S::UsbDisconnect | S::UsbSilent => {
            system::usb(story, now, book, &mut state.system)
        }
        S::OomCgroup | S::OomKill | S::OomMore | S::OomBegins | S::OomChosen => {
            system::oom(story, part, now, book, &mut state.system)
        }
        S::Speaker if trace::speaker(now, book, &mut state.trace) => true,
        S::Crash | S::FatalSignal | S::Allocation | S::Speaker => {
            system::program(story, part, now, book, &mut state.system)
        }
        S::TscPair | S::TscWarp | S::TscMore => system::clock(story, part, now, book, &mut state.system),
        S::HungTask | S::NetworkFiles | S::NobodyCared | S::TpmHandler | S::Suppressed => {
            system::other(story, part, now, book, &mut state.system)
        }
        S::Panic | S::OnPurpose => {
            // Errors that firmware and banks reported before the panic are its reason.
            apei::end(&mut state.apei, book);
            mce::end(&mut state.mce, book);
            trace::panic(story, now, book, &mut state.trace)
        }
        S::RcuStall | S::RcuCpu | S::RcuMore => trace::rcu(story, now, book, &mut state.trace),
        S::Oops
        | S::OopsMore
        | S::Instruction
        | S::EndOfTrace
        | S::CutHere
        | S::Modules
        | S::Warning
        | S::WarningTold => trace::oops(story, now, book, &mut state.trace),
    }
}

/// Concludes at the end of the log: incidents that waited for more lines are recorded as they are.
pub(super) fn end(state: &mut State, book: &mut Book) {
    apei::end(&mut state.apei, book);
    mce::end(&mut state.mce, book);
    trace::end(&mut state.trace, book);
    disk::end(&mut state.disk, book);
    link::end(book);
    system::end(&mut state.system, book);
    mce::unexplained(&mut state.mce, book);
}

//! The kernel itself: hangs, crashes, lack of memory, clocks, and programs that ended badly.

use super::Act::{As, Harmless, Is, Story as Tale};
use super::{Name, Rule, rule};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::stories::Story;

const WATCHDOG: &str = "kernel/watchdog.c";
const RCU: &str = "kernel/rcu/tree_stall.h";
const OOM: &str = "mm/oom_kill.c";
const CLOCK: &str = "kernel/time/clocksource.c";
const NMI: &str = "arch/x86/kernel/nmi.c";

pub(super) const RULES: &[Rule] = &[
    rule("Kernel panic - not syncing: ", Tale(Story::Panic), "kernel/panic.c"),
    // 2.4 and early 2.6.
    rule("^Kernel panic: ", Tale(Story::Panic), "kernel/panic.c"),
    rule("SysRq : Trigger a crash", Tale(Story::OnPurpose), "drivers/tty/sysrq.c"),
    rule("sysrq: Trigger a crash", Tale(Story::OnPurpose), "drivers/tty/sysrq.c"),
    rule("INFO: task {} blocked for more than ", Tale(Story::HungTask), "kernel/hung_task.c"),
    rule("nfs: server * not responding", Tale(Story::NetworkFiles), "fs/nfs, net/sunrpc"),
    rule("CIFS: VFS: *has not responded in", Tale(Story::NetworkFiles), "fs/smb/client"),
    rule("BUG: soft lockup - CPU#{} stuck for ", Is(Code::KernelSoftLockup, Name::Cpu), WATCHDOG),
    rule("atchdog detected hard LOCKUP on cpu {}", Is(Code::KernelHardLockup, Name::Cpu), WATCHDOG),
    rule("CPU {} self-detected hard LOCKUP", Is(Code::KernelHardLockup, Name::Cpu), "arch/powerpc/kernel/watchdog.c"),
    rule(
        " detected hard LOCKUP on other CPUs {}",
        Is(Code::KernelHardLockup, Name::Cpu),
        "arch/powerpc/kernel/watchdog.c",
    ),
    rule("INFO: rcu* self-detected stall on CPU", Tale(Story::RcuStall), RCU),
    rule("INFO: rcu* detected *stalls on CPUs/tasks:", Tale(Story::RcuStall), RCU),
    // 2.6.3x and 3.x.
    rule("INFO: rcu* detected stall on CPU {}", Is(Code::KernelRcuStall, Name::Cpu), RCU),
    rule("INFO: RCU detected CPU {} stall", Is(Code::KernelRcuStall, Name::Cpu), RCU),
    rule("INFO: RCU detected CPU stalls:", Tale(Story::RcuStall), RCU),
    rule(" GPs behind) ", Tale(Story::RcuCpu), RCU),
    rule(" ticks this GP) ", Tale(Story::RcuCpu), RCU),
    rule(" kthread starved for * jiffies!", Tale(Story::RcuMore), RCU),
    rule(" kthread timer wakeup didn't happen for", Tale(Story::RcuMore), RCU),
    // Faults of the kernel; the driver is named by the line of the instruction.
    rule("BUG: kernel NULL pointer dereference", Tale(Story::Oops), "arch/x86/mm/fault.c"),
    rule("BUG: unable to handle ", Tale(Story::Oops), "arch/x86/mm/fault.c"),
    rule("^Unable to handle kernel ", Tale(Story::Oops), "arch/arm64/mm/fault.c"),
    rule("^kernel BUG at ", Tale(Story::Oops), "lib/bug.c"),
    rule("^Kernel BUG at ", Tale(Story::Oops), "arch/x86_64/kernel/traps.c, to 2.6.2x"),
    rule("^Oops: ", Tale(Story::OopsMore), "arch/x86/kernel/dumpstack.c"),
    rule("^Internal error: Oops", Tale(Story::OopsMore), "arch/arm64/kernel/traps.c"),
    rule("^general protection fault", Tale(Story::Oops), "arch/x86/kernel/traps.c"),
    rule("^invalid opcode: 0000 [#", Tale(Story::OopsMore), "arch/x86/kernel/traps.c"),
    rule("^divide error: 0000 [#", Tale(Story::Oops), "arch/x86/kernel/traps.c"),
    rule("^stack segment: 0000 [#", Tale(Story::Oops), "arch/x86/kernel/traps.c"),
    rule("^double fault: 0000 [#", Tale(Story::Oops), "arch/x86/kernel/traps.c"),
    rule("^BUG: Bad page state in process ", Tale(Story::Oops), "mm/page_alloc.c"),
    rule("^BUG: Bad page map in process ", Tale(Story::Oops), "mm/memory.c"),
    rule("^BUG: Bad rss-counter state", Tale(Story::Oops), "kernel/fork.c"),
    rule("^BUG: scheduling while atomic: ", Tale(Story::Oops), "kernel/sched/core.c"),
    rule("^BUG: stack guard page was hit", Tale(Story::Oops), "arch/x86/mm/fault.c"),
    rule("^RIP: ", Tale(Story::Instruction), "arch/x86/kernel/dumpstack.c"),
    rule("^IP: ", Tale(Story::Instruction), "arch/x86/mm/fault.c"),
    rule("^pc : ", Tale(Story::Instruction), "arch/arm64/kernel/process.c"),
    rule("---[ end trace ", Tale(Story::EndOfTrace), "kernel/panic.c"),
    rule("[ cut here ]", Tale(Story::CutHere), "kernel/panic.c"),
    rule("^Modules linked in:", Tale(Story::Modules), "kernel/module/main.c"),
    rule("^WARNING: *dev_watchdog+", Tale(Story::WarningTold), "net/sched/sch_generic.c"),
    rule("^WARNING: at ", Tale(Story::Warning), "kernel/panic.c, to 3.10"),
    rule("^WARNING: CPU: * PID: * at ", Tale(Story::Warning), "kernel/panic.c"),
    rule("^WARNING: * at *+0x*/0x*CPU#", Tale(Story::Warning), "kernel/panic.c, since 6.18"),
    rule("] tis_int_handler", Tale(Story::TpmHandler), "kernel/irq/spurious.c"),
    rule("irq {}: nobody cared", Tale(Story::NobodyCared), "kernel/irq/spurious.c"),
    rule("^{}: page allocation failure: order:", Tale(Story::Allocation), "mm/page_alloc.c"),
    rule(" PID: * Comm: ", Tale(Story::Speaker), "lib/dump_stack.c"),
    // Lack of memory.
    rule(" invoked oom-killer: gfp_mask=", Tale(Story::OomBegins), OOM),
    rule("^oom-kill:constraint=", Tale(Story::OomChosen), OOM),
    rule("emory cgroup out of memory: Kill* process {} (", Tale(Story::OomCgroup), OOM),
    rule("Out of memory*: Kill* process {} (", Tale(Story::OomKill), OOM),
    rule("^Killed process {} (", Tale(Story::OomMore), OOM),
    rule("^Tasks in * killed as a result of limit of", Harmless, "mm/memcontrol.c"),
    // Programs.
    rule(" segfault at ", Tale(Story::Crash), "arch/x86/mm/fault.c"),
    rule("^traps: ", Tale(Story::Crash), "arch/x86/kernel/traps.c"),
    rule(" trap invalid opcode ip:", Tale(Story::Crash), "arch/x86/kernel/traps.c"),
    rule(" trap divide error ip:", Tale(Story::Crash), "arch/x86/kernel/traps.c"),
    rule(" general protection ip:", Tale(Story::Crash), "arch/x86/kernel/traps.c"),
    rule(": unhandled exception: ", Tale(Story::Crash), "arch/arm64/kernel/traps.c"),
    rule(": unhandled level ", Tale(Story::Crash), "arch/arm64/mm/fault.c"),
    rule("^{}: unhandled signal ", Tale(Story::Crash), "arch/powerpc/kernel/traps.c"),
    rule("^potentially unexpected fatal signal ", Tale(Story::FatalSignal), "kernel/signal.c"),
    // Clocks and alarms.
    rule(
        "Marking clocksource * as unstable because the skew is too large",
        Is(Code::ClocksourceUnstable, Name::No),
        CLOCK,
    ),
    rule("^TSC synchronization [CPU#* -> CPU#{}]", Tale(Story::TscPair), "arch/x86/kernel/tsc_sync.c"),
    rule("TSC warp between CPUs, turning off TSC clock", Tale(Story::TscWarp), "arch/x86/kernel/tsc_sync.c"),
    // The other reasons are properties of the machine or choices of its owner: idle states, cpufreq, the kernel's command line.
    rule("arking TSC unstable due to clocksource watchdog", Tale(Story::TscMore), "arch/x86/kernel/tsc.c"),
    rule("arking TSC unstable due to check_tsc_sync_source failed", Tale(Story::TscMore), "arch/x86/kernel/tsc.c"),
    rule("^Clocksource tsc unstable (delta = ", Is(Code::ClocksourceUnstable, Name::No), CLOCK),
    rule("NMI: * error (* for reason * on CPU {}", As(Code::NmiUnknown, Severity::Error, Name::Cpu), NMI),
    rule("NMI: PCI system error (SERR) for reason * on CPU {}", As(Code::NmiUnknown, Severity::Error, Name::Cpu), NMI),
    rule("Uhhuh. NMI received for unknown reason * on CPU {}", Is(Code::NmiUnknown, Name::Cpu), NMI),
    rule(
        "An NMI occurred. Depending on your system the reason for the NMI is logged",
        Is(Code::NmiUnknown, Name::No),
        "drivers/watchdog/hpwdt.c",
    ),
    rule("Dazed and confused, but trying to continue", Harmless, NMI),
    rule("{} callbacks suppressed", Tale(Story::Suppressed), "lib/ratelimit.c"),
    rule("^INFO: task hung in", As(Code::TaskHung, Severity::Error, Name::No), "kernel/hung_task.c"),
];

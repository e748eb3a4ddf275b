//! Names and units of all figures, once: result files, test output for other programs, JSON and text take them from here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pieces.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// 2^30 bytes a second.
    GibPerSecond,
    /// 10^6 bytes a second.
    MbPerSecond,
    /// 10^6 bits a second.
    MbitPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Percent.
    Percent,
    /// Operations a second.
    PerSecond,
    /// Megahertz.
    Mhz,
    /// Degrees Celsius.
    Celsius,
    /// No unit: the value is a text.
    Text,
}

impl Unit {
    /// The unit as text of SI or IEC; empty for a text.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Seconds => "s",
            Unit::GibPerSecond => "GiB/s",
            Unit::MbPerSecond => "MB/s",
            Unit::MbitPerSecond => "Mbit/s",
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "us",
            Unit::Percent => "%",
            Unit::PerSecond => "1/s",
            Unit::Mhz => "MHz",
            Unit::Celsius => "degC",
            Unit::Text => "",
        }
    }
}

/// Makes the enumeration and its table from one list.
macro_rules! metrics {
    ($($(#[$meta:meta])* $metric:ident = $name:literal, $unit:ident;)*) => {
        /// A figure that tests measure. Its name means the same in every version of this program, since people plot it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $($(#[$meta])* $metric,)* }

        impl Metric {
            /// All figures.
            pub const ALL: &[Metric] = &[$(Metric::$metric),*];

            /// The name in documents: the key of a result file, too.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Metric::$metric => $name,)* }
            }

            /// The unit.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Metric::$metric => Unit::$unit,)* }
            }
        }
    };
}

metrics! {
    /// Bytes of memory that were written and checked at least once.
    MemoryTested = "memory_tested", Bytes;
    /// Share of all memory that was tested.
    MemoryShare = "memory_share", Percent;
    /// Words of memory that were read with another value than was written.
    Miscompares = "miscompares", Count;
    /// Reads of memory by all threads of a node.
    MemoryRead = "memory_read", GibPerSecond;
    /// Writes of memory by all threads of a node, past the caches.
    MemoryWrite = "memory_write", GibPerSecond;
    /// Copies of memory with a checksum by all threads of a node; what was copied counts once.
    MemoryCopy = "memory_copy", GibPerSecond;
    /// Time of one read of memory that depends on the read before.
    MemoryLatency = "memory_latency", Nanoseconds;
    /// Reads of the memory of one node by the processors of another: `node0-node1` are the processors of 0 and the memory of 1.
    MemoryReadFar = "memory_read_far", GibPerSecond;
    /// Time of one read as of `memory_latency`, of the memory of one node by a processor of another.
    MemoryLatencyFar = "memory_latency_far", Nanoseconds;
    /// Share of the tested memory that is in large pages. Small pages halve all figures of memory.
    LargePages = "large_pages", Percent;
    /// Logical processors that were tested.
    CpusTested = "cpus_tested", Count;
    /// Wrong answers of processors.
    WrongAnswers = "wrong_answers", Count;
    /// Work of a processor, as a share of the median of all.
    CpuRate = "cpu_rate", Percent;
    /// Clock of a processor while all of them work: the middle of several looks.
    CpuClock = "cpu_clock", Mhz;
    /// The highest clock of a processor while the others rest.
    CpuClockAlone = "cpu_clock_alone", Mhz;
    /// How often a core or a package lowered its clock because of heat during the test.
    Throttled = "throttled", Count;
    /// Errors that hardware corrected during the test.
    CorrectedErrors = "corrected_errors", Count;
    /// Errors that hardware could not correct during the test.
    UncorrectedErrors = "uncorrected_errors", Count;
    /// Bytes of a disk that were read.
    BytesRead = "bytes_read", Bytes;
    /// Bytes that were written to a disk.
    BytesWritten = "bytes_written", Bytes;
    /// Sectors of a disk that were read back otherwise than written.
    WrongSectors = "wrong_sectors", Count;
    /// Places of a disk that cannot be written.
    UnwritablePlaces = "unwritable_places", Count;
    /// Rate of a disk while it was written.
    DiskWrite = "disk_write", MbPerSecond;
    /// Places of a disk that cannot be read.
    UnreadablePlaces = "unreadable_places", Count;
    /// Places of a disk that are slow each time they are read.
    WeakPlaces = "weak_places", Count;
    /// Zones of a disk that are slower than their neighbours each time they are read.
    SlowZones = "slow_zones", Count;
    /// Rate of a disk while it was scanned; along a series, of each zone.
    DiskRead = "disk_read", MbPerSecond;
    /// Longest request of a scan, with what waited before it in the queue.
    LongestRead = "longest_read", Microseconds;
    /// Rate of a disk in a row at five places, several requests of 1 MiB in flight.
    DiskSequential = "disk_sequential", MbPerSecond;
    /// Random reads of 4 KiB, one in flight.
    DiskRandom1 = "disk_random_qd1", PerSecond;
    /// Random reads of 4 KiB, 32 in flight.
    DiskRandom32 = "disk_random_qd32", PerSecond;
    /// Time of a random read of 4 KiB, one in flight: half of them.
    DiskLatency50 = "disk_latency_p50", Microseconds;
    /// 99th percentile of the time of a random read of 4 KiB, one in flight (µs).
    DiskLatency99 = "disk_latency_p99", Microseconds;
    /// 99.9th percentile of the time of a random read of 4 KiB, one in flight (µs).
    DiskLatency999 = "disk_latency_p999", Microseconds;
    /// Longest time of a random read of 4 KiB, one in flight (µs).
    DiskLatencyMost = "disk_latency_max", Microseconds;
    /// Random reads of 4 KiB, one in flight, by the time that they took: a series.
    DiskReadsByTime = "disk_reads_by_time", Count;
    /// Time of a random read of 4 KiB, 32 in flight: 99 of 100.
    DiskLatency99Of32 = "disk_latency_p99_qd32", Microseconds;
    /// Links of PCI Express that were looked at.
    PcieLinks = "pcie_links", Count;
    /// Errors of links that were corrected during the test.
    PcieCorrected = "pcie_corrected", Count;
    /// Errors of links that could not be corrected during the test.
    PcieUncorrected = "pcie_uncorrected", Count;
    /// Speed of a network link.
    LinkSpeed = "link_speed", MbitPerSecond;
    /// Broken frames and symbols that came over a network link during the test.
    FrameErrors = "frame_errors", Count;
    /// Frames that came over a network link during the test.
    FramesReceived = "frames_received", Count;
    /// Rate of connections to the other end of a test.
    ThroughputSent = "throughput_sent", MbitPerSecond;
    /// Rate of connections from the other end of a test.
    ThroughputReceived = "throughput_received", MbitPerSecond;
    /// Packets to the other end that were lost on the way.
    LossSent = "packet_loss_sent", Percent;
    /// Packets from the other end that were lost on the way.
    LossReceived = "packet_loss_received", Percent;
    /// Packets of both ends, of which losses are a share.
    PacketsSent = "packets_sent", Count;
    /// Packets that came after later ones.
    PacketsReordered = "packets_reordered", Count;
    /// Packets that came twice.
    PacketsDuplicated = "packets_duplicated", Count;
    /// Segments of connections that had to be sent again.
    Retransmissions = "retransmissions", Count;
    /// A small packet there and back: the shortest.
    RoundTripMin = "round_trip_min", Microseconds;
    /// Median time of a small packet there and back (µs).
    RoundTrip50 = "round_trip_p50", Microseconds;
    /// 99th percentile of the time of a small packet there and back (µs).
    RoundTrip99 = "round_trip_p99", Microseconds;
    /// Longest time of a small packet there and back (µs).
    RoundTripMax = "round_trip_max", Microseconds;
    /// Work of the busiest processor of both ends while connections were under load.
    BusiestCpu = "busiest_cpu", Percent;
    /// Graphics processors and accelerators that were found.
    Gpus = "gpus", Count;
    /// Memory of a graphics processor, as its driver tells.
    GpuMemory = "gpu_memory", Bytes;
    /// Temperature of a graphics processor at the end of the test.
    GpuTemperature = "gpu_temperature", Celsius;
    /// Errors that the memory of a graphics processor could not correct since its driver was loaded.
    GpuUncorrected = "gpu_uncorrected", Count;
    /// Errors that the memory of a graphics processor corrected since its driver was loaded.
    GpuCorrected = "gpu_corrected", Count;
    /// Bytes that a test of memory writes and reads, over its time: a series.
    MemoryThroughput = "memory_throughput", GibPerSecond;
    /// Rounds of work that a test of processors makes, over its time: a series.
    CpuThroughput = "cpu_throughput", PerSecond;
    /// Bytes that a test reads from all disks together, over its time: a series.
    DiskThroughput = "disk_throughput", MbPerSecond;
    /// Temperature of what is tested, over the time: a series.
    Temperature = "temperature", Celsius;
    /// Share of the time in which the threads of the test wanted a processor and got none, because something else ran there.
    Disturbed = "disturbed", Percent;
    /// Seconds that the test took.
    Duration = "seconds", Seconds;
}

impl Metric {
    /// The figure with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Metric> {
        Metric::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Metric::named(&name).ok_or_else(|| serde::de::Error::custom(format!("no figure has the name {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_figure() {
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.name()), Some(*metric));
        }
    }
}

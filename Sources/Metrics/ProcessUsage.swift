// What this process uses, under the names every Prometheus client library has for it.

import Glibc

enum ProcessUsage {
    /// Memory, processor time and start; what the system does not say is left out.
    static func families(started: Double) -> [MetricFamily] {
        var families: [MetricFamily] = []
        if let pages = residentPages {
            families.append(
                MetricFamily(
                    "process_resident_memory_bytes", .gauge, "Resident memory size in bytes.",
                    value: Double(pages) * Double(sysconf(Int32(_SC_PAGESIZE)))))
        }
        var usage = rusage()
        if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
            families.append(
                MetricFamily(
                    "process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.",
                    value: seconds(usage.ru_utime) + seconds(usage.ru_stime)))
        }
        families.append(
            MetricFamily(
                "process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.",
                value: started))
        return families
    }

    /// Seconds since 1970.
    static var now: Double {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    /// The second number of /proc/self/statm.
    private static var residentPages: Int64? {
        let file = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, filled in
            filled = unsafe max(0, read(file, buffer.baseAddress, buffer.count))
        }
        let numbers = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return numbers.count > 1 ? Int64(numbers[1]) : nil
    }
}

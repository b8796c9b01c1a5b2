// Where libFuzzer comes in. One program for all readers: the environment variable FUZZ names the one to feed.

import Glibc

private let entries = Invariants.entries + ReplayInvariants.entries + ReportInvariants.entries

private let chosen: Invariants.Entry = {
    let name = unsafe getenv("FUZZ").map { unsafe String(cString: $0) } ?? ""
    guard let entry = entries.first(where: { $0.name == name })?.run else {
        print("FUZZ is one of " + entries.map(\.name).joined(separator: ", "))
        exit(2)
    }
    return entry
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: data, count: size))
    if let fault = chosen(bytes) { fatalError(fault) }
    return 0
}

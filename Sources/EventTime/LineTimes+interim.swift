package import ArchiveTypes
import Glibc

package struct TimeZoneRules: Sendable { package static let utc = TimeZoneRules() }
package struct LineScan: Sendable { package var byteCount: Int; package var lineCount: UInt32; package var leastTime, greatestTime: Nanoseconds; package var times: LineTimes }
package struct LineTimer: Sendable {
    package init(zone: TimeZoneRules, reference: Nanoseconds) {}
    package mutating func scan(_ bytes: UnsafeRawBufferPointer, received: Nanoseconds, startsInsideLine: Bool, splitAfter: Int) -> LineScan {
        var n: UInt32 = 0
        var p = bytes.baseAddress
        let end = bytes.baseAddress.map { $0 + bytes.count }
        while let q = p, let e = end, q < e {
            n += 1
            if let m = memchr(q, 10, e - q) { p = UnsafeRawPointer(m) + 1 } else { p = e }
        }
        return LineScan(byteCount: bytes.count, lineCount: n, leastTime: received, greatestTime: received, times: .format(TimeFormatUse(format: "none.1", utcOffset: 0, year: 0, carry: received, received: received)))
    }
}

extension LineTimes {
    package func encoded() -> [UInt8] {
        switch self {
        case .format: return [0]
        case .column(let bytes): return [1] + bytes
        }
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(MalformedBytes) {
        guard let first = bytes.first else { throw MalformedBytes("no times", at: 0) }
        self = first == 1 ? .column(Array(bytes.dropFirst())) : .format(TimeFormatUse(format: "none.1", utcOffset: 0, year: 0, carry: 0, received: 0))
    }
}

import ArchiveTypes
import CSystem
import Glibc

/// `json-KEY.1` and `logfmt-KEY.1`: a time after a key.
struct KeyedTime: LineParser {
    enum Style { case json, logfmt }

    private let needle: Bytes
    private let length: Int
    private let style: Style
    private var clock: CalendarClock
    private var usedClock = false
    /// The first occurrence of the needle at or after the last place that was looked at: one search goes over the whole
    /// block, since beginning one takes as long as searching a short line.
    private var occurrence: Bytes?
    private var blockEnd: Bytes?

    static let searchedBytes = 4096

    var assumedZone: Bool { usedClock && clock.assumedZone }

    /// `needle` is the key with its quotes, or with its `=`.
    init(_ needle: StaticString, _ style: Style, utcOffset: Int32) {
        self.needle = needle.utf8Start
        length = needle.utf8CodeUnitCount
        self.style = style
        clock = CalendarClock(utcOffset: utcOffset)
    }

    mutating func enter(until end: Bytes) {
        blockEnd = end
        occurrence = nil
    }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard line < end, style == .logfmt || line[0] == 0x7B else { return .noTime }
        let limit = end - line > Self.searchedBytes ? line + Self.searchedBytes : end
        let early = style == .json ? line + 1 : line
        if limit - early >= length, memcmp(early, needle, length) == 0 {
            let time = value(early, end)
            if time != .noTime { return time }
        }
        return self.time(from: line, limit: limit, end: end)
    }

    private mutating func time(from line: Bytes, limit: Bytes, end: Bytes) -> Nanoseconds {
        var from = line
        while limit - from >= length {
            let found = occurrence(from: from, end)
            guard limit - found >= length else { return .noTime }
            if found == line || stands(found) {
                let time = value(found, end)
                if time != .noTime { return time }
            }
            from = found + 1
        }
        return .noTime
    }

    /// The first occurrence at or after `from`, or the block's end.
    @inline(__always)
    private mutating func occurrence(from: Bytes, _ end: Bytes) -> Bytes {
        if let occurrence, occurrence >= from { return occurrence }
        let blockEnd = blockEnd ?? end
        let found = search(from, blockEnd)
        occurrence = found
        return found
    }

    /// Looks for the needle's first two bytes, 16 places at a time: quicker than memmem(3), whose strides are as long as
    /// the needle, where that is short.
    private func search(_ from: Bytes, _ blockEnd: Bytes) -> Bytes {
        var next = from
        let first = SIMD16(repeating: needle[0])
        let second = SIMD16(repeating: needle[1])
        while length < 8, blockEnd - next >= 16 + length {
            let here = UnsafeRawPointer(next).loadUnaligned(as: SIMD16<UInt8>.self)
            let after = UnsafeRawPointer(next + 1).loadUnaligned(as: SIMD16<UInt8>.self)
            let both = unsafeBitCast((here .== first) .& (after .== second), to: SIMD2<UInt64>.self)
            if both[0] | both[1] != 0, let found = check(next) { return found }
            next += 16
        }
        return firn_memmem(next, blockEnd - next, needle, length)?.assumingMemoryBound(to: UInt8.self) ?? blockEnd
    }

    /// The needle at one of 16 places.
    private func check(_ start: Bytes) -> Bytes? {
        for place in 0..<16 where memcmp(start + place, needle, length) == 0 { return start + place }
        return nil
    }

    /// Whether the byte before the needle lets it be a key.
    @inline(__always)
    private func stands(_ found: Bytes) -> Bool {
        style == .json ? found[-1] != 0x5C : found[-1].isBlank
    }

    @inline(__always)
    private mutating func value(_ found: Bytes, _ end: Bytes) -> Nanoseconds {
        var next = found + length
        if style == .json {
            while next < end, next[0].isBlank { next += 1 }
            guard next < end, next[0] == 0x3A else { return .noTime }
            next += 1
            while next < end, next[0].isBlank { next += 1 }
        }
        if next < end, next[0] == 0x22 { next += 1 }
        guard end - next >= 10 else { return .noTime }
        usedClock = !next.isDigit(4)
        return usedClock ? clock.time(next, end) : Piece.unix(next, end)
    }
}

import ArchiveTypes
import Glibc

/// `rfc3164.1`: `Jun  9 06:06:20`.
struct TraditionalSyslog: LineParser {
    private var cache = MinuteCache()
    private let year: Int
    private let offset: Nanoseconds
    var assumedZone: Bool { true }

    init(utcOffset: Int32, year: Int32) {
        self.year = Int(year)
        offset = Nanoseconds(utcOffset) * .perSecond
    }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let start = line.pastPriority(end)
        guard end - start >= 14 else { return .noTime }
        let first = start.word(0)
        let second = start.word(4)
        if !cache.holds(first, second) {
            guard learn(start, first, second) else { return .noTime }
        }
        var next = start + cache.extra
        guard end - next >= 2, next[-1] == 0x3A else { return .noTime }
        let seconds = next.twoDigits(0)
        guard 0...60 ~= seconds else { return .noTime }
        next += 2
        let time = cache.minute &+ Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        return next < end && next.isDigit(0) ? .noTime : time &- offset
    }

    @inline(never)
    private mutating func learn(_ start: Bytes, _ first: UInt64, _ second: UInt64) -> Bool {
        guard start[3] == 0x20 else { return false }
        let oneColumn = start[5] == 0x20
        let clock = oneColumn ? 6 : 7
        let day = oneColumn || start[4] == 0x20 ? start.oneDigit(oneColumn ? 4 : 5) : start.twoDigits(4)
        guard start[clock - 1] == 0x20, start[clock + 2] == 0x3A else { return false }
        let minute = Piece.minute(
            year: year, month: start.month(0), day: day, hour: start.twoDigits(clock),
            minute: start.twoDigits(clock + 3))
        guard minute != .noTime else { return false }
        cache.keep(first, second, minute: minute, extra: clock + 6)
        return true
    }
}

/// `clf.1`: `[10/Oct/2000:13:55:36 -0700]`.
struct CommonLog: LineParser {
    private var cache = MinuteCache()
    var assumedZone: Bool { false }

    static let searchedBytes = 512
    static let brackets = 4

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let limit = end - line > Self.searchedBytes ? line + Self.searchedBytes : end
        var next = line
        for _ in 0..<Self.brackets {
            guard next < limit, let bracket = memchr(next, 0x5B, limit - next) else { return .noTime }
            next = Bytes(bracket.assumingMemoryBound(to: UInt8.self)) + 1
            let time = bracketed(next, end)
            if time != .noTime { return time }
        }
        return .noTime
    }

    @inline(__always)
    private mutating func bracketed(_ start: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - start >= 26 else { return .noTime }
        // 17 bytes name the minute: the first is compared apart from the 16 after it.
        let first = start.word(1)
        let second = start.word(9)
        if !cache.holds(first, second) || cache.extra != Int(start[0]) {
            guard learn(start, first, second) else { return .noTime }
        }
        let seconds = start.twoDigits(18)
        guard start[17] == 0x3A, 0...60 ~= seconds else { return .noTime }
        var next = start + 20
        let local = cache.minute &+ Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        guard next < end, next[0] == 0x20 else { return .noTime }
        let zone = Piece.zone(next, end)
        return zone == .noTime ? .noTime : local &- zone
    }

    @inline(never)
    private mutating func learn(_ start: Bytes, _ first: UInt64, _ second: UInt64) -> Bool {
        guard start[2] == 0x2F, start[6] == 0x2F, start[11] == 0x3A, start[14] == 0x3A else { return false }
        let minute = Piece.minute(
            year: start.fourDigits(7), month: start.month(3), day: start.twoDigits(0), hour: start.twoDigits(12),
            minute: start.twoDigits(15))
        guard minute != .noTime else { return false }
        cache.keep(first, second, minute: minute, extra: Int(start[0]))
        return true
    }
}

/// `ctime.1`: `[Sun Dec 04 04:47:44.123 2005]`.
struct CTime: LineParser {
    private var cache = MinuteCache()
    private let offset: Nanoseconds
    var assumedZone: Bool { true }

    init(utcOffset: Int32) { offset = Nanoseconds(utcOffset) * .perSecond }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let start = line.pastOpening(end)
        guard end - start >= 24, start[16] == 0x3A, start[10] == 0x20 else { return .noTime }
        let seconds = start.twoDigits(17)
        guard 0...60 ~= seconds else { return .noTime }
        var next = start + 19
        let rest = Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        guard end - next >= 5, next[0] == 0x20, end - next == 5 || !next.isDigit(5) else { return .noTime }
        let year = next.fourDigits(1)
        let first = start.word(0)
        let second = start.word(8)
        if !cache.holds(first, second) || cache.extra != year {
            guard learn(start, first, second, year) else { return .noTime }
        }
        return cache.minute &+ rest &- offset
    }

    @inline(never)
    private mutating func learn(_ start: Bytes, _ first: UInt64, _ second: UInt64, _ year: Int) -> Bool {
        guard start[3] == 0x20, start[7] == 0x20, start[13] == 0x3A, Self.isWeekday(start) else { return false }
        let minute = Piece.minute(
            year: year, month: start.month(4), day: start[8] == 0x20 ? start.oneDigit(9) : start.twoDigits(8),
            hour: start.twoDigits(11), minute: start.twoDigits(14))
        guard minute != .noTime else { return false }
        cache.keep(first, second, minute: minute, extra: year)
        return true
    }

    private static func isWeekday(_ start: Bytes) -> Bool {
        switch (start[0], start[1], start[2]) {
        case (0x4D, 0x6F, 0x6E), (0x54, 0x75, 0x65), (0x57, 0x65, 0x64), (0x54, 0x68, 0x75), (0x46, 0x72, 0x69),
            (0x53, 0x61, 0x74), (0x53, 0x75, 0x6E):
            true
        default: false
        }
    }
}

extension UnsafePointer<UInt8> {
    fileprivate func oneDigit(_ offset: Int) -> Int { isDigit(offset) ? Int(self[offset] &- 0x30) : -1 }
}

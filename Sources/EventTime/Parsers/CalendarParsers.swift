import ArchiveTypes

/// `iso8601.1`, and with `needsZone` `rfc3339.1`.
struct LeadingCalendar: LineParser {
    var clock: CalendarClock
    let needsZone: Bool
    var assumedZone: Bool { clock.assumedZone }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let time = clock.time(line.pastOpening(end), end)
        return needsZone && clock.assumedZone ? .noTime : time
    }
}

/// `rfc5424.1`.
struct PrioritizedCalendar: LineParser {
    var clock = CalendarClock(utcOffset: 0)
    var assumedZone: Bool { false }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        var start = line.pastPriority(end)
        guard start > line else { return .noTime }
        if end - start >= 2, start[0] == 0x31, start[1] == 0x20 { start += 2 }
        let time = clock.time(start, end)
        return clock.assumedZone ? .noTime : time
    }
}

/// `iso8601-within.1`.
struct SearchedCalendar: LineParser {
    var clock: CalendarClock
    var assumedZone: Bool { clock.assumedZone }

    static let searchedBytes = 128

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - line >= CalendarClock.length else { return .noTime }
        let last = min(end - CalendarClock.length, line + Self.searchedBytes - 1)
        var next = line
        while next <= last {
            if next[4] == 0x2D || next[4] == 0x2F, next[7] == next[4], next == line || Self.opens(next[-1]) {
                let time = clock.time(next, end)
                if time != .noTime { return time }
            }
            next += 1
        }
        return .noTime
    }

    private static func opens(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x5B, 0x28, 0x22, 0x27, 0x3D, 0x2C, 0x3B, 0x7C, 0x3C: true
        default: false
        }
    }
}

/// `iso8601-basic.1`: `20240102T150405`.
struct BasicCalendar: LineParser {
    private var cache = MinuteCache()
    private let offset: Nanoseconds
    private(set) var assumedZone = false

    init(utcOffset: Int32) { offset = Nanoseconds(utcOffset) * .perSecond }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let start = line.pastOpening(end)
        guard end - start >= 15, start[8] == 0x54 else { return .noTime }
        let first = start.word(0)
        let second = start.word(5)
        if !cache.holds(first, second) {
            let minute = Piece.minute(
                year: start.fourDigits(0), month: start.twoDigits(4), day: start.twoDigits(6),
                hour: start.twoDigits(9), minute: start.twoDigits(11))
            guard minute != .noTime else { return .noTime }
            cache.keep(first, second, minute: minute)
        }
        let seconds = start.twoDigits(13)
        guard 0...60 ~= seconds else { return .noTime }
        var next = start + 15
        let local = cache.minute &+ Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        if next < end, next.isDigit(0) { return .noTime }
        let zone = Piece.zone(next, end)
        assumedZone = zone == .noTime
        return local &- (assumedZone ? offset : zone)
    }
}

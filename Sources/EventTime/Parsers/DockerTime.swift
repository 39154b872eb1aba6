import ArchiveTypes

/// `docker.1`: the time stands at the line's end, however long the line is.
struct DockerTime: LineParser {
    private var clock = CalendarClock(utcOffset: 0)
    var assumedZone: Bool { false }

    private static let opening: StaticString = "{\"log\":\""
    private static let key: StaticString = "\"time\":\""
    /// Lengths of times: that of nine digits of fraction is the usual one.
    private static let usual = 30
    private static let lengths = 20...35

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - line >= 2 + 8 + Self.lengths.lowerBound + 2,
            line.word(0) == UnsafePointer(Self.opening.utf8Start).word(0),
            end[-1] == 0x7D, end[-2] == 0x22
        else { return .noTime }
        let time = value(Self.usual, line, end)
        return time != .noTime ? time : rare(line, end)
    }

    @inline(never)
    private mutating func rare(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        for length in Self.lengths where length != Self.usual {
            let time = value(length, line, end)
            if time != .noTime { return time }
        }
        return .noTime
    }

    /// The time, where it has that many bytes.
    @inline(__always)
    private mutating func value(_ length: Int, _ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let start = end - 2 - length
        guard start - line >= 10, (start - 8).word(0) == UnsafePointer(Self.key.utf8Start).word(0) else {
            return .noTime
        }
        let time = clock.time(start, end - 2)
        return clock.assumedZone ? .noTime : time
    }
}

import ArchiveTypes
import CSystem

/// `none.1`.
struct NoTimes: LineParser {
    var assumedZone: Bool { false }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds { .noTime }
}

/// `unix.1`.
struct LeadingUnix: LineParser {
    var assumedZone: Bool { false }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds { Piece.unix(line.pastOpening(end), end) }
}

/// `unix-column.1`.
struct UnixColumn: LineParser {
    var assumedZone: Bool { false }

    static let searchedBytes = 256
    static let fields = 2...8

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let limit = end - line > Self.searchedBytes ? line + Self.searchedBytes : end
        var next = line
        for field in 1...Self.fields.upperBound {
            while next < limit, next[0].isBlank { next += 1 }
            guard next < limit else { return .noTime }
            if field >= Self.fields.lowerBound, next.isDigit(0) {
                let time = Piece.unix(next, end, secondsAlone: true)
                if time != .noTime { return time }
            }
            while next < limit, !next[0].isBlank { next += 1 }
        }
        return .noTime
    }
}

/// `bgl.1`.
struct BlueGene: LineParser {
    var assumedZone: Bool { false }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        let limit = end - line > UnixColumn.searchedBytes ? line + UnixColumn.searchedBytes : end
        guard let second = Self.field(after: line, limit), limit - second >= 11, second[10] == 0x20 else { return .noTime }
        let whole = Piece.unix(second, second + 10)
        guard whole != .noTime, let fourth = Self.field(after: second + 11, limit),
            let fifth = Self.field(after: fourth, limit), limit - fifth >= 26, fifth[4] == 0x2D, fifth[7] == 0x2D,
            fifth[10] == 0x2D, fifth[13] == 0x2E, fifth[16] == 0x2E, fifth[19] == 0x2E,
            Int64(fifth.twoDigits(17)) == whole / .perSecond % 60
        else { return .noTime }
        var next = fifth + 19
        let fraction = Piece.fraction(&next, fifth + 26)
        return next == fifth + 26 ? whole + fraction : .noTime
    }

    /// Past the next space.
    @inline(__always)
    private static func field(after start: Bytes, _ limit: Bytes) -> Bytes? {
        var next = start
        while next < limit, next[0] != 0x20 { next += 1 }
        return next < limit ? next + 1 : nil
    }
}

/// `audit.1`.
struct AuditLog: LineParser {
    var assumedZone: Bool { false }

    private static let needle: StaticString = "audit("
    static let searchedBytes = 256

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - line >= 5, line[4] == 0x3D, line[0] == 0x74 || line[0] == 0x6E else { return .noTime }
        let searched = min(end - line, Self.searchedBytes)
        let length = Self.needle.utf8CodeUnitCount
        guard let found = firn_memmem(line, searched, Self.needle.utf8Start, length) else { return .noTime }
        return Piece.unix(found.assumingMemoryBound(to: UInt8.self) + length, end, secondsAlone: true)
    }
}

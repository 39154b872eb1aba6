import ArchiveTypes

/// CALENDAR of `TimeFormat`: `YYYY-MM-DD HH:MM:SS`, fraction, zone.
struct CalendarClock {
    private var cache = MinuteCache()
    private let offset: Nanoseconds
    /// Whether the last time had no zone of its own.
    private(set) var assumedZone = false

    /// Bytes from the year to the seconds.
    static let length = 19

    /// `utcOffset`: seconds east of UTC where the line names no zone.
    init(utcOffset: Int32) { offset = Nanoseconds(utcOffset) * .perSecond }

    @inline(__always)
    mutating func time(_ start: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - start >= Self.length else { return .noTime }
        let first = start.word(0)
        let second = start.word(8)
        if !cache.holds(first, second) {
            guard learn(start, first, second) else { return .noTime }
        }
        let seconds = start.twoDigits(17)
        guard start[16] == 0x3A, 0...60 ~= seconds else { return .noTime }
        var next = start + Self.length
        let local = cache.minute &+ Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        if next < end, next.isDigit(0) { return .noTime }
        let zone = Piece.zone(next, end)
        assumedZone = zone == .noTime
        return local &- (assumedZone ? offset : zone)
    }

    @inline(never)
    private mutating func learn(_ start: Bytes, _ first: UInt64, _ second: UInt64) -> Bool {
        let gap = start[10]
        guard start[4] == 0x2D || start[4] == 0x2F, start[7] == start[4],
            gap == 0x20 || gap == 0x54 || gap == 0x74, start[13] == 0x3A
        else { return false }
        let minute = Piece.minute(
            year: start.fourDigits(0), month: start.twoDigits(5), day: start.twoDigits(8), hour: start.twoDigits(11),
            minute: start.twoDigits(14))
        guard minute != .noTime else { return false }
        cache.keep(first, second, minute: minute)
        return true
    }
}

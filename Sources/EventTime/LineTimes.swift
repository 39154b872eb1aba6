package import ArchiveTypes

/// How the event times of a block's lines stand in its header.
package enum LineTimes: Sendable, Hashable {
    /// Reading the lines again by a frozen, named format gives the same times.
    case format(TimeFormatUse)
    /// One signed varint a line: the first line's time, then wrapping differences to the line before.
    case column([UInt8])
}

/// A frozen time format with everything that reading by it depends on, so that it gives the same times for ever.
package struct TimeFormatUse: Sendable, Hashable {
    /// Name and version, e.g. `rfc3339.1`. What a name means never changes; see `TimeFormat`.
    package var format: String
    /// Seconds east of UTC, for lines that name no zone.
    package var utcOffset: Int32
    /// The year, for lines that name none.
    package var year: Int32
    /// The time of lines before the first that has one: the stream's last time before this block, else the receive time.
    package var carry: Nanoseconds
    /// The block's receive time: times later than `Limits.eventTimeLead` after it count as none.
    package var received: Nanoseconds
    /// Lines whose time is not what the format gives: index of the line in the block, ascending, and its time.
    package var exceptions: [Exception]

    package struct Exception: Sendable, Hashable {
        package var line: UInt32
        package var time: Nanoseconds

        package init(line: UInt32, time: Nanoseconds) {
            self.line = line
            self.time = time
        }
    }

    package init(
        format: String, utcOffset: Int32, year: Int32, carry: Nanoseconds, received: Nanoseconds,
        exceptions: [Exception] = []
    ) {
        self.format = format
        self.utcOffset = utcOffset
        self.year = year
        self.carry = carry
        self.received = received
        self.exceptions = exceptions
    }
}

package import ArchiveTypes

/// Finds the event times of one stream's consecutive lines. One a stream, carried from block to block.
///
/// The format is found from the first lines and kept as long as it reads lines. Lines that it does not read
/// (continuations, stack traces) take the time of the line before them; lines of another format, once two of it have
/// been seen, are read by that; when the stream goes over to another format, so does the timer.
package struct LineTimer: Sendable {
    private let zone: TimeZoneRules
    /// When the lines were there already: a file's modification time, or the receive time. A line without a year is of
    /// the latest one that puts it at most `Limits.eventTimeLead` after this. It ages with the receive time from scan
    /// to scan, as a followed file's does; whoever learns of a later modification sets it.
    package var reference: Nanoseconds {
        didSet { referenceReceived = nil }
    }
    /// The receive time at which `reference` was right.
    private var referenceReceived: Nanoseconds?
    /// The time of the last line.
    private var last: Nanoseconds?
    private var reading = Reading()
    private var memory = FormatMemory()

    /// `zone` is that of lines that name none.
    package init(zone: TimeZoneRules, reference: Nanoseconds) {
        self.zone = zone
        self.reference = reference
    }

    /// Goes on where another one ended: what begins without a time has that of its last line.
    package mutating func goOn(after previous: LineTimer) { last = previous.last }

    /// Scans as many whole lines of `bytes` as belong to one block: all, or those before event time jumps by more than
    /// an hour away from the block's times, or before the format changes for good, if that is after at least
    /// `splitAfter` bytes; rarely fewer, where too many lines deviate to be described. At least one line, if there is
    /// one. The last line may lack its newline.
    ///
    /// `received` is the receive time of the last line. `startsInsideLine`: the first line goes on from the block
    /// before and takes the time of that one's last line. `bytes` are at most 4 GiB.
    package mutating func scan(
        _ bytes: UnsafeRawBufferPointer, received: Nanoseconds, startsInsideLine: Bool, splitAfter: Int
    ) -> LineScan {
        precondition(bytes.count <= UInt32.max, "a block of \(bytes.count) bytes is too long")
        let input = LinePass.Input(
            bytes: bytes, startsInsideLine: startsInsideLine, splitAfter: splitAfter, carry: last ?? received,
            resolver: resolver(received: received))
        let window = prepare(input)
        var pass = LinePass(input, reading, window: window, memory)
        var rejected: [Reading] = []
        while case .again(let better) = pass.run() {
            rejected.append(pass.reading)
            pass = LinePass(input, better.reading, window: better.window, pass.memory, rejected: rejected)
        }
        return finish(pass, input, received: received)
    }

    private mutating func resolver(received: Nanoseconds) -> TimeResolver {
        let since = referenceReceived ?? received
        referenceReceived = since
        let age = max(0, received.addingClamped(since == .min ? .max : -since))
        return TimeResolver(zone: zone, received: received, reference: reference.addingClamped(age))
    }

    /// Settles the reading by the block's first lines; returns its window.
    private mutating func prepare(_ input: LinePass.Input) -> Range<Nanoseconds> {
        let (bytes, inside, resolver, carry) = (input.bytes, input.startsInsideLine, input.resolver, input.carry)
        let found =
            reading.format == .none
            ? TimeFormat.detect(in: bytes, startsInsideLine: inside, resolver, after: carry)
            : reading.format.resolveFirst(in: bytes, startsInsideLine: inside, resolver, after: carry)
        guard let found else { return resolver.windowOfAll(reading) }
        reading = found.reading
        return found.window
    }

    private mutating func finish(_ pass: LinePass, _ input: LinePass.Input, received: Nanoseconds) -> LineScan {
        let progress = pass.progress
        let use = TimeFormatUse(
            format: pass.reading.format.rawValue, utcOffset: pass.reading.utcOffset, year: pass.reading.year,
            carry: input.carry, received: received, exceptions: pass.exceptions)
        reading = pass.successor ?? pass.reading
        memory = pass.memory
        guard progress.lineCount > 0 else {
            return LineScan(
                byteCount: 0, lineCount: 0, leastTime: received, greatestTime: received, times: .format(use))
        }
        last = progress.last
        let lines = UnsafeRawBufferPointer(rebasing: input.bytes[..<progress.byteCount])
        return LineScan(
            byteCount: progress.byteCount, lineCount: progress.lineCount, leastTime: progress.least,
            greatestTime: progress.greatest,
            times: Self.shortest(use, lines, startsInsideLine: input.startsInsideLine, lineCount: progress.lineCount))
    }

    /// The format with its exceptions, or a column where that takes less room.
    private static func shortest(
        _ use: TimeFormatUse, _ lines: UnsafeRawBufferPointer, startsInsideLine: Bool, lineCount: UInt32
    ) -> LineTimes {
        let byFormat = LineTimes.format(use)
        // A column takes at least a byte a line.
        guard !use.exceptions.isEmpty, byFormat.encoded().count > Int(lineCount) else { return byFormat }
        var table = LineTable()
        do {
            try byFormat.read(lines, startsInsideLine: startsInsideLine, into: &table)
        } catch {
            return byFormat
        }
        let column = LineTimes.column(of: table.times)
        return column.encoded().count < byFormat.encoded().count ? column : byFormat
    }
}

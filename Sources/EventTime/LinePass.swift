import ArchiveTypes

/// One way through a block's lines by one reading. The reading stays the block's; lines that need another become
/// exceptions, and when a run of lines needs the same other one, the pass ends or asks to be begun again with that.
struct LinePass: ParserUser {
    struct Input {
        var bytes: UnsafeRawBufferPointer
        var startsInsideLine: Bool
        var splitAfter: Int
        /// The time of the line before the block.
        var carry: Nanoseconds
        var resolver: TimeResolver
    }

    enum Result {
        /// The block ends where `progress` says.
        case ended
        /// This reading fits the block better.
        case again(ResolvedTime)
    }

    /// The block so far.
    struct Progress {
        var byteCount = 0
        var lineCount: UInt32 = 0
        var least = Nanoseconds.max
        var greatest = Nanoseconds.min
        /// The time of the last line.
        var last: Nanoseconds
        var exceptionCount = 0
    }

    /// Lines in a row that another reading takes until the block's one is given up.
    private static let patience = 8
    /// Bounds what exceptions take; the block ends there.
    private static let mostExceptions = 32_768

    private let input: Input
    let reading: Reading
    private var window: Range<Nanoseconds>
    private let mayBeginAgain: Bool
    private(set) var progress: Progress
    private(set) var exceptions: [TimeFormatUse.Exception] = []
    private(set) var memory: FormatMemory
    /// The reading of the lines after the block, where it is known to be another.
    private(set) var successor: Reading?

    /// Whether the last line was not taken by the reading, and the block before the first such line in a row.
    private var isInRun = false
    private var beforeRun: Progress
    private var challenger = Reading()
    private var challengerLines = 0
    private var verdict: Result?

    init(_ input: Input, _ reading: Reading, window: Range<Nanoseconds>, _ memory: FormatMemory, mayBeginAgain: Bool) {
        self.input = input
        self.reading = reading
        self.window = window
        self.memory = memory
        self.mayBeginAgain = mayBeginAgain
        progress = Progress(last: input.carry)
        beforeRun = progress
    }

    mutating func run() -> Result { reading.format.parse(utcOffset: reading.utcOffset, year: reading.year, by: &self) }

    mutating func use(_ parser: some LineParser) -> Result {
        var parser = parser
        var line = LineCursor(input.bytes)
        parser.enter(until: line.end)
        var block = progress
        if input.startsInsideLine, line.advance() { block.take(input.carry, upTo: line.endOffset) }
        while line.advance() {
            var time = parser.time(line.start, line.stop)
            var excepted = false
            if window.holds(time) {
                isInRun = false
            } else {
                (time, excepted) = deviate(line, parsed: time, assumedZone: parser.assumedZone, block)
                if let verdict { return verdict }
            }
            if time > block.greatest || time < block.least, block.byteCount >= input.splitAfter, block.isFar(time) { break }
            block.take(time, upTo: line.endOffset)
            if excepted, except(time, &block) { break }
        }
        progress = block
        return .ended
    }

    /// Whether there is no room for more.
    private mutating func except(_ time: Nanoseconds, _ block: inout Progress) -> Bool {
        exceptions.append(TimeFormatUse.Exception(line: block.lineCount - 1, time: time))
        block.exceptionCount = exceptions.count
        return exceptions.count >= Self.mostExceptions
    }
}

extension Range<Nanoseconds> {
    /// `contains` in one comparison.
    @inline(__always)
    fileprivate func holds(_ time: Nanoseconds) -> Bool {
        UInt64(bitPattern: time &- lowerBound) < UInt64(bitPattern: upperBound &- lowerBound)
    }
}

extension LinePass.Progress {
    @inline(__always)
    fileprivate mutating func take(_ time: Nanoseconds, upTo end: UInt32) {
        byteCount = Int(end)
        lineCount &+= 1
        if time < least { least = time }
        if time > greatest { greatest = time }
        last = time
    }

    /// Whether the time jumps away from the block's times by more than an hour.
    fileprivate func isFar(_ time: Nanoseconds) -> Bool {
        lineCount > 0
            && (time > greatest.addingClamped(.perHour) || time < least.addingClamped(-.perHour))
    }
}

/// Lines that the reading does not take.
extension LinePass {
    /// The line's time, and whether it has to be an exception.
    @inline(never)
    private mutating func deviate(
        _ line: LineCursor, parsed: Nanoseconds, assumedZone: Bool, _ block: Progress
    ) -> (Nanoseconds, Bool) {
        let resolver = input.resolver
        let isPlausible = resolver.plausible.contains(parsed)
        // What reading by the format alone will give.
        let given = isPlausible ? parsed : block.last
        if isPlausible, !assumedZone, !reading.format.isYearless {
            isInRun = false
            return (parsed, false)
        }
        if parsed != .noTime || reading.format.isYearless,
            let found = resolver.resolve(line.start, line.stop, by: reading.format, after: block.last)
        {
            if found.reading == reading {
                window = found.window
                isInRun = false
                return (found.time, found.time != given)
            }
            challenge(found, block)
            return (found.time, found.time != given)
        }
        if !isInRun { startRun(block) }
        let time = otherTime(line, block) ?? block.last
        return (time, time != given)
    }

    /// The time of a line by another format, if that is trusted.
    private mutating func otherTime(_ line: LineCursor, _ block: Progress) -> Nanoseconds? {
        guard line.start < line.stop, !line.start[0].isBlank else { return nil }
        let resolver = input.resolver
        for format in memory.trusted where format != reading.format {
            if let found = resolver.resolve(line.start, line.stop, by: format, after: block.last) {
                challenge(found, block)
                return found.time
            }
        }
        guard memory.mayLook() else { return nil }
        guard let found = TimeFormat.detect(line.start, line.stop, resolver, after: block.last),
            found.reading.format != reading.format
        else {
            memory.failed()
            return nil
        }
        memory.saw(found.reading.format)
        challenge(found, block)
        return memory.trusted.contains(found.reading.format) ? found.time : nil
    }

    private mutating func startRun(_ block: Progress) {
        isInRun = true
        beforeRun = block
        challengerLines = 0
    }

    /// Another reading takes a line. When it has taken enough in a row, it wins.
    private mutating func challenge(_ found: ResolvedTime, _ block: Progress) {
        if !isInRun { startRun(block) }
        challengerLines = found.reading == challenger ? challengerLines + 1 : 1
        challenger = found.reading
        let isFirst = reading.format == .none && !found.reading.format.isWeak
        guard challengerLines >= (isFirst ? 2 : Self.patience) else { return }
        if beforeRun.byteCount > 0, beforeRun.byteCount >= input.splitAfter {
            progress = beforeRun
            exceptions.removeLast(exceptions.count - beforeRun.exceptionCount)
            successor = found.reading
            verdict = .ended
        } else if mayBeginAgain {
            verdict = .again(found)
        }
    }
}

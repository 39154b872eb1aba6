package import ArchiveTypes

extension LineTimes {
    /// The shortest description of lines whose times are known: by a format with exceptions, or as a column.
    /// - Parameters:
    ///   - times: of each line of `lines`.
    ///   - startsInsideLine: the first line goes on from the block before.
    ///   - candidates: formats that may give the times; `carry` and `exceptions` of these do not matter.
    package static func describing(
        _ times: [Nanoseconds], of lines: UnsafeRawBufferPointer, startsInsideLine: Bool, by candidates: [TimeFormatUse]
    ) -> LineTimes {
        let fitting = candidates.compactMap { use -> LineTimes? in
            guard let format = TimeFormat(rawValue: use.format) else { return nil }
            var fitting = FormatFitting(lines: lines, times: times, use: use, startsInsideLine: startsInsideLine)
            guard format.parse(utcOffset: use.utcOffset, year: use.year, by: &fitting) else { return nil }
            return .format(fitting.use)
        }
        return fitting.min { $0.encoded().count < $1.encoded().count } ?? .column(of: times)
    }
}

/// Finds the exceptions with which a format gives known times, as `LineTimes.read` will read it.
private struct FormatFitting: ParserUser {
    let lines: UnsafeRawBufferPointer
    let times: [Nanoseconds]
    var use: TimeFormatUse
    let startsInsideLine: Bool

    init(lines: UnsafeRawBufferPointer, times: [Nanoseconds], use: TimeFormatUse, startsInsideLine: Bool) {
        self.lines = lines
        self.times = times
        self.use = use
        self.startsInsideLine = startsInsideLine
        self.use.carry = times.first ?? use.carry
        self.use.exceptions = []
    }

    /// Whether it can be described so in less room than a column takes: that is about two bytes a line.
    mutating func use(_ parser: some LineParser) -> Bool {
        var parser = parser
        let plausible = PlausibleTimes(received: use.received)
        var line = LineCursor(lines)
        parser.enter(until: line.end)
        var time = use.carry
        var looks = !startsInsideLine
        var index = 0
        while index < times.count, line.advance() {
            let read = looks ? parser.time(line.start, line.stop) : .noTime
            looks = true
            if plausible.contains(read) { time = read }
            if time != times[index] {
                time = times[index]
                use.exceptions.append(TimeFormatUse.Exception(line: UInt32(index), time: time))
            }
            index += 1
        }
        return use.exceptions.count <= times.count / 4 + 1
    }
}

import ArchiveTypes

/// A line, or a record, that goes on over pieces: gathered, judged as a whole, printed. Beyond `limit` bytes it is
/// judged by what is there, and printed in parts.
struct SplitGroup {
    private let question: Question
    private let limit: Int
    private let time: Nanoseconds
    private let frame: LineFrame
    private let origin: UInt8
    private var bytes: [UInt8]
    /// Set once the group became too long to be held.
    private var verdict: Bool?
    /// Whether `bytes` begins inside a line, of which a part was printed or left out already.
    private var inside = Inside.no

    private enum Inside { case no, printed, leftOut }

    init(_ question: Question, limit: Int, time: Nanoseconds, frame: LineFrame, origin: UInt8, bytes: [UInt8]) {
        self.question = question
        self.limit = limit
        self.time = time
        self.frame = frame
        self.origin = origin
        self.bytes = bytes
    }

    mutating func append(_ more: [UInt8], _ filter: TextFilter, to printer: inout AnswerPrinter) throws(SinkError) {
        bytes += more
        guard bytes.count > limit else { return }
        let isSelected = verdict ?? (judgesLines || accepts(bytes, filter))
        verdict = isSelected
        if isSelected { try printLines(filter, isLast: false, to: &printer) }
        bytes.removeAll(keepingCapacity: true)
    }

    /// Prints what is left, if it is selected.
    mutating func finish(_ filter: TextFilter, to printer: inout AnswerPrinter) throws(SinkError) {
        guard !bytes.isEmpty || inside == .printed, verdict ?? (judgesLines || accepts(bytes, filter)) else { return }
        try printLines(filter, isLast: true, to: &printer)
    }

    /// The group's lines are selected one by one.
    private var judgesLines: Bool { !question.wholeRecords }

    private func accepts(_ bytes: [UInt8], _ filter: TextFilter) -> Bool {
        if filter.acceptsAll { return true }
        let ends = bytes.lineEnds
        return bytes.withUnsafeBytes { bytes in
            ends.withUnsafeBufferPointer { filter.accepts(record: 0..<$0.count, bytes, $0) }
        }
    }

    private mutating func printLines(_ filter: TextFilter, isLast: Bool, to printer: inout AnswerPrinter)
        throws(SinkError)
    {
        let ends = bytes.lineEnds
        let before = inside
        let endsInside = !isLast && bytes.last != UInt8(ascii: "\n")
        if !ends.isEmpty { inside = .no }
        let bytes = bytes
        try bytes.withBytes { (bytes) throws(SinkError) in
            var start = 0
            for (index, end) in ends.enumerated() {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<Int(end)])
                start = Int(end)
                let goesOn = endsInside && index == ends.count - 1
                let state = try printLine(line, index == 0 ? before : .no, goesOn: goesOn, filter, to: &printer)
                if goesOn { inside = state }
            }
            if ends.isEmpty, isLast, before == .printed {
                try printer.print(bytes, time: time, frame, origin: origin, isFirst: false)
            }
        }
    }

    /// Prints a line, or the next part of one. Returns what became of it.
    private func printLine(
        _ line: UnsafeRawBufferPointer, _ before: Inside, goesOn: Bool, _ filter: TextFilter,
        to printer: inout AnswerPrinter
    ) throws(SinkError) -> Inside {
        if before == .leftOut { return .leftOut }
        if before == .no {
            if printer.isFull { return .leftOut }
            if judgesLines, !filter.accepts(line.withoutNewline) { return .leftOut }
        }
        try printer.print(line, time: time, frame, origin: origin, isFirst: before == .no, goesOn: goesOn)
        return .printed
    }
}

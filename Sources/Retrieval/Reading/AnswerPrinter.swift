import ArchiveTypes
import Glibc

/// Prints, or only counts, the lines of an answer up to its limit.
struct AnswerPrinter: ~Copyable {
    private var formatter: LineFormatter
    private var output: OutputBuffer
    private let question: Question
    private let countsOnly: Bool
    private var left: UInt64
    private(set) var lines: UInt64 = 0
    /// Counts the lines by time, where that is what is asked.
    private(set) var histogram: Histogram?

    /// Counts by time instead of printing.
    init(_ question: Question, tally histogram: Histogram) {
        self.init(OutputOptions(), NoSink(), question, limit: nil, countsOnly: true)
        self.histogram = histogram
    }

    init(_ options: OutputOptions, _ sink: any ByteSink, _ question: Question, limit: UInt64?, countsOnly: Bool) {
        formatter = LineFormatter(options)
        output = OutputBuffer(sink)
        self.question = question
        self.countsOnly = countsOnly
        left = limit ?? .max
    }

    var isFull: Bool { left == 0 }
    var bytes: UInt64 { output.total }

    func frame(_ facts: BlockFacts) -> LineFrame { formatter.frame(of: facts) }

    /// Prints consecutive items of an extract.
    mutating func print(_ extract: Extract, _ items: Range<Int>, _ frame: LineFrame) throws(SinkError) {
        let items = items.lowerBound..<items.lowerBound + Int(min(left, UInt64(items.count)))
        count(items.count)
        if countsOnly || items.isEmpty { return tally(extract, items) }
        let start = extract.start(of: items.lowerBound)
        if formatter.copiesLines {
            try extract.lines.withBytes { (lines) throws(SinkError) in
                let run = UnsafeRawBufferPointer(rebasing: lines[start..<Int(extract.ends[items.upperBound - 1])])
                try output.append(run)
                if run.last != UInt8(ascii: "\n") { try output.append(UInt8(ascii: "\n")) }
            }
        } else {
            try printEach(extract, items, frame)
        }
    }

    private mutating func printEach(_ extract: Extract, _ items: Range<Int>, _ frame: LineFrame) throws(SinkError) {
        try extract.lines.withBytes { (lines) throws(SinkError) in
            var start = extract.start(of: items.lowerBound)
            for item in items {
                let end = Int(extract.ends[item])
                let line = UnsafeRawBufferPointer(rebasing: lines[start..<end])
                try formatter.append(
                    line, time: question.time(extract.keys[item]), frame: frame, origin: extract.origin(of: item),
                    to: &output)
                start = end
            }
        }
    }

    /// Prints one line, or with `goesOn` a part of one: `isFirst` counts it.
    mutating func print(
        _ line: UnsafeRawBufferPointer, time: Nanoseconds, _ frame: LineFrame, origin: UInt8 = 0,
        isFirst: Bool = true, goesOn: Bool = false
    ) throws(SinkError) {
        if isFirst { count(1) }
        if countsOnly {
            let bytes = line.withoutNewline.count + (goesOn ? 0 : 1)
            histogram?.add(time, lines: isFirst ? 1 : 0, bytes: UInt64(bytes))
            return
        }
        try formatter.append(line, time: time, frame: frame, origin: origin, goesOn: goesOn, to: &output)
    }

    private mutating func tally(_ extract: Extract, _ items: Range<Int>) {
        guard histogram != nil else { return }
        for item in items {
            let bytes = Int(extract.ends[item]) - extract.start(of: item)
            histogram?.add(question.time(extract.keys[item]), lines: 1, bytes: UInt64(bytes))
        }
    }

    private mutating func count(_ lines: Int) {
        left -= UInt64(lines)
        self.lines += UInt64(lines)
    }

    mutating func flush() throws(SinkError) { try output.flush() }
}

/// For answers that are not printed.
private final class NoSink: ByteSink {
    func write(_ bytes: UnsafeRawBufferPointer) {}
}

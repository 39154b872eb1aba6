import ArchiveTypes
import EventTime

/// Prints lines of one output format into a buffer. For one thread at a time.
struct LineFormatter {
    private let options: OutputOptions
    private var time: TimeText

    init(_ options: OutputOptions) {
        self.options = options
        switch options.format {
        case .raw, .json: time = TimeText(zone: .utc, fractionDigits: 9)
        case .prefixed(let style): time = TimeText(zone: style.zone, fractionDigits: style.fractionDigits)
        }
    }

    /// Whether lines go out as they are, so that runs of them can be copied at once.
    var copiesLines: Bool { options.format == .raw && !options.escapesControls }

    /// What is the same for all lines of a block, made once a block.
    func frame(of entry: BlockFacts) -> LineFrame {
        switch options.format {
        case .raw: LineFrame(beforeTime: [], afterTime: [], afterLine: [])
        case .prefixed(let style): .prefix(entry, style)
        case .json: .json(entry)
        }
    }

    /// Prints one line. `line` may end in a newline; what is printed does.
    /// - Parameter origin: the stream of a container (`ContainerStream`), or 0.
    /// - Parameter goesOn: the line is longer than what is held of it; the rest follows as lines of its own.
    mutating func append(
        _ line: UnsafeRawBufferPointer, time lineTime: Nanoseconds, frame: LineFrame, origin: UInt8 = 0,
        goesOn: Bool = false,
        to output: inout OutputBuffer
    ) throws(SinkError) {
        let content = line.withoutNewline
        switch options.format {
        case .raw:
            try appendContent(content, to: &output)
        case .prefixed:
            try output.append(frame.beforeTime)
            time.set(lineTime)
            try output.append(time.bytes)
            try output.append(frame.afterTime)
            try appendContent(content, to: &output)
        case .json:
            try output.append(frame.beforeTime)
            time.set(lineTime)
            try output.append(time.bytes)
            try output.append(frame.afterTime)
            if origin != 0 { try output.append(LineFrame.streams[Int(origin - 1) & 1]) }
            try JSONText.appendLine(content, to: &output)
            if goesOn { try output.append(LineFrame.continues) }
            try output.append(frame.afterLine)
        }
        if !goesOn || options.format != .raw { try output.append(UInt8(ascii: "\n")) }
    }

    private func appendContent(_ line: UnsafeRawBufferPointer, to output: inout OutputBuffer) throws(SinkError) {
        guard options.escapesControls else { return try output.append(line) }
        try TerminalText.append(line, to: &output)
    }
}

/// What a formatter needs to know of a block.
struct BlockFacts: Sendable {
    var stream: StreamID
    var labels: Labels
    var received: Nanoseconds
}

/// The bytes around time and text of each line of a block.
struct LineFrame: Sendable {
    var beforeTime: [UInt8]
    var afterTime: [UInt8]
    var afterLine: [UInt8]

    static let continues = Array(",\"continues\":true".utf8)

    /// By `ContainerStream`.
    static let streams = [Array("\"stream\":\"stdout\",".utf8), Array("\"stream\":\"stderr\",".utf8)]

    static func json(_ facts: BlockFacts) -> LineFrame {
        var after = Array("\",\"received\":\"\(CivilTime.rfc3339(facts.received))\",\"host\":".utf8)
        JSONText.append(string: facts.stream.host, to: &after)
        after += Array(",\"source\":".utf8)
        JSONText.append(string: facts.stream.source, to: &after)
        after += Array(",\"labels\":{".utf8)
        for (index, pair) in facts.labels.pairs.enumerated() {
            if index > 0 { after.append(UInt8(ascii: ",")) }
            JSONText.append(string: pair.key, to: &after)
            after.append(UInt8(ascii: ":"))
            JSONText.append(string: pair.value, to: &after)
        }
        after += Array("},".utf8)
        return LineFrame(beforeTime: Array("{\"time\":\"".utf8), afterTime: after, afterLine: Array("}".utf8))
    }

    /// Names come from the archive: they are escaped whatever the output is.
    static func prefix(_ facts: BlockFacts, _ style: PrefixStyle) -> LineFrame {
        let host = TerminalText.escaped(facts.stream.host)
        let source = TerminalText.escaped(facts.stream.source)
        guard style.isColoured else {
            return LineFrame(beforeTime: [], afterTime: Array(" \(host) \(source) ".utf8), afterLine: [])
        }
        let escape = "\u{1B}["
        let after =
            "\(escape)0m \(escape)\(hostColour(facts.stream.host))m\(host)\(escape)0m \(escape)2m\(source)\(escape)0m "
        return LineFrame(beforeTime: Array("\(escape)32m".utf8), afterTime: Array(after.utf8), afterLine: [])
    }

    /// The same colour for the same host in every answer, so that hosts can be told apart.
    private static func hostColour(_ host: String) -> Int {
        let colours = [36, 33, 35, 34, 96, 93, 95, 94]
        let hash = host.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        return colours[Int(hash >> 32) % colours.count]
    }
}

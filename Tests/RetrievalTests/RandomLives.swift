import ArchiveTypes
import EventTime
import TestSupport
import Testing

/// Lives of sources with all that logs do: late lines, equal times, continuations, lines longer than blocks, bytes of
/// any kind, last lines without a newline.
struct RandomLives {
    private static let base: Nanoseconds = 1_750_000_000 * .perSecond
    static let words = ["error", "warn", "GET /", "timeout", "disk", "ok", "π", "\"quoted\"", "\u{1B}[31m", "a\\b"]

    static func make(using random: inout SeededGenerator) throws -> [TestLife] {
        var lives: [TestLife] = []
        for host in 0..<Int.random(in: 1...4, using: &random) {
            for source in 0..<Int.random(in: 1...2, using: &random) {
                for birth in 0..<Int.random(in: 1...2, using: &random) {
                    var life = TestLife(
                        stream: StreamID(host: "web-\(host)", source: "/var/log/\(source).log"),
                        labels: try #require(Labels([("env", host % 2 == 0 ? "prod" : "test")])),
                        generation: Generation(born: Int64(birth + 1), hash: UInt64(host * 10 + source)))
                    fill(&life, using: &random)
                    lives.append(life)
                }
            }
        }
        return lives
    }

    private static func fill(_ life: inout TestLife, using random: inout SeededGenerator) {
        let isFormatted = Bool.random(using: &random)
        life.isNumbered = Int.random(in: 0..<5, using: &random) == 0
        if isFormatted {
            life.format = TimeFormatUse(
                format: "rfc3339.1", utcOffset: 0, year: 0, carry: 0, received: TestArchive.sealed)
        }
        var time = base + Nanoseconds(Int.random(in: 0..<60, using: &random)) * .perSecond
        for index in 0..<Int.random(in: 1...60, using: &random) {
            let continues = index > 0 && Int.random(in: 0..<4, using: &random) == 0
            if !continues { time = next(time, using: &random) }
            life.lines.append(line(time, continues, isFormatted, using: &random))
        }
        if !life.isNumbered, Int.random(in: 0..<3, using: &random) == 0 {
            life.lines[life.lines.count - 1].bytes.removeLast()
        }
    }

    /// Mostly forward by whole seconds, often not at all, sometimes back.
    private static func next(_ time: Nanoseconds, using random: inout SeededGenerator) -> Nanoseconds {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: time - Nanoseconds(Int.random(in: 1...20, using: &random)) * .perSecond
        case 1...3: time
        case 4...6: time + Nanoseconds(Int.random(in: 0..<Int(Nanoseconds.perSecond), using: &random))
        default: time + Nanoseconds(Int.random(in: 1...5, using: &random)) * .perSecond
        }
    }

    private static func line(
        _ time: Nanoseconds, _ continues: Bool, _ isFormatted: Bool, using random: inout SeededGenerator
    ) -> TestLife.Line {
        var bytes: [UInt8] = continues ? Array((isFormatted ? "at " : "\tat ").utf8) : []
        if !continues { bytes += isFormatted ? Array((CivilTime.rfc3339(time) + " ").utf8) : [UInt8(ascii: "x")] }
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            bytes += Array((words.randomElement(using: &random) ?? "").utf8) + [0x20]
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: bytes += (0..<20).map { _ in UInt8.random(in: 0...255, using: &random) }.filter { $0 != 10 }
        case 1: bytes += Array(repeating: UInt8(ascii: "l"), count: Int.random(in: 500...3000, using: &random))
        default: break
        }
        return TestLife.Line(bytes: bytes + [10], time: time, hasOwnTime: !continues)
    }
}

extension TestArchive {
    /// Archives lives in blocks of random sizes, spread over chunks, with what was sent twice.
    mutating func add(_ lives: [TestLife], using random: inout SeededGenerator) throws {
        var blocks: [(Int, Range<Int>)] = []
        for (index, life) in lives.enumerated() {
            for range in Self.cut(life, using: &random) { blocks.append((index, range)) }
            if Int.random(in: 0..<4, using: &random) == 0 {
                blocks += Self.cut(life, using: &random).filter { _ in Bool.random(using: &random) }.map { (index, $0) }
            }
        }
        blocks += blocks.filter { _ in Int.random(in: 0..<8, using: &random) == 0 }
        if Bool.random(using: &random) { blocks.shuffle(using: &random) }
        for (life, range) in blocks {
            try add(lives[life], range)
            if Int.random(in: 0..<6, using: &random) == 0 { try seal() }
        }
        try seal()
    }

    /// Ranges of lines, or of bytes: those end with lines, or inside of lines that are long.
    private static func cut(_ life: TestLife, using random: inout SeededGenerator) -> [Range<Int>] {
        let total = life.isNumbered ? life.lines.count : life.bytes.count
        var cuts: Set<Int> = [0, total]
        var offset = 0
        for (index, line) in life.lines.enumerated() {
            if Int.random(in: 0..<8, using: &random) == 0 { cuts.insert(life.isNumbered ? index : offset) }
            if !life.isNumbered, line.bytes.count > 200 {
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    // Beyond the time: formats could not read one that is cut.
                    cuts.insert(offset + Int.random(in: 40..<line.bytes.count, using: &random))
                }
            }
            offset += line.bytes.count
        }
        let sorted = cuts.sorted()
        return zip(sorted, sorted.dropFirst()).map { $0..<$1 }
    }
}

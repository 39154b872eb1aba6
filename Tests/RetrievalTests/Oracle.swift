import ArchiveTypes
import Retrieval

/// What an answer must be, by brute force over the raw lines.
struct Oracle {
    struct Line {
        var life: Int
        var index: Int
        var time: Nanoseconds
        /// With a newline, whether the source had one or not.
        var bytes: [UInt8]
    }

    var lives: [TestLife]

    func lines(
        _ selection: Selection, needles: [String], excluded: [String], pattern: String?, isReversed: Bool, limit: Int?
    ) -> [Line] {
        var records: [[Line]] = []
        for (index, life) in lives.enumerated() where selects(selection, life) {
            for record in self.records(life, index) {
                let wanted = { (line: Line) in selection.range.contains(line.time) }
                let matches = { (line: Line) in
                    Self.holds(line, all: needles) && (pattern.map { Self.holds(line, all: [$0]) } ?? true)
                }
                let isExcluded = { (line: Line) in excluded.contains { Self.holds(line, all: [$0]) } }
                if selection.wholeRecords {
                    guard record.contains(where: matches), !record.contains(where: isExcluded) else { continue }
                    records.append(record.filter(wanted))
                } else {
                    records.append(record.filter { wanted($0) && matches($0) && !isExcluded($0) })
                }
            }
        }
        let sorted =
            isReversed
            ? records.filter { !$0.isEmpty }.sorted { isBefore($1[0], $0[0]) }.flatMap { $0 }
            : records.flatMap { $0 }.sorted(by: isBefore)
        return limit.map { Array(sorted.prefix($0)) } ?? sorted
    }

    private func selects(_ selection: Selection, _ life: TestLife) -> Bool {
        (selection.hosts.isEmpty || selection.hosts.contains { $0.matches(life.stream.host) })
            && (selection.sources.isEmpty || selection.sources.contains { $0.matches(life.stream.source) })
            && selection.labels.allSatisfy { life.labels[$0.key] == $0.value }
            && (selection.generation ?? life.generation) == life.generation
    }

    private func records(_ life: TestLife, _ index: Int) -> [[Line]] {
        var records: [[Line]] = []
        for (number, line) in life.lines.enumerated() {
            let bytes = line.bytes.last == 10 ? line.bytes : line.bytes + [10]
            let line = (Line(life: index, index: number, time: line.time, bytes: bytes), line.hasOwnTime)
            if line.1 || records.isEmpty { records.append([]) }
            records[records.count - 1].append(line.0)
        }
        return records
    }

    private func isBefore(_ left: Line, _ right: Line) -> Bool {
        if left.time != right.time { return left.time < right.time }
        let (one, other) = (lives[left.life], lives[right.life])
        if one.stream != other.stream { return one.stream < other.stream }
        if one.generation != other.generation { return one.generation < other.generation }
        return left.index < right.index
    }

    private static func holds(_ line: Line, all needles: [String]) -> Bool {
        line.bytes.withUnsafeBytes { bytes in
            needles.allSatisfy { needle in
                let needle = Array(needle.utf8)
                guard let first = needle.first, bytes.count > needle.count else { return false }
                return (0..<bytes.count - needle.count).contains { start in
                    bytes[start] == first && needle.indices.allSatisfy { bytes[start + $0] == needle[$0] }
                }
            }
        }
    }
}

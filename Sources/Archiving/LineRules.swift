import ArchiveTypes
package import ChunkFormat
import EventTime
import Glibc
package import Patterns

/// What an input does to lines before they are archived.
package struct LineRules: Sendable {
    package struct Redaction: Sendable {
        package var pattern: LinePattern
        /// What stands in place of a match, repeated to its length; not empty.
        package var mask: [UInt8]

        package init(_ pattern: LinePattern, mask: [UInt8]) {
            self.pattern = pattern
            self.mask = mask.isEmpty ? [UInt8(ascii: "*")] : mask
        }
    }

    /// Lines that match any of these are left out.
    package var drop: [LinePattern]
    package var redact: [Redaction]

    package static let none = LineRules(drop: [], redact: [])

    package init(drop: [LinePattern], redact: [Redaction]) {
        self.drop = drop
        self.redact = redact
    }

    package var isEmpty: Bool { drop.isEmpty && redact.isEmpty }
}

/// Applies rules to blocks. For one thread at a time.
///
/// Positions stay those of the source's bytes. A match is masked by as many bytes as it has, so that every byte keeps
/// its position. Lines that are left out make a block shorter than the positions that it covers; a gap block over the
/// same positions says how many they were.
///
/// Lines that are split between blocks are never left out, and are masked part by part. Where a pattern exceeds its
/// limits, the line is kept, and masked whole where it should have been redacted.
package final class LineRuler {
    private let drop: [PatternMatcher]
    private let redact: [(matcher: PatternMatcher, mask: [UInt8])]
    private var kept: [UInt8] = []
    private var droppedLines: [Int] = []
    private var table = LineTable()

    package struct Dropped: Sendable, Hashable {
        package var lines: UInt64 = 0
        package var bytes: UInt64 = 0
    }

    /// What became of a block.
    package struct Outcome {
        /// The block that is left; nil where nothing is.
        package var draft: BlockDraft?
        /// Its lines; nil where they are as they were.
        package var lines: [UInt8]?
        package var dropped = Dropped()
        package var redactedLines: UInt64 = 0
    }

    package init(_ rules: LineRules) {
        drop = rules.drop.map(PatternMatcher.init)
        redact = rules.redact.map { (PatternMatcher($0.pattern), $0.mask) }
    }

    /// - Parameter lines: exactly those of `draft`.
    package func apply(_ draft: BlockDraft, _ lines: UnsafeRawBufferPointer) throws(FormatError) -> Outcome {
        var outcome = Outcome(draft: draft)
        kept.removeAll(keepingCapacity: true)
        droppedLines.removeAll(keepingCapacity: true)
        var (start, index) = (0, 0)
        while start < lines.count {
            let end = Self.lineEnd(in: lines, from: start)
            let isPart =
                (start == 0 && draft.continuesBefore) || (end == lines.count && draft.continuesAfter)
            let line = UnsafeRawBufferPointer(rebasing: lines[start..<end])
            if !isPart, isDropped(line.withoutNewline) {
                droppedLines.append(index)
                outcome.dropped.lines += 1
                outcome.dropped.bytes += UInt64(line.count)
            } else if keep(line) {
                outcome.redactedLines += 1
            }
            (start, index) = (end, index + 1)
        }
        guard outcome.dropped.lines > 0 || outcome.redactedLines > 0 else { return outcome }
        outcome.draft = kept.isEmpty ? nil : try describe(draft, lines)
        outcome.lines = kept
        return outcome
    }

    private func isDropped(_ line: UnsafeRawBufferPointer) -> Bool {
        drop.contains { $0.verdict(line) == .match }
    }

    /// Appends a line, masked; whether anything was.
    private func keep(_ line: UnsafeRawBufferPointer) -> Bool {
        let base = kept.count
        kept.append(contentsOf: line)
        var isRedacted = false
        for (matcher, mask) in redact {
            let content = line.withoutNewline
            let isSure = matcher.matches(in: content) { range in
                isRedacted = true
                for offset in range { kept[base + offset] = mask[(offset - range.lowerBound) % mask.count] }
            }
            guard !isSure else { continue }
            isRedacted = true
            for offset in content.indices { kept[base + offset] = mask[offset % mask.count] }
        }
        return isRedacted
    }

    /// The block of what was kept: with the times that its lines had before.
    private func describe(_ draft: BlockDraft, _ lines: UnsafeRawBufferPointer) throws(FormatError) -> BlockDraft {
        do throws(MalformedBytes) {
            try draft.times.read(lines, startsInsideLine: draft.continuesBefore, into: &table)
        } catch {
            throw FormatError(.damaged, at: UInt64(error.offset), error.what)
        }
        keepTimes()
        var left = draft
        left.lineCount = UInt32(table.times.count)
        left.leastTime = table.times.min() ?? draft.leastTime
        left.greatestTime = table.times.max() ?? draft.greatestTime
        for time in draft.wrapping?.openBefore.compactMap({ $0 }) ?? [] {
            left.leastTime = min(left.leastTime, time)
            left.greatestTime = max(left.greatestTime, time)
        }
        left.times = kept.withUnsafeBytes {
            LineTimes.describing(
                table.times, of: $0, startsInsideLine: draft.continuesBefore, by: draft.times.format.map { [$0] } ?? [])
        }
        return left
    }

    /// Takes the times of lines that were left out from the table.
    private func keepTimes() {
        var (write, next) = (0, 0)
        for (read, time) in table.times.enumerated() {
            if next < droppedLines.count, droppedLines[next] == read {
                next += 1
            } else {
                table.times[write] = time
                write += 1
            }
        }
        table.times.removeLast(table.times.count - write)
    }

    private static func lineEnd(in lines: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = lines.baseAddress, let newline = memchr(base + start, 0x0A, lines.count - start) else {
            return lines.count
        }
        return UnsafeRawPointer(newline) - base + 1
    }
}

extension LineTimes {
    fileprivate var format: TimeFormatUse? {
        guard case .format(let use) = self else { return nil }
        return use
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var withoutNewline: UnsafeRawBufferPointer {
        last == 0x0A ? UnsafeRawBufferPointer(rebasing: dropLast()) : self
    }
}

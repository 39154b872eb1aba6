import ArchiveTypes

/// Formats in the order in which they are tried on a line: the more a format asks of a line, the earlier.
extension TimeFormat {
    private static let tried: [TimeFormat] = [
        .rfc3339, .rfc5424, .iso8601, .iso8601Basic, .rfc3164, .commonLog, .ctime, .glog, .klog, .spark, .logcat,
        .healthApp, .proxifier, .blueGene, .audit, .docker, .jsonAtTimestamp, .jsonTimestamp, .jsonTime, .jsonTs,
        .jsonUnderscoreTime, .jsonAsctime, .hdfs, .unix, .logfmtTime, .logfmtTs, .logfmtTimestamp, .unixColumn,
        .iso8601Within,
    ]

    /// The first format that gives the line a plausible time.
    static func detect(
        _ line: Bytes, _ stop: Bytes, _ resolver: TimeResolver, after previous: Nanoseconds
    ) -> ResolvedTime? {
        guard line < stop, !line[0].isBlank else { return nil }
        for format in tried {
            if let found = resolver.resolve(line, stop, by: format, after: previous) { return found }
        }
        return nil
    }

    /// The format that reads the most of the block's first lines, with what its first line there resolves to.
    static func detect(
        in lines: UnsafeRawBufferPointer, startsInsideLine: Bool, _ resolver: TimeResolver, after previous: Nanoseconds
    ) -> ResolvedTime? {
        var candidates: [Candidate] = []
        var looked = 0
        forEachFirstLine(of: lines, startsInsideLine: startsInsideLine) { line, stop in
            looked += line < stop && !line[0].isBlank ? 1 : 0
            if let found = detect(line, stop, resolver, after: previous),
                !candidates.contains(where: { $0.first.reading.format == found.reading.format })
            {
                candidates.append(Candidate(first: found))
            }
            return false
        }
        for index in candidates.indices {
            let format = candidates[index].first.reading.format
            forEachFirstLine(of: lines, startsInsideLine: startsInsideLine) { line, stop in
                candidates[index].hits += resolver.resolve(line, stop, by: format, after: previous) == nil ? 0 : 1
                return false
            }
        }
        candidates.removeAll { $0.first.reading.format.isWeak && $0.hits * 5 < looked * 3 }
        let most = candidates.map(\.hits).max()
        return candidates.first { $0.hits == most }?.first
    }

    private struct Candidate {
        var first: ResolvedTime
        var hits = 0
    }

    /// What the first line that this format reads resolves to.
    func resolveFirst(
        in lines: UnsafeRawBufferPointer, startsInsideLine: Bool, _ resolver: TimeResolver, after previous: Nanoseconds
    ) -> ResolvedTime? {
        var found: ResolvedTime?
        Self.forEachFirstLine(of: lines, startsInsideLine: startsInsideLine) { line, stop in
            found = resolver.resolve(line, stop, by: self, after: previous)
            return found != nil
        }
        return found
    }

    /// Calls `body` with at most 64 lines that begin in the first 256 KiB, until it returns true.
    private static func forEachFirstLine(
        of lines: UnsafeRawBufferPointer, startsInsideLine: Bool, _ body: (Bytes, Bytes) -> Bool
    ) {
        var cursor = LineCursor(lines)
        if startsInsideLine { _ = cursor.advance() }
        for _ in 0..<64 {
            guard cursor.advance(), cursor.startOffset < 256 << 10, !body(cursor.start, cursor.stop) else { return }
        }
    }
}

/// What a stream has shown of formats besides the one it is read by.
struct FormatMemory: Sendable {
    /// Formats that one line had, and that more had: only these give times to lines amidst another format.
    private var sighted: [TimeFormat] = []
    private(set) var trusted: [TimeFormat] = []
    private var failures = 0
    private var skipped = 0

    /// Looking at a line takes as long as reading many: the more often nothing was found, the fewer lines are looked
    /// at, down to one of 128.
    mutating func mayLook() -> Bool {
        skipped += 1
        guard skipped >= 1 << min(7, failures / 16) else { return false }
        skipped = 0
        return true
    }

    mutating func failed() { failures = min(failures + 1, 1024) }

    /// The stream was read by this format.
    mutating func trust(_ format: TimeFormat) {
        guard format != .none, !format.isWeak, !trusted.contains(format), trusted.count < 3 else { return }
        trusted.append(format)
    }

    mutating func saw(_ format: TimeFormat) {
        guard !format.isWeak else { return failed() }
        failures = 0
        if sighted.contains(format) { trust(format) } else { sighted.append(format) }
    }
}

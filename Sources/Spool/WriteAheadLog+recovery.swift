package import ArchiveTypes

extension WriteAheadLog {
    /// A live stream as the log left it.
    package struct RecoveredStream: Sendable, Hashable {
        package var number: UInt64
        package var stream: LoggedStream
        /// Where its next line begins.
        package var position: UInt64
        /// Ascending. The last one that lies not beyond the synced blocks is where to go on.
        package var marks: [Mark]
    }

    /// Live streams, by number.
    package var liveStreams: [RecoveredStream] {
        streams.sorted { $0.key < $1.key }.map {
            RecoveredStream(number: $0.key, stream: $0.value.stream, position: $0.value.position, marks: $0.value.marks)
        }
    }

    /// Reads all recovered lines in the order of the log, a segment at a time. Lines of a stream come in the order of
    /// their positions; where a position is skipped, damage took the lines between. Before the first `commit()`.
    package func replay(
        _ body: (_ stream: UInt64, _ position: UInt64, _ received: Nanoseconds, ArraySlice<UInt8>) throws -> Void
    ) throws {
        for (index, segment) in segments.enumerated() {
            let end = index + 1 < segments.count ? segments[index + 1].first : nil
            let bytes = try storage.read(LogSegment.name(first: segment.first))
            for frame in LogSegmentContent(bytes, first: segment.first, end: end).frames {
                guard case .lines(let stream, let position, let received, let lines)? = record(bytes, frame),
                    streams[stream] != nil
                else { continue }
                try body(stream, position, received, lines)
            }
        }
    }

    func recover() throws(SpoolError) {
        try storage.remove(Self.temporaryName)
        // A segment got its name, but the sync that was to make the name durable may have failed: it must be before anything
        // in the segment is taken for durable.
        try storage.synchronize()
        let firsts = try storage.names().compactMap(LogSegment.first(ofName:)).sorted()
        for (index, first) in firsts.enumerated() {
            let end = index + 1 < firsts.count ? firsts[index + 1] : nil
            try recover(first: first, end: end)
        }
    }

    private func recover(first: UInt64, end: UInt64?) throws(SpoolError) {
        let name = LogSegment.name(first: first)
        let bytes = try storage.read(name)
        let content = LogSegmentContent(bytes, first: first, end: end)
        var segment = Segment(first: first, length: UInt64(bytes.count), isDamaged: !content.missing.isEmpty)
        var declared: Set<UInt64> = []
        for frame in content.frames {
            guard let record = record(bytes, frame) else {
                segment.isDamaged = true
                findings.append("log segment \(name): record \(frame.sequence) cannot be read by this version")
                continue
            }
            take(record, &segment, &declared)
            // It was never acknowledged, and is to be durable before what is received from now on.
            guard frame.sequence >= content.durable else { continue }
            add(record)
            if case .lines(let stream, let position, _, let lines) = record {
                pendingLines[stream] = position + UInt64(lines.count)
            }
        }
        // A segment names all live streams before its lines; those that it does not name had ended.
        if content.missing.isEmpty {
            for number in streams.keys where !declared.contains(number) { streams[number] = nil }
        }
        for gap in content.missing {
            findings.append("log segment \(name): records \(gap.first) to \(gap.end - 1) are damaged")
        }
        segments.append(segment)
        next = content.durable
    }

    private func record(_ bytes: [UInt8], _ frame: LogFrame) -> LogRecord? {
        do throws(MalformedBytes) { return try LogRecord(decoding: bytes[frame.body]) } catch { return nil }
    }

    private func take(_ record: LogRecord, _ segment: inout Segment, _ declared: inout Set<UInt64>) {
        switch record {
        case .stream(let number, let stream, let position):
            declared.insert(number)
            nextStream = max(nextStream, number + 1)
            streams[number, default: Stream(stream: stream, position: position)].advance(to: position)
        case .lines(let number, let position, _, let lines):
            let end = position + UInt64(lines.count)
            streams[number]?.advance(to: end)
            segment.ends[number] = max(segment.ends[number] ?? 0, end)
        case .mark(let number, let position, let bytes):
            streams[number]?.advance(to: position)
            // Segments repeat them.
            guard position > streams[number]?.marks.last?.position ?? 0 else { return }
            streams[number]?.marks.append(Mark(position: position, bytes: Array(bytes)))
        }
    }
}

/// The records of a segment that count, and what is missing among those that were promised.
struct LogSegmentContent {
    private(set) var frames: [LogFrame] = []
    /// Sequence numbers of promised records that are not there.
    private(set) var missing: [PositionRange] = []
    /// The sequence number of the first record that is not known to be durable.
    private(set) var durable: UInt64

    /// - Parameter end: the next segment's first sequence number; nil for the last segment.
    init(_ bytes: [UInt8], first: UInt64, end: UInt64?) {
        let found = bytes.withUnsafeBytes { bytes in
            var scanner = LogFrameScanner(bytes, first: first)
            var frames: [LogFrame] = []
            while let frame = scanner.next() { frames.append(frame) }
            return frames
        }
        let synced = first + (LogSegment.count(inHeader: bytes, first: first) ?? 0)
        durable = end ?? found.reduce(synced) { max($0, $1.durable) }
        var expected = first
        for frame in found {
            if let end, frame.sequence >= end { break }
            if frame.sequence > expected {
                if expected < durable { noteMissing(expected, min(frame.sequence, durable)) }
                // Behind a hole in what was never acknowledged nothing counts.
                guard frame.sequence <= durable else { break }
            }
            frames.append(frame)
            expected = frame.sequence + 1
        }
        if expected < durable { noteMissing(expected, durable) }
    }

    private mutating func noteMissing(_ first: UInt64, _ end: UInt64) {
        guard missing.last?.end != end else { return }
        missing.append(PositionRange(first: first, end: end))
    }
}

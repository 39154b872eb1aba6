package import ArchiveTypes

/// What was received from inputs that cannot be read again, until synced blocks hold it.
///
/// Records go to segment files, a group at a time; a group is durable, and may be acknowledged, when `commit()` returns.
/// Positions of lines are byte offsets in what was ever received for their stream's generation, so that lines that stand
/// both in the log and in a block are known to be the same. All integers are little endian.
///
///     NNNNNNNNNNNNNNNNNNNN.wal   a segment: 20 digits are the sequence number of its first record
///     segment.new                one that is being made: it gets its name when it is synced
///
///     segment = header, record, ..., record
///     header  = "FIRNWAL", version 1 (1 byte), u64 first sequence number, u64 number of records that were synced
///               before the segment got its name, u64 XXH64 of the 24 bytes before
///     record  = u64 XXH64 of everything after it, u32 length of the body, u64 sequence number,
///               u64 durable: every record below it was synced when this one was written, body (see `LogRecord`)
///
/// Sequence numbers begin with 1 and rise by 1. A segment begins with a record for each live stream, so that segments
/// can be dropped in their order. Records of a segment at or above the next segment's first do not count: they are of a
/// group whose sync failed, and stand in the next segment anew.
///
/// Recovery takes what lies below the greatest `durable` that any whole record names, or the header, for promised: what is
/// missing there is damage, which is told, and everything else of it is recovered. What lies above is the last group: it
/// is taken up to its first record that is not whole (a torn tail), and written anew before anything after it is
/// acknowledged. For one thread.
package final class WriteAheadLog {
    package struct Options: Sendable {
        /// Length at which a new segment is begun.
        package var segmentBytes: UInt64
        /// Bytes of all segments beyond which nothing is taken.
        package var maxBytes: UInt64

        package init(segmentBytes: UInt64 = 4 << 20, maxBytes: UInt64) {
            self.segmentBytes = segmentBytes
            self.maxBytes = maxBytes
        }
    }

    struct Stream {
        var stream: LoggedStream
        /// Where its next line begins.
        var position: UInt64
        /// Ascending; blocks end at the first, or after it.
        var marks: [Mark] = []

        mutating func advance(to position: UInt64) { self.position = max(self.position, position) }
    }

    package struct Mark: Sendable, Hashable {
        package var position: UInt64
        package var bytes: [UInt8]

        package init(position: UInt64, bytes: [UInt8]) {
            self.position = position
            self.bytes = bytes
        }
    }

    struct Segment {
        var first: UInt64
        var length: UInt64
        /// The end of each stream's last line in it.
        var ends: [UInt64: UInt64] = [:]
        var isDamaged = false
    }

    let storage: LogDirectory
    private let options: Options
    /// Live streams by number.
    var streams: [UInt64: Stream] = [:]
    var nextStream: UInt64 = 1
    /// Finished segments, oldest first.
    var segments: [Segment] = []
    private var current: (segment: Segment, file: SpoolFile)?
    /// The sequence number of the first record that is not durable.
    var next: UInt64 = 1
    /// Bodies of records that are not durable, one after the other, and where each ends.
    private var pending: [UInt8] = []
    private var pendingEnds: [Int] = []
    var pendingLines: [UInt64: UInt64] = [:]
    /// Streams that were ended, and the record before which they are named.
    private var endedStreams: [(source: SourceGeneration, before: UInt64)] = []
    /// What recovery, and later the disk, had to say, a sentence each.
    var findings: [String] = []

    static let temporaryName = "segment.new"

    /// Recovers what is in `storage`. Call `replay` before anything is committed.
    package init(_ storage: LogDirectory, options: Options) throws(SpoolError) {
        self.storage = storage
        self.options = options
        try recover()
    }

    /// Bytes of all segments.
    package var length: UInt64 { segments.reduce(current?.segment.length ?? 0) { $0 + $1.length } }

    /// What there is to tell people since the last call, a sentence each.
    package func takeFindings() -> [String] {
        defer { findings.removeAll() }
        return findings
    }

    /// Whether a group with that many bytes of lines can be taken.
    package func hasRoom(for bytes: Int) -> Bool {
        length + UInt64(pending.count + bytes) + UInt64(streams.count * 256) <= options.maxBytes
    }

    /// A stream that lines will be received for from `position` on. Its number is for the calls below.
    package func begin(_ stream: LoggedStream, position: UInt64 = 0) -> UInt64 {
        let number = nextStream
        nextStream += 1
        streams[number] = Stream(stream: stream, position: position)
        add(.stream(number, stream, position: position))
        return number
    }

    /// Ends a stream all of whose lines are in synced blocks. A restart knows it as long as a segment names it.
    package func end(_ stream: UInt64) {
        guard let ended = streams.removeValue(forKey: stream) else { return }
        endedStreams.append((ended.stream.source, next + UInt64(pendingEnds.count)))
    }

    /// Ended streams that no segment names any more, each once: nobody will ask where they ended.
    package func takeForgotten() -> [SourceGeneration] {
        let first = segments.first?.first ?? current?.segment.first ?? next
        let forgotten = endedStreams.filter { $0.before <= first }.map(\.source)
        if !forgotten.isEmpty { endedStreams.removeAll { $0.before <= first } }
        return forgotten
    }

    /// Adds lines to the group.
    /// - Returns: the position of their first byte.
    package func append(_ lines: ArraySlice<UInt8>, to stream: UInt64, received: Nanoseconds) -> UInt64 {
        guard let position = streams[stream]?.position else { preconditionFailure("stream \(stream) was never begun") }
        let end = position + UInt64(lines.count)
        streams[stream]?.position = end
        pendingLines[stream] = end
        add(.lines(stream: stream, position: position, received: received, bytes: lines))
        return position
    }

    /// Lines up to `position` are, or will be, in blocks without having been in the log: the stream's input can read them
    /// again, from `mark` on what comes after the position.
    package func mark(_ stream: UInt64, at position: UInt64, _ mark: [UInt8]) {
        streams[stream]?.marks.append(Mark(position: position, bytes: mark))
        streams[stream]?.advance(to: position)
        add(.mark(stream: stream, position: position, bytes: mark[...]))
    }

    /// Lines up to `position` are known to be in blocks: the next line comes after them.
    package func advance(_ stream: UInt64, to position: UInt64) { streams[stream]?.advance(to: position) }

    func add(_ record: LogRecord) {
        record.encode(into: &pending)
        pendingEnds.append(pending.count)
    }

    /// Makes the group durable with one sync.
    ///
    /// A sync that fails is not tried again: the log goes over to a new segment, which takes the group.
    /// - Throws: `.full` where there is no room and `.io` where the new segment failed too. The group is then neither lost
    ///   nor durable, and a later call tries again.
    package func commit() throws(SpoolError) {
        guard !pendingEnds.isEmpty else { return }
        // Marks are few, and blocks that would make room may wait for them.
        guard pendingLines.isEmpty || length + UInt64(pending.count) <= options.maxBytes else {
            throw SpoolError(.full, path: "log", reason: "the log holds \(length) bytes and takes no more")
        }
        if let (segment, file) = current, segment.length < options.segmentBytes {
            do throws(SpoolError) { return try extend(segment, file) } catch {
                guard error.kind == .io else { throw error }
                findings.append("\(error): the log goes on in another file")
            }
        }
        try beginSegment()
    }

    private func extend(_ segment: Segment, _ file: SpoolFile) throws(SpoolError) {
        let group = encodedPending(from: next)
        do throws(SpoolError) {
            try group.withBytes { bytes throws(SpoolError) in try file.write(bytes, at: segment.length) }
            try file.synchronize()
        } catch {
            if error.kind == .io { abandon(segment) }
            throw error
        }
        current?.segment.length += UInt64(group.count)
        settle()
    }

    /// Nothing more goes to a file of which a write or sync failed.
    private func abandon(_ segment: Segment) {
        segments.append(segment)
        current = nil
    }

    /// A new segment with the live streams and the group.
    private func beginSegment() throws(SpoolError) {
        let first = next
        let declarations = declarations()
        var bytes = LogSegment.header(first: first, count: UInt64(declarations.count + pendingEnds.count))
        var sequence = first
        for record in declarations {
            var body: [UInt8] = []
            record.encode(into: &body)
            LogSegment.append(body[...], sequence: sequence, durable: first, to: &bytes)
            sequence += 1
        }
        bytes += encodedPending(from: sequence)
        let file = try storage.create(Self.temporaryName)
        try bytes.withBytes { bytes throws(SpoolError) in try file.write(bytes, at: 0) }
        try file.synchronize()
        try storage.rename(Self.temporaryName, to: LogSegment.name(first: first))
        try storage.synchronize()
        if let (finished, _) = current { segments.append(finished) }
        // A segment that never held a durable record has the same name, and is replaced.
        if let last = segments.last, last.first == first { segments.removeLast() }
        current = (Segment(first: first, length: UInt64(bytes.count)), file)
        next = sequence
        settle()
    }

    private func declarations() -> [LogRecord] {
        streams.sorted { $0.key < $1.key }.flatMap { number, stream -> [LogRecord] in
            let marks = stream.marks.map { LogRecord.mark(stream: number, position: $0.position, bytes: $0.bytes[...]) }
            return [.stream(number, stream.stream, position: stream.position)] + marks
        }
    }

    private func encodedPending(from sequence: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pending.count + pendingEnds.count * LogSegment.frameLength)
        var (start, sequence) = (0, sequence)
        for end in pendingEnds {
            LogSegment.append(pending[start..<end], sequence: sequence, durable: next, to: &bytes)
            (start, sequence) = (end, sequence + 1)
        }
        return bytes
    }

    /// The group is durable.
    private func settle() {
        next += UInt64(pendingEnds.count)
        current?.segment.ends.merge(pendingLines) { max($0, $1) }
        pending.removeAll(keepingCapacity: pending.count < 1 << 20)
        pendingEnds.removeAll(keepingCapacity: true)
        pendingLines.removeAll(keepingCapacity: true)
    }

    /// Drops the oldest segments as long as synced blocks hold all lines in them, and marks that no restart needs.
    /// - Parameter synced: where the synced blocks of a stream end; a stream that was ended has none that is missing.
    package func release(synced: (_ stream: UInt64) -> UInt64) throws(SpoolError) {
        for (number, stream) in streams where stream.marks.count > 1 {
            let end = synced(number)
            let unneeded = (stream.marks.firstIndex { $0.position > end } ?? stream.marks.count) - 1
            if unneeded > 0 { streams[number]?.marks.removeFirst(unneeded) }
        }
        func isHeld(_ segment: Segment) -> Bool {
            segment.ends.allSatisfy { streams[$0.key] == nil || $0.value <= synced($0.key) }
        }
        // One group may have filled most of the room: it is not to be in the way until the next one comes.
        if let (segment, _) = current, segment.length >= options.segmentBytes, !segment.ends.isEmpty,
            pendingEnds.isEmpty, isHeld(segment), segments.allSatisfy(isHeld)
        {
            try beginSegment()
        }
        while let oldest = segments.first, segments.count > 1 || current != nil, isHeld(oldest) {
            let name = LogSegment.name(first: oldest.first)
            if oldest.isDamaged { try storage.keepAside(name) } else { try storage.remove(name) }
            segments.removeFirst()
            // Segments go in their order for certain: one that came back alone would look like damage.
            try storage.synchronize()
        }
    }
}

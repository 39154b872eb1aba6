import ArchiveTypes

/// The entries of a directory: what many blocks share (streams, labels, generations) stands once, in tables.
///
///     varint number of streams; host and source of each, with varint lengths
///     varint number of label sets; each as in a block's header
///     varint number of generations; each with a varint length
///     varint number of blocks; each: see `append`
struct BlockTable {
    private let blocks: [BlockEntry]
    private var streams = Interner<StreamID>()
    private var labels = Interner<Labels>()
    private var generations = Interner<Generation>()

    init(_ blocks: [BlockEntry]) {
        self.blocks = blocks
        for block in blocks {
            streams.add(block.stream)
            labels.add(block.labels)
            generations.add(block.generation)
        }
    }

    func encoded() -> [UInt8] {
        var bytes = varints([UInt64(streams.values.count)])
        for stream in streams.values { bytes += lengthPrefixed([stream.host, stream.source]) }
        bytes.append(varint: UInt64(labels.values.count))
        for set in labels.values {
            bytes.append(varint: UInt64(set.pairs.count))
            bytes += lengthPrefixed(set.pairs.flatMap { [$0.key, $0.value] })
        }
        bytes.append(varint: UInt64(generations.values.count))
        bytes += lengthPrefixed(generations.values.map(\.description))
        bytes.append(varint: UInt64(blocks.count))
        for block in blocks { append(block, to: &bytes) }
        return bytes
    }

    /// Varints: kind, indexes of stream, label set and generation, first position, number of positions, header length,
    /// whole length, lines, raw length. XXH64 of the lines and of the block, 8 bytes each. Clocks as in a header.
    private func append(_ block: BlockEntry, to bytes: inout [UInt8]) {
        bytes += varints([
            UInt64(block.kind.rawValue), streams.index(of: block.stream), labels.index(of: block.labels),
            generations.index(of: block.generation), block.positions.first, block.positions.count, block.headerLength,
            block.length, UInt64(block.lineCount), block.rawLength,
        ])
        bytes.append(littleEndian: block.rawChecksum)
        bytes.append(littleEndian: block.checksum)
        bytes.append(signedVarint: block.leastTime)
        bytes.append(varint: UInt64(bitPattern: block.greatestTime &- block.leastTime))
        bytes.append(signedVarint: block.received &- block.greatestTime)
    }

    static func decode(_ reader: inout ByteReader) throws(MalformedBytes) -> [BlockEntry] {
        var streams: [StreamID] = []
        for _ in 0..<(try count(&reader)) { streams.append(try readStream(&reader)) }
        var labels: [Labels] = []
        for _ in 0..<(try count(&reader)) { labels.append(try readLabels(&reader)) }
        var generations: [Generation] = []
        for _ in 0..<(try count(&reader)) {
            guard let generation = Generation(try reader.readText(atMost: Limits.generationBytes)) else {
                throw MalformedBytes("malformed generation", at: reader.offset)
            }
            generations.append(generation)
        }
        var blocks: [BlockEntry] = []
        var offset: UInt64 = 0
        let blockCount = try count(&reader)
        blocks.reserveCapacity(min(blockCount, reader.remaining / leastEntryBytes))
        for _ in 0..<blockCount {
            let block = try readEntry(&reader, at: offset, streams, labels, generations)
            offset += block.length
            blocks.append(block)
        }
        return blocks
    }

    private static func count(_ reader: inout ByteReader) throws(MalformedBytes) -> Int {
        let count = try reader.readVarint()
        guard count <= UInt64(Limits.blocksInChunk), count <= UInt64(reader.remaining) else {
            throw MalformedBytes("\(count) entries exceed what is there", at: reader.offset)
        }
        return Int(count)
    }

    /// Ten varints, two checksums and the clocks.
    private static let leastEntryBytes = 29

    private static func readEntry(
        _ reader: inout ByteReader, at offset: UInt64, _ streams: [StreamID], _ labels: [Labels],
        _ generations: [Generation]
    ) throws(MalformedBytes) -> BlockEntry {
        var values: [UInt64] = []
        for _ in 0..<10 { values.append(try reader.readVarint()) }
        let checksums = (try reader.read(UInt64.self), try reader.read(UInt64.self))
        let clocks = try readClocks(&reader)
        let (end, overflow) = values[4].addingReportingOverflow(values[5])
        guard let kind = UInt8(exactly: values[0]).flatMap(BlockKind.init), values[1] < streams.count,
            values[2] < labels.count, values[3] < generations.count, !overflow, values[6] <= values[7],
            values[7] <= UInt64(Limits.blockHeaderBytes + Limits.blockStoredBytes), values[6] > 0,
            let lines = UInt32(exactly: values[8]), values[9] <= UInt64(Limits.blockRawBytes)
        else { throw MalformedBytes("malformed entry of a block", at: reader.offset) }
        return BlockEntry(
            kind: kind, stream: streams[Int(values[1])], labels: labels[Int(values[2])],
            generation: generations[Int(values[3])], positions: PositionRange(first: values[4], end: end),
            offset: offset, headerLength: values[6], length: values[7], lineCount: lines, rawLength: values[9],
            rawChecksum: checksums.0, checksum: checksums.1, leastTime: clocks.least, greatestTime: clocks.greatest,
            received: clocks.received)
    }
}

/// Distinct values in order of first appearance, with their indexes.
struct Interner<Value: Hashable> {
    private(set) var values: [Value] = []
    private var indexes: [Value: UInt64] = [:]

    mutating func add(_ value: Value) {
        guard indexes[value] == nil else { return }
        indexes[value] = UInt64(values.count)
        values.append(value)
    }

    /// `value` must have been added.
    func index(of value: Value) -> UInt64 {
        guard let index = indexes[value] else { preconditionFailure("a value that was not interned") }
        return index
    }
}

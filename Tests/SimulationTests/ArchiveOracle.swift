import ArchiveTypes
import CZstd
import Checksums
import ChunkFormat
import Simulation
import Spool

/// What became of the lines that an archive was given.
struct Verdicts {
    var lost: [String] = []
    var doubled: [String] = []
    var reordered: [String] = []
    var corrupted: [String] = []
    var phantom: [String] = []

    var isClean: Bool {
        lost.isEmpty && doubled.isEmpty && reordered.isEmpty && corrupted.isEmpty && phantom.isEmpty
    }

    var text: String {
        let parts = [
            ("lost", lost), ("doubled", doubled), ("reordered", reordered), ("corrupted", corrupted),
            ("phantom", phantom),
        ]
        return parts.filter { !$0.1.isEmpty }.map { name, found in
            "\(found.count) \(name): " + found.prefix(4).joined(separator: " | ")
        }.joined(separator: "; ")
    }
}

/// A line of a source: which it is, and whether it came to be what it says.
enum SourceLine {
    /// `NAME NUMBER PAYLOAD CHECK`, the last being a hash of what is before it.
    static func make(_ name: String, _ number: Int, _ payload: String) -> [UInt8] {
        let text = Array("\(name) \(number) \(payload) ".utf8)
        return text + Array(String(xxh64(text), radix: 36).utf8) + [10]
    }

    static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.last == 10, let space = line.lastIndex(of: 0x20) else { return false }
        let text = Array(line[...space])
        return line[(space + 1)...].dropLast().elementsEqual(String(xxh64(text), radix: 36).utf8)
    }
}

/// What a stream must hold: its lines in their order. Those that were never acknowledged may be missing.
struct ExpectedStream {
    var lines: [[UInt8]] = []
    var optional: Set<Int> = []
}

/// Reads the chunks of an archive with zstd and the blocks' headers alone, and compares them with what sources wrote.
struct ArchiveOracle {
    private struct Stretch {
        var first: UInt64
        var bytes: [UInt8]
    }

    private var stretches: [StreamID: [SourceGeneration: [Stretch]]] = [:]
    private let origin: (StreamID) -> StreamID
    private(set) var verdicts = Verdicts()
    private(set) var gaps: [BlockHeader] = []

    /// Only chunks that have a manifest are archived.
    /// - Parameter origin: whose lines a stream holds: a file that was first seen after its rotation has another name.
    init(_ objects: [String: [UInt8]], origin: @escaping (StreamID) -> StreamID) {
        self.origin = origin
        let manifests = Set(objects.keys.compactMap { ManifestKey($0)?.name.stem })
        var digests: [String: ChunkKey] = [:]
        for text in objects.keys.sorted() {
            guard let key = ChunkKey(text), let bytes = objects[text] else { continue }
            if digests.updateValue(key, forKey: key.name.stem) != nil {
                verdicts.doubled.append("two chunks of \(key.name.stem)")
            }
            guard manifests.contains(key.name.stem) else { continue }
            if !hex(sha256(bytes)).hasPrefix(key.name.digest) { verdicts.corrupted.append("\(key)") }
            take(bytes, of: key)
        }
    }

    private mutating func take(_ chunk: [UInt8], of key: ChunkKey) {
        var offset = 0
        while offset + 8 <= chunk.count {
            let magic = chunk.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
            guard UInt32(littleEndian: magic) == 0x184D_2A51 else { return }
            do throws(FormatError) {
                let (header, length) = try Self.header(chunk, at: offset)
                let stored = (offset + length)..<(offset + length + Int(header.storedLength))
                if header.kind == .lines {
                    guard let lines = Self.inflate(chunk, stored, count: Int(header.rawLength)),
                        lines.count == Int(header.positions.count)
                    else { return verdicts.corrupted.append("block at \(offset) of \(key)") }
                    let source = SourceGeneration(stream: header.stream, generation: header.generation)
                    stretches[origin(header.stream), default: [:]][source, default: []].append(
                        Stretch(first: header.positions.first, bytes: lines))
                } else if header.kind == .gap {
                    gaps.append(header)
                }
                offset = stored.upperBound
            } catch { return verdicts.corrupted.append("header at \(offset) of \(key): \(error)") }
        }
    }

    private static func header(_ chunk: [UInt8], at offset: Int) throws(FormatError) -> (BlockHeader, Int) {
        try chunk.withUnsafeBytes { bytes -> Result<(BlockHeader, Int), FormatError> in
            do throws(FormatError) {
                return .success(try BlockHeader.decode(UnsafeRawBufferPointer(rebasing: bytes[offset...])))
            } catch { return .failure(error) }
        }.get()
    }

    private static func inflate(_ chunk: [UInt8], _ range: Range<Int>, count: Int) -> [UInt8]? {
        guard range.upperBound <= chunk.count else { return nil }
        var lines = [UInt8](repeating: 0, count: count)
        let length = chunk.withUnsafeBytes { bytes in
            ZSTD_decompress(&lines, count, bytes.baseAddress?.advanced(by: range.lowerBound), range.count)
        }
        return ZSTD_isError(length) == 0 && length == count ? lines : nil
    }

    // MARK: Verdicts

    /// Compares everything with what was expected; streams that nobody expects are phantoms.
    /// - Parameter mayLack: of these, lines may be lost: what held them was damaged.
    mutating func judge(_ expected: [StreamID: ExpectedStream], mayLack: (StreamID) -> Bool) {
        for (stream, wanted) in expected.sorted(by: { $0.key < $1.key }) {
            judge(stream, wanted, mayLack: mayLack(stream))
        }
        for stream in stretches.keys where expected[stream] == nil { verdicts.phantom.append("stream \(stream)") }
    }

    private mutating func judge(_ stream: StreamID, _ wanted: ExpectedStream, mayLack: Bool) {
        var places: [[UInt8]: Int] = [:]
        for (index, line) in wanted.lines.enumerated() { places[line] = index }
        var seen: Set<Int> = []
        var last = -1
        let found = (stretches[stream] ?? [:]).sorted {
            ($0.key.generation, $0.key.stream) < ($1.key.generation, $1.key.stream)
        }
        for (source, pieces) in found {
            for line in lines(pieces, "\(source.stream.source) \(source.generation)", mayLack: mayLack) {
                let text = String(decoding: line.prefix(40), as: UTF8.self)
                guard let place = places[Array(line)] else {
                    if SourceLine.isWhole(line) {
                        verdicts.phantom.append(text)
                    } else {
                        verdicts.corrupted.append(text)
                    }
                    continue
                }
                if !seen.insert(place).inserted {
                    verdicts.doubled.append(text)
                } else if place < last {
                    verdicts.reordered.append("\(source.stream.source) \(source.generation): \(text)")
                }
                last = max(last, place)
            }
        }
        guard !mayLack else { return }
        for (index, line) in wanted.lines.enumerated() where !seen.contains(index) && !wanted.optional.contains(index) {
            verdicts.lost.append("\(stream.source): " + String(decoding: line.prefix(40), as: UTF8.self))
        }
    }

    /// The lines of one generation, each position once.
    private mutating func lines(_ pieces: [Stretch], _ name: String, mayLack: Bool) -> [ArraySlice<UInt8>] {
        var bytes: [UInt8] = []
        var start: UInt64 = 0
        var found: [ArraySlice<UInt8>] = []
        for piece in pieces.sorted(by: { ($0.first, $0.bytes.count) < ($1.first, $1.bytes.count) }) {
            let end = start + UInt64(bytes.count)
            if piece.first > end {
                if !mayLack { verdicts.lost.append("\(name): positions \(end) to \(piece.first)") }
                found += bytes.split(separator: 10, omittingEmptySubsequences: true).map { $0 + [10] }
                bytes = piece.bytes
                start = piece.first
                continue
            }
            let known = Int(end - piece.first)
            let from = Int(piece.first - min(start, piece.first))
            let overlap = min(known, piece.bytes.count)
            if piece.first >= start, bytes[from..<from + overlap] != piece.bytes[..<overlap] {
                verdicts.corrupted.append("\(name): other bytes at position \(piece.first)")
            }
            if known < piece.bytes.count { bytes += piece.bytes[known...] }
        }
        let tail = bytes.last == 10 || bytes.isEmpty ? nil : Array("tail".utf8)
        if tail != nil { verdicts.lost.append("\(name): the end of a line") }
        return found + bytes.split(separator: 10, omittingEmptySubsequences: true).map { $0 + [10] }
    }
}

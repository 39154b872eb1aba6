import ArchiveTypes
import Glibc
import Inputs

extension FuzzTarget {
    static let inputs: [FuzzTarget] = [
        FuzzTarget("gzip", rounds: 300, seeds: { CompressedSeeds.gzip }) { try decompress($0, .gzip) },
        FuzzTarget("zstd", rounds: 300, seeds: { CompressedSeeds.zstd }) { try decompress($0, .zstd) },
        FuzzTarget("xz", rounds: 300, seeds: { CompressedSeeds.xz }) { try decompress($0, .xz) },
        FuzzTarget("bzip2", rounds: 300, seeds: { CompressedSeeds.bzip2 }) { try decompress($0, .bzip2) },
        FuzzTarget("line-chunker", seeds: { [[4, 3] + Array("one\ntwo\n\na longer line\nrest".utf8)] }, cutLines),
        FuzzTarget("file-checkpoint", seeds: { [checkpointSeed()] }) { bytes in
            var reader = ByteReader(Array(bytes))
            guard let read = try unlessRefused(MalformedBytes.self, { try FileCheckpoint(from: &reader) }) else {
                return
            }
            var written: [UInt8] = []
            read.encode(into: &written)
            var again = ByteReader(written)
            try require(try FileCheckpoint(from: &again) == read && again.isAtEnd, "checkpoint changed: \(read)")
        },
        FuzzTarget(
            "path-glob", rounds: 600,
            seeds: {
                ["/var/log/**/*.{log,json}\n/var/log/a/b.log", "{a,b{c,d}}/[!x-z]?\\*\na/b", "**/a/**/b/**\n/a/a/b/b"]
                    .map {
                        Array($0.utf8)
                    }
            }, matchPath),
        FuzzTarget("raw-path", seeds: { [Array("/var/log/\u{e9}%80.log".utf8) + [0xE9]] }) { bytes in
            let path = RawPath(bytes: bytes)
            if !bytes.contains(UInt8(ascii: "%")) {
                try require(RawPath(source: path.description) == path, "\(path) leads elsewhere")
            }
            let absolute = path.absolute(from: RawPath("/base/folder"))
            try require(absolute.isAbsolute && absolute.absolute(from: RawPath("/")) == absolute, "\(absolute)")
        },
    ]

    /// Output that a test reads at most: a few bytes can hold gigabytes.
    private static let outputLimit = 1 << 20

    /// A file that begins as files of this kind do.
    private static func decompress(_ bytes: UnsafeRawBufferPointer, _ kind: Compression) throws {
        let whole = try readFile(Array(bytes), kind, step: 64 << 10)
        let pieces = try readFile(Array(bytes), kind, step: 1021)
        let shared = min(whole.bytes.count, pieces.bytes.count)
        try require(
            whole.bytes.prefix(shared).elementsEqual(pieces.bytes.prefix(shared)), "other bytes when read in pieces")
        // What libbz2 gives of a block before it finds it damaged depends on the room that it has. libzstd 1.5.4, given
        // room for the whole frame, passes over a damaged header that an earlier call ended in.
        try require(
            kind == .zstd || (whole.error == nil) == (pieces.error == nil), "damaged only when read in another way")
        guard whole.error == nil, pieces.error == nil else { return }
        guard max(whole.bytes.count, pieces.bytes.count) < outputLimit else { return }
        try require(
            whole.bytes.count == pieces.bytes.count, "\(whole.bytes.count) bytes, \(pieces.bytes.count) in pieces")
    }

    private static func readFile(
        _ bytes: [UInt8], _ kind: Compression, step: Int
    ) throws -> (bytes: [UInt8], error: InputError?) {
        guard let file = tmpfile() else { throw PropertyViolation(description: "no temporary file: errno \(errno)") }
        defer { fclose(file) }
        fwrite(bytes, 1, bytes.count, file)
        fflush(file)
        let path = RawPath("/proc/self/fd/\(fileno(file))")
        var limits = DecompressionLimits()
        limits.zstdWindowLog = 20
        limits.xzBytes = 16 << 20
        var found: [UInt8] = []
        do throws(InputError) {
            let file = try InputFile.open(path, machine: MachineID("m"), limits: limits)
            var buffer = [UInt8](repeating: 0, count: step)
            while found.count < outputLimit {
                let count = try read(file.source, &buffer)
                if count == 0 { break }
                found += buffer[..<count]
            }
            return (found, nil)
        } catch {
            return (found, error)
        }
    }

    private static func read(_ source: any ByteSource, _ buffer: inout [UInt8]) throws(InputError) -> Int {
        let result = buffer.withUnsafeMutableBytes { bytes -> Result<Int, InputError> in
            do throws(InputError) { return .success(try source.read(into: bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    // MARK: Lines

    /// The size of pieces, that of reads, then the source's bytes.
    private static func cutLines(_ input: UnsafeRawBufferPointer) throws {
        guard input.count >= 2 else { return }
        let pieceBytes = Int(input[0]) + 1
        let bytes = Array(input.dropFirst(2))
        var chunker = LineChunker(MemorySource(bytes, step: Int(input[1]) + 1), pieceBytes: pieceBytes)
        var (buffer, all) = ([UInt8](), [UInt8]())
        var before: Piece?
        while let piece = try chunker.next(into: &buffer) {
            try require(1...pieceBytes ~= piece.count && piece.count == buffer.count, "piece of \(piece.count) bytes")
            try require(piece.first == UInt64(all.count), "piece at \(piece.first), not \(all.count)")
            try require(piece.startsInsideLine == (all.last ?? 10 != 10), "begins inside a line: wrong")
            try require(before?.isLast != true, "a piece after the last")
            all += buffer
            let goesOn = buffer.last != 10 && all.count < bytes.count
            try require(piece.endsInsideLine == goesOn && piece.isLast == (all.count == bytes.count), "\(piece)")
            let isShort = goesOn && buffer.contains(10)
            try require(!isShort, "a piece of lines ends inside one")
            before = piece
        }
        try require(all == bytes, "pieces are not the source")
    }

    private final class MemorySource: ByteSource {
        let name = "memory"
        private var rest: ArraySlice<UInt8>
        private let step: Int

        init(_ bytes: [UInt8], step: Int) {
            rest = bytes[...]
            self.step = step
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
            let piece = rest.prefix(min(step, buffer.count))
            buffer.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
    }

    // MARK: Names

    static func checkpointSeed() -> [UInt8] {
        let identity = FileIdentity(
            machine: MachineID("0123456789abcdef0123456789abcdef"), fileSystem: FileSystemID("fsid:7"), inode: 42,
            birth: 1_763_800_000 * .perSecond)
        let checkpoint = FileCheckpoint(
            source: "/var/log/app.log", generation: identity.generation(firstSight: 0), identity: identity,
            position: 4096, tail: 0xDEAD)
        var bytes: [UInt8] = []
        checkpoint.encode(into: &bytes)
        return bytes
    }

    /// A pattern up to the first newline, then a path.
    private static func matchPath(_ input: UnsafeRawBufferPointer) throws {
        let parts = input.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
        let pattern = String(decoding: parts[0], as: UTF8.self)
        let path = RawPath(bytes: parts.count > 1 ? Array(parts[1]) : [])
        guard let glob = try unlessRefused(InputError.self, { try PathGlob(pattern) }) else { return }
        for hidden in [false, true] where glob.matches(path, hidden: hidden) {
            try require(
                try PathGlob("**").matches(path, hidden: true) || path.name.isEmpty, "** matches all of \(path)")
        }
    }
}

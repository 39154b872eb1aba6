import ArchiveIndex
import ArchiveTypes
import Checksums
import ChunkFormat
import Dispatch
import EventTime
import ObjectStore
import Patterns
import Retrieval
import Synchronization

extension FuzzTarget {
    static let retrieval: [FuzzTarget] = [
        FuzzTarget("terminal-text", seeds: { [Array("a\tb\u{1B}[31m\u{85}\u{e9}\r\n".utf8) + [0xC3, 0x0A, 0xFF]] }) {
            bytes in
            let sink = CapturingSink()
            try TerminalSink(sink).write(bytes)
            guard let text = String(validating: sink.bytes, as: UTF8.self) else {
                throw PropertyViolation(description: "output for a terminal is not UTF-8")
            }
            let isHarmless = text.unicodeScalars.allSatisfy {
                $0 == "\n" || $0 == "\t" || ($0.value >= 0x20 && !(0x7F...0x9F ~= $0.value))
            }
            try require(isHarmless, "control characters reach a terminal: \(text.debugDescription)")
        },
        FuzzTarget(text: "line-pattern", rounds: 400, seeds: ["(a|b)+\\d{2,}$", "^[[:alpha:]]*?(?<n>x)\\k<n>"]) {
            text in
            _ = try unlessRefused(PatternError.self) { try LinePattern(text) }
        },
        FuzzTarget("archive-read", rounds: 150, seeds: readSeeds, readArchive),
    ]

    private static func readSeeds() throws -> [[UInt8]] {
        let seed = try ChunkSeed.made.get()
        return try zip([seed.headers[0], seed.headers[3]], seed.lines).flatMap { header, lines in
            try ([0, 0x25, 0x5A] as [UInt8]).map { choices in
                var bytes: [UInt8] = [choices, 0]
                let times = try header.parsed { try BlockHeader.decode($0) }.header.times
                bytes.append(lengthPrefixed: times?.encoded() ?? [])
                return bytes + lines
            }
        }
            + wrappedSeeds.enumerated().map { index, lines in
                var bytes: [UInt8] = [0, 0x10 + UInt8(index) * 0x20]
                bytes.append(lengthPrefixed: LineTimes.column(of: [0, 0, 0, 0]).encoded())
                return bytes + lines
            }
    }

    /// Two bytes of choices, coded times with their length, then lines: a block whose header may say of its lines what
    /// is not so, under checksums that all fit.
    private static func readArchive(_ input: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(Array(input))
        let parts = try unlessRefused(MalformedBytes.self) {
            (
                try reader.read(UInt16.self),
                try LineTimes(decoding: try reader.readLengthPrefixed(atMost: input.count)),
                Array(try reader.read(count: reader.remaining))
            )
        }
        guard let (choices, times, lines) = parts, !lines.isEmpty else { return }
        let archive = try HostileArchive(lines, times, choices: UInt(choices))
        let sink = CapturingSink()
        let outcome = try archive.get(choices: UInt(choices), sink)
        try require(outcome.bytes == UInt64(sink.bytes.count), "\(sink.bytes.count) bytes, \(outcome.bytes) told")
        try require(outcome.lines <= UInt64(2 * lines.count), "\(outcome.lines) lines of \(lines.count) bytes")
    }
}

/// Takes all bytes into memory.
private final class CapturingSink: ByteSink {
    private let captured = Mutex<[UInt8]>([])

    var bytes: [UInt8] { captured.withLock { $0 } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        captured.withLock { $0.append(contentsOf: bytes) }
    }
}

/// A store with one chunk of two blocks, the second the lies of the first about the same lines.
private struct HostileArchive: BlockPlanning {
    private let store: MemoryStore
    private let manifest: Manifest

    init(_ lines: [UInt8], _ times: LineTimes, choices: UInt) throws {
        let frame = try lines.parsed { try Frames.compressed($0, withLength: false) }
        var builder = ChunkBuilder()
        var bytes: [UInt8] = []
        for index in 0..<2 {
            var header = try ChunkSeed.header(.lines, lines, frame, times, 0)
            header.stream.source += "\(index)"
            header.lineCount = choices & 1 == 0 ? max(1, UInt32(lines.count { $0 == 10 })) : UInt32(lines.count)
            if choices & 0x100 != 0 { (header.leastTime, header.greatestTime) = (.min, .max - 1) }
            if choices & 0x200 != 0 { header.received = .max }
            header.continuesBefore = choices & 0x400 != 0
            header.continuesAfter = choices & 0x800 != 0
            if choices & 0x1000 != 0 {
                header.wrapping = BlockWrapping(
                    choices & 0x2000 == 0 ? .cri : .docker,
                    openBefore: [choices & 0x4000 == 0 ? nil : header.leastTime, nil],
                    openAfter: [choices & 0x8000 == 0, true], isBeginningUnknown: choices & 0x4000 == 0)
            }
            let headerFrame = try header.encodedFrame()
            frame.parsed { builder.append(header, headerFrame: headerFrame, frame: $0) }
            bytes += headerFrame + frame
        }
        let (tail, manifest) = try builder.finish(try ChunkSeed.description())
        store = MemoryStore(isRemote: false, now: { ChunkSeed.sealed })
        store.set(manifest.chunk.description, bytes + tail)
        self.manifest = manifest
    }

    func plan(_ query: BlockQuery) async throws -> BlockPlan {
        var plan = BlockPlan()
        let rows = manifest.blocks.filter(query.matches).map { IndexRow(chunk: manifest.chunk, block: $0) }
        plan.blocks = Duplicates.resolve(rows)
        return plan
    }

    func get(choices: UInt, _ sink: CapturingSink) throws -> ReadOutcome {
        var selection = Selection()
        if choices & 2 != 0 { selection.text = TextCondition(match: [Array("line".utf8)]) }
        selection.wholeRecords = choices & 4 != 0
        let format: OutputFormat = choices & 8 == 0 ? .raw : choices & 16 == 0 ? .json : .prefixed(PrefixStyle())
        let request = GetRequest(
            selection, output: OutputOptions(format: format, escapesControls: choices & 32 != 0),
            isReversed: choices & 64 != 0)
        let memory = choices & 128 == 0 ? 1 << 20 : 1 << 10
        let reader = ArchiveReader(store: store, planner: self, options: ReadOptions(memory: memory))
        return try waiting { try await reader.get(request, to: sink) }
    }
}

/// Runs `body` to its end while this thread, which must not be one of the cooperative pool, waits.
private func waiting<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
    let done = DispatchSemaphore(value: 0)
    let box = ResultBox<Value>()
    Task {
        do { box.set(.success(try await body())) } catch { box.set(.failure(error)) }
        done.signal()
    }
    done.wait()
    return try box.get()
}

private final class ResultBox<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)

    func set(_ value: Result<Value, any Error>) { result.withLock { $0 = value } }

    func get() throws -> Value {
        guard let result = result.withLock({ $0 }) else { throw PropertyViolation(description: "no answer came") }
        return try result.get()
    }
}

import ArchiveTypes
import Foundation
import Inputs
import Simulation
import Spool
import TestSupport

/// Writers of files: they append, rotate, and truncate or delete what an agent has told them to be durable.
final class SourceFiles {
    /// One content of one file, from its creation or truncation to its end.
    final class Life {
        let number: Int
        let stream: StreamID
        var path: String
        var lines: [[UInt8]] = []
        var count = 0
        /// Bytes of the last line that are not written yet.
        var rest: [UInt8] = []
        /// Bytes that an agent told to be durable.
        var promised = 0
        /// Nobody writes to it any more.
        var isClosed = false

        init(number: Int, stream: StreamID, path: String) {
            self.number = number
            self.stream = stream
            self.path = path
        }
    }

    let files: MemoryFileSystem
    private(set) var lives: [Life] = []
    private var owners: [SourceGeneration: Life] = [:]
    /// Lives by path, as they are now.
    private var current: [String: Life] = [:]
    private var rotations = 0
    private let names: [String]
    var note: (String) -> Void = { _ in }

    static let folder = "/logs"

    init(names: [String], time: Nanoseconds) {
        files = MemoryFileSystem(time: time)
        self.names = names.map { Self.folder + "/" + $0 }
    }

    /// The stream under which a file is written that is found with the stream's source as its name.
    static func origin(_ stream: StreamID) -> StreamID {
        guard stream.source.hasPrefix(folder), let end = stream.source.range(of: ".log.")?.lowerBound else {
            return stream
        }
        return StreamID(host: stream.host, source: stream.source[..<end] + ".log")
    }

    private func begin(_ path: String) -> Life {
        let life = Life(number: lives.count, stream: StreamID(host: "h", source: path), path: path)
        lives.append(life)
        note("file\(life.number) begins as \(path)")
        current[path] = life
        add(line(of: life, "begin"), to: life)
        return life
    }

    private func line(of life: Life, _ payload: String) -> [UInt8] {
        let line = SourceLine.make("file\(life.number)", life.lines.count, payload)
        life.lines.append(line)
        return line
    }

    private func add(_ bytes: [UInt8], to life: Life) {
        life.count += bytes.count
        files.write(bytes, to: RawPath(life.path))
    }

    /// Writes some lines to one of the files, perhaps half a line.
    func write(using random: inout SeededGenerator) {
        guard let path = names.randomElement(using: &random) else { return }
        let life = current[path] ?? begin(path)
        finishLine(life)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let payload = String(repeating: "x", count: Int.random(in: 0...60, using: &random))
            add(line(of: life, payload), to: life)
        }
        guard Int.random(in: 0..<4, using: &random) == 0 else { return }
        let line = line(of: life, "half")
        let cut = Int.random(in: 1..<line.count, using: &random)
        add(Array(line[..<cut]), to: life)
        life.rest = Array(line[cut...])
    }

    private func finishLine(_ life: Life) {
        guard !life.rest.isEmpty else { return }
        add(life.rest, to: life)
        life.rest = []
    }

    func finishLines() { for life in lives { finishLine(life) } }

    func rotate(using random: inout SeededGenerator) {
        guard let path = names.randomElement(using: &random), let life = current.removeValue(forKey: path) else {
            return
        }
        finishLine(life)
        rotations += 1
        note("file\(life.number) is renamed to \(rotations)")
        let other = "\(path).\(rotations)"
        files.rename(RawPath(path), to: RawPath(other))
        life.path = other
        life.isClosed = true
        if Bool.random(using: &random) { _ = begin(path) }
    }

    /// A source forgets only what it was told to be durable.
    func forget(using random: inout SeededGenerator) {
        let whole = lives.filter { $0.promised == $0.count && $0.rest.isEmpty && files.files[RawPath($0.path)] != nil }
            .filter { $0.isClosed || current[$0.path] === $0 }
        guard let life = whole.randomElement(using: &random) else { return }
        let isCurrent = current[life.path] === life
        if isCurrent, Bool.random(using: &random) {
            note("file\(life.number) is truncated")
            files.truncate(RawPath(life.path))
            life.isClosed = true
            _ = begin(life.path)
        } else {
            note("file\(life.number) is removed")
            files.remove(RawPath(life.path))
            if isCurrent { current[life.path] = nil }
            life.isClosed = true
        }
        // Nothing is promised of what is gone.
        life.promised = -1
    }

    /// Takes note of what an agent says is durable.
    /// - Parameter checkpoints: of its generations, each up to what is durable.
    func note(_ checkpoints: [SourceGeneration: FileCheckpoint]) {
        for (source, checkpoint) in checkpoints.sorted(by: { $0.key < $1.key }) {
            if owners[source] == nil { owners[source] = newest(checkpoint) }
            guard let life = owners[source], life.promised >= 0 else { continue }
            life.promised = max(life.promised, Int(checkpoint.position))
        }
    }

    /// Promises that blocks do not keep.
    /// - Parameter held: the blocks that are archived or in the spool.
    func brokenPromises(_ held: [SourceGeneration: [PositionRange]]) -> [String] {
        owners.compactMap { source, life in
            var end: UInt64 = 0
            for range in (held[source] ?? []).sorted(by: { $0.first < $1.first }) where range.first <= end {
                end = max(end, range.end)
            }
            guard life.promised > Int(end) else { return nil }
            return "\(life.path): \(life.promised) bytes were durable, and now \(end) are"
        }.sorted()
    }

    private func newest(_ checkpoint: FileCheckpoint) -> Life? {
        let taken = Set(owners.values.map(ObjectIdentifier.init))
        return lives.last { life in
            files.files[RawPath(life.path)]?.inode == checkpoint.identity.inode
                && files.files[RawPath(life.path)]?.birth == checkpoint.identity.birth
                && (current[life.path] === life || life.isClosed) && !taken.contains(ObjectIdentifier(life))
        }
    }

    var expected: [StreamID: ExpectedStream] {
        var streams: [StreamID: ExpectedStream] = [:]
        for life in lives { streams[life.stream, default: ExpectedStream()].lines += life.lines }
        return streams
    }
}

import Spool
import TestSupport

/// A directory whose page cache a crash takes away: only what was synced survives for certain, and of the rest any part.
final class MemoryLogStorage: LogStorage {
    final class File: LogFile {
        fileprivate var bytes: [UInt8] = []
        fileprivate var durable: [UInt8] = []
        fileprivate unowned let storage: MemoryLogStorage
        fileprivate var hasFailed = false

        fileprivate init(_ storage: MemoryLogStorage) { self.storage = storage }

        func write(_ content: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError) {
            if hasFailed { storage.usedFailedFile = true }
            var count = content.count
            let fault = storage.fault()
            if fault != .none { count = Int.random(in: 0...count, using: &storage.random) }
            let end = Int(offset) + count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(Int(offset)..<end, with: content[..<count])
            switch fault {
            case .none: return
            case .full: throw SpoolError(.full, path: "memory", reason: "no space")
            case .io: throw SpoolError(.io, path: "memory", reason: "write failed")
            }
        }

        func synchronize() throws(SpoolError) {
            if hasFailed { storage.usedFailedFile = true }
            guard storage.fault() == .none else {
                // The kernel takes the pages for clean from now on: they are gone with the next crash.
                hasFailed = true
                throw SpoolError(.io, path: "memory", reason: "cannot sync")
            }
            durable = bytes
        }
    }

    enum Fault { case none, full, io }

    var random: SeededGenerator
    /// How many of 100 calls fail.
    var faults = 0
    /// A file went on being used after a sync of it had failed.
    fileprivate(set) var usedFailedFile = false
    private var files: [String: File] = [:]
    private var durableFiles: [String: File] = [:]

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    fileprivate func fault() -> Fault {
        guard Int.random(in: 0..<100, using: &random) < faults else { return .none }
        return Bool.random(using: &random) ? .full : .io
    }

    func names() -> [String] { Array(files.keys) }

    func read(_ name: String) throws(SpoolError) -> [UInt8] {
        guard let file = files[name] else { throw SpoolError(.configuration, path: name, reason: "is missing") }
        return file.bytes
    }

    func create(_ name: String) -> any LogFile {
        let file = File(self)
        files[name] = file
        return file
    }

    func rename(_ name: String, to newName: String) throws(SpoolError) {
        files[newName] = files.removeValue(forKey: name)
    }

    func remove(_ name: String) { files[name] = nil }
    func keepAside(_ name: String) { files[name] = nil }
    func synchronize() throws(SpoolError) {
        if fault() == .io { throw SpoolError(.io, path: "memory", reason: "cannot sync the directory") }
        durableFiles = files
    }

    /// The machine loses power: of each file, what was synced and any part of what was written since; of names, those
    /// that were synced, or, each by itself, those that are.
    func crash() {
        var left: [String: File] = [:]
        for name in Set(files.keys).union(durableFiles.keys) {
            let survivor = Bool.random(using: &random) ? files[name] : durableFiles[name]
            guard let survivor else { continue }
            let file = File(self)
            file.bytes = torn(survivor)
            file.durable = file.bytes
            left[name] = file
        }
        files = left
        durableFiles = left
    }

    private func torn(_ file: File) -> [UInt8] {
        var bytes = file.durable
        guard !file.hasFailed, bytes.count < file.bytes.count || bytes != file.bytes else { return bytes }
        let length = Int.random(in: bytes.count...max(bytes.count, file.bytes.count), using: &random)
        bytes += [UInt8](repeating: 0, count: length - bytes.count)
        // Pages of 64 bytes come to the disk in any order.
        for page in stride(from: 0, to: min(length, file.bytes.count), by: 64) where Bool.random(using: &random) {
            let end = min(page + 64, length, file.bytes.count)
            bytes.replaceSubrange(page..<end, with: file.bytes[page..<end])
        }
        return bytes
    }

    /// Replaces a file's bytes, as damage would.
    func damage(_ name: String, _ body: (inout [UInt8]) -> Void) {
        guard let file = files[name] else { return }
        body(&file.bytes)
        file.durable = file.bytes
    }
}

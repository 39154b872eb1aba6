import ArchiveTypes
import Checksums
import ObjectStore
import TestSupport

/// A store in memory that reads what it is given from a simulated disk, loses requests and answers, and delivers what it
/// seemed to have lost later. The same seed and the same calls give the same course.
///
/// For one thread at a time.
package final class SimulatedStore: ObjectStore, @unchecked Sendable {
    package let name: String
    package let capabilities = StoreCapabilities(adoptsFiles: false, isRemote: false)
    /// How many of 1,000 requests fail.
    package var failing = 0
    /// What a program did that no program may do, a sentence each.
    package private(set) var misuses: [String] = []
    package private(set) var objects: [String: [UInt8]] = [:]

    private let disk: SimulatedDisk
    private let clock: @Sendable () -> Nanoseconds
    private var random: SeededGenerator
    /// Requests that timed out and are still under way.
    private var late: [(key: String, bytes: [UInt8])] = []

    package init(name: String, disk: SimulatedDisk, seed: UInt64, clock: @escaping @Sendable () -> Nanoseconds) {
        self.name = name
        self.disk = disk
        self.clock = clock
        random = SeededGenerator(seed: seed)
    }

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        let bytes = try content(body, key)
        if sha256(bytes) != body.sha256 { misuses.append("\(key) was sent with the digest of something else") }
        deliverLate()
        if let fault = draw() {
            switch fault {
            case 0: break
            case 1: late.append((key, bytes))
            default: _ = take(key, bytes)
            }
            throw error(.transient, "PUT \(key)", fault == 0 ? "refused" : "no answer")
        }
        // The process may be gone before it learns of it.
        let outcome = take(key, bytes)
        return PutResult(outcome: outcome, storeTime: clock())
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        if draw() != nil { throw error(.transient, "GET \(key)", "refused") }
        guard let bytes = objects[key] else { throw error(.notFound, "GET \(key)", "no such object") }
        return ObjectData(bytes: bytes, objectSize: UInt64(bytes.count))
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        guard let bytes = objects[key] else { throw error(.notFound, "HEAD \(key)", "no such object") }
        return UInt64(bytes.count)
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        let keys = objects.keys.filter { key in key.hasPrefix(prefix) && (after.map { key > $0 } ?? true) }.sorted()
        let entries = keys.prefix(limit).map { ListPage.Entry(key: $0, size: UInt64(objects[$0]?.count ?? 0)) }
        return ListPage(entries: entries, isTruncated: keys.count > limit, storeTime: clock())
    }

    package func delete(_ key: String) async throws(StoreError) {
        misuses.append("\(key) was deleted")
        objects[key] = nil
    }

    private func draw() -> Int? {
        guard failing > 0, Int.random(in: 0..<1000, using: &random) < failing else { return nil }
        return Int.random(in: 0..<3, using: &random)
    }

    private func deliverLate() {
        while let request = late.first, Bool.random(using: &random) {
            late.removeFirst()
            _ = take(request.key, request.bytes)
        }
    }

    private func take(_ key: String, _ bytes: [UInt8]) -> PutResult.Outcome {
        if let held = objects[key] {
            if held != bytes { misuses.append("two different objects were given the name \(key)") }
            return .alreadyHeld
        }
        if let manifest = ManifestKey(key) {
            let chunk = manifest.name.stem
            let isHeld = objects.keys.contains { ChunkKey($0)?.name.stem == chunk }
            if !isHeld { misuses.append("\(key) was put before its chunk") }
        }
        objects[key] = bytes
        return .created
    }

    private func content(_ body: ObjectBody, _ key: String) throws(StoreError) -> [UInt8] {
        switch body.content {
        case .bytes(let bytes): return bytes
        case .file(let path, let length):
            guard let bytes = disk.content(path), bytes.count == Int(length) else {
                throw error(.rejected, "PUT \(key)", "\(path) cannot be read")
            }
            return bytes
        case .part(let part):
            guard let bytes = disk.content(part.path), UInt64(bytes.count) >= part.offset + part.length else {
                throw error(.rejected, "PUT \(key)", "\(part.path) cannot be read")
            }
            return bytes[Int(part.offset)..<Int(part.offset + part.length)] + part.ending
        }
    }

    private func error(_ kind: StoreError.Kind, _ operation: String, _ reason: String) -> StoreError {
        StoreError(kind, store: name, operation: operation, reason: reason)
    }
}

extension ObjectName {
    /// What a chunk and its manifest share.
    package var stem: String { "\(writer) \(sequence)" }
}

import ArchiveTypes
import Glibc
import Spool
import TestSupport

/// A file system in memory with the promises of a real one and no more: what is not synced, a loss of power takes away
/// in any part; and calls fail as kernels let them fail. The same seed and the same calls give the same course.
///
/// Data: bytes written since the last successful fsync(2) of their file survive each write by itself, wholly, torn at any
/// byte, or not at all. A failed fsync drops them: they can still be read until the power goes, and a later fsync succeeds
/// without them, as Linux does it. Names: each creation, renaming and removal is atomic; those since the last fsync of the
/// folder (of a renaming: of the new name's) survive each by itself, or with `isJournaled` up to one of them, in order. Folders survive.
///
/// For one thread at a time.
package final class SimulatedDisk: FileCalls, @unchecked Sendable {
    /// How many of 1,000 calls go wrong in which way.
    package struct Faults: Sendable {
        /// EIO of writes and syncs.
        package var failing = 0
        /// EIO of everything else.
        package var failingOthers = 0
        /// EINTR and short counts of reads and writes.
        package var interrupted = 0
        /// Bytes of all files, beyond which there is ENOSPC.
        package var capacity = Int.max

        package init() {}
    }

    final class Inode {
        let number: UInt64
        /// What the kernel shows, and what is on the disk.
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// What differs, as it was written: dropped by a failed sync.
        var dirty: [Range<Int>] = []
        var truncatedTo: Int?
        /// Bytes that are taken without being written.
        var reserved = 0
        var names = 0
        var handles = 0

        init(number: UInt64) { self.number = number }

        var length: Int { max(bytes.count, reserved) }
    }

    final class Folder {
        var number: UInt64
        var birth: Int64
        var entries: [String: Inode] = [:]
        var durable: [String: Inode] = [:]

        init(number: UInt64) {
            self.number = number
            birth = Int64(number) * 1_000
        }
    }

    private enum Opened { case file(Inode), folder(String) }

    private struct Handle {
        var opened: Opened
        var hasFailed = false
    }

    /// What one call does to names, as one: nil removes. A new name comes before the old one.
    private struct Renaming {
        var changes: [(folder: String, name: String, inode: Inode?)]
    }

    package var faults = Faults()
    /// Calls that are still made until the process dies in one.
    package var callsUntilDeath: Int?
    /// The process died: nothing it does has an effect any more.
    package private(set) var isDead = false
    package private(set) var calls = 0
    /// What a program did that no program may do, a sentence each.
    package var misuses: [String] = []
    /// Told of each name before it is removed.
    package var willRemove: (String) -> Void = { _ in }
    /// Told of each call, where there is interest.
    package var trace: ((String) -> Void)?

    private var random: SeededGenerator
    private let isJournaled: Bool
    private var folders: [String: Folder] = [:]
    private var handles: [Int32: Handle] = [:]
    private var locks: [String: Int32] = [:]
    private var renamings: [Renaming] = []
    private var nextNumber: UInt64 = 10
    private var nextDescriptor: Int32 = 3
    private var used = 0

    package init(seed: UInt64, isJournaled: Bool = false) {
        random = SeededGenerator(seed: seed)
        self.isJournaled = isJournaled
        folders["/"] = Folder(number: 2)
    }

    // MARK: Dying and coming back

    private func chance(_ perMille: Int) -> Bool { perMille > 0 && Int.random(in: 0..<1000, using: &random) < perMille }
    private func coin() -> Bool { Bool.random(using: &random) }

    /// Begins a call. True where the process dies in it: it is then done or not, but nobody learns of it.
    private func begin(_ what: @autoclosure () -> String) throws(Errno) -> Bool {
        guard !isDead else { throw Errno(EIO) }
        calls += 1
        trace?(what())
        guard let left = callsUntilDeath else { return false }
        callsUntilDeath = left - 1
        guard left <= 0 else { return false }
        isDead = true
        trace?("dies")
        return true
    }

    /// The process is gone: descriptors are closed and locks are free. What the kernel holds stays.
    package func kill() {
        trace?("killed")
        isDead = false
        callsUntilDeath = nil
        handles = [:]
        locks = [:]
        for folder in folders.values { for inode in folder.entries.values { inode.handles = 0 } }
        countUsed()
    }

    /// The machine is gone with all that is not on the disk.
    package func losePower() {
        kill()
        trace?("power is lost")
        let lasting = isJournaled ? Int.random(in: 0...renamings.count, using: &random) : renamings.count
        for renaming in renamings.prefix(lasting) where isJournaled || coin() { makeDurable(renaming) }
        renamings = []
        var seen: Set<ObjectIdentifier> = []
        for folder in folders.values.sorted(by: { $0.number < $1.number }) {
            for (_, inode) in folder.durable.sorted(by: { $0.key < $1.key })
            where seen.insert(ObjectIdentifier(inode)).inserted {
                loseUnsynced(inode)
            }
            folder.entries = folder.durable
        }
        for folder in folders.values { for inode in folder.entries.values { inode.names = 0 } }
        for folder in folders.values { for inode in folder.entries.values { inode.names += 1 } }
        countUsed()
    }

    private func loseUnsynced(_ inode: Inode) {
        if let end = inode.truncatedTo, coin() { inode.durable.removeLast(max(0, inode.durable.count - end)) }
        for range in inode.dirty {
            let kept: Range<Int>
            switch Int.random(in: 0..<4, using: &random) {
            case 0: continue
            case 1: kept = range.lowerBound..<Int.random(in: range, using: &random)
            case 2: kept = Int.random(in: range, using: &random)..<range.upperBound
            default: kept = range
            }
            flush(kept, of: inode)
        }
        inode.bytes = inode.durable
        inode.dirty = []
        inode.truncatedTo = nil
        inode.reserved = 0
    }

    private func flush(_ range: Range<Int>, of inode: Inode) {
        let range = range.clamped(to: 0..<inode.bytes.count)
        if inode.durable.count < range.upperBound {
            inode.durable += [UInt8](repeating: 0, count: range.upperBound - inode.durable.count)
        }
        inode.durable.replaceSubrange(range, with: inode.bytes[range])
    }

    private func makeDurable(_ renaming: Renaming) {
        for change in renaming.changes { folders[change.folder]?.durable[change.name] = change.inode }
    }

    private func countUsed() {
        var seen: Set<ObjectIdentifier> = []
        used = 0
        for folder in folders.values {
            for inode in folder.entries.values where seen.insert(ObjectIdentifier(inode)).inserted {
                used += inode.length
            }
        }
    }

    // MARK: What tests do to it

    /// Paths of all files under `folder`, sorted.
    package func files(under root: String) -> [String] {
        folders.filter { $0.key == root || $0.key.hasPrefix(root + "/") }
            .flatMap { path, folder in folder.entries.keys.map { path + "/" + $0 } }.sorted()
    }

    /// The content as the kernel shows it; nil where there is no such file.
    package func content(_ path: String) -> [UInt8]? { inode(path)?.bytes }

    /// What is on the disk for certain; nil where there is no such file for certain.
    package func durableContent(_ path: String) -> [UInt8]? {
        let (folder, name) = Self.split(path)
        return folders[folder]?.durable[name]?.durable
    }

    /// Changes bytes as damage would.
    package func damage(_ path: String, _ body: (inout [UInt8]) -> Void) {
        guard let inode = inode(path) else { return }
        body(&inode.bytes)
        inode.durable = inode.bytes
        inode.dirty = []
    }

    /// Puts a copy of the folder, of other inodes, in its place.
    package func replaceByCopy(_ root: String) {
        for (path, folder) in folders.sorted(by: { $0.key < $1.key })
        where path == root || path.hasPrefix(root + "/") {
            let copy = Folder(number: number())
            for (name, inode) in folder.entries.sorted(by: { $0.key < $1.key }) {
                let other = Inode(number: number())
                other.bytes = inode.bytes
                other.durable = inode.bytes
                other.names = 1
                copy.entries[name] = other
            }
            copy.durable = copy.entries
            folders[path] = copy
        }
        renamings = []
        countUsed()
    }

    package var bytesUsed: Int { used }

    private func number() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    // MARK: Files

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("/", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }

    private func inode(_ path: String) -> Inode? {
        let (folder, name) = Self.split(path)
        return folders[folder]?.entries[name]
    }

    private func change(_ changes: [(folder: String, name: String, inode: Inode?)]) {
        for change in changes {
            let old = folders[change.folder]?.entries[change.name]
            folders[change.folder]?.entries[change.name] = change.inode
            change.inode?.names += 1
            old?.names -= 1
            if let old { free(old) }
        }
        renamings.append(Renaming(changes: changes))
    }

    private func free(_ inode: Inode) {
        guard inode.names == 0, inode.handles == 0 else { return }
        used -= inode.length
    }

    package func open(_ path: String, _ flags: Int32) throws(Errno) -> Int32 {
        let dies = try begin("open \(path)")
        if chance(faults.failingOthers) { throw Errno(EIO) }
        let opened: Opened
        if folders[path] != nil {
            opened = .folder(path)
        } else {
            let (folder, name) = Self.split(path)
            guard let parent = folders[folder] else { throw Errno(ENOENT) }
            if let found = parent.entries[name] {
                if flags & O_EXCL != 0 { throw Errno(EEXIST) }
                opened = .file(found)
            } else {
                guard flags & O_CREAT != 0 else { throw Errno(ENOENT) }
                if used >= faults.capacity { throw Errno(ENOSPC) }
                if dies, coin() { throw Errno(EIO) }
                let made = Inode(number: number())
                change([(folder, name, made)])
                opened = .file(made)
            }
        }
        if dies { throw Errno(EIO) }
        if case .file(let inode) = opened { inode.handles += 1 }
        nextDescriptor += 1
        handles[nextDescriptor] = Handle(opened: opened)
        return nextDescriptor
    }

    package func close(_ descriptor: Int32) {
        guard let handle = handles.removeValue(forKey: descriptor) else { return }
        for (path, owner) in locks where owner == descriptor { locks[path] = nil }
        if case .file(let inode) = handle.opened {
            inode.handles -= 1
            free(inode)
        }
    }

    /// - Parameter isWriting: after a failed sync, a descriptor may be read but not be relied on.
    private func file(_ descriptor: Int32, isWriting: Bool = false) throws(Errno) -> Inode {
        guard let handle = handles[descriptor], case .file(let inode) = handle.opened else { throw Errno(EBADF) }
        if isWriting, handle.hasFailed {
            misuses.append("a descriptor was used after its sync had failed")
        }
        return inode
    }

    package func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(Errno) -> Int {
        let dies = try begin("read")
        if dies || chance(faults.failingOthers) { throw Errno(EIO) }
        let inode = try file(descriptor)
        if chance(faults.interrupted) { throw Errno(EINTR) }
        guard Int(offset) < inode.bytes.count else { return 0 }
        var count = min(buffer.count, inode.bytes.count - Int(offset))
        if chance(faults.interrupted) { count = Int.random(in: 1...count, using: &random) }
        buffer.copyBytes(from: inode.bytes[Int(offset)..<Int(offset) + count])
        return count
    }

    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        let dies = try begin("write \(bytes.count) at \(offset)")
        let inode = try file(descriptor, isWriting: true)
        if !dies, chance(faults.interrupted) { throw Errno(EINTR) }
        let fails = dies || chance(faults.failing)
        var count = bytes.count
        if fails {
            count = Int.random(in: 0...count, using: &random)
        } else if count > 1, chance(faults.interrupted) {
            count = Int.random(in: 1..<count, using: &random)
        }
        let growth = max(0, Int(offset) + count - inode.length)
        if growth > faults.capacity - min(used, faults.capacity) {
            count -= min(count, growth - max(0, faults.capacity - used))
            if count == 0 { throw Errno(fails ? EIO : ENOSPC) }
        }
        store(bytes, count, at: Int(offset), in: inode)
        if fails { throw Errno(EIO) }
        return count
    }

    private func store(_ bytes: UnsafeRawBufferPointer, _ count: Int, at offset: Int, in inode: Inode) {
        guard count > 0 else { return }
        let before = inode.length
        let end = offset + count
        if inode.bytes.count < end { inode.bytes += [UInt8](repeating: 0, count: end - inode.bytes.count) }
        inode.bytes.replaceSubrange(offset..<end, with: bytes[..<count])
        inode.dirty.append(offset..<end)
        used += inode.length - before
    }

    package func truncate(_ descriptor: Int32, to length: UInt64) throws(Errno) {
        let dies = try begin("truncate to \(length)")
        let inode = try file(descriptor, isWriting: true)
        if dies ? coin() : chance(faults.failingOthers) { throw Errno(EIO) }
        if inode.bytes.count > Int(length) {
            used -= inode.bytes.count - Int(length)
            inode.bytes.removeLast(inode.bytes.count - Int(length))
            inode.truncatedTo = min(inode.truncatedTo ?? .max, Int(length))
        }
        if dies { throw Errno(EIO) }
    }

    package func allocate(_ descriptor: Int32, count: UInt64) throws(Errno) {
        let dies = try begin("allocate \(count)")
        let inode = try file(descriptor)
        let growth = max(0, Int(count) - inode.length)
        if growth > faults.capacity - min(used, faults.capacity) { throw Errno(ENOSPC) }
        if dies { throw Errno(EIO) }
        used += growth
        inode.reserved = max(inode.reserved, Int(count))
    }

    package func synchronizeData(_ descriptor: Int32) throws(Errno) {
        let dies = try begin("fdatasync")
        let inode = try file(descriptor, isWriting: true)
        if dies ? coin() : chance(faults.failing) {
            guard !dies else { throw Errno(EIO) }
            // The kernel takes the pages for clean from now on.
            for range in inode.dirty where coin() { flush(range, of: inode) }
            inode.dirty = []
            handles[descriptor]?.hasFailed = true
            trace?("fdatasync fails")
            throw Errno(EIO)
        }
        if let end = inode.truncatedTo { inode.durable.removeLast(max(0, inode.durable.count - end)) }
        inode.truncatedTo = nil
        for range in inode.dirty { flush(range, of: inode) }
        inode.dirty = []
        if dies { throw Errno(EIO) }
    }

    package func synchronize(_ descriptor: Int32) throws(Errno) {
        guard let handle = handles[descriptor], case .folder(let path) = handle.opened else {
            return try synchronizeData(descriptor)
        }
        let dies = try begin("fsync \(path)")
        if dies ? coin() : chance(faults.failing) { throw Errno(EIO) }
        var left: [Renaming] = []
        var applied: [Renaming] = []
        for renaming in renamings {
            if isJournaled || renaming.changes.first?.folder == path {
                makeDurable(renaming)
                applied.append(renaming)
            } else {
                left.append(renaming)
            }
        }
        // What was done to a name earlier cannot come later.
        renamings = left.map { renaming in
            Renaming(
                changes: renaming.changes.filter { change in
                    !applied.contains { $0.changes.contains { $0.folder == change.folder && $0.name == change.name } }
                })
        }
        if dies { throw Errno(EIO) }
    }

    package func length(_ descriptor: Int32) throws(Errno) -> UInt64 { UInt64(try file(descriptor).bytes.count) }

    package func map(_ descriptor: Int32, length: Int) throws(Errno) -> UnsafeRawBufferPointer {
        let inode = try file(descriptor)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
        copy.copyBytes(from: inode.bytes.prefix(length))
        return UnsafeRawBufferPointer(copy)
    }

    package func unmap(_ bytes: UnsafeRawBufferPointer) { bytes.deallocate() }

    package func forget(_ bytes: UnsafeRawBufferPointer) {}

    package func lock(_ descriptor: Int32) throws(Errno) {
        guard case .file(let inode)? = handles[descriptor]?.opened else { throw Errno(EBADF) }
        let key = String(inode.number)
        guard locks[key] == nil else { throw Errno(EWOULDBLOCK) }
        locks[key] = descriptor
    }

    package func birth(_ descriptor: Int32) -> Int64 {
        guard case .folder(let path)? = handles[descriptor]?.opened else { return -1 }
        return folders[path]?.birth ?? -1
    }

    // MARK: Names

    package func status(_ path: String) throws(Errno) -> (inode: UInt64, length: UInt64) {
        guard !isDead else { throw Errno(EIO) }
        if let folder = folders[path] { return (folder.number, 0) }
        guard let inode = inode(path) else { throw Errno(ENOENT) }
        return (inode.number, UInt64(inode.length))
    }

    package func canAccess(_ path: String, _ mode: Int32) -> Bool { folders[path] != nil || inode(path) != nil }

    package func createFolder(_ path: String) throws(Errno) {
        guard !isDead else { throw Errno(EIO) }
        if folders[path] != nil { throw Errno(EEXIST) }
        folders[path] = Folder(number: number())
    }

    package func names(_ path: String) throws(Errno) -> [String] {
        guard !isDead else { throw Errno(EIO) }
        guard let folder = folders[path] else { throw Errno(ENOENT) }
        let inner = folders.keys.map(Self.split).filter { $0.folder == path && !$0.name.isEmpty }.map(\.name)
        return Array(folder.entries.keys) + inner
    }

    package func rename(_ path: String, to target: String) throws(Errno) {
        let dies = try begin("rename \(path) to \(target)")
        if dies ? coin() : chance(faults.failingOthers) { throw Errno(EIO) }
        let (from, to) = (Self.split(path), Self.split(target))
        guard let inode = inode(path), folders[to.folder] != nil else { throw Errno(ENOENT) }
        change([(to.folder, to.name, inode), (from.folder, from.name, nil)])
        if dies { throw Errno(EIO) }
    }

    package func link(_ path: String, to target: String) throws(Errno) {
        let dies = try begin("link \(path) to \(target)")
        if dies ? coin() : chance(faults.failingOthers) { throw Errno(EIO) }
        let to = Self.split(target)
        guard let inode = inode(path), let folder = folders[to.folder] else { throw Errno(ENOENT) }
        if folder.entries[to.name] != nil { throw Errno(EEXIST) }
        change([(to.folder, to.name, inode)])
        if dies { throw Errno(EIO) }
    }

    package func unlink(_ path: String) throws(Errno) {
        let dies = try begin("unlink \(path)")
        if dies ? coin() : chance(faults.failingOthers) { throw Errno(EIO) }
        let (folder, name) = Self.split(path)
        guard inode(path) != nil else { throw Errno(ENOENT) }
        willRemove(path)
        change([(folder, name, nil)])
        if dies { throw Errno(EIO) }
    }
}

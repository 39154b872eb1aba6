package import ArchiveTypes
import Checksums
package import ChunkFormat
import ObjectStore
import Threads

/// Looks at the objects of an archive in all of its stores, and tells how each stands.
package struct ArchiveExaminer: Sendable {
    let members: [StoreMember]
    let settings: Settings
    let scratch: Scratch
    let bandwidth: Bandwidth
    let progress: WorkProgress

    package struct Settings: Sendable {
        /// Read every byte of manifests, index objects and firn.json in every store.
        package var isDeep: Bool
        /// Whether every byte of every part of a chunk is read.
        package var reads: @Sendable (ObjectName) -> Bool

        package init(isDeep: Bool, reads: @escaping @Sendable (ObjectName) -> Bool) {
            self.isDeep = isDeep
            self.reads = reads
        }
    }

    /// Small objects that are under way at a time.
    private static let requests = 8

    package init(
        _ members: [StoreMember], settings: Settings, scratch: Scratch, bandwidth: Bandwidth = Bandwidth(nil),
        progress: WorkProgress = WorkProgress()
    ) {
        self.members = members
        self.settings = settings
        self.scratch = scratch
        self.bandwidth = bandwidth
        self.progress = progress
    }

    // MARK: Objects that all stores hold

    /// What reading a copy came to.
    enum Reading: Sendable {
        case whole([UInt8])
        case missing
        case damaged(String)
        case unseen(String)
    }

    /// - Parameter check: why the bytes are not what the key promises, or nil.
    func read(
        _ key: String, from store: Int, check: @Sendable ([UInt8]) -> String?
    ) async throws(CancellationError) -> Reading {
        do throws(StoreError) {
            let data = try await members[store].store.get(key, .whole)
            progress.moved(data.bytes.count)
            if let fault = check(data.bytes) { return .damaged(fault) }
            return .whole(data.bytes)
        } catch {
            switch error.kind {
            case .cancelled: throw CancellationError()
            case .notFound: return .missing
            case .corrupt: return .damaged(error.reason)
            default: return .unseen(error.reason)
            }
        }
    }

    /// Reads one intact copy, and all of them where `everything`; the sizes of the others are compared with it.
    /// - Parameter holders: in the order in which they are asked.
    /// - Returns: the intact bytes, where there are any.
    func examine(
        _ standing: inout CommonStanding, _ holders: [(key: String, holder: Holder)], everything: Bool,
        check: @escaping @Sendable ([UInt8]) -> String?
    ) async throws(CancellationError) -> [UInt8]? {
        var found: [UInt8]?
        for (key, holder) in holders {
            if let found, !everything, holder.size == UInt64(found.count) {
                standing.whole.append(holder.store)
                continue
            }
            switch try await read(key, from: holder.store, check: check) {
            case .whole(let bytes):
                if found == nil { (found, standing.source) = (bytes, (key, holder.store)) }
                standing.whole.append(holder.store)
            case .missing: standing.missing.append(holder.store)
            case .damaged(let fault):
                standing.damaged[holder.store] = fault
                standing.damagedKeys[holder.store] = key
            case .unseen(let reason): standing.unseen[holder.store] = reason
            }
        }
        return found
    }

    /// Asks stores for an object that their listings lack: one that was put while others were still being listed is there.
    private func lookAgain(
        for key: String, but seen: Set<Int>, _ survey: ArchiveSurvey, _ standing: inout CommonStanding
    ) async throws(CancellationError) {
        for store in survey.up where !seen.contains(store) {
            if try await size(key, in: store) == nil {
                standing.missing.append(store)
            } else {
                standing.whole.append(store)
            }
        }
    }

    /// Bytes of an object; nil where it is not there, or nobody says so.
    private func size(_ key: String, in store: Int) async throws(CancellationError) -> UInt64? {
        do throws(StoreError) { return try await members[store].store.size(key) } catch {
            if error.kind == .cancelled { throw CancellationError() }
            return nil
        }
    }

    // MARK: Manifests

    package struct Manifests: Sendable {
        package var standings: [CommonStanding] = []
        /// Under the chunk's key in whole form.
        package var chunks: [ChunkKey: ChunkRecord] = [:]
    }

    /// Reads each manifest.
    /// - Parameter visit: is given each one that can be read, with the key under which readers find it.
    package func manifests(
        _ survey: ArchiveSurvey, _ visit: (Manifest, ManifestKey) -> Void = { _, _ in }
    ) async throws -> Manifests {
        var result = Manifests()
        progress.expect(survey.manifests.count)
        try await concurrently(survey.manifests.keys.sorted()) { name in
            try await manifest(name, survey)
        } visit: { standing, manifest, key in
            progress.finish()
            result.standings.append(standing)
            guard let manifest else { return }
            visit(manifest, key)
            let identity = manifest.chunk.identity
            if result.chunks[identity]?.add(manifest.head, key.name) == nil {
                result.chunks[identity] = ChunkRecord(manifest.head, key.name)
            }
        }
        result.standings.sort { $0.key.isBefore($1.key) }
        return result
    }

    /// A manifest may stand under several hours, all of them good; the last is the one that writers were sure of.
    private func manifest(
        _ name: ObjectName, _ survey: ArchiveSurvey
    ) async throws -> (CommonStanding, Manifest?, ManifestKey) {
        let hours = (survey.manifests[name] ?? [:]).sorted { $0.key > $1.key }
        let key = ManifestKey(hour: hours.first?.key ?? Hour(number: 0), name: name)
        var standing = CommonStanding(key: key.description)
        var holders: [(key: String, holder: Holder)] = []
        for (hour, found) in hours {
            for holder in found where settings.isDeep || !holders.contains(where: { $0.holder.store == holder.store }) {
                holders.append((ManifestKey(hour: hour, name: name).description, holder))
            }
        }
        holders = ordered(holders)
        let bytes = try await examine(
            &standing, holders, everything: settings.isDeep, check: Self.check(key))
        try await lookAgain(for: key.description, but: Set(holders.map(\.holder.store)), survey, &standing)
        let manifest = try bytes.map { try Manifest.decode($0, key: key) }
        return (standing, manifest, key)
    }

    /// The cheapest and fastest store first.
    private func ordered(_ holders: [(key: String, holder: Holder)]) -> [(key: String, holder: Holder)] {
        let ranks = ranks
        return holders.sorted { ranks[$0.holder.store] < ranks[$1.holder.store] }
    }

    /// Of each store: its place when they are sorted by price and speed.
    private var ranks: [Int] {
        let costs = members.map { (price: $0.price ?? 0, pace: $0.pace.expected) }
        let order = members.indices.sorted { left, right in
            let (one, other) = (costs[left], costs[right])
            return one.price == other.price ? one.pace < other.pace : one.price < other.price
        }
        var ranks = [Int](repeating: 0, count: members.count)
        for (rank, store) in order.enumerated() { ranks[store] = rank }
        return ranks
    }

    static func fault(_ body: () throws(FormatError) -> Void) -> String? {
        do throws(FormatError) {
            try body()
            return nil
        } catch {
            return error.reason
        }
    }

    // MARK: The index, and firn.json

    /// Objects of the index: one copy of each is read whole, and all of them where `isDeep`.
    package func index(_ survey: ArchiveSurvey) async throws -> [CommonStanding] {
        var standings: [CommonStanding] = []
        progress.expect(survey.index.count)
        try await concurrently(survey.index.keys.sorted { $0.description.isBefore($1.description) }) { key in
            var standing = CommonStanding(key: key.description)
            let holders = survey.index[key] ?? []
            _ = try await examine(
                &standing, ordered(holders.map { (key.description, $0) }), everything: settings.isDeep,
                check: Self.check(key))
            try await lookAgain(for: key.description, but: Set(holders.map(\.store)), survey, &standing)
            return standing
        } visit: { standing in
            progress.finish()
            standings.append(standing)
        }
        return standings.sorted { $0.key.isBefore($1.key) }
    }

    /// Why bytes are not the manifest of a key, or nil.
    static func check(_ key: ManifestKey) -> @Sendable ([UInt8]) -> String? {
        { bytes in fault { () throws(FormatError) in _ = try Manifest.decode(bytes, key: key) } }
    }

    /// Why bytes are not the object of a key, or nil.
    static func check(_ key: IndexObjectKey) -> @Sendable ([UInt8]) -> String? {
        { bytes in
            fault { () throws(FormatError) in
                let result = bytes.withUnsafeBytes { bytes -> Result<Void, FormatError> in
                    do throws(FormatError) {
                        _ = try IndexObject.verify(bytes, key: key)
                        return .success(())
                    } catch {
                        return .failure(error)
                    }
                }
                try result.get()
            }
        }
    }

    /// firn.json, as the survey found it.
    package static func description(_ survey: ArchiveSurvey) -> CommonStanding {
        var standing = CommonStanding(key: KeyLayout.archiveDescription)
        for (index, store) in survey.stores.enumerated() {
            switch store.state {
            case .sound: standing.whole.append(index)
            case .undescribed("firn.json is missing"): standing.missing.append(index)
            case .undescribed(let fault): standing.damaged[index] = fault
            case .down: break
            }
        }
        return standing
    }

    // MARK: Chunks

    /// How a chunk stands by the listings, or where the settings say so, by every byte of it.
    /// - Parameter visit: where every byte is read: the path of a file that is the chunk, as long as it runs.
    package func chunk(
        _ record: ChunkRecord, _ survey: ArchiveSurvey, _ visit: (String) async throws -> Void = { _ in }
    ) async throws -> ChunkStanding {
        var standing = try await standing(record, survey)
        guard settings.reads(record.chunk.name) else { return standing }
        if let assembled = try await assemble(&standing, everything: true) { try await visit(assembled.path) }
        return standing
    }

    /// How a chunk stands by the listings; what they lack is asked for.
    func standing(_ record: ChunkRecord, _ survey: ArchiveSurvey) async throws(CancellationError) -> ChunkStanding {
        var standing = ChunkStanding(record, survey)
        for index in standing.parts.indices where standing.parts[index].state == .missing {
            let part = standing.parts[index]
            guard let store = part.store, let size = try await size(part.key, in: store) else { continue }
            let wanted = record.inForce.size(standing.part(part).index)
            standing.parts[index].state =
                size == wanted ? .whole : .damaged("it has \(size) bytes where \(wanted) are right")
        }
        return standing
    }

    /// Puts a chunk together from the best of what there is, and corrects the standing by what turns up.
    /// - Parameter everything: reads all parts, and compares each with what it should be.
    /// - Returns: nil where it cannot be put together.
    func assemble(_ standing: inout ChunkStanding, everything: Bool) async throws -> ChunkAssembly? {
        var result: ChunkAssembly?
        for form in standing.record.forms {
            guard result == nil || everything else { break }
            let assembly = try ChunkAssembly(
                form, scratch: scratch.path, bandwidth: bandwidth, moved: progress.moved)
            var digests = try await take(everything ? .all : .needed, form, &standing, assembly)
            guard assembly.isEnough else { continue }
            let isWhole = try await assembly.finish()
            if !isWhole {
                // Each is what its trailer says, and they do not belong together. The others tell which of them lie.
                digests.merge(try await take(.further, form, &standing, assembly)) { held, _ in held }
                guard try await assembly.finishWithoutLiars() else {
                    for source in digests.keys {
                        standing.set(.damaged("the parts together are not the chunk"), source.part, source.store)
                    }
                    continue
                }
            }
            if everything || !isWhole { try await compare(digests, form, &standing, assembly) }
            result = result ?? assembly
        }
        return result
    }

    private struct Source: Hashable {
        var part: PartName
        var store: Int
    }

    /// What is read of a chunk's parts.
    private enum Extent {
        /// As many as it takes.
        case needed
        /// Each that was not read yet, once.
        case further
        /// Every object.
        case all
    }

    /// - Returns: SHA-256 of the objects that were read and seem intact.
    private func take(
        _ extent: Extent, _ form: Manifest, _ standing: inout ChunkStanding, _ assembly: ChunkAssembly
    ) async throws -> [Source: [UInt8]] {
        var digests: [Source: [UInt8]] = [:]
        for source in sources(form, standing) {
            guard extent != .needed || !assembly.isEnough else { break }
            guard extent == .all || !assembly.holds(source.part.index) else { continue }
            switch try await assembly.take(source.part.index, from: members[source.store]) {
            case .sound(let digest): digests[source] = digest
            case .missing: standing.set(.missing, source.part, source.store)
            case .damaged(let reason): standing.set(.damaged(reason), source.part, source.store)
            case .unreadable(let error): standing.set(.unseen(error.reason), source.part, source.store)
            }
        }
        return digests
    }

    /// What seems intact: data before parity, and of several holders the fastest first.
    private func sources(_ form: Manifest, _ standing: ChunkStanding) -> [Source] {
        var sources = standing.strays.filter { $0.part.form == form.chunk.form }.map {
            Source(part: $0.part, store: $0.store)
        }
        if form.chunk.form == standing.chunk.form {
            sources += standing.parts.compactMap { part in
                guard part.state == .whole, let store = part.store else { return nil }
                return Source(part: standing.part(part), store: store)
            }
        }
        let ranks = ranks
        return sources.sorted { left, right in
            let (one, other) = (left.part.index, right.part.index)
            return one == other ? ranks[left.store] < ranks[right.store] : one < other
        }
    }

    /// Compares each object with what the chunk's parts must be.
    private func compare(
        _ digests: [Source: [UInt8]], _ form: Manifest, _ standing: inout ChunkStanding, _ assembly: ChunkAssembly
    ) async throws {
        guard form.chunk.form != .whole else { return }
        let parts = try await self.parts(form, assembly.path)
        for (source, digest) in digests where parts.parts[source.part.index].body.sha256 != digest {
            standing.set(.damaged("it is not what the chunk's other parts give"), source.part, source.store)
        }
    }

    /// All bodies of a chunk that is a local file.
    func parts(_ manifest: Manifest, _ path: String) async throws -> ChunkParts {
        let stores = members.map(\.store)
        let scratch = scratch.path
        let result = await WorkerThreads.run {
            do throws(ChunkParts.Failure) {
                return Result<ChunkParts, ChunkParts.Failure>.success(
                    try ChunkParts.of(manifest, path: path, scratch: scratch, for: stores))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Many at once

    /// Does `body` for each of the inputs, a few at a time, and gives the results to `visit` as they come.
    func concurrently<Input: Sendable, Output: Sendable>(
        _ inputs: [Input], atATime: Int = Self.requests, _ body: @escaping @Sendable (Input) async throws -> Output,
        visit: (Output) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Output.self) { group in
            for (index, input) in inputs.enumerated() {
                if index >= atATime, let output = try await group.next() { try await visit(output) }
                try Task.checkCancellation()
                group.addTask { try await body(input) }
            }
            while let output = try await group.next() { try await visit(output) }
        }
    }
}

extension ChunkStanding {
    /// What turned out about one object.
    mutating func set(_ state: State, _ part: PartName, _ store: Int) {
        for index in parts.indices where parts[index].store == store && self.part(parts[index]) == part {
            parts[index].state = state
        }
        strays.removeAll { $0.part == part && $0.store == store }
    }
}

import ArchiveTypes
import Checksums
import ChunkFormat
import ObjectStore

/// Writes all parts of a coverage into both indexes.
struct IndexSetWriter: Sendable {
    let fetcher: IndexFetcher
    let settings: IndexerSettings

    /// What the rows of a set are made of: all of them at once, merged. Rows that stand in several come once.
    struct Rows: Sendable {
        var batch = RowBatch()
        /// By kind; both kinds have the same coverages.
        var sets: [IndexKind: [LoadedSet]] = [:]
    }

    struct Written: Sendable {
        var coverage: IndexCoverage
        var keys: [String] = []
        var bytes: UInt64 = 0
    }

    /// An object of the same name with other bytes is there: damaged, or made when manifests could not be read.
    private struct Conflict: Error {}

    /// Raises the coverage's edition until the objects written are what is held.
    func write(_ rows: Rows, _ coverage: IndexCoverage) async throws -> Written {
        var coverage = coverage
        while true {
            do {
                var written = Written(coverage: coverage)
                for kind in IndexKind.allCases { try await write(rows, kind, coverage, &written) }
                return written
            } catch is Conflict where coverage.edition < IndexName.greatestEdition {
                coverage.edition += 1
            } catch is Conflict {
                throw StoreError(
                    .rejected, store: fetcher.store.name, operation: "PUT \(IndexName(coverage))",
                    reason: "all editions of this index object are taken by damaged ones",
                    hint: "delete everything under \(KeyLayout.index) and run the indexer again")
            }
        }
    }

    private func write(
        _ rows: Rows, _ kind: IndexKind, _ coverage: IndexCoverage, _ written: inout Written
    ) async throws {
        var writer = try IndexObjectWriter(
            kind, coverage, frameLength: settings.frameLength, partLength: settings.partLength)
        for isLong in [false, true] {
            var sources = [try RowSource(rows.batch, kind, isLong: isLong)]
            sources += (rows.sets[kind] ?? []).map { RowSource($0, isLong: isLong) }
            try await merge(&sources, isLong: isLong, &writer, &written)
        }
        try await put(try writer.finishPart(isLast: true), &written)
    }

    private func merge(
        _ sources: inout [RowSource], isLong: Bool, _ writer: inout IndexObjectWriter, _ written: inout Written
    ) async throws {
        for index in sources.indices { try await sources[index].refill(fetcher) }
        var last: [UInt8] = []
        while let least = Self.least(sources) {
            if writer.isPartFull { try await put(try writer.finishPart(isLast: false), &written) }
            try sources[least].withRow { row in
                guard !last.withUnsafeBytes({ $0.equals(row) }) else { return }
                try writer.append(row, isLong: isLong)
                last.removeAll(keepingCapacity: true)
                last.append(contentsOf: row)
            }
            try sources[least].advance()
            if !sources[least].hasRow { try await sources[least].refill(fetcher) }
        }
    }

    private static func least(_ sources: [RowSource]) -> Int? {
        var least: Int?
        for index in sources.indices where sources[index].hasRow {
            guard let best = least else {
                least = index
                continue
            }
            let isBefore = sources[index].withRow { row in sources[best].withRow { row.isBefore($0) } }
            if isBefore { least = index }
        }
        return least
    }

    private func put(_ part: (key: IndexObjectKey, object: [UInt8]), _ written: inout Written) async throws {
        let key = part.key.description
        let body = ObjectBody(content: .bytes(part.object), sha256: sha256(part.object))
        if try await fetcher.store.put(key, body).outcome == .alreadyHeld {
            guard try await fetcher.store.get(key, .whole).bytes == part.object else { throw Conflict() }
        }
        written.keys.append(key)
        written.bytes += UInt64(part.object.count)
    }
}

import ArchiveIndex
import ArchiveTypes
import ChunkFormat
import Logging
import ObjectStore
import Retrieval
import Testing

@Suite struct VerifierTests {
    /// Four chunks of one stream; the second holds what the third holds again.
    private func archive() throws -> TestArchive {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 40)
        for range in [0..<70, 70..<140, 70..<140, 140..<life.bytes.count] {
            try archive.add(life, range)
            try archive.seal()
        }
        archive.store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded())
        return archive
    }

    private func remove(_ manifest: Manifest, _ archive: TestArchive, manifestToo: Bool) {
        archive.store.set(manifest.chunk.description, nil)
        guard manifestToo else { return }
        let prefix = manifest.chunk.name.description.dropLast(ObjectName.digestCharacters)
        for key in archive.store.objects.keys where key.hasPrefix(KeyLayout.manifests) && key.contains(prefix) {
            archive.store.set(key, nil)
        }
    }

    @Test func aMissingChunkIsFound() async throws {
        let archive = try archive()
        remove(archive.manifests[1], archive, manifestToo: false)
        let report = try await Verifier(store: archive.store).run()
        #expect(report.problems.map(\.kind) == [.missing])
        #expect(report.problems.first?.key == archive.manifests[1].chunk.description)
    }

    @Test func aMissingSequenceIsAFindingOnlyWherePositionsAre() async throws {
        let redundant = try archive()
        remove(redundant.manifests[1], redundant, manifestToo: true)
        let closed = try await Verifier(store: redundant.store).run()
        #expect(closed.problems.isEmpty, "\(closed.problems)")
        #expect(closed.notes.contains { $0.reason.contains("chunk 2 are not there") })

        let needed = try archive()
        remove(needed.manifests[1], needed, manifestToo: true)
        remove(needed.manifests[2], needed, manifestToo: true)
        let report = try await Verifier(store: needed.store).run()
        #expect(report.problems.map(\.kind) == [.gap, .gap])
        #expect(report.problems.contains { $0.reason.contains("positions 70 to 140") })
        #expect(report.problems.contains { $0.reason.contains("chunks 2 to 3") })
    }

    @Test func recordedLossesAreNotesAndNoHoles() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 40)
        try archive.add(life, 0..<70)
        let lost = PositionRange(first: 70, end: 140)
        for positions in [lost, PositionRange(first: 200, end: 200)] {
            let gap = BlockHeader(
                kind: .gap, stream: life.stream, labels: life.labels, generation: life.generation, positions: positions,
                leastTime: TestArchive.sealed, greatestTime: TestArchive.sealed, received: TestArchive.sealed,
                gap: BlockHeader.Gap(lines: nil, bytes: 70, reason: "truncated"))
            try archive.add(gap, [])
        }
        try archive.add(life, 140..<life.bytes.count)
        try archive.seal()
        archive.store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded())
        let report = try await Verifier(store: archive.store).run()
        #expect(report.problems.isEmpty, "\(report.problems)")
        #expect(report.notes.count == 2)
        #expect(report.notes.contains { $0.reason.contains("positions 70 to 140 were lost") })
        #expect(report.notes.contains { $0.reason.contains("an unknown amount after position 200") })
    }

    @Test func lonelyChunksStrangersAndLengthsAreFound() async throws {
        let archive = try archive()
        for key in archive.store.objects.keys where key.hasPrefix(KeyLayout.manifests) { archive.store.set(key, nil) }
        archive.store.set("chunks/notes.txt", [1])
        archive.store.set(KeyLayout.archiveDescription, nil)
        let young = try await Verifier(store: archive.store).run()
        #expect(Set(young.problems.map(\.kind)) == [.misplaced, .missing])
        #expect(young.notes.count == 4)
    }

    @Test func aShortenedChunkIsFoundByItsLength() async throws {
        let archive = try archive()
        let key = archive.manifests[3].chunk.description
        let bytes = try #require(archive.store.objects[key])
        archive.store.set(key, Array(bytes.dropLast()))
        let report = try await Verifier(store: archive.store).run()
        #expect(report.problems.map(\.kind) == [.damaged] && report.problems.first?.key == key)
    }

    /// A manifest that lands in an hour which the index has closed is found by no query: that must be said.
    @Test(arguments: [false, true]) func manifestsThatCameTooLateAreFound(isDeep: Bool) async throws {
        var archive = try TestArchive(age: 86400 * .perSecond)
        let life = try Fixtures.life(lines: 40)
        archive.store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded())
        try archive.add(life, 0..<70)
        try archive.seal()
        let indexer = Indexer(store: archive.store, logger: Logger(label: "test"))
        _ = try await indexer.update()
        let options = VerifyOptions(isDeep: isDeep)
        #expect(try await Verifier(store: archive.store, options: options).run().problems.isEmpty)
        try archive.add(life, 70..<life.bytes.count)
        let late = try #require(try archive.seal())
        let report = try await Verifier(store: archive.store, options: options).run()
        #expect(report.problems.map(\.kind) == [.notIndexed])
        #expect(report.problems.first?.key.contains("\(late.chunk.name.writer)-0000000002") == true)
        _ = try await indexer.rebuild(fromChunks: false)
        #expect(try await Verifier(store: archive.store, options: options).run().problems.isEmpty)
    }

    /// The shares of a sample are disjoint, and all of them together are everything.
    @Test func samplesShareTheChunks() async throws {
        let archive = try archive()
        var read = 0
        for share in 1...3 as ClosedRange<UInt64> {
            let sample = try #require(VerifyOptions.Sample(share: share, of: 3))
            read += try await Verifier(store: archive.store, options: VerifyOptions(sample: sample)).run().chunksRead
        }
        #expect(read == 4)
        #expect(VerifyOptions.Sample(share: 0, of: 3) == nil && VerifyOptions.Sample(share: 4, of: 3) == nil)
    }
}

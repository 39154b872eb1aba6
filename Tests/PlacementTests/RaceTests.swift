import ArchiveTypes
import ChunkFormat
import ObjectStore
import Placement
import TestSupport
import Testing

/// Who is asked for an object when stores fail, hang or lie, and whose answer it is: random stores against what the rules
/// of the race say.
@Suite struct RaceTests {
    enum Behaviour: CaseIterable {
        case answers, fails, lies, hangs

        var faults: [Fault] {
            switch self {
            case .answers: []
            case .fails: [Fault(.error(.transient), on: .get, keyPrefix: KeyLayout.manifests)]
            case .lies: [Fault(.corrupted, on: .get, keyPrefix: KeyLayout.manifests)]
            case .hangs: [Fault(.held, on: .get, keyPrefix: KeyLayout.manifests)]
            }
        }
    }

    /// A manifest that all of some stores hold, asked of them in their order.
    private struct Course {
        let stores: [FaultyStore]
        let united: RedundantStore
        let key: String
        let bytes: [UInt8]

        /// - Parameter late: after so many nanoseconds the next store is asked too.
        init(_ behaviours: [Behaviour], late: Int64, seed: UInt64) async throws {
            let count = behaviours.count
            let archive = try TestArchive(.copies(count), acknowledge: count, stores: count, seed: seed)
            _ = try await archive.writer(archive.members()).archive(try archive.chunk(blocks: 1, lines: 1))
            let base = try #require(archive.bases.first)
            let found = base.objects.keys.first { $0.hasPrefix(KeyLayout.manifests) }
            (key, bytes) = (try #require(found), try await base.get(try #require(found), .whole).bytes)
            stores = zip(archive.bases, behaviours).map { FaultyStore($0, faults: $1.faults, seed: seed) }
            // The price says whom to ask first.
            let members = stores.enumerated().map { index, store in
                StoreMember(name: store.name, store: store, price: Double(index), pace: Pace(late: late))
            }
            united = RedundantStore(members, rule: archive.rule, archive: "main", isStrict: false)
        }

        /// How often each was asked for the manifest.
        var asked: [Int] {
            stores.map { store in
                store.requests.count { $0.operation == .get && $0.key.hasPrefix(KeyLayout.manifests) }
            }
        }

        /// The first so many once, and the others not at all.
        func expectAsked(_ count: Int, _ behaviours: [Behaviour]) {
            let wanted = stores.indices.map { $0 < count ? 1 : 0 }
            #expect(asked == wanted, "\(behaviours)")
        }
    }

    /// Nobody is ever late: the next one is asked when one has failed, and not before.
    @Test(arguments: 0..<80 as Range<UInt64>) func failuresAreAnsweredByTheNext(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let behaviours = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            [Behaviour.answers, .fails, .lies].randomElement(using: &random) ?? .answers
        }
        let course = try await Course(behaviours, late: .max / 4, seed: seed)
        if let first = behaviours.firstIndex(of: .answers) {
            #expect(try await course.united.get(course.key, .whole).bytes == course.bytes)
            course.expectAsked(first + 1, behaviours)
            let lies = behaviours[..<first].count { $0 == .lies }
            #expect(course.united.warnings.count { $0.contains(course.key) } == lies, "\(course.united.warnings)")
        } else if behaviours.contains(.lies) {
            // Whoever asked for it judges what all stores agree to give.
            #expect(try await course.united.get(course.key, .whole).bytes != course.bytes)
        } else {
            await #expect(throws: StoreError.self) { try await course.united.get(course.key, .whole) }
            course.expectAsked(behaviours.count, behaviours)
        }
    }

    /// Everybody is late at once: one intact answer is enough, whoever hangs, and who hangs is told that it is over.
    @Test(arguments: 0..<80 as Range<UInt64>) func oneIntactAnswerIsEnough(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let behaviours = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            Behaviour.allCases.randomElement(using: &random) ?? .hangs
        }
        let course = try await Course(behaviours, late: 0, seed: seed)
        let (united, key) = (course.united, course.key)
        if behaviours.contains(.answers) {
            #expect(try await united.get(key, .whole).bytes == course.bytes, "\(behaviours)")
            // All requests that hang have returned by now: none is left behind.
            return
        }
        guard behaviours.contains(.hangs) else { return }
        // Nobody has it intact, and some may yet: it goes on until it is told to stop.
        let asking = Task { try await united.get(key, .whole) }
        for (store, behaviour) in zip(course.stores, behaviours) where behaviour == .hangs {
            await store.waitUntilHeld(1)
        }
        asking.cancel()
        let error = await #expect(throws: StoreError.self) { try await asking.value }
        #expect(error?.kind == .cancelled, "\(behaviours): \(String(describing: error))")
        #expect(course.asked.allSatisfy { $0 <= 1 }, "\(behaviours): asked \(course.asked)")
    }
}

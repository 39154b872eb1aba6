import Foundation
import FuzzTargets
import TestSupport
import Testing

/// The fuzz targets (`deploy/fuzz` runs them for longer, guided by coverage) over their seeds, over inputs that once
/// broke them, and over mutations of the seeds, the same ones for the same seed.
@Suite struct FuzzTests {
    /// `FIRN_FUZZ_SEED` for other mutations.
    static let seed = ProcessInfo.processInfo.environment["FIRN_FUZZ_SEED"].flatMap(UInt64.init) ?? 2026

    @Test(arguments: FuzzTarget.all.map(\.name)) func holds(target name: String) async throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = try target.seeds()
        #expect(!seeds.isEmpty && seeds.allSatisfy { !$0.isEmpty })
        let known = seeds + (try Self.regressions(name))
        // Regressions are slow ones too, where slowness was the fault: they are not the stuff of mutations.
        var mutator = Mutator(seed: Self.seed, corpus: seeds)
        let mutated = (0..<target.rounds).map { _ in mutator.next() }
        // Bodies block: none of them waits on a thread of the cooperative pool.
        let failure = await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: Self.run(target, known + mutated)) }
            thread.stackSize = 8 << 20
            thread.start()
        }
        if let failure { Issue.record("seed \(Self.seed): \(failure)") }
    }

    private static func run(_ target: FuzzTarget, _ inputs: [[UInt8]]) -> String? {
        let notebook = Notebook(target.name)
        for (index, input) in inputs.enumerated() {
            notebook.note(input)
            do {
                // A copy of exactly this length, so that a sanitizer sees what is read beyond it.
                try Array(input).withUnsafeBytes { try target.body($0) }
            } catch {
                return "input \(index), kept in \(notebook.path): \(error)"
            }
        }
        notebook.discard()
        return nil
    }

    private static func regressions(_ name: String) throws -> [[UInt8]] {
        let folder = try #require(Bundle.module.url(forResource: "Regressions", withExtension: nil))
        let own = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: own.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: own.path).sorted().map {
            [UInt8](try Data(contentsOf: own.appendingPathComponent($0)))
        }
    }

    /// A folder of regressions that no target has would never be run.
    @Test func everyRegressionHasItsTarget() throws {
        let folder = try #require(Bundle.module.url(forResource: "Regressions", withExtension: nil))
        let names = Set(FuzzTarget.all.map(\.name))
        #expect(names.count == FuzzTarget.all.count)
        let folders = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(folders).isSubset(of: names))
    }
}

/// The input under test in a file that is shared memory: what a trap leaves behind.
private final class Notebook {
    let path: String
    private let size = 1 << 20
    private let page: UnsafeMutableRawPointer?

    init(_ target: String) {
        path = NSTemporaryDirectory() + "firn-fuzz-\(ProcessInfo.processInfo.processIdentifier)-\(target)"
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        let page =
            ftruncate(descriptor, size) == 0 ? mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) : nil
        self.page = page == MAP_FAILED ? nil : page
    }

    deinit { if let page { munmap(page, size) } }

    /// 8 bytes of length, then the input.
    func note(_ input: [UInt8]) {
        guard let page else { return }
        page.storeBytes(of: input.count, as: Int.self)
        let room = UnsafeMutableRawBufferPointer(start: page + 8, count: size - 8)
        room.copyBytes(from: input.prefix(room.count))
    }

    func discard() { unlink(path) }
}

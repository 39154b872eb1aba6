import ArchiveTypes
import Foundation
import Glibc
import Inputs
import TestSupport
import Testing

/// What writers do to files, whatever kind they are of.
protocol Disk: AnyObject {
    associatedtype View: FileSystemView
    var view: View { get }
    var root: String { get }
    func append(_ bytes: [UInt8], to name: String)
    func truncate(_ name: String)
    func rename(_ name: String, to other: String)
    func remove(_ name: String)
}

final class MemoryDisk: Disk {
    let view = MemoryFileSystem()
    let root = "/log"
    func append(_ bytes: [UInt8], to name: String) { view.write(bytes, to: path(name)) }
    func truncate(_ name: String) { view.truncate(path(name)) }
    func rename(_ name: String, to other: String) { view.rename(path(name), to: path(other)) }
    func remove(_ name: String) { view.remove(path(name)) }
    private func path(_ name: String) -> RawPath { RawPath(root + "/" + name) }
}

final class RealDisk: Disk {
    let view = PosixFileSystem()
    let scratch: Scratch
    var root: String { scratch.path }
    init() throws { scratch = try Scratch() }

    func append(_ bytes: [UInt8], to name: String) {
        let descriptor = open(root + "/" + name, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    func truncate(_ name: String) { precondition(Glibc.truncate(root + "/" + name, 0) == 0) }
    func rename(_ name: String, to other: String) {
        precondition(Glibc.rename(root + "/" + name, root + "/" + other) == 0)
    }
    func remove(_ name: String) { precondition(unlink(root + "/" + name) == 0) }
}

/// One content of one file, from its creation or truncation to its end.
private final class Life {
    let number: Int
    var bytes: [UInt8] = []
    /// Polled while it was there.
    var wasSeen = false
    /// Polled since the follower was started: it can be read though it is deleted.
    var isHeld = false
    /// How much of it had been read for good when its file was truncated, or when nobody held its deleted file.
    var mayEndAt: Int?

    init(number: Int) { self.number = number }
}

/// A random course of writing, rotating, truncating, deleting, polling, reading and restarting, and the proof that each
/// life was delivered, whole and once.
private struct Schedule<Tested: Disk>: ~Copyable {
    let disk: Tested
    let seed: UInt64
    var generator: SeededGenerator
    var follower: FileFollower<Tested.View>
    let settings: FollowSettings
    var now: Nanoseconds
    /// Names that the pattern reaches end in `.log`, rotated ones do not.
    var names: [String: Life] = [:]
    var lives: [Life] = []
    var rotations = 0
    var delivered: [Generation: [UInt8]] = [:]
    var checkpoints: [Generation: FileCheckpoint] = [:]
    var lossEvents = 0
    var buffer: [UInt8] = []

    init(_ disk: Tested, seed: UInt64, now: Nanoseconds) throws {
        self.disk = disk
        self.seed = seed
        self.now = now
        generator = SeededGenerator(seed: seed)
        let selection = try PathSelection(include: [disk.root + "/*.log"])
        var settings = FollowSettings(groups: [.init(selection)], machine: MachineID("m"))
        settings.pieceBytes = [7, 64, 1000].randomElement(using: &generator) ?? 7
        // Writers here never stop writing to what they renamed.
        settings.rotatedGrace = .perDay
        self.settings = settings
        follower = FileFollower(disk.view, settings: settings)
    }

    mutating func run(steps: Int, restarts: Bool) {
        for _ in 0..<steps {
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<8: write()
            case 8, 9: rotate()
            case 10: truncate()
            case 11: remove()
            case 12..<16: poll(seconds: Int64.random(in: 0...3, using: &generator))
            case 16, 17: read(pieces: Int.random(in: 1...5, using: &generator))
            case 18: read(pieces: .max)
            default: if restarts { restart() }
            }
        }
        for _ in 0..<4 {
            poll(seconds: 30)
            read(pieces: .max)
        }
    }

    // MARK: Writers

    private mutating func existing(_ matching: (String) -> Bool = { _ in true }) -> String? {
        names.keys.filter(matching).sorted().randomElement(using: &generator)
    }

    private mutating func begin(_ name: String) {
        let life = Life(number: lives.count)
        lives.append(life)
        names[name] = life
        append(Array("life \(life.number)\n".utf8), to: name)
    }

    private mutating func append(_ bytes: [UInt8], to name: String) {
        names[name]?.bytes += bytes
        disk.append(bytes, to: name)
    }

    private mutating func write() {
        let name = existing { _ in true }
        guard let name, Int.random(in: 0..<8, using: &generator) > 0 else {
            let fresh = "\(["a", "b", "c", "d"].randomElement(using: &generator) ?? "a").log"
            return names[fresh] == nil ? begin(fresh) : append([10], to: fresh)
        }
        var bytes = randomLines(Int.random(in: 0...4, using: &generator), longest: 30, using: &generator)
        if Bool.random(using: &generator) { bytes += [1, 2, 3] }
        append(bytes, to: name)
    }

    private mutating func rotate() {
        guard let name = existing({ $0.hasSuffix(".log") }), names[name]?.wasSeen == true else { return }
        rotations += 1
        let isReached = Bool.random(using: &generator)
        let other = isReached ? "\(name.dropLast(4))-\(rotations).log" : "\(name).\(rotations)"
        disk.rename(name, to: other)
        names[other] = names.removeValue(forKey: name)
        if Bool.random(using: &generator) { begin(name) }
    }

    private mutating func truncate() {
        guard let name = existing({ $0.hasSuffix(".log") }), let life = names[name] else { return }
        life.mayEndAt = durableCount(life)
        disk.truncate(name)
        begin(name)
    }

    private mutating func remove() {
        guard let name = existing(), let life = names.removeValue(forKey: name) else { return }
        if !life.isHeld { life.mayEndAt = durableCount(life) }
        disk.remove(name)
    }

    // MARK: The follower

    /// How many bytes of a life were delivered.
    private func durableCount(_ life: Life) -> Int {
        delivered.values.filter { isOf($0, life) }.map(\.count).max() ?? 0
    }

    /// Told by its first line, which names it.
    private func isOf(_ bytes: [UInt8], _ life: Life) -> Bool {
        bytes.starts(with: Array("life \(life.number)\n".utf8))
    }

    private mutating func poll(seconds: Int64) {
        now += seconds * .perSecond + 1
        for (name, life) in names {
            life.isHeld = true
            if name.hasSuffix(".log") { life.wasSeen = true }
        }
        for event in follower.poll(now: now) {
            switch event {
            case .opened(let checkpoint, _): checkpoints[checkpoint.generation] = checkpoint
            case .ended(let checkpoint, _): checkpoints[checkpoint.generation] = nil
            case .lost: lossEvents += 1
            case .problem(let error): Issue.record("seed \(seed): \(error)")
            }
        }
    }

    private mutating func read(pieces: Int) {
        var left = pieces
        while left > 0, let piece = follower.next(into: &buffer) {
            left -= 1
            let generation = piece.checkpoint.generation
            let before = delivered[generation, default: []]
            let context: Comment = "seed \(seed), \(generation)"
            #expect(piece.piece.first == UInt64(before.count) && piece.piece.count == buffer.count, context)
            #expect(buffer.count <= settings.pieceBytes, context)
            #expect(piece.piece.startsInsideLine == (before.last.map { $0 != 10 } ?? false), context)
            #expect(piece.piece.endsInsideLine == (buffer.last != 10), context)
            delivered[generation] = before + buffer
            checkpoints[generation] = piece.checkpoint
        }
    }

    /// All that was delivered is durable. What was not, of deleted files, goes with the descriptors.
    private mutating func restart() {
        for life in lives where !names.values.contains(where: { $0 === life }) && life.mayEndAt == nil {
            life.mayEndAt = durableCount(life)
        }
        follower = FileFollower(disk.view, settings: settings, checkpoints: Array(checkpoints.values), lastRun: now)
        for life in lives { life.isHeld = false }
        // Rotated files nobody knew are not looked for; those of files that were known are.
        for (name, life) in names where !name.hasSuffix(".log") {
            let isKnown = checkpoints.keys.contains { isOf(delivered[$0] ?? [], life) || delivered[$0] == nil }
            if !isKnown { life.mayEndAt = min(life.mayEndAt ?? .max, durableCount(life)) }
        }
    }

    /// Each generation is the beginning of one life; each life is delivered by one generation, as far as it must be.
    func verify() {
        var counts: [Int: Int] = [:]
        for (generation, bytes) in delivered where !bytes.isEmpty {
            let owners = lives.filter { $0.bytes.starts(with: bytes) && isStart(bytes, of: $0) }
            guard let owner = owners.first else {
                Issue.record("seed \(seed): \(generation) is no life's: \(bytes.prefix(40))")
                continue
            }
            counts[owner.number, default: 0] += 1
            #expect(counts[owner.number] == 1, "seed \(seed): life \(owner.number) was delivered twice")
            let least = owner.mayEndAt ?? owner.bytes.count
            #expect(
                bytes.count >= least,
                "seed \(seed): life \(owner.number) lacks \(owner.bytes.count - bytes.count) bytes")
        }
        for life in lives where life.wasSeen && life.mayEndAt == nil && counts[life.number] == nil {
            Issue.record("seed \(seed): life \(life.number) of \(life.bytes.count) bytes was not delivered")
        }
    }

    private func isStart(_ bytes: [UInt8], of life: Life) -> Bool {
        let name = Array("life \(life.number)\n".utf8)
        return bytes.starts(with: name.prefix(bytes.count))
    }
}

@Suite struct FollowScheduleTests {
    @Test(arguments: 0..<60 as Range<UInt64>) func inMemory(seed: UInt64) throws {
        var schedule = try Schedule(MemoryDisk(), seed: seed, now: 1000 * .perSecond)
        schedule.run(steps: 300, restarts: false)
        schedule.verify()
    }

    @Test(arguments: 0..<60 as Range<UInt64>) func inMemoryWithRestarts(seed: UInt64) throws {
        var schedule = try Schedule(MemoryDisk(), seed: seed, now: 1000 * .perSecond)
        schedule.run(steps: 300, restarts: true)
        schedule.verify()
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func onADisk(seed: UInt64) throws {
        var schedule = try Schedule(RealDisk(), seed: seed, now: Nanoseconds(time(nil)) * .perSecond)
        schedule.run(steps: 200, restarts: seed % 2 == 0)
        schedule.verify()
    }
}

import ArchiveTypes
import Glibc
import Inputs
import Synchronization
import TestSupport
import Testing

/// One content of one file, from its creation or truncation to its end.
final class Life {
    let number: Int
    /// The stream's own name, to which the writer opened it.
    let origin: String
    var bytes: [UInt8] = []
    /// Polled while it was there.
    var wasSeen = false
    /// Polled since the follower was started: it can be read though it is deleted.
    var isHeld = false
    /// Nobody writes to it any more.
    var isClosed = false
    /// How much of it has to be delivered, where that is not all: what was delivered for good when nobody held its
    /// deleted file, or what copytruncate copied.
    var least: Int?
    /// Bytes that were written between a copy and its truncation.
    var inWindow = 0

    init(number: Int, origin: String) {
        self.number = number
        self.origin = origin
    }
}

/// What happened, for what a failure says: with `FIRN_TEST_TRACE=1` all of it.
final class Course {
    private var lines: [String] = []
    private let isKept = getenv("FIRN_TEST_TRACE") != nil

    func add(_ line: String) { if isKept { lines.append(line) } }
    func add(_ event: FollowEvent) { if isKept { lines.append("\(event)") } }

    var text: String { isKept ? lines.joined(separator: "\n") : "FIRN_TEST_TRACE=1 prints the course" }
}

/// The time of a schedule, which a follower asks for.
final class SharedClock: Sendable {
    private let time: Mutex<Nanoseconds>
    init(_ now: Nanoseconds) { time = Mutex(now) }
    var now: Nanoseconds {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}

/// A random course of writing, rotating, copying, truncating, compressing, deleting, polling, reading and restarting, and
/// the proof that each life was delivered whole, once and in order.
struct FollowSchedule<Tested: Disk>: ~Copyable {
    struct Kind {
        var restarts = false
        /// All lives begin with the same 200 bytes.
        var equalHeads = false
        /// Patterns lead to rotated and compressed files too.
        var selectsRotated = false
        /// Logs are reached through links, as kubelet makes them.
        var isLinked = false
        var keepsBirths = true
        /// Compressed files grow before they are complete.
        var growsCompressed = true
        /// The follower is told of changes, and looks at everything only now and then.
        var isWatched = false
    }

    struct Figures {
        var windowBytes = 0
        var windowLost = 0
        var compressed = 0
        var unseenDelivered = 0
        var lives = 0
    }

    let disk: Tested
    let seed: UInt64
    let kind: Kind
    var generator: SeededGenerator
    var follower: FileFollower<Tested.View>
    var isDown = false
    let settings: FollowSettings
    var now: Nanoseconds { didSet { clock.now = now } }
    /// `now`, for who asks the time.
    private let clock: SharedClock
    /// The plain files that are there, by name.
    var names: [String: Life] = [:]
    /// The compressed ones.
    var packed: [String: Life] = [:]
    /// Compressed files that are being written, and what is missing of them.
    var growing: [String: (plain: String, rest: [UInt8])] = [:]
    /// Where links lead, by pod.
    var targets: [String: String] = [:]
    var lives: [Life] = []
    var rotations = 0
    var delivered: [Generation: [UInt8]] = [:]
    var checkpoints: [Generation: FileCheckpoint] = [:]
    /// Generations of which only what all lives share had been read when their file was gone: what they go on with is
    /// some life's content, and whose cannot be told.
    var ambiguous: Set<Generation> = []
    var figures = Figures()
    var buffer: [UInt8] = []
    let trace = Course()

    init(_ disk: Tested, seed: UInt64, _ kind: Kind, now: Nanoseconds) throws {
        self.disk = disk
        self.seed = seed
        self.kind = kind
        self.now = now
        clock = SharedClock(now)
        generator = SeededGenerator(seed: seed)
        let patterns = kind.selectsRotated ? ["*.log", "*.log.*", "late*/*.log*"] : ["*.log", "late*/*.log"]
        let include = kind.isLinked ? ["links/*.log"] : patterns
        let selection = try PathSelection(include: include.map { disk.root + "/" + $0 }, exclude: ["*.tmp"])
        var settings = FollowSettings(groups: [.init(selection)], machine: MachineID("m"))
        // What was read of a file has to reach beyond what it shares with all others.
        settings.pieceBytes = kind.equalHeads ? 1000 : [7, 64, 1000].randomElement(using: &generator) ?? 7
        // Writers here never stop writing to what they renamed.
        settings.rotatedGrace = .perDay
        self.settings = settings
        disk.advance(to: now)
        follower = Self.follower(disk, settings, kind, clock)
    }

    private static func follower(
        _ disk: Tested, _ settings: FollowSettings, _ kind: Kind, _ clock: SharedClock,
        checkpoints: [FileCheckpoint] = [], lastRun: Nanoseconds? = nil
    ) -> FileFollower<Tested.View> {
        FileFollower(
            disk.view, settings: settings, checkpoints: checkpoints, lastRun: lastRun,
            changes: kind.isWatched ? disk.watch() : nil,
            time: { LookingTime(wall: clock.now, processor: 0) })
    }

    var header: [UInt8] { kind.equalHeads ? Array(repeating: UInt8(ascii: "="), count: 199) + [10] : [] }

    mutating func run(steps: Int) {
        for _ in 0..<steps { step() }
        if isDown { start() }
        for name in growing.keys.sorted() { finishPacking(name) }
        for _ in 0..<6 {
            poll(seconds: 30)
            read(pieces: .max)
        }
    }

    private mutating func step() {
        switch Int.random(in: 0..<30, using: &generator) {
        case 0..<9: write()
        case 9..<12: rotate()
        case 12: if !kind.isLinked { copyTruncate() }
        case 13, 14: pack()
        case 15: for name in growing.keys.sorted() { finishPacking(name) }
        case 16: remove()
        case 17: if kind.isLinked { switchLink() } else { truncate() }
        case 18..<24: poll(seconds: Int64.random(in: 0...3, using: &generator))
        case 24..<27: read(pieces: Int.random(in: 1...5, using: &generator))
        case 27, 28: read(pieces: .max)
        default:
            guard kind.restarts else { return }
            if isDown { start() } else { stop() }
        }
    }

    // MARK: Writers

    private mutating func any(_ choices: [String]) -> String? { choices.sorted().randomElement(using: &generator) }

    /// Where a pattern leads and a writer writes.
    private func isActive(_ name: String) -> Bool {
        isOwn(name) && (!kind.isLinked || targets.values.contains(name))
    }

    private func isOwn(_ name: String) -> Bool { names[name]?.origin == name }

    private mutating func begin(_ name: String) {
        let life = Life(number: lives.count, origin: name)
        lives.append(life)
        names[name] = life
        trace.add("begin \(name) as life \(life.number)")
        append(header + Array("life \(life.number)\n".utf8), to: name)
    }

    private mutating func append(_ bytes: [UInt8], to name: String) {
        names[name]?.bytes += bytes
        disk.append(bytes, to: name)
    }

    private mutating func freshName() -> String {
        if kind.isLinked { return "pods-\(["a", "b"].randomElement(using: &generator) ?? "a")/0.log" }
        return ["a.log", "b.log", "c.log", "late\(Int.random(in: 0...2, using: &generator))/d.log"]
            .randomElement(using: &generator) ?? "a.log"
    }

    private mutating func write() {
        let open = names.filter { !$0.value.isClosed }.map(\.key)
        guard let name = any(open), Int.random(in: 0..<6, using: &generator) > 0 else {
            let fresh = freshName()
            if names[fresh] != nil { return }
            begin(fresh)
            if kind.isLinked { relink(fresh) }
            return
        }
        append(content(), to: name)
    }

    private mutating func content() -> [UInt8] {
        var bytes = randomLines(Int.random(in: 0...4, using: &generator), longest: 30, using: &generator)
        if Bool.random(using: &generator) { bytes += [1, 2, 3] }
        return bytes
    }

    private mutating func rotate() {
        guard let name = any(names.keys.filter { isActive($0) }), let life = names[name] else { return }
        rotations += 1
        if !life.wasSeen { life.least = 0 }
        let other = "\(name).\(rotations)"
        trace.add("rotate \(name) to \(other)")
        disk.rename(name, to: other)
        names[other] = names.removeValue(forKey: name)
        if Int.random(in: 0..<4, using: &generator) > 0 { begin(name) }
    }

    /// Copies, and truncates later, perhaps after more was written and polled.
    private mutating func copyTruncate() {
        guard let name = any(names.keys.filter { isActive($0) }), let life = names[name] else { return }
        rotations += 1
        let copy = "\(name).\(rotations)"
        trace.add("copy \(name) of \(life.bytes.count) bytes to \(copy)")
        disk.append(life.bytes, to: copy)
        let copied = life.bytes.count
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: append(content(), to: name)
            case 1: poll(seconds: Int64.random(in: 0...3, using: &generator))
            default: read(pieces: Int.random(in: 1...3, using: &generator))
            }
        }
        life.inWindow = life.bytes.count - copied
        // Of a copy that nobody can find again, only what was read is sure.
        // Without births, what rotation took away before it was read is not looked for.
        life.least = life.wasSeen && (kind.keepsBirths || durableCount(life) > 0) ? copied : 0
        trace.add("truncate \(name)")
        disk.truncate(name)
        begin(name)
    }

    private mutating func truncate() {
        guard let name = any(names.keys.filter { isActive($0) }), let life = names[name] else { return }
        trace.add("truncate \(name) for good")
        life.least = durableCount(life)
        disk.truncate(name)
        begin(name)
    }

    private mutating func remove() {
        guard let name = any(Array(names.keys) + packed.keys), !growing.values.contains(where: { $0.plain == name })
        else {
            return
        }
        trace.add("remove \(name)")
        if let life = names.removeValue(forKey: name) {
            if !life.isHeld || isDown { life.least = min(life.least ?? .max, durableCount(life)) }
        } else if let life = packed.removeValue(forKey: name) {
            life.least = min(life.least ?? .max, durableCount(life))
        }
        disk.remove(name)
    }

    // MARK: Compressing

    private mutating func pack() {
        let choices = names.filter { !isOwn($0.key) && !$0.value.isClosed }.map(\.key)
        guard let name = any(choices), let life = names[name] else { return }
        life.isClosed = true
        figures.compressed += 1
        let packing = Packing.allCases.randomElement(using: &generator) ?? .gzip
        let bytes = packing.pack(life.bytes)
        let other = name + packing.ending
        trace.add("compress \(name)")
        if kind.growsCompressed, Bool.random(using: &generator) {
            let half = bytes.count / 2
            disk.append(Array(bytes[..<half]), to: other)
            growing[other] = (name, Array(bytes[half...]))
        } else {
            disk.append(bytes, to: other + ".tmp")
            disk.rename(other + ".tmp", to: other)
            replace(name, by: other)
        }
    }

    private mutating func finishPacking(_ name: String) {
        guard let (plain, rest) = growing.removeValue(forKey: name) else { return }
        disk.append(rest, to: name)
        trace.add("finish \(name)")
        replace(plain, by: name)
    }

    private mutating func replace(_ plain: String, by other: String) {
        disk.remove(plain)
        if let life = names.removeValue(forKey: plain) { packed[other] = life }
    }

    // MARK: Links

    private mutating func relink(_ name: String) {
        let pod = String(name.dropFirst(5).prefix { $0 != "/" })
        targets[pod] = name
        disk.link("links/\(pod).log", to: name)
    }

    /// A container is started again: the next number, and the link leads there.
    private mutating func switchLink() {
        guard let name = any(names.keys.filter { isActive($0) && names[$0]?.wasSeen == true }) else { return }
        rotations += 1
        let next = String(name.prefix { $0 != "/" }) + "/\(rotations).log"
        trace.add("switch to \(next)")
        names[name]?.isClosed = true
        begin(next)
        relink(next)
    }

    // MARK: The follower

    /// How many bytes of a life were delivered.
    private func durableCount(_ life: Life) -> Int {
        delivered.values.filter { isOf($0, life) }.map(\.count).max() ?? 0
    }

    /// Told by the line that names it.
    private func isOf(_ bytes: [UInt8], _ life: Life) -> Bool {
        bytes.starts(with: header + Array("life \(life.number)\n".utf8))
    }

    private func isReached(_ name: String) -> Bool {
        kind.selectsRotated || isActive(name)
    }

    mutating func poll(seconds: Int64) {
        guard !isDown else { return }
        // Each thing that happens has a time of its own, and nobody looks before it.
        now = max(now, disk.latest) + seconds * .perSecond + 1
        disk.advance(to: now)
        trace.add("poll at \(now)")
        for (name, life) in names where isReached(name) || life.wasSeen {
            life.wasSeen = true
            life.isHeld = true
        }
        for event in follower.poll(now: now) {
            switch event {
            case .opened(let checkpoint, _), .continued(let checkpoint):
                trace.add(event)
                if case .continued = event, checkpoint.position <= header.count + 5, kind.equalHeads {
                    ambiguous.insert(checkpoint.generation)
                }
                checkpoints[checkpoint.generation] = checkpoint
            case .ended(let checkpoint, _):
                trace.add(event)
                checkpoints[checkpoint.generation] = nil
            case .lost: trace.add(event)
            case .problem(let error): if error.kind != .truncated { Issue.record("seed \(seed): \(error)") }
            }
        }
    }

    mutating func read(pieces: Int) {
        guard !isDown else { return }
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
            trace.add("read \(piece.piece.first)+\(piece.piece.count) of \(generation) \(piece.checkpoint.source)")
            delivered[generation] = before + buffer
            checkpoints[generation] = piece.checkpoint
        }
    }

    /// All that was delivered is durable. What was not, of deleted files, goes with the descriptors.
    private mutating func stop() {
        trace.add("stop")
        isDown = true
        let there = Array(names.values) + packed.values
        for life in lives where !there.contains(where: { $0 === life }) {
            life.least = min(life.least ?? .max, durableCount(life))
        }
        for life in lives { life.isHeld = false }
        guard !kind.keepsBirths else { return }
        // What was truncated and not read yet is like any file that took the inode.
        for life in lives where durableCount(life) == 0 { life.least = 0 }
    }

    private mutating func start() {
        trace.add("start")
        isDown = false
        follower = Self.follower(
            disk, settings, kind, clock, checkpoints: Array(checkpoints.values), lastRun: now)
    }
}

// MARK: The proof

extension FollowSchedule where Tested: Disk {
    /// Each generation is the beginning of one life; each life is delivered by one generation, as far as it must be.
    mutating func verify() {
        var counts: [Int: Int] = [:]
        var elsewhere: [Int: Int] = [:]
        let ordered = delivered.sorted { ambiguous.contains($0.key) && !ambiguous.contains($1.key) }
        for (generation, bytes) in ordered where bytes.count > header.count {
            guard let owner = lives.first(where: { $0.bytes.starts(with: bytes) && isStart(bytes, of: $0) }) else {
                fail(
                    "\(generation) is no life's: \(String(decoding: bytes.prefix(400), as: UTF8.self).debugDescription)"
                )
                continue
            }
            if ambiguous.contains(generation) {
                elsewhere[owner.number] = bytes.count
                continue
            }
            counts[owner.number, default: 0] += 1
            if counts[owner.number] != 1 { fail("life \(owner.number) was delivered twice") }
            let least = min(owner.least ?? .max, owner.bytes.count)
            if bytes.count < least, elsewhere[owner.number] == nil {
                fail("life \(owner.number) lacks \(owner.bytes.count - bytes.count) bytes")
            }
            if owner.inWindow > 0 {
                figures.windowBytes += owner.inWindow
                figures.windowLost += owner.bytes.count - bytes.count
            }
            if !owner.wasSeen { figures.unseenDelivered += 1 }
        }
        for life in lives
        where life.wasSeen && counts[life.number] == nil && elsewhere[life.number] == nil
            && (life.least ?? .max) > header.count
        {
            fail("life \(life.number) of \(life.bytes.count) bytes was not delivered")
        }
        figures.lives = lives.count
    }

    private func isStart(_ bytes: [UInt8], of life: Life) -> Bool {
        let name = header + Array("life \(life.number)\n".utf8)
        return bytes.starts(with: name.prefix(bytes.count))
    }

    private func fail(_ what: String) {
        Issue.record("seed \(seed) of \(kind): \(what)\n\(trace.text)")
    }
}

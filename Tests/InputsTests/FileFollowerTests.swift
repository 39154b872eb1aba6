import ArchiveTypes
import Inputs
import Simulation
import Testing

/// A follower over files in memory, and what it has delivered.
struct Following: ~Copyable {
    let memory: MemoryFileSystem
    var follower: FileFollower<MemoryFileSystem>
    var now: Nanoseconds
    var events: [FollowEvent] = []
    var pieces: [(FollowedPiece, [UInt8])] = []

    init(
        _ memory: MemoryFileSystem, _ include: [String] = ["/log/*.log"], start: FollowSettings.Start = .beginning,
        ignoreOlder: Nanoseconds? = nil, checkpoints: [FileCheckpoint] = [], lastRun: Nanoseconds? = nil,
        adjust: (inout FollowSettings) -> Void = { _ in }
    ) throws {
        self.memory = memory
        let selection = try PathSelection(include: include)
        let group = FollowSettings.Group(selection, start: start, ignoreOlder: ignoreOlder)
        var settings = FollowSettings(groups: [group], machine: MachineID("m"))
        adjust(&settings)
        now = memory.time
        follower = FileFollower(memory, settings: settings, checkpoints: checkpoints, lastRun: lastRun)
    }

    /// Polls after `seconds`, and reads all that can be read.
    mutating func step(seconds: Int64 = 0) {
        poll(seconds: seconds)
        var buffer: [UInt8] = []
        while let piece = follower.next(into: &buffer) { pieces.append((piece, buffer)) }
    }

    mutating func poll(seconds: Int64 = 0) {
        now += seconds * .perSecond
        memory.advance(to: now)
        events += follower.poll(now: now)
    }

    /// What was delivered of each generation, in the order in which they began.
    var texts: [String] {
        var order: [Generation] = []
        var bytes: [Generation: [UInt8]] = [:]
        for (piece, content) in pieces {
            if bytes[piece.checkpoint.generation] == nil { order.append(piece.checkpoint.generation) }
            bytes[piece.checkpoint.generation, default: []] += content
        }
        return order.map { String(decoding: bytes[$0] ?? [], as: UTF8.self) }
    }

    var sources: [String] { pieces.map(\.0.checkpoint.source) }

    var ends: [FollowEvent.End] {
        events.compactMap { if case .ended(_, let end) = $0 { end } else { nil } }
    }

    var losses: [UInt64?] {
        events.compactMap { if case .lost(_, let bytes, _) = $0 { .some(bytes) } else { nil } }
    }

    var problems: [InputError] {
        events.compactMap { if case .problem(let error) = $0 { error } else { nil } }
    }
}

extension MemoryFileSystem {
    func write(_ text: String, to path: String) { write(Array(text.utf8), to: RawPath(path)) }
    func rename(_ path: String, to other: String) { rename(RawPath(path), to: RawPath(other)) }
}

@Suite struct FileFollowerTests {
    let memory = MemoryFileSystem()
    let log = "/log/a.log"

    @Test func deliversWholeLinesOnly() throws {
        memory.write("one\ntwo\nthr", to: log)
        var following = try Following(memory)
        following.step()
        #expect(following.texts == ["one\ntwo\n"])
        memory.write("ee\n", to: log)
        following.step(seconds: 1)
        #expect(following.texts == ["one\ntwo\nthree\n"])
        #expect(following.pieces.map(\.0.piece.first) == [0, 8])
        #expect(following.pieces.allSatisfy { !$0.0.piece.endsInsideLine && !$0.0.piece.startsInsideLine })
    }

    @Test func deliversAnUnterminatedLineOnceItStood() throws {
        memory.write("one\ntw", to: log)
        var following = try Following(memory)
        following.step()
        following.step(seconds: 4)
        #expect(following.texts == ["one\n"])
        following.step(seconds: 1)
        #expect(following.texts == ["one\ntw"])
        memory.write("o\n", to: log)
        following.step(seconds: 1)
        #expect(following.texts == ["one\ntwo\n"])
        #expect(following.pieces.map(\.0.piece.endsInsideLine) == [false, true, false])
        #expect(following.pieces.map(\.0.piece.startsInsideLine) == [false, false, true])
    }

    @Test func aGrowingLineWaits() throws {
        memory.write("x", to: log)
        var following = try Following(memory)
        for _ in 0..<10 {
            following.step(seconds: 4)
            memory.write("x", to: log)
        }
        #expect(following.pieces.isEmpty)
    }

    @Test func readsARenamedFileToItsEnd() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.write("two\n", to: log)
        memory.rename(log, to: "/log/a.log.1")
        memory.write("new\n", to: log)
        following.step(seconds: 1)
        memory.write("three\nfo", to: "/log/a.log.1")
        following.step(seconds: 1)
        following.step(seconds: 5)
        #expect(following.texts.sorted() == ["new\n", "one\ntwo\nthree\nfo"])
        #expect(Set(following.sources) == [log], "a rotated file keeps the source it had")
        #expect(Set(following.pieces.map(\.0.checkpoint.generation)).count == 2)
        #expect(following.ends.isEmpty && memory.openHandles == 2)
        following.step(seconds: 300)
        #expect(following.ends.isEmpty && memory.openHandles == 1, "closed, and remembered for when it is compressed")
        for turn in 2...3 {
            memory.rename(log, to: "/log/a.log.\(turn)")
            memory.write("new \(turn)\n", to: log)
            following.step(seconds: 300)
            following.step(seconds: 300)
        }
        #expect(following.ends == [.rotated] && memory.openHandles == 1)
        #expect(following.losses.isEmpty)
    }

    @Test func aFileRotatedWithinThePatternsStaysOneStream() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory, ["/log/a.log*"])
        following.step()
        for turn in 2...4 {
            memory.rename("/log/a.log.1", to: "/log/a.log.2")
            memory.rename(log, to: "/log/a.log.1")
            memory.write("turn \(turn)\n", to: log)
            following.step(seconds: 1)
        }
        following.step(seconds: 1000)
        #expect(following.texts == ["one\n", "turn 2\n", "turn 3\n", "turn 4\n"])
        #expect(Set(following.sources) == [log])
        let generations = following.pieces.map(\.0.checkpoint.generation)
        #expect(generations == generations.sorted())
        memory.write("late\n", to: "/log/a.log.1")
        following.step(seconds: 1)
        #expect(following.texts[2] == "turn 3\nlate\n", "closed, and opened again when it grows")
    }

    @Test func readsADeletedFileToItsEnd() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.write("two\nthree", to: log)
        memory.remove(RawPath(log))
        following.step(seconds: 1)
        following.step(seconds: 5)
        following.step(seconds: 5)
        #expect(following.texts == ["one\ntwo\nthree"])
        #expect(following.ends == [.deleted] && following.losses.isEmpty && memory.openHandles == 0)
    }

    @Test(arguments: [true, false]) func anotherFileOfTheSameInodeIsAnotherGeneration(keepsBirths: Bool) throws {
        let memory = MemoryFileSystem(keepsBirths: keepsBirths)
        memory.write("same first line\none\n", to: log)
        var following = try Following(memory) { $0.deletedGrace = 0 }
        following.step()
        memory.remove(RawPath(log))
        following.step(seconds: 1)
        following.step(seconds: 1)
        let inode = following.pieces[0].0.checkpoint.identity.inode
        memory.write("same first line\ntwo\n", to: log)
        following.step(seconds: 1)
        #expect(following.texts == ["same first line\none\n", "same first line\ntwo\n"])
        #expect(following.pieces.last?.0.checkpoint.identity.inode == inode)
        #expect(following.pieces[0].0.checkpoint.generation < following.pieces[1].0.checkpoint.generation)
    }

    /// A file that is truncated, renamed and replaced between two looks: its second life is older than what replaced it.
    @Test func aTruncatedLifeComesBeforeTheFileThatReplacedIt() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory, ["/log/*.log", "/log/*.log.*"])
        following.step()
        memory.truncate(RawPath(log))
        memory.write("two\n", to: log)
        memory.rename(RawPath(log), to: RawPath(log + ".1"))
        memory.advance(to: memory.time + 10)
        memory.write("three\n", to: log)
        memory.rename(RawPath(log), to: RawPath(log + ".2"))
        following.step(seconds: 7)
        let lives = following.pieces.sorted { $0.0.checkpoint.generation < $1.0.checkpoint.generation }
        #expect(lives.map { String(decoding: $0.1, as: UTF8.self) } == ["one\n", "two\n", "three\n"])
    }

    @Test func truncationBeginsAGenerationAfterTheLastLook() throws {
        memory.write("one\ntwo\n", to: log)
        var following = try Following(memory)
        following.step()
        let look = following.now
        memory.truncate(RawPath(log))
        memory.write("3\n", to: log)
        following.step(seconds: 7)
        #expect(following.texts == ["one\ntwo\n", "3\n"])
        #expect(following.pieces[1].0.checkpoint.generation.born == look + 1)
        #expect(following.pieces[1].0.piece.first == 0)
        #expect(following.ends == [.truncated] && following.losses.isEmpty)
    }

    @Test func truncationIsSeenThoughTheFileGrewPastThePosition() throws {
        memory.write("one\ntwo\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.truncate(RawPath(log))
        memory.write("1\n2\n3\n4\nmore than there was\n", to: log)
        following.step(seconds: 1)
        #expect(following.texts == ["one\ntwo\n", "1\n2\n3\n4\nmore than there was\n"])
        let generations = following.pieces.map(\.0.checkpoint.generation)
        #expect(Set(generations).count == 2, "nothing is delivered under the old generation")
    }

    @Test func truncationIsSeenThoughTheSizeIsTheSame() throws {
        memory.write("one\ntwo\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.truncate(RawPath(log))
        memory.write("eno\nowt\n", to: log)
        following.step(seconds: 1)
        following.step(seconds: 1)
        #expect(following.texts == ["one\ntwo\n", "eno\nowt\n"])
    }

    @Test func aRewriteIsReadThoughTheFileIsDeletedAndNobodyReadsForLong() throws {
        memory.write("one\ntwo\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.truncate(RawPath(log))
        memory.write("eno\nowt\n", to: log)
        following.poll(seconds: 1)
        memory.remove(RawPath(log))
        for _ in 0..<3 { following.poll(seconds: 100) }
        for _ in 0..<3 { following.step(seconds: 100) }
        #expect(following.texts == ["one\ntwo\n", "eno\nowt\n"])
        #expect(following.ends == [.truncated, .deleted] && memory.openHandles == 0)
    }

    @Test func aDeletedFileThatCannotBeReadIsLetGoAndCounted() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.write("two\n", to: log)
        memory.remove(RawPath(log))
        memory.failsReads = true
        for _ in 0..<4 { following.step(seconds: 10) }
        #expect(following.losses == [4] && following.ends == [.deleted] && memory.openHandles == 0)
        #expect(following.problems.map(\.kind) == [.failed])
    }

    @Test func whatTruncationTookUnreadIsCounted() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        memory.write("unread\n", to: log)
        following.poll(seconds: 1)
        memory.truncate(RawPath(log))
        following.step(seconds: 1)
        #expect(following.losses == [7] && following.ends == [.truncated])
    }

    @Test func beginsAtTheEndOfWhatWasThere() throws {
        memory.write("old\nhal", to: log)
        var following = try Following(memory, start: .end)
        following.step()
        memory.write("f\nnew\n", to: log)
        memory.write("whole\n", to: "/log/b.log")
        following.step(seconds: 1)
        #expect(following.texts == ["f\nnew\n", "whole\n"])
        #expect(following.pieces[0].0.piece.first == 7 && following.pieces[0].0.piece.startsInsideLine)
    }

    @Test func afterARestartOnlyFilesOlderThanTheLastRunBeginAtTheirEnd() throws {
        memory.write("old\n", to: "/log/old.log")
        let lastRun = memory.time
        memory.write("born while down\n", to: "/log/new.log")
        var following = try Following(memory, start: .end, lastRun: lastRun)
        following.step()
        #expect(following.texts == ["born while down\n"])
    }

    @Test func ignoresOldFilesUntilTheyAreWrittenAgain() throws {
        memory.write("old\n", to: log)
        memory.advance(to: 3 * .perHour)
        memory.write("young\n", to: "/log/b.log")
        var following = try Following(memory, ignoreOlder: .perHour)
        following.step()
        #expect(following.texts == ["young\n"])
        memory.write("again\n", to: log)
        following.step(seconds: 1)
        #expect(following.texts == ["young\n", "old\nagain\n"])
        following.step(seconds: 7200)
        memory.write("more\n", to: log)
        following.step(seconds: 7200)
        #expect(following.texts == ["young\n", "old\nagain\nmore\n"], "what is followed does not get too old")
    }

    @Test func takesTurns() throws {
        memory.write(String(repeating: "a\n", count: 5000), to: "/log/big.log")
        for name in ["b", "c", "d"] { memory.write("\(name)\n", to: "/log/\(name).log") }
        var following = try Following(memory) { $0.pieceBytes = 1000 }
        following.step()
        #expect(
            following.sources.prefix(5) == ["/log/b.log", "/log/big.log", "/log/c.log", "/log/d.log", "/log/big.log"])
        #expect(following.texts.contains(String(repeating: "a\n", count: 5000)))
    }

    @Test func cutsLinesLongerThanAPiece() throws {
        memory.write("s\n" + String(repeating: "x", count: 25) + "\nend\n", to: log)
        var following = try Following(memory) { $0.pieceBytes = 10 }
        following.step()
        #expect(
            following.pieces.map { String(decoding: $0.1, as: UTF8.self) } == [
                "s\n", "xxxxxxxxxx", "xxxxxxxxxx", "xxxxx\nend\n",
            ])
        #expect(following.pieces.map(\.0.piece.endsInsideLine) == [false, true, true, false])
        #expect(following.pieces.map(\.0.piece.startsInsideLine) == [false, false, true, true])
    }

    @Test func holdsNoMoreFilesOpenThanAllowed() throws {
        for index in 0..<20 { memory.write("\(index)\n", to: "/log/\(index).log") }
        var following = try Following(memory) { $0.mostOpenFiles = 3 }
        for turn in 0..<5 {
            following.step(seconds: 1)
            for index in 0..<20 { memory.write("\(index) \(turn)\n", to: "/log/\(index).log") }
        }
        following.step(seconds: 1)
        #expect(
            Set(following.texts)
                == Set((0..<20).map { index in "\(index)\n" + (0..<5).map { "\(index) \($0)\n" }.joined() }))
        #expect(memory.mostHandles <= 4, "one more while a file is being recognised")
    }

    @Test func findsARotatedFileThatWasClosed() throws {
        for index in 0..<4 { memory.write("\(index)\n", to: "/log/\(index).log") }
        var following = try Following(memory) { $0.mostOpenFiles = 1 }
        following.step()
        memory.write("last words\n", to: "/log/0.log")
        memory.rename("/log/0.log", to: "/log/0.old")
        following.step(seconds: 1)
        #expect(following.texts.contains("0\nlast words\n"))
        memory.write("unseen\n", to: "/log/1.log")
        following.poll(seconds: 1)
        memory.remove(RawPath("/log/1.log"))
        following.step(seconds: 1)
        following.step(seconds: 5)
        #expect(following.losses == [7] || following.texts.contains("1\nunseen\n"))
    }

    @Test func goesOnAfterARestart() throws {
        memory.write("one\ntwo\n", to: log)
        var first = try Following(memory)
        first.step()
        let checkpoint = first.pieces[0].0.checkpoint
        memory.write("three\n", to: log)
        memory.rename(log, to: "/log/a.log.1")
        memory.write("new\n", to: log)
        var second = try Following(memory, checkpoints: [checkpoint])
        second.step()
        #expect(second.texts.sorted() == ["new\n", "three\n"])
        #expect(Set(second.sources) == [log])
        let rotated = second.pieces.first { $0.1.starts(with: Array("three".utf8)) }?.0
        #expect(rotated?.checkpoint.generation == checkpoint.generation && rotated?.piece.first == 8)
        #expect(second.losses.isEmpty)
    }

    @Test func saysWhatIsGoneAfterARestart() throws {
        memory.write("one\n", to: log)
        var first = try Following(memory)
        first.step()
        let checkpoint = first.pieces[0].0.checkpoint
        memory.remove(RawPath(log))
        memory.write("other\n", to: log)
        var second = try Following(memory, checkpoints: [checkpoint])
        second.step()
        #expect(second.losses.isEmpty, "its compressed form may be on its way")
        second.step(seconds: 5)
        #expect(second.losses == [nil] && second.ends == [.gone])
        #expect(second.texts == ["other\n"])
        #expect(second.pieces[0].0.checkpoint.generation > checkpoint.generation)
    }

    @Test func seesARewriteThatHappenedWhileDown() throws {
        memory.write("one\ntwo\n", to: log)
        var first = try Following(memory)
        first.step()
        let checkpoint = first.pieces[0].0.checkpoint
        memory.truncate(RawPath(log))
        memory.write("quite different and longer\n", to: log)
        var second = try Following(memory, checkpoints: [checkpoint])
        second.step()
        second.step(seconds: 1)
        #expect(second.texts == ["quite different and longer\n"])
        #expect(second.pieces[0].0.piece.first == 0 && second.pieces[0].0.checkpoint.generation > checkpoint.generation)
    }

    @Test func aFolderThatCannotBeListedLosesNothing() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        let checkpoint = following.pieces[0].0.checkpoint
        memory.forbidden = [RawPath("/log")]
        for _ in 0..<3 { following.step(seconds: 1000) }
        #expect(following.problems.count == 1 && following.ends.isEmpty, "told once")
        memory.write("two\n", to: log)
        var restarted = try Following(memory, checkpoints: [checkpoint])
        restarted.step()
        #expect(restarted.losses.isEmpty)
        memory.forbidden = []
        following.step(seconds: 1)
        restarted.step(seconds: 1)
        #expect(following.texts == ["one\ntwo\n"] && restarted.texts == ["two\n"])
    }

    @Test func tellsOfAnUnreadableFileOnce() throws {
        memory.write("one\n", to: log)
        memory.forbidden = [RawPath(log)]
        var following = try Following(memory)
        for _ in 0..<3 { following.step(seconds: 1) }
        #expect(following.problems.map(\.kind) == [.forbidden])
        memory.forbidden = []
        following.step(seconds: 1)
        #expect(following.texts == ["one\n"])
    }

    @Test func followsTheTargetOfALink() throws {
        memory.write("one\n", to: "/pods/x/0.log")
        memory.link(RawPath("/log/x.log"), to: RawPath("/pods/x/0.log"))
        var following = try Following(memory)
        following.step()
        let checkpoint = following.pieces[0].0.checkpoint
        memory.write("two\n", to: "/pods/x/0.log")
        memory.rename("/pods/x/0.log", to: "/pods/x/0.log.1")
        memory.write("new\n", to: "/pods/x/0.log")
        following.step(seconds: 1)
        #expect(Set(following.texts) == ["one\ntwo\n", "new\n"] && Set(following.sources) == ["/log/x.log"])
        var restarted = try Following(memory, checkpoints: [checkpoint])
        restarted.step()
        #expect(Set(restarted.texts) == ["two\n", "new\n"] && restarted.losses.isEmpty)
    }

    @Test func aFileOfTwoNamesIsReadOnce() throws {
        memory.write("one\n", to: log)
        memory.link(RawPath("/log/0.log"), to: RawPath(log))
        var following = try Following(memory)
        following.step()
        #expect(following.texts == ["one\n"] && following.sources == [log])
    }

    @Test func checkpointsOutliveTheirBytes() throws {
        memory.write("one\n", to: log)
        var following = try Following(memory)
        following.step()
        var checkpoint = following.pieces[0].0.checkpoint
        for _ in 0..<2 {
            var bytes: [UInt8] = []
            checkpoint.encode(into: &bytes)
            var reader = ByteReader(bytes)
            #expect(try FileCheckpoint(from: &reader) == checkpoint && reader.isAtEnd)
            for count in 0..<bytes.count {
                var cut = ByteReader(bytes[..<count])
                #expect(throws: MalformedBytes.self) { try FileCheckpoint(from: &cut) }
            }
            checkpoint.tail = nil
            checkpoint.identity.birth = nil
        }
    }
}

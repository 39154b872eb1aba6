"""The planted bugs: each one change of the sources that breaks a promise, and where it must be found.

A bug is planted by replacing a text that occurs once in its file. Where it does not occur any more, the sources have
changed: the bug is to be planted anew in what took its place.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    name: str
    file: str
    text: str
    planted: str
    # What runs, as `swift test --filter` takes it: at least one of these tests must fail.
    suites: str = "SimulationTests"


BUGS = [
    Bug("a block's fsync is skipped", "Sources/Spool/SpoolState.swift",
        "        try file.synchronize()\n        durableLength = length\n",
        "        durableLength = length\n"),
    Bug("a sealed chunk is renamed before it is synced", "Sources/Spool/SpoolState.swift",
        "        try file.synchronize()\n        let name = SpoolRecovery.sealedName",
        "        let name = SpoolRecovery.sealedName"),
    Bug("the folder of sealed chunks is not synced", "Sources/Spool/SpoolState.swift",
        '        try directory.synchronize("\\(directory.path)/sealed")\n', ""),
    Bug("the open chunk's name is not synced", "Sources/Spool/SpoolState.swift",
        "        let chunk = OpenChunk(file, opened: options.clock())\n"
        "        try directory.synchronize(directory.path)\n",
        "        let chunk = OpenChunk(file, opened: options.clock())\n"),
    Bug("the snapshot takes its name before it is synced", "Sources/Spool/SpoolState.swift",
        '        try file.synchronize()\n        try directory.rename(temporary, to: directory.path + "/snapshot")\n',
        '        try directory.rename(temporary, to: directory.path + "/snapshot")\n'),
    Bug("the snapshot's name is not synced", "Sources/Spool/SpoolState.swift",
        '"/snapshot")\n        try directory.synchronize(directory.path)\n', '"/snapshot")\n'),
    Bug("the checkpoint moves before its block is synced", "Sources/Archiving/AgentReader.swift",
        "        try spool.synchronize()\n        for stream in unsynced", "        for stream in unsynced"),
    Bug("a position is promised before its block is archived", "Sources/Spool/SpoolPositions.swift",
        "        if header.positions.first <= end { held[source] = max(end, header.positions.end) }\n",
        "        if header.positions.first <= end {\n            held[source] = max(end, header.positions.end)\n"
        "            archived[source] = held[source]\n        }\n"),
    Bug("what is archived beyond a hole is forgotten at a restart", "Sources/Spool/SpoolState.swift",
        "        snapshot.ahead = positions.ahead\n", ""),
    Bug("a failed fsync is tried again on the same descriptor", "Sources/Spool/SpoolState.swift",
        "            if error.kind != .full { failure = failure ?? error }\n            throw error\n", "            throw error\n"),
    Bug("a short write counts as a whole one", "Sources/Spool/SpoolFile.swift",
        "                guard count > 0 else { throw Errno(ENOSPC) }\n                done += count\n",
        "                guard count > 0 else { throw Errno(ENOSPC) }\n                done = bytes.count\n"),
    Bug("a torn tail is cut below what was durable", "Sources/Spool/OpenChunkScan.swift",
        "            while length < bytes.count,\n", "            while length + 600 < bytes.count,\n"),
    Bug("damage of the open chunk is taken for a torn tail", "Sources/Spool/OpenChunkScan.swift",
        "            guard length < durable else { return }\n", "            guard length < durable, bytes.isEmpty else { return }\n",
        "SpoolTests|SimulationTests"),
    Bug("what is damaged is thrown away", "Sources/Spool/SpoolRecovery.swift",
        "        try directory.rename(file, to: target)\n        findings", "        try directory.remove(file)\n        findings"),
    Bug("what is read of a file that failed to sync is sealed as it is", "Sources/Spool/SpoolRecovery.swift",
        "        try writeAnew(file, scan)\n", "        try directory.open(file).truncate(to: scan.length)\n"),
    Bug("a merged chunk takes its name before it is synced", "Sources/Spool/ChunkMerging.swift",
        "            try target.synchronize()\n", ""),
    Bug("the lock is not taken", "Sources/Spool/SpoolLock.swift",
        "        do throws(Errno) { try calls.lock(descriptor) } catch {",
        "        do throws(Errno) { if descriptor < 0 { try calls.lock(descriptor) } } catch {",
        "SpoolTests"),
    Bug("a copied spool keeps its writer", "Sources/Spool/SpoolRecovery.swift",
        "        if snapshot.identity != identity || snapshot.archive", "        if snapshot.archive"),
    Bug("the numbers of chunks in the spool are given again", "Sources/Spool/SpoolRecovery.swift",
        "            snapshot.take(manifest)\n", ""),
    Bug("the number of a damaged chunk is given again", "Sources/Spool/SpoolRecovery.swift",
        "        for key in damagedChunks { snapshot.pass(key) }\n", ""),
    Bug("a chunk leaves the spool before its manifest is held", "Sources/Archiving/ArchiveWriter.swift",
        "            let result = try await member.store.put(key.description, .bytes(object))\n",
        "            guard let result = try? await member.store.put(key.description, .bytes(object)) else { return key }\n"),
    Bug("received lines are acknowledged before they are synced", "Sources/Spool/WriteAheadLog.swift",
        "            try file.synchronize()\n        } catch {\n", "        } catch {\n"),
    Bug("the log goes on in a file that failed to sync", "Sources/Spool/WriteAheadLog.swift",
        "            if error.kind == .io { abandon(segment) }\n", "", "WriteAheadLogTests|SimulationTests"),
    Bug("a segment of the log takes its name before it is synced", "Sources/Spool/WriteAheadLog.swift",
        "        try file.synchronize()\n        try storage.rename", "        try storage.rename"),
    Bug("a segment's name is not synced", "Sources/Spool/WriteAheadLog.swift",
        "LogSegment.name(first: first))\n        try storage.synchronize()\n", "LogSegment.name(first: first))\n"),
    Bug("the names of segments are not synced at recovery", "Sources/Spool/WriteAheadLog+recovery.swift",
        "        try storage.synchronize()\n        let firsts", "        let firsts", "WriteAheadLogTests"),
    Bug("the names of sealed chunks are not synced at recovery", "Sources/Spool/SpoolRecovery.swift",
        "        try directory.synchronize(path + \"/sealed\")\n        var chunks", "        var chunks", "SpoolTests"),
    Bug("what a file begins with is not stored before its lines", "Sources/Archiving/AgentReader.swift",
        "            try spool.saveSnapshot()\n        }\n        try spool.synchronize()", "        }\n        try spool.synchronize()",
        "AgentTests"),
    Bug("a segment of the log is dropped before blocks hold it", "Sources/Spool/WriteAheadLog.swift",
        "streams[$0.key] == nil || $0.value <= synced($0.key)", "streams[$0.key] == nil || $0.value <= synced($0.key) + 300"),
    Bug("lines that are in blocks are taken from the log again", "Sources/Archiving/Receiver.swift",
        "position + UInt64(lines.count) > end else { return }\n        try skipLost(number, to: position)\n"
        "        let known = end > position ? Int(end - position) : 0\n",
        "end < .max else { return }\n        try skipLost(number, to: position)\n        let known = 0\n"),
    Bug("a stream is forgotten while its lines wait for the log", "Sources/Archiving/Receiver.swift",
        "Set(waiting.map(\\.stream)).union(uncommitted.map(\\.stream))", "Set(waiting.map(\\.stream))", "ReceiverTests"),
    Bug("received blocks grow old by a clock that people set", "Sources/Archiving/Receiver.swift",
        "let now = ticks()\n        guard now >= nextClosing", "let now = clock()\n        guard now >= nextClosing", "ReceiverTests"),
    Bug("positions of forgotten streams stay", "Sources/Archiving/Receiver.swift",
        "            for source in log.takeForgotten() { spool.end(source) }\n", "", "ReceiverTests"),
    Bug("a stream's position goes while the log still names it", "Sources/Spool/WriteAheadLog.swift",
        "endedStreams.filter { $0.before <= first }", "endedStreams.filter { $0.before <= next + first }"),
    Bug("a group that fills the log stays in the way", "Sources/Spool/WriteAheadLog.swift",
        "            try beginSegment()\n        }\n        while", "        }\n        while", "ReceiverTests"),
    Bug("the rest of a long message looks for a host", "Sources/Inputs/Listening/SyslogConnection.swift",
        "        guard !isRest else { return origin }\n", "", "SyslogListenerTests"),
    Bug("what sockets hold at the end is left there", "Sources/Inputs/Listening/SyslogListener.swift",
        "        for token in turn.endpointTokens { guard serveAll(token, of: &turn) else { return } }\n", "", "SyslogListenerTests"),
    Bug("a block of the journal is spooled before the log has its cursor", "Sources/Archiving/Receiver.swift",
        "        guard uncommitted.isEmpty, !isReplaying else { return false }\n",
        "        guard uncommitted.isEmpty, !isReplaying else { return false }\n        if !streams.isEmpty { return true }\n"),
    Bug("a debt's name is not synced before its chunk goes", "Sources/Spool/SpoolDebts.swift",
        "            try directory.synchronize(folder)\n", "", "DebtTests"),
    Bug("a chunk counts as archived with one store's part", "Sources/Archiving/ChunkDelivery.swift",
        "guard partTimes.count >= redundancy.acknowledge, ", "guard partTimes.count >= 1, ", "FailureMatrixTests"),
]

import ArchiveIndex
import ChunkFormat
import Logging
import ObjectStore
import Placement
import Retrieval

/// An archive that is open for reading, and what its commands have in common.
struct ReadingSession {
    let reader: ArchiveReader
    private let meter: StoreMeter
    /// All stores, where there are several.
    private let redundant: RedundantStore?

    init(_ stores: StoreOptions) async throws {
        let loaded = try stores.load()
        let opened = try OpenStores(loaded, create: false, isReading: true)
        let united = opened.united(archive: loaded.archiveName, isStrict: false)
        let planner = IndexReader(
            store: united.store, logger: Logger(label: "index"), rule: opened.rule.rule, beginsAtOnce: true)
        let archive = try await OpenArchive.find(loaded, opened, united)
        reader = ArchiveReader(store: archive.store, planner: planner)
        redundant = archive.redundant
        meter = opened.meter
    }

    /// Says what came from the store since it was opened.
    func tellStatistics() {
        let total = meter.snapshot.total
        StandardError.say("read \(total.bytesReceived) bytes in \(total.requests) requests")
    }

    /// To people, who would wonder at an empty screen.
    static func tellOfNothing() { StandardError.say("nothing in the archive fits; `firn sources` lists what there is") }

    /// Does `work` with a bar on standard error where data does not go to the same terminal.
    /// - Parameter unit: what the work is counted in.
    static func showingProgress<Answer>(
        _ title: String, of unit: String = "blocks", besideData: Bool, _ work: (ReadProgress) async throws -> Answer
    ) async throws -> Answer {
        let progress = ReadProgress()
        let bar = besideData ? nil : ProgressBar(title) { Progress(progress.figures, unit) }
        defer { bar?.finish() }
        return try await work(progress)
    }

    /// Says what is missing and what is doubtful; an answer that lacks something has its own status.
    func conclude(_ shortfall: Shortfall, warnings: [String]) throws(CommandFailure) {
        var shortfall = shortfall
        for reason in redundant?.shortfall ?? [] { shortfall.add(Incompleteness(.unreadable, reason: reason)) }
        Self.tell(shortfall, warnings: warnings + (redundant?.warnings ?? []))
        guard !shortfall.isEmpty else { return }
        throw CommandFailure(
            status: ExitStatus.incomplete,
            sentence: "the answer is incomplete; `firn verify` finds out what is wrong with the archive")
    }

    static func tell(_ shortfall: Shortfall, warnings: [String]) {
        for warning in warnings { StandardError.say("warning: \(HumanText.harmless(warning))") }
        let shown = shortfall.joined.prefix(mostShown)
        for item in shown { StandardError.say("missing: \(HumanText.harmless(item.description))") }
        let blocks = shown.reduce(0) { $0 + $1.blocks }
        if shortfall.count > blocks { StandardError.say("missing: \(shortfall.count - blocks) more") }
    }

    private static let mostShown = 50
}

extension Progress {
    fileprivate init(_ figures: ReadProgress.Figures, _ unit: String) {
        let share = figures.blocks > 0 ? Double(figures.blocksDone) / Double(figures.blocks) : nil
        self.init(
            bytes: UInt64(figures.bytesFetched), share: share,
            note: figures.blocks > 0 ? "\(figures.blocksDone) of \(figures.blocks) \(unit)" : "")
    }
}

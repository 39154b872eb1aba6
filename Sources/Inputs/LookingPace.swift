/// When to look at everything, where changes are told: soon after names changed, and otherwise as often as looking
/// costs little. The shares are of one processor.
struct LookingPace {
    private let changes: any ChangeSource
    private let clock: @Sendable () -> LookingTime
    /// Something happened that only a look at everything can tell.
    var isAllDue = true
    /// Changes are told of all folders.
    private(set) var isCovered = false
    private var began = LookingTime(wall: 0, processor: 0)
    private var ended: Int64 = 0
    private var cost: Int64 = 0

    /// What looking at everything takes: with a reason, because changes are not told, and just to be sure.
    private static let busyShare: Int64 = 20
    private static let blindShare: Int64 = 50
    private static let idleShare: Int64 = 100
    private static let leastBlindPause: Int64 = 250_000_000
    private static let leastIdlePause: Int64 = 2_000_000_000
    private static let mostPause: Int64 = 30_000_000_000

    init(_ changes: any ChangeSource, clock: @escaping @Sendable () -> LookingTime) {
        self.changes = changes
        self.clock = clock
    }

    /// What changed since the last call.
    mutating func takeChanges() -> [FileChange] {
        guard let changes = changes.take() else {
            isAllDue = true
            return []
        }
        return changes
    }

    /// Whether everything is to be looked at now.
    var isDue: Bool {
        let pause = clock().wall - ended
        let wanted =
            if isAllDue {
                cost * Self.busyShare
            } else if isCovered {
                max(Self.leastIdlePause, cost * Self.idleShare)
            } else {
                max(Self.leastBlindPause, cost * Self.blindShare)
            }
        return pause >= min(Self.mostPause, wanted)
    }

    /// What is told from now on is not seen by the look that begins.
    mutating func willLook() {
        began = clock()
        isAllDue = false
    }

    /// - Returns: why changes are not told of all folders.
    mutating func cover(_ folders: [RawPath: FolderInterest]) -> InputError? {
        let gap = changes.cover(folders)
        isCovered = gap == nil
        return gap
    }

    mutating func hasLooked() {
        let now = clock()
        ended = now.wall
        cost = now.processor - began.processor
    }
}

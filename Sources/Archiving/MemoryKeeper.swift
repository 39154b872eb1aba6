import ArchiveTypes
import CSystem

/// Gives memory back that work has left behind: malloc(3) keeps what lies between what is still used, and code that ran
/// once stays mapped.
struct MemoryKeeper {
    private var last: Nanoseconds?
    private var blocks: UInt64 = 0

    private static let interval: Nanoseconds = 2 * .perSecond

    /// Make it when the agent has started: the code that took is not needed again.
    init() { firn_forget_code() }

    /// Call it often. `blocks`: how many there were so far.
    mutating func tidy(_ blocks: UInt64, now: Nanoseconds) {
        guard blocks != self.blocks, now - (last ?? 0) >= Self.interval else { return }
        (last, self.blocks) = (now, blocks)
        // What is needed of it comes back at a fault each 64 KiB.
        firn_forget_code()
        firn_trim_malloc()
    }
}

/// Ceilings of one answer.
package struct ReadOptions: Sendable, Hashable {
    /// Bytes of memory for blocks, compressed and not. Where more blocks overlap in time than that holds, they are
    /// opened again and again: slow, but the answer is the same.
    package var memory: Int
    /// Requests that may be under way at once.
    package var requests: Int
    /// A line or record that was split over blocks is held up to this length: beyond it, it is printed in pieces, and
    /// texts are looked for in the first part only.
    package var joinedBytes: Int

    package init(memory: Int = 128 << 20, requests: Int = 16, joinedBytes: Int = 8 << 20) {
        self.memory = memory
        self.requests = requests
        self.joinedBytes = joinedBytes
    }

    /// What has been fetched and waits to be opened has a quarter.
    var storedMemory: Int { memory / 4 }
    var openMemory: Int { memory - memory / 4 }
}

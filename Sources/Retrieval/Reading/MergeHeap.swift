import ArchiveTypes

/// The heads of what is being merged, least first.
struct MergeHeap {
    struct Entry: Hashable {
        /// The time of the next line, or its complement where the newest come first.
        var key: Nanoseconds
        /// Decides between equal keys.
        var rank: Int
        /// Whose head it is.
        var slot: Int

        @inline(__always)
        static func < (left: Entry, right: Entry) -> Bool {
            // All three comparisons, so that no branch has to be guessed: times of many hosts are as good as random.
            let (isLess, isEqual, isLower) = (left.key < right.key, left.key == right.key, left.rank < right.rank)
            return isLess || (isEqual && isLower)
        }
    }

    private var entries: [Entry] = []

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }
    @inline(__always) var top: Entry? { entries.first }

    /// The least but one.
    @inline(__always)
    var runnerUp: Entry? {
        guard entries.count > 2 else { return entries.count == 2 ? entries[1] : nil }
        return entries[1] < entries[2] ? entries[1] : entries[2]
    }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var index = entries.count - 1
        while index > 0, entry < entries[(index - 1) / 2] {
            entries[index] = entries[(index - 1) / 2]
            index = (index - 1) / 2
        }
        entries[index] = entry
    }

    mutating func removeTop() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        replaceTop(last)
    }

    /// Puts `entry` in the place of the top one.
    @inline(__always)
    mutating func replaceTop(_ entry: Entry) {
        entries.withUnsafeMutableBufferPointer { entries in
            let count = entries.count
            var index = 0
            while true {
                var child = 2 * index + 1
                guard child < count else { break }
                if child + 1 < count { child += entries[child + 1] < entries[child] ? 1 : 0 }
                guard entries[child] < entry else { break }
                entries[index] = entries[child]
                index = child
            }
            entries[index] = entry
        }
    }
}

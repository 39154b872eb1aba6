import Synchronization

/// How far an answer has come: for a bar. May be read at any time from any thread.
package final class ReadProgress: Sendable {
    package struct Figures: Sendable, Hashable {
        package var blocks = 0
        package var blocksDone = 0
        package var requests = 0
        package var bytesFetched = 0
    }

    private let blocks = Atomic(0)
    private let blocksDone = Atomic(0)
    private let requests = Atomic(0)
    private let bytesFetched = Atomic(0)

    package init() {}

    package var figures: Figures {
        Figures(
            blocks: blocks.load(ordering: .relaxed), blocksDone: blocksDone.load(ordering: .relaxed),
            requests: requests.load(ordering: .relaxed), bytesFetched: bytesFetched.load(ordering: .relaxed))
    }

    func expect(blocks count: Int) { blocks.add(count, ordering: .relaxed) }
    func finishBlock() { blocksDone.add(1, ordering: .relaxed) }

    func fetched(bytes: Int) {
        requests.add(1, ordering: .relaxed)
        bytesFetched.add(bytes, ordering: .relaxed)
    }
}

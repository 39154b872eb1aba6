import ObjectStore

/// A budget of bytes a second that many tasks share: who wants to move some waits until its turn has come.
package actor Bandwidth {
    private let bytesPerSecond: Double?
    private let time: MonotonicTime
    /// When all that was promised is moved.
    private var next = Duration.zero

    /// - Parameter bytesPerSecond: at least 1; nil: no bound.
    package init(_ bytesPerSecond: UInt64?, clock: some Clock<Duration> = ContinuousClock()) {
        self.bytesPerSecond = bytesPerSecond.map { Double(max(1, $0)) }
        time = MonotonicTime(clock)
    }

    package func spend(_ bytes: UInt64) async throws(CancellationError) {
        guard let bytesPerSecond, bytes > 0 else { return }
        let now = time.elapsed()
        let begin = max(now, next)
        next = begin + .seconds(Double(bytes) / bytesPerSecond)
        if begin > now { try await time.sleep(begin - now) }
    }
}

/// Tells how far work is, for a bar. Called from any thread.
package struct WorkProgress: Sendable {
    /// So many more objects are to be looked at.
    package var expect: @Sendable (Int) -> Void
    /// One of them is done.
    package var finish: @Sendable () -> Void
    /// So many bytes came from stores, or went to them.
    package var moved: @Sendable (Int) -> Void

    package init(
        expect: @escaping @Sendable (Int) -> Void = { _ in }, finish: @escaping @Sendable () -> Void = {},
        moved: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        (self.expect, self.finish, self.moved) = (expect, finish, moved)
    }
}

import CSystem
import Glibc

/// Which of many descriptors can be read, with an event to wake the thread that waits. That thread does everything but
/// `wake`.
final class Readiness: Sendable {
    private let poller: Int32
    private let event: Int32
    private static let wakeToken = UInt64.max

    init() throws(InputError) {
        poller = firn_poller_create()
        event = firn_event_create()
        guard poller >= 0, event >= 0 else {
            throw InputError(errno: -min(poller, event), path: "epoll", doing: "create")
        }
        try add(event, token: Self.wakeToken)
    }

    deinit {
        if poller >= 0 { close(poller) }
        if event >= 0 { close(event) }
    }

    /// A closed descriptor is forgotten by itself.
    func add(_ descriptor: Int32, token: UInt64) throws(InputError) {
        let result = firn_poller_add(poller, descriptor, token)
        guard result == 0 else { throw InputError(errno: -result, path: "epoll", doing: "watch a descriptor with") }
    }

    /// Waits for tokens of what can be read; none after a signal, or `milliseconds` that are not -1. After `wake` it waits
    /// no more.
    func wait(milliseconds: Int32 = -1) -> [UInt64] {
        let tokens = [UInt64](unsafeUninitializedCapacity: 64) { tokens, count in
            count = Int(firn_poller_wait(poller, tokens.baseAddress, milliseconds))
        }
        return tokens.filter { $0 != Self.wakeToken }
    }

    /// Ends the present and all later calls of `wait`.
    func wake() {
        var one: UInt64 = 1
        // A counter that is full wakes as well.
        _ = write(event, &one, 8)
    }
}

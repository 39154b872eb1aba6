import Dispatch
import Glibc
import Synchronization

/// SIGINT and SIGTERM: the first asks for an orderly end, the second ends at once.
final class Interruption {
    /// The first signal that came.
    private final class First: Sendable {
        private let number = Mutex<Int32?>(nil)

        var value: Int32? { number.withLock { $0 } }

        /// Whether `signal` is the first.
        func take(_ signal: Int32) -> Bool {
            number.withLock { number in
                guard number == nil else { return false }
                number = signal
                return true
            }
        }
    }

    private let first = First()
    private var sources: [any DispatchSourceSignal] = []

    /// `cancel` is called at most once, on a thread of its own.
    init(cancel: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "firn.signals")
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [first] in
                guard first.take(number) else { _exit(128 + number) }
                cancel()
            }
            source.resume()
            sources.append(source)
        }
    }

    /// The shell's status for a program that a signal ended, unless the work came to a good end all the same.
    func status(_ status: Int32) -> Int32 {
        guard status != ExitStatus.done, let number = first.value else { return status }
        return 128 + number
    }
}

import Dispatch
import Glibc

/// SIGHUP, as elements of a stream; several that come at once count as one.
final class HangupSignal {
    let stream: AsyncStream<Void>
    private let source: any DispatchSourceSignal

    init() {
        signal(SIGHUP, SIG_IGN)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "firn.hangup"))
        source.setEventHandler { continuation.yield() }
        source.resume()
    }
}

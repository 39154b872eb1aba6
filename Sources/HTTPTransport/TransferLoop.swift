internal import CCurl
import Glibc
import Synchronization

/// The thread that owns libcurl's multi handle, and the mailbox through which others reach it.
///
/// Everything but `mailbox` and `thread` is touched by that thread alone once `start` has been called.
final class TransferLoop: @unchecked Sendable {
    private struct Mailbox {
        var submitted: [Transfer] = []
        var cancelled: [Transfer] = []
        var isStopping = false
    }

    private let mailbox = Mutex(Mailbox())
    private let thread = Mutex<pthread_t?>(nil)
    private let multi: UnsafeMutableRawPointer
    /// TLS sessions outlive their easy handles here.
    private let share: UnsafeMutableRawPointer
    private let maximumTransfers: Int
    private var waiting: ArraySlice<Transfer> = []
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private let connections = KnownConnections()
    private var nextStallCheck = ContinuousClock.now

    /// curl_global_init(3) is not to be called twice at once by libcurls built without thread-safe initialization.
    private static let globalCode = firn_curl_global_init()

    private static let stallCheckInterval = Duration.milliseconds(100)

    init(maximumTransfers: Int) throws(HTTPFailure) {
        precondition(maximumTransfers > 0, "a client that may not transfer anything")
        guard Self.globalCode == CURLE_OK, let multi = curl_multi_init(), let share = curl_share_init() else {
            throw HTTPFailure(.other, "libcurl could not be initialized")
        }
        self.multi = multi
        self.share = share
        self.maximumTransfers = maximumTransfers
        firn_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, maximumTransfers)
        firn_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumTransfers)
        firn_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        firn_curl_share_set(share, CURLSHOPT_SHARE, Int(CURL_LOCK_DATA_SSL_SESSION.rawValue))
    }

    deinit {
        curl_multi_cleanup(multi)
        curl_share_cleanup(share)
    }

    // MARK: Any thread

    /// Called once, before anything else is.
    func start() throws(HTTPFailure) {
        let (running, code) = Self.spawn(self)
        guard code == 0 else {
            throw HTTPFailure(.other, "cannot start a thread for transfers: \(String(cString: strerror(code)))")
        }
        thread.withLock { $0 = running }
    }

    private static func spawn(_ loop: TransferLoop) -> (thread: pthread_t, code: Int32) {
        let owner = Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, transferLoopMain, owner.toOpaque())
        if code != 0 { owner.release() }
        return (thread, code)
    }

    func submit(_ transfer: Transfer) {
        let isAccepted = mailbox.withLock { mailbox in
            if !mailbox.isStopping { mailbox.submitted.append(transfer) }
            return !mailbox.isStopping
        }
        if isAccepted { curl_multi_wakeup(multi) } else { transfer.resume(.failure(Self.ended)) }
    }

    /// May come before `submit`: the flag then ends the transfer as soon as the loop sees it.
    func cancel(_ transfer: Transfer) {
        transfer.isCancelled.store(true, ordering: .releasing)
        mailbox.withLock { $0.cancelled.append(transfer) }
        curl_multi_wakeup(multi)
    }

    /// Ends all transfers and joins the thread. Harmless when repeated.
    func stop() {
        mailbox.withLock { $0.isStopping = true }
        curl_multi_wakeup(multi)
        guard let running = thread.withLock({ $0.take() }) else { return }
        // The last reference to a client may be dropped by the thread itself, which cannot wait for its own end.
        if pthread_equal(running, pthread_self()) != 0 { pthread_detach(running) } else { pthread_join(running, nil) }
    }

    private static let ended = HTTPFailure(.cancelled, "the HTTP client has been shut down")

    // MARK: The loop's thread

    fileprivate func run() {
        while receiveMail() {
            startWaiting()
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            collectFinished()
            cutStalled()
            // A slot that has become free is taken before anything is waited for.
            if waiting.isEmpty || active.count >= maximumTransfers { curl_multi_poll(multi, nil, 0, pollTime, nil) }
        }
        for transfer in active.values { end(transfer, .failure(Self.ended)) }
        for transfer in waiting { transfer.resume(.failure(Self.ended)) }
        waiting = []
    }

    /// Idle, only a wakeup matters; busy, stalls must be noticed. libcurl's own timers shorten either.
    private var pollTime: Int32 { active.isEmpty ? 60_000 : Int32(Self.stallCheckInterval.milliseconds) }

    /// False once the client has been shut down.
    private func receiveMail() -> Bool {
        let mail = mailbox.withLock { mailbox in
            defer { mailbox = Mailbox(isStopping: mailbox.isStopping) }
            return mailbox
        }
        waiting.append(contentsOf: mail.submitted)
        for transfer in mail.cancelled where transfer.easy != nil { end(transfer, .failure(.cancelled)) }
        // Submitted ones may have been cancelled before they came.
        if !mail.cancelled.isEmpty || !mail.submitted.isEmpty { dropCancelled() }
        return !mail.isStopping
    }

    private func dropCancelled() {
        waiting.removeAll { transfer in
            guard transfer.isCancelled.load(ordering: .acquiring) else { return false }
            transfer.resume(.failure(.cancelled))
            return true
        }
    }

    private func startWaiting() {
        while active.count < maximumTransfers, let transfer = waiting.popFirst() { begin(transfer) }
    }

    private func begin(_ transfer: Transfer) {
        do throws(HTTPFailure) {
            let easy = try transfer.prepare(share: share, connections: connections)
            guard curl_multi_add_handle(multi, easy) == CURLM_OK else {
                throw HTTPFailure(.other, "libcurl took no more transfers")
            }
            active[easy] = transfer
        } catch {
            transfer.release()
            transfer.resume(.failure(error))
        }
    }

    private func collectFinished() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = active[easy]
            else { continue }
            let result = transfer.outcome(message.pointee.data.result)
            if transfer.mustReconnect {
                detach(transfer)
                begin(transfer)
            } else {
                end(transfer, result)
            }
        }
    }

    private func cutStalled() {
        let now = ContinuousClock.now
        guard now >= nextStallCheck else { return }
        nextStallCheck = now + Self.stallCheckInterval
        for transfer in active.values where transfer.isStalled(at: now) {
            let time = transfer.request.timeouts.stall
            end(transfer, .failure(HTTPFailure(.stalled, "nothing moved for \(time)")))
        }
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPResponse, HTTPFailure>) {
        detach(transfer)
        transfer.resume(result)
    }

    private func detach(_ transfer: Transfer) {
        if let easy = transfer.easy, active.removeValue(forKey: easy) != nil { curl_multi_remove_handle(multi, easy) }
        transfer.release()
    }
}

/// The thread's first function: takes over the reference that `TransferLoop.spawn` retained.
private func transferLoopMain(_ owner: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let owner else { preconditionFailure("a thread without its loop") }
    Unmanaged<TransferLoop>.fromOpaque(owner).takeRetainedValue().run()
    return nil
}

import ObjectStore

/// Asks one store after another until one answers: the next as soon as one fails, or is late. The first answer ends it, and
/// the other requests are cancelled (Dean and Barroso, "The Tail at Scale", 2013).
struct Race<Answer: Sendable>: Sendable {
    typealias Failures = [(StoreMember, StoreError)]

    enum Outcome: Sendable {
        case success(Answer)
        case failure(Failures)
    }

    private enum Event: Sendable {
        case answered(StoreMember, Result<Answer, StoreError>)
        case late
    }

    let members: [StoreMember]
    /// Of the answer, as far as that is known.
    let bytes: Int
    let call: @Sendable (StoreMember) async throws(StoreError) -> Answer

    init(
        members: [StoreMember], bytes: Int = 0,
        call: @escaping @Sendable (StoreMember) async throws(StoreError) -> Answer
    ) {
        self.members = members
        self.bytes = bytes
        self.call = call
    }

    /// - Parameter failures: told of those who failed before another succeeded.
    func run(failures told: (Failures) -> Void = { _ in }) async -> Outcome {
        await withTaskGroup(of: Event.self) { group in
            var failures: Failures = []
            var next = 0
            var running = 0
            func start() {
                guard next < members.count else { return }
                let member = members[next]
                let isLast = next == members.count - 1
                next += 1
                running += 1
                group.addTask { await answer(member) }
                guard !isLast else { return }
                let wait = member.pace.late(bytes: bytes)
                group.addTask {
                    // Cancelled means that there is an answer.
                    do throws(CancellationError) {
                        try await MonotonicTime.system.sleep(.nanoseconds(wait))
                    } catch {}
                    return .late
                }
            }
            start()
            while running > 0, let event = await group.next() {
                switch event {
                case .late: if !Task.isCancelled { start() }
                case .answered(_, .success(let answer)):
                    group.cancelAll()
                    if !failures.isEmpty { told(failures) }
                    return .success(answer)
                case .answered(let member, .failure(let error)):
                    running -= 1
                    failures.append((member, error))
                    if error.kind != .cancelled { start() }
                }
            }
            group.cancelAll()
            return .failure(failures)
        }
    }

    private func answer(_ member: StoreMember) async -> Event {
        do throws(StoreError) { return .answered(member, .success(try await call(member))) } catch {
            return .answered(member, .failure(error))
        }
    }
}

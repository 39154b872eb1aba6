/// How many requests one plan or one run of the indexer keeps in flight: enough to hide a store's latency, few enough
/// that their answers fit in memory.
let requestsInFlight = 16

/// The results of `body`, in the order of `inputs`, at most `requestsInFlight` of them under way at a time. The first
/// error ends all.
func concurrently<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ body: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        var results = [Output?](repeating: nil, count: inputs.count)
        for (index, input) in inputs.enumerated() {
            if index >= requestsInFlight, let (done, output) = try await group.next() { results[done] = output }
            group.addTask { (index, try await body(input)) }
        }
        while let (done, output) = try await group.next() { results[done] = output }
        return results.compactMap { $0 }
    }
}

import ArchiveTypes
import ObjectStore
import Synchronization

/// A listing of the index that is under way before it is asked for: a round trip to the store that others hide.
final class ListingAhead: Sendable {
    typealias Listing = Task<[ListPage.Entry], any Error>
    private let task: Mutex<Listing?>

    init(_ fetcher: IndexFetcher) {
        task = Mutex(Task { try await fetcher.list(KeyLayout.index).entries })
    }

    deinit { take()?.cancel() }

    /// The listing, for whoever asks first.
    func take() -> Listing? { task.withLock { $0.take() } }
}

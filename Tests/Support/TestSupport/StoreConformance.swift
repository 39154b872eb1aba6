import ObjectStore
import Testing

/// What every store must do, whatever it is made of. One check is run on one empty store:
///
///     @Test(arguments: StoreConformance.Check.allCases)
///     func conforms(_ check: StoreConformance.Check) async throws {
///         try await StoreConformance(store: emptyStore(), expecting: .init(preventsOverwrite: true)).run(check)
///     }
package struct StoreConformance: Sendable {
    /// In what stores may differ.
    package struct Expectations: Sendable {
        /// A PUT of a held key never changes the object.
        package var preventsOverwrite: Bool
        /// A PUT whose bytes are not what its digest says is refused.
        package var checksDigests: Bool
        /// Listings compare whole keys. A server that sorts folder by folder has `b/x` before `b-x`, and takes `b` for all that
        /// is in the folder `b` when a list is to go on after it; with Firn's own keys that makes no difference.
        package var ordersByWholeKeys: Bool
        /// Keys of the listing checks; some servers are slow.
        package var keysToList: Int

        package init(
            preventsOverwrite: Bool, checksDigests: Bool = false, ordersByWholeKeys: Bool = true, keysToList: Int = 2500
        ) {
            self.preventsOverwrite = preventsOverwrite
            self.checksDigests = checksDigests
            self.ordersByWholeKeys = ordersByWholeKeys
            self.keysToList = keysToList
        }
    }

    package enum Check: String, Sendable, CaseIterable, CustomTestStringConvertible {
        case roundTripsOfAnySize = "what was put is got again: 0 bytes, 1 byte, all byte values, 5 MiB"
        case fileBodies = "a sealed file becomes an object, and stays what it was"
        case ranges = "ranges give exactly their bytes and the object's size"
        case suffixes = "suffixes give the last bytes, or the whole object"
        case impossibleRanges = "ranges that the object does not hold whole are errors"
        case sizes = "the size is the object's"
        case missingObjects = "a missing object is not found"
        case listingInOrder = "listings give all keys in byte order, page by page"
        case listingAfterAnyKey = "a listing goes on after any key, held or not"
        case listingByPrefix = "a prefix selects by bytes, with or without a slash at its end"
        case listingNothing = "a listing of nothing is empty and complete"
        case deletion = "a deleted object is gone, and deleting it again succeeds"
        case puttingAgain = "putting a held key again leaves the object readable, and unchanged where promised"
        case puttingOtherBytes = "other bytes under a held key never become a mixture, and are refused where promised"
        case sixteenPutsAtOnce = "of 16 puts of a key at once, one creates it where promised, and the object is whole"
        case wrongDigests = "a body that is not what its digest says is not stored where promised"
        case mixedLoad = "any mix of requests at once gives each its own answer"
        case cancelledBefore = "a cancelled task gets the error that says so"
        case cancelledDuring = "a get that is cancelled under way ends, with its answer or as cancelled"
        case hostileKeys = "keys that could mean something else are refused"

        package var testDescription: String { rawValue }
    }

    let store: any ObjectStore
    let expected: Expectations

    /// - Parameter store: empty at the beginning of each check.
    package init(store: any ObjectStore, expecting expected: Expectations) {
        self.store = store
        self.expected = expected
    }

    package func run(_ check: Check) async throws {
        switch check {
        case .roundTripsOfAnySize: try await roundTripsOfAnySize()
        case .fileBodies: try await fileBodies()
        case .ranges: try await ranges()
        case .suffixes: try await suffixes()
        case .impossibleRanges: try await impossibleRanges()
        case .sizes: try await sizes()
        case .missingObjects: try await missingObjects()
        case .listingInOrder: try await listingInOrder()
        case .listingAfterAnyKey: try await listingAfterAnyKey()
        case .listingByPrefix: try await listingByPrefix()
        case .listingNothing: try await listingNothing()
        case .deletion: try await deletion()
        case .puttingAgain: try await puttingAgain()
        case .puttingOtherBytes: try await puttingOtherBytes()
        case .sixteenPutsAtOnce: try await sixteenPutsAtOnce()
        case .wrongDigests: try await wrongDigests()
        case .mixedLoad: try await mixedLoad()
        case .cancelledBefore: await cancelledBefore()
        case .cancelledDuring: try await cancelledDuring()
        case .hostileKeys: await hostileKeys()
        }
    }
}

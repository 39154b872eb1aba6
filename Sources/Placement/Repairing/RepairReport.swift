/// What repair did, and what it could not.
package struct RepairReport: Sendable {
    package struct Restored: Sendable, Hashable {
        package var objects = 0
        package var bytes: UInt64 = 0
    }

    /// By the store's name: what it lacked and has now, or would get.
    package var restored: [String: Restored] = [:]
    /// Chunks that were brought under the rule in force now, or would be.
    package var converted = 0
    /// With `isDryRun`: what would be done, a clause each.
    package var plan: [String] = []
    /// What is still wrong.
    package var left: [Finding] = []
    package var chunks = 0

    /// Stores that refused something, or did not get all that they lack: they get no firn.json yet.
    var unfinished: Set<Int> = []

    package init() {}

    package var problems: [Finding] { left.filter { $0.kind != .note } }
    package var objects: Int { restored.values.reduce(0) { $0 + $1.objects } }
    package var bytes: UInt64 { restored.values.reduce(0) { $0 + $1.bytes } }

    mutating func add(_ other: RepairReport) {
        for (store, more) in other.restored {
            restored[store, default: Restored()].objects += more.objects
            restored[store, default: Restored()].bytes += more.bytes
        }
        converted += other.converted
        plan += other.plan
        left += other.left
        unfinished.formUnion(other.unfinished)
    }
}

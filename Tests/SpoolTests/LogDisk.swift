import Glibc
import Simulation
import Spool

/// A simulated disk with a spool's write-ahead log on it.
final class LogDisk {
    let disk: SimulatedDisk
    private let folder = "/spool/log"

    init(seed: UInt64) { disk = SimulatedDisk(seed: seed, isJournaled: seed % 2 == 0) }

    /// As a process finds it that starts.
    var directory: LogDirectory {
        get throws {
            let faults = disk.faults
            defer { disk.faults = faults }
            disk.faults = SimulatedDisk.Faults()
            return try LogDirectory(spool: "/spool", calls: disk)
        }
    }

    func names() -> [String] { disk.files(under: folder).map { String($0.dropFirst(folder.count + 1)) } }

    func read(_ name: String) throws -> [UInt8] { try directory.read(name) }

    func create(_ name: String, _ bytes: some Collection<UInt8>) throws {
        _ = try directory
        disk.close(try disk.open("\(folder)/\(name)", O_RDWR | O_CREAT | O_EXCL))
        damage(name) { $0 = Array(bytes) }
    }

    func damage(_ name: String, _ body: (inout [UInt8]) -> Void) { disk.damage("\(folder)/\(name)", body) }
}

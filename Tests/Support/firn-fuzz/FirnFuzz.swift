import FuzzTargets
import Glibc

/// Runs fuzz targets by libFuzzer (https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library").
///
///     firn-fuzz list                        prints the targets' names
///     firn-fuzz seeds TARGET DIRECTORY      writes a target's seeds
///     FIRN_FUZZ_TARGET=TARGET firn-fuzz ... takes libFuzzer's own arguments
@main struct FirnFuzz {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "list": for target in FuzzTarget.all { print(target.name) }
        case "seeds" where words.count == 3: writeSeeds(of: target(words[1]), into: words[2])
        default:
            fuzzed = target(getenv("FIRN_FUZZ_TARGET").map { String(cString: $0) } ?? "")
            var count = CommandLine.argc
            var arguments = CommandLine.unsafeArgv
            exit(runLibFuzzer(&count, &arguments, testOneInput))
        }
    }

    private static func target(_ name: String) -> FuzzTarget {
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            fail("there is no target \"\(name)\": see `firn-fuzz list`")
        }
        return target
    }

    private static func writeSeeds(of target: FuzzTarget, into directory: String) {
        do {
            for (index, seed) in try target.seeds().enumerated() {
                guard let file = fopen("\(directory)/seed-\(index)", "wb") else { fail("cannot write to \(directory)") }
                defer { fclose(file) }
                fwrite(seed, 1, seed.count, file)
            }
        } catch {
            fail("the seeds of \(target.name) cannot be made: \(error)")
        }
    }
}

/// Set once, before libFuzzer runs.
nonisolated(unsafe) private var fuzzed: FuzzTarget?

/// libFuzzer's own `main`, which is linked too, wants it by this name.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try fuzzed?.body(UnsafeRawBufferPointer(start: start, count: count))
    } catch {
        print("PROPERTY VIOLATED: \(error)")
        fflush(nil)
        abort()
    }
    return 0
}

private func fail(_ reason: String) -> Never {
    print(reason)
    exit(2)
}

/// libFuzzer's `main` without being it: arguments of C as Swift passes them too.
@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

import FuzzTargets
import Glibc

// The functions that libFuzzer, whose `main` this program has, calls (https://llvm.org/docs/LibFuzzer.html).
//
//     firn-fuzz list                        prints the targets' names
//     firn-fuzz seeds TARGET DIRECTORY      writes a target's seeds
//     FIRN_FUZZ_TARGET=TARGET firn-fuzz ... runs libFuzzer on a target

private let target = FuzzTarget.all.first { $0.name == getenv("FIRN_FUZZ_TARGET").map { String(cString: $0) } }

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _: UnsafeMutablePointer<Int32>, _: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> Int32 {
    let words = CommandLine.arguments.dropFirst()
    if words.first == "list" {
        for target in FuzzTarget.all { print(target.name) }
        exit(0)
    }
    if words.first == "seeds", words.count == 3 {
        writeSeeds(of: words[words.startIndex + 1], into: words[words.startIndex + 2])
        exit(0)
    }
    guard target != nil else {
        print("FIRN_FUZZ_TARGET names no target: see `firn-fuzz list`")
        exit(2)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafeRawPointer?, _ count: Int) -> Int32 {
    do {
        try target?.body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    } catch {
        print("PROPERTY VIOLATED: \(error)")
        fflush(nil)
        abort()
    }
    return 0
}

private func writeSeeds(of name: String, into directory: String) {
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        print("there is no target \(name)")
        exit(2)
    }
    do {
        for (index, seed) in try target.seeds().enumerated() {
            guard let file = fopen("\(directory)/seed-\(index)", "wb") else {
                print("cannot write to \(directory)")
                exit(2)
            }
            defer { fclose(file) }
            fwrite(seed, 1, seed.count, file)
        }
    } catch {
        print("the seeds of \(name) cannot be made: \(error)")
        exit(2)
    }
}

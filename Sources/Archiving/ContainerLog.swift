package import ArchiveTypes
package import ChunkFormat
import Foundation
package import Inputs

/// What the path of a container's log says, as the kubelet and Docker lay them out:
///
///     …/pods/NAMESPACE_POD_UID/CONTAINER/N.log
///     …/containers/POD_NAMESPACE_CONTAINER-ID.log      (a link to the former)
///     …/containers/ID/ID-json.log                      (Docker)
package struct ContainerLog: Sendable, Hashable {
    /// What writes such a file, as far as the path tells.
    package var wrapping: LineWrapping
    /// Some of `namespace`, `pod`, `pod_uid`, `container`, `container_id`.
    package var labels: [String: String]

    /// Nil where the path is none of a container's log.
    package init?(_ path: RawPath) {
        let parts = path.description.split(separator: "/")
        guard let name = parts.last, name.hasSuffix(".log") else { return nil }
        if parts.count >= 4, parts[parts.count - 4] == "pods" {
            let fields = parts[parts.count - 3].split(separator: "_", omittingEmptySubsequences: false)
            guard fields.count == 3, !fields.contains("") else { return nil }
            wrapping = .cri
            labels = [
                "namespace": fields[0], "pod": fields[1], "pod_uid": fields[2], "container": parts[parts.count - 2],
            ]
            .mapValues(String.init)
        } else if parts.count >= 3, parts[parts.count - 3] == "containers", Self.isID(parts[parts.count - 2]),
            name == parts[parts.count - 2] + "-json.log"
        {
            wrapping = .docker
            labels = ["container_id": String(parts[parts.count - 2])]
        } else if parts.count >= 2, parts[parts.count - 2] == "containers" {
            let fields = name.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
            guard fields.count == 3, !fields.contains(""), let dash = fields[2].lastIndex(of: "-"),
                Self.isID(fields[2][fields[2].index(after: dash)...]), dash > fields[2].startIndex
            else { return nil }
            wrapping = .cri
            labels = [
                "pod": fields[0], "namespace": fields[1], "container": fields[2][..<dash],
                "container_id": fields[2][fields[2].index(after: dash)...],
            ].mapValues(String.init)
        } else {
            return nil
        }
    }

    /// What `source` and the path behind it (a link's end) say together; nil where neither is a container's log.
    /// Docker's own file beside the log is asked for the container's name.
    package init?(source: String, realPath: RawPath?) {
        let paths = [RawPath(source: source)] + [realPath].compactMap { $0 }
        let found = paths.compactMap { ContainerLog($0) }
        guard let last = found.last else { return nil }
        self = last
        for other in found.dropLast() { labels.merge(other.labels) { own, _ in own } }
        if wrapping == .docker, labels["container"] == nil, let folder = paths.last?.folder {
            labels["container"] = Self.dockerName(folder)
        }
    }

    private static func isID(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { ($0.isKeyCharacter) && $0 != UInt8(ascii: "-") }
    }

    /// The container's name by Docker's `config.v2.json`, which may be missing: then there is none.
    private static func dockerName(_ folder: RawPath) -> String? {
        struct Configuration: Decodable {
            var name: String?

            enum CodingKeys: String, CodingKey { case name = "Name" }
        }
        let path = folder.appending(Array("config.v2.json".utf8)).description
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { file.closeFile() }
        do {
            guard let data = try file.read(upToCount: 1 << 20) else { return nil }
            let name = try JSONDecoder().decode(Configuration.self, from: data).name?.drop { $0 == "/" } ?? ""
            return name.isEmpty ? nil : String(name)
        } catch {
            // Being written, or of a later Docker: the log has its lines all the same.
            return nil
        }
    }

    /// `labels` with these; those that are given by hand win, and what does not fit is left out.
    package func added(to labels: Labels) -> Labels {
        var texts = self.labels.filter { !$0.value.isEmpty && $0.value.utf8.count <= Limits.labelBytes }
        for pair in labels.pairs { texts[pair.key] = pair.value }
        return Labels(texts.map { (key: $0.key, value: $0.value) }) ?? labels
    }
}

/// How an input's lines are wrapped.
package enum LineFormat: Sendable, Hashable {
    /// As container logs where path and first lines are such, else plain.
    case automatic
    case plain
    case wrapped(LineWrapping)

    /// - Parameters:
    ///   - log: what the path says.
    ///   - lines: the first ones of those that are archived.
    package func wrapping(_ log: ContainerLog?, _ lines: UnsafeRawBufferPointer) -> LineWrapping? {
        switch self {
        case .plain: return nil
        case .wrapped(let wrapping): return wrapping
        case .automatic:
            guard log != nil else { return nil }
            let first = lines.split(separator: 0x0A, maxSplits: 4).prefix(4)
            return LineWrapping.allCases.first { wrapping in
                first.contains { wrapping.record(UnsafeRawBufferPointer(rebasing: $0)) != nil }
            }
        }
    }
}

extension Labels {
    /// With the label that says that lines are wrapped.
    package func marked(_ wrapping: LineWrapping?) -> Labels {
        guard let wrapping else { return self }
        let texts = pairs.filter { $0.key != LineWrapping.label }.map { (key: $0.key, value: $0.value) }
        return Labels(texts + [(key: LineWrapping.label, value: wrapping.name)]) ?? self
    }
}

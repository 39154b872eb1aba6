import ArchiveTypes
import Archiving
import ChunkFormat
import Inputs
import Testing

@Suite struct ContainerLogTests {
    static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test func pathsOfTheKubeletNameThePod() throws {
        let log = try #require(
            ContainerLog(RawPath("/var/log/pods/kube-system_dns-7f-x2_01234567-89ab-cdef-0123-456789abcdef/dns/12.log"))
        )
        #expect(log.wrapping == .cri)
        #expect(
            log.labels == [
                "namespace": "kube-system", "pod": "dns-7f-x2", "pod_uid": "01234567-89ab-cdef-0123-456789abcdef",
                "container": "dns",
            ])
        let link = try #require(
            ContainerLog(RawPath("/var/log/containers/dns-7f-x2_kube-system_side-car-\(Self.id).log")))
        #expect(
            link.labels == [
                "namespace": "kube-system", "pod": "dns-7f-x2", "container": "side-car", "container_id": Self.id,
            ])
        let docker = try #require(ContainerLog(RawPath("/var/lib/docker/containers/\(Self.id)/\(Self.id)-json.log")))
        #expect(docker.wrapping == .docker && docker.labels == ["container_id": Self.id])
    }

    @Test(arguments: [
        "/var/log/syslog", "/var/log/pods/a_b/c/0.log", "/var/log/pods/a_b_c_d/c/0.log", "/var/log/pods/a__c/c/0.log",
        "/var/log/containers/a_b_c.log", "/var/log/containers/a_b_-\(id).log", "/var/lib/docker/containers/\(id)/x.log",
        "/pods/0.log", "/", "",
    ])
    func otherPathsAreNone(path: String) { #expect(ContainerLog(RawPath(path)) == nil) }

    @Test func aLinkHasWhatBothPathsSay() throws {
        let log = try #require(
            ContainerLog(
                source: "/var/log/containers/web_shop_app-\(Self.id).log",
                realPath: RawPath("/var/log/pods/shop_web_u-1/app/0.log")))
        #expect(log.labels["pod_uid"] == "u-1" && log.labels["container_id"] == Self.id)
        let given = try #require(Labels([(key: "pod", value: "mine"), (key: "env", value: "prod")]))
        let labels = log.added(to: given)
        #expect(labels["pod"] == "mine" && labels["env"] == "prod" && labels["namespace"] == "shop")
    }

    @Test func aFormatIsFoundByPathAndLines() throws {
        let log = try #require(ContainerLog(RawPath("/var/log/pods/a_b_c/d/0.log")))
        func wrapping(_ format: LineFormat, _ log: ContainerLog?, _ text: String) -> LineWrapping? {
            Array(text.utf8).withUnsafeBytes { format.wrapping(log, $0) }
        }
        let cri = "2026-11-22T10:00:00.123456789Z stdout F hello\n"
        let docker = #"{"log":"hello\n","stream":"stderr","time":"2026-11-22T10:00:00.123456789Z"}"# + "\n"
        #expect(wrapping(.automatic, log, cri) == .cri)
        #expect(wrapping(.automatic, log, docker) == .docker)
        #expect(wrapping(.automatic, log, "hello\n") == nil)
        #expect(wrapping(.automatic, nil, cri) == nil)
        #expect(wrapping(.plain, log, cri) == nil)
        #expect(wrapping(.wrapped(.docker), nil, cri) == .docker)
    }
}

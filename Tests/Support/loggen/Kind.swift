/// A kind of log: how it writes times, how busy it is, and its records.
struct Kind {
    let name: String
    let style: StampStyle
    /// Records a second of the log's own time.
    let rate: Double
    /// Of a thousand records, those written a few milliseconds late, as threads do.
    let latePerThousand: Int
    let templates: [Template]
    /// Its share of the mix, in percent.
    let share: Int

    static let all = [nginx, json, java, syslog, postgres, klog, hdfs, python]

    static let nginx = Kind(
        name: "nginx", style: .commonLog, rate: 60, latePerThousand: 0,
        templates: [
            Template(
                60,
                #"{ip} - - [{time}] "{method} {path} HTTP/1.1" {status} {size:16} "{referrer}" "{agent}" rt={ms:16} id={hex:6}"#
            ),
            Template(
                14,
                #"{ip} - - [{time}] "GET {path}?page={int:40}&session={hex:16} HTTP/2.0" {status} {size:17} "{referrer}" "{agent}" rt={ms:18} id={hex:6}"#
            ),
            Template(
                6,
                #"{ip} - {user} [{time}] "POST {path}/{int:90000} HTTP/1.1" {status} {size:12} "-" "{agent}" rt={ms:18} id={hex:6}"#
            ),
            // A page and what it loads.
            Template(
                14,
                #"""
                {ip} - - [{time}] "GET {path} HTTP/2.0" {status} {size:16} "{referrer}" "{agent}" rt={ms:16} id={hex:6}
                {ip} - - [{time}] "GET {path} HTTP/2.0" {status} {size:18} "{referrer}" "{agent}" rt={ms:10} id={hex:6}
                {ip} - - [{time}] "GET {path} HTTP/2.0" {status} {size:14} "{referrer}" "{agent}" rt={ms:10} id={hex:6}
                """#),
        ], share: 25)

    static let json = Kind(
        name: "json", style: .rfc3339, rate: 60, latePerThousand: 0,
        templates: [
            Template(
                55,
                #"{"time":"{time}","level":"info","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"request completed","method":"{method}","path":"{path}","status":{status},"duration_ms":{ms:18},"bytes":{size:17},"client":"{ip}","user":"{user}","request":"{hex:8}{hex:16}"}"#
            ),
            Template(
                15,
                #"{"time":"{time}","level":"debug","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"query finished","db":"main","statement":"{query}","rows":{size:9},"duration_ms":{ms:14}}"#
            ),
            Template(
                12,
                #"{"time":"{time}","level":"info","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"cache lookup","key":"{table}:{int:100000}","hit":true,"duration_ms":{ms:7}}"#
            ),
            Template(
                10,
                #"{"time":"{time}","level":"info","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"published to {topic}","partition":{int:12},"offset":{sequence},"bytes":{size:12}}"#
            ),
            Template(
                6,
                #"{"time":"{time}","level":"warn","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"upstream slow, retrying","attempt":{int:4},"upstream":"{node}:8080","duration_ms":{ms:21}}"#
            ),
            Template(
                2,
                #"{"time":"{time}","level":"error","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"request failed","error":"dial tcp {node}:5432: connect: connection refused","path":"{path}","user":"{user}"}"#
            ),
        ], share: 25)

    /// The needle in a fleet's hay: one record in every twelfth host.
    static let rareJSON = Template(
        1,
        #"{"time":"{time}","level":"error","service":"{service}","host":"{host}","trace":"{trace}","span":"{span}","msg":"certificate pinning mismatch","peer":"ledger.example.net"}"#
    )

    static let java = Kind(
        name: "java", style: .comma, rate: 30, latePerThousand: 20,
        templates: [
            Template(
                40,
                "{time} INFO  [{thread}] c.e.{service}.RequestFilter - {method} {path} {status} in {size:11} ms, trace {trace}"
            ),
            Template(
                25, "{time} DEBUG [{thread}] c.e.{service}.{table}.Repository - {query} [{int:100000}] took {size:8} ms"
            ),
            Template(
                18,
                "{time} INFO  [{thread}] c.e.{service}.EventPublisher - sent {topic} key={user} partition={int:12} offset={sequence}"
            ),
            Template(
                12,
                "{time} WARN  [{thread}] c.e.{service}.PoolMonitor - active={int:50} idle={int:20} waiting={size:6} total=50"
            ),
            Template(
                1.5, "{time} ERROR [{thread}] c.e.{service}.ErrorHandler - request {trace} of {user} failed\n{trail}"),
        ], share: 15)

    static let syslog = Kind(
        name: "syslog", style: .syslog, rate: 1, latePerThousand: 0,
        templates: [
            Template(
                12,
                """
                {time} {host} sshd[{pid}]: Invalid user {user} from {ip} port {port}
                {time} {host} sshd[{pid}]: pam_unix(sshd:auth): check pass; user unknown
                {time} {host} sshd[{pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}
                {time} {host} sshd[{pid}]: Failed password for invalid user {user} from {ip} port {port} ssh2
                {time} {host} sshd[{pid}]: Connection closed by invalid user {user} {ip} port {port} [preauth]
                """),
            Template(9, "{time} {host} sshd[{pid}]: Failed password for root from {ip} port {port} ssh2"),
            Template(
                7,
                """
                {time} {host} sshd[{pid}]: Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:{fingerprint}
                {time} {host} sshd[{pid}]: pam_unix(sshd:session): session opened for user {user}(uid={int:3000}) by (uid=0)
                {time} {host} systemd-logind[612]: New session {sequence} of user {user}.
                """),
            Template(
                16,
                """
                {time} {host} CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
                {time} {host} CRON[{pid}]: (root) CMD (/usr/local/bin/{service}-sync --shard {int:64} > /dev/null 2>&1)
                {time} {host} CRON[{pid}]: pam_unix(cron:session): session closed for user root
                """),
            Template(
                8,
                "{time} {host} kernel: [{sequence}.{int:999999}] TCP: request_sock_TCP: Possible SYN flooding on port {int:60000}. Sending cookies."
            ),
            Template(
                14,
                "{time} {host} kernel: [{sequence}.{int:999999}] [UFW BLOCK] IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:5d:0e:1b:c7:08:00 SRC={ip} DST=10.0.3.17 LEN={int:1500} TOS=0x00 PREC=0x00 TTL={int:255} ID={int:65535} PROTO=TCP SPT={port} DPT={int:10000} WINDOW=1024 RES=0x00 SYN URGP=0"
            ),
            Template(
                10,
                """
                {time} {host} systemd[1]: Starting {service}-worker@{int:9}.service - Background jobs...
                {time} {host} systemd[1]: {service}-worker@{int:9}.service: Consumed {ms:20}ms CPU time.
                """),
        ], share: 10)

    static let postgres = Kind(
        name: "postgres", style: .postgres, rate: 40, latePerThousand: 0,
        templates: [
            Template(60, "{time} [{pid}] app@main LOG:  duration: {ms:17} ms  execute <unnamed>: {query}"),
            Template(
                25,
                "{time} [{pid}] app@main DETAIL:  parameters: $1 = '{int:1000000}', $2 = '{user}', $3 = '{int:5000}'"),
            Template(6, "{time} [{pid}] [unknown]@[unknown] LOG:  connection received: host={node} port={port}"),
            Template(
                3,
                "{time} [{pid}] LOG:  checkpoint complete: wrote {int:20000} buffers ({int:100}.{int:9}%); write={ms:18} s, sync={ms:9} s"
            ),
            Template(
                4,
                "{time} [{pid}] app@main ERROR:  duplicate key value violates unique constraint \"{table}_pkey\"\n{time} [{pid}] app@main DETAIL:  Key (id)=({int:9000000}) already exists.\n{time} [{pid}] app@main STATEMENT:  {query}"
            ),
        ], share: 10)

    static let klog = Kind(
        name: "klog", style: .klog, rate: 25, latePerThousand: 20,
        templates: [
            Template(
                45,
                #"I{time} {pid} {source}] "Reconciled" kind="{service}" object="default/{service}-{hex:8}" resourceVersion={sequence} duration="{ms:14}ms""#
            ),
            Template(
                30,
                #"I{time} {pid} {source}] "HTTP" verb="{method}" URI="/apis/apps/v1/namespaces/default/{table}/{user}" latency="{ms:15}ms" userAgent="kubelet/v1.31" srcIP="{node}:{port}" resp={status}"#
            ),
            Template(
                12, #"W{time} {pid} {source}] watch of *v1.{service} ended with: too old resource version: {sequence}"#),
            Template(
                6,
                #"E{time} {pid} {source}] error syncing "default/{service}-{hex:8}": context deadline exceeded, requeuing"#
            ),
        ], share: 5)

    static let hdfs = Kind(
        name: "hdfs", style: .hdfs, rate: 20, latePerThousand: 0,
        templates: [
            Template(
                30,
                "{time} {pid} INFO dfs.DataNode$DataXceiver: Receiving block blk_{block} src: /{node}:{port} dest: /{node}:50010"
            ),
            Template(
                30,
                "{time} {pid} INFO dfs.DataNode$PacketResponder: PacketResponder {int:3} for block blk_{block} terminating"
            ),
            Template(
                20,
                "{time} {pid} INFO dfs.DataNode$PacketResponder: Received block blk_{block} of size {int:67108864} from /{node}"
            ),
            Template(
                20,
                "{time} 35 INFO dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: {node}:50010 is added to blk_{block} size {int:67108864}"
            ),
        ], share: 5)

    static let python = Kind(
        name: "python", style: .comma, rate: 15, latePerThousand: 0,
        templates: [
            Template(
                50,
                "{time} INFO {module}: processed batch of {size:10} {table} in {ms:16} ms (queue {topic}, worker {int:16})"
            ),
            Template(
                25,
                "{time} INFO {module}: task {hex:8}-{hex:4}-4{hex:3}-a{hex:3}-{hex:12} succeeded in {ms:20} ms: None"),
            Template(
                15, "{time} WARNING {module}: retrying {method} {path} for {user}: status {status}, attempt {int:5}"),
            Template(
                1.5,
                "{time} ERROR {module}: unhandled exception for {user}\nTraceback (most recent call last):\n  File \"/srv/app/{table}.py\", line {int:800}, in handle\n    return self.process(message)\n  File \"/srv/app/worker.py\", line 88, in process\n    value = payload[\"{table}\"]\nKeyError: '{table}'"
            ),
        ], share: 5)
}

import ArchiveTypes

/// Work that is compiled once for each kind of parser, so that no line pays for the choice.
protocol ParserUser {
    associatedtype Result
    mutating func use(_ parser: some LineParser) -> Result
}

extension TimeFormat {
    /// Gives `user` the parser of this format: the one place that knows them all.
    func parse<User: ParserUser>(utcOffset: Int32, year: Int32, by user: inout User) -> User.Result {
        switch self {
        case .none: user.use(NoTimes())
        case .rfc3339: user.use(LeadingCalendar(clock: CalendarClock(utcOffset: 0), needsZone: true))
        case .rfc5424: user.use(PrioritizedCalendar())
        case .iso8601: user.use(LeadingCalendar(clock: CalendarClock(utcOffset: utcOffset), needsZone: false))
        case .iso8601Basic: user.use(BasicCalendar(utcOffset: utcOffset))
        case .iso8601Within: user.use(SearchedCalendar(clock: CalendarClock(utcOffset: utcOffset)))
        case .rfc3164: user.use(TraditionalSyslog(utcOffset: utcOffset, year: year))
        case .commonLog: user.use(CommonLog())
        case .ctime: user.use(CTime(utcOffset: utcOffset))
        case .klog: user.use(FixedColumns<KlogLayout>(utcOffset: utcOffset, year: year))
        case .glog: user.use(FixedColumns<GlogLayout>(utcOffset: utcOffset, year: year))
        case .hdfs: user.use(FixedColumns<HDFSLayout>(utcOffset: utcOffset, year: year))
        case .spark: user.use(FixedColumns<SparkLayout>(utcOffset: utcOffset, year: year))
        case .logcat: user.use(FixedColumns<LogcatLayout>(utcOffset: utcOffset, year: year))
        case .proxifier: user.use(FixedColumns<ProxifierLayout>(utcOffset: utcOffset, year: year))
        case .healthApp: user.use(HealthApp(utcOffset: utcOffset))
        case .unix: user.use(LeadingUnix())
        case .unixColumn: user.use(UnixColumn())
        case .blueGene: user.use(BlueGene())
        case .audit: user.use(AuditLog())
        case .docker: user.use(DockerTime())
        case .jsonAtTimestamp: user.use(KeyedTime("\"@timestamp\"", .json, utcOffset: utcOffset))
        case .jsonTimestamp: user.use(KeyedTime("\"timestamp\"", .json, utcOffset: utcOffset))
        case .jsonTime: user.use(KeyedTime("\"time\"", .json, utcOffset: utcOffset))
        case .jsonTs: user.use(KeyedTime("\"ts\"", .json, utcOffset: utcOffset))
        case .jsonUnderscoreTime: user.use(KeyedTime("\"_time\"", .json, utcOffset: utcOffset))
        case .jsonAsctime: user.use(KeyedTime("\"asctime\"", .json, utcOffset: utcOffset))
        case .logfmtTime: user.use(KeyedTime("time=", .logfmt, utcOffset: utcOffset))
        case .logfmtTs: user.use(KeyedTime("ts=", .logfmt, utcOffset: utcOffset))
        case .logfmtTimestamp: user.use(KeyedTime("timestamp=", .logfmt, utcOffset: utcOffset))
        }
    }

    /// The time of one line, and whether it depends on `utcOffset`.
    func time(of line: Bytes, _ end: Bytes, utcOffset: Int32, year: Int32) -> (time: Nanoseconds, assumedZone: Bool) {
        var user = OneLine(line: line, end: end)
        return parse(utcOffset: utcOffset, year: year, by: &user)
    }
}

private struct OneLine: ParserUser {
    let line: Bytes
    let end: Bytes

    func use(_ parser: some LineParser) -> (time: Nanoseconds, assumedZone: Bool) {
        var parser = parser
        parser.enter(until: end)
        let time = parser.time(line, end)
        return (time, parser.assumedZone)
    }
}

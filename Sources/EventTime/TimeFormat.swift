/// How a time stands in a line. A format is frozen under its name and version: what it reads never changes; whatever
/// has to be read otherwise gets a new name. Archives hold these names (see `TimeFormatUse`).
///
/// A line is its bytes without the newline (a carriage return before that belongs to the line). A *digit* is `0` to
/// `9`; names are matched with their case. "Blank" is a space or a tab. A format gives a line a time, in nanoseconds
/// since 1970-01-01T00:00:00Z, or none; it gives none wherever the line departs from what is described. Bytes after the
/// description are free, except where it says otherwise. Shared pieces:
///
/// - MINUTE: a year from 1970 to 2261, a month 1 to 12, a day that the month has (proleptic Gregorian calendar), an
///   hour 0 to 23 and a minute 0 to 59. SECONDS: two digits, 00 to 60; 60 counts as 60 seconds after the minute's
///   start.
/// - FRACTION (never required unless said): `.` or `,` and one digit or more; those after the ninth are skipped. A `.`
///   or `,` without a digit after it is no fraction.
/// - ZONE: one of
///   - `Z` or `z`, not followed by a letter or digit;
///   - `+` or `-`, two digits (hours, at most 14), and: `:` and two digits (if a digit follows the `:`), or two
///     digits (if a digit follows), or nothing. The minutes are 00, 15, 30 or 45, and no digit follows;
///   - one space, then the same with minutes (`+hhmm`, `+hh:mm`), or `UTC` or `GMT` not followed by a letter or digit.
/// - OPENING: one `[` or `"`, or nothing.
/// - PRI: `<`, one to three digits, `>`.
/// - ASSUMED: the format names no zone; the use's `utcOffset` is taken. YEARLESS: the use's `year` is taken.
/// - CALENDAR: 19 bytes `YYYY-MM-DD HH:MM:SS`, with `-` or `/` twice, and a space, `T` or `t` in the middle; FRACTION;
///   no digit after that; ZONE, or else ASSUMED.
/// - UNIX: exactly 10, 13, 16 or 19 digits: seconds, milliseconds, microseconds or nanoseconds since 1970; then `.` and
///   digits of a fraction of that unit, or nothing (digits worth less than a nanosecond are skipped); then the line's
///   end, or a byte other than a letter, digit, `-`, `.`, `/` or `_`. None where 64 bits do not hold the nanoseconds
///   with a second to spare.
///
/// Where a format tries several places, it takes the first that gives a time.
package enum TimeFormat: String, Sendable, CaseIterable {
    /// No line has a time.
    case none = "none.1"

    /// OPENING, CALENDAR with a ZONE. `2024-01-02T15:04:05.678901234+02:00`, `[2024-01-02 15:04:05,678 +0200]`.
    case rfc3339 = "rfc3339.1"

    /// PRI, `1 ` or nothing, CALENDAR with a ZONE. `<34>1 2003-10-11T22:14:15.003Z mymachine`.
    case rfc5424 = "rfc5424.1"

    /// OPENING, CALENDAR. Also log4j, Python's logging (`2015-10-18 18:01:47,978`), Go's log and nginx's error log
    /// (`2009/01/23 01:23:23.123123`).
    case iso8601 = "iso8601.1"

    /// OPENING, 15 bytes `YYYYMMDDTHHMMSS`; FRACTION; no digit after that; ZONE, or else ASSUMED.
    case iso8601Basic = "iso8601-basic.1"

    /// PRI or nothing; the month's name (`Jan` to `Dec`); a space; the day as a space and a digit, or two digits, or
    /// one digit; a space; `HH:MM:SS`; FRACTION; no digit after that. At least 14 bytes after the PRI. YEARLESS,
    /// ASSUMED. `<13>Jun  9 06:06:20 combo`.
    case rfc3164 = "rfc3164.1"

    /// After one of the first four `[` within the line's first 512 bytes: `DD/Mon/YYYY:HH:MM:SS`; FRACTION; a ZONE that
    /// begins with a space. `127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326`.
    case commonLog = "clf.1"

    /// OPENING; the weekday's name (`Mon` to `Sun`, any day); a space; the month's name; a space; the day as two
    /// digits, or a space and a digit; a space; `HH:MM:SS`; FRACTION; a space; four digits of the year; no digit after
    /// that. ASSUMED. `[Sun Dec 04 04:47:44 2005] [notice]`.
    case ctime = "ctime.1"

    /// `I`, `W`, `E` or `F`; `MMDD HH:MM:SS`; a FRACTION that begins with `.`, required; no digit after that. YEARLESS,
    /// ASSUMED. `I0102 15:04:05.678901`.
    case klog = "klog.1"

    /// As `klog.1`, with `YYYYMMDD` in place of `MMDD`. ASSUMED.
    case glog = "glog.1"

    /// `YYMMDD HHMMSS`, then a space or the line's end. Years 70 to 99 are 1970 to 1999, the others 2000 to 2069.
    /// ASSUMED. `081109 203615 148 INFO`.
    case hdfs = "hdfs.1"

    /// `YY/MM/DD HH:MM:SS`; FRACTION; no digit after that. Years as in `hdfs.1`. ASSUMED.
    case spark = "spark.1"

    /// `MM-DD HH:MM:SS`; a FRACTION that begins with `.`, required; no digit after that. YEARLESS, ASSUMED.
    /// `03-17 16:13:38.811`.
    case logcat = "logcat.1"

    /// `YYYYMMDD-H:M:S:F|`: hour, minute and second of one or two digits, and one to three digits that count
    /// milliseconds. ASSUMED. `20171224-0:7:20:44|` is 44 ms past the second.
    case healthApp = "healthapp.1"

    /// `[MM.DD HH:MM:SS]`. YEARLESS, ASSUMED.
    case proxifier = "proxifier.1"

    /// OPENING, UNIX.
    case unix = "unix.1"

    /// At the beginning of the second to eighth field: UNIX of 10 digits. Fields are separated by one blank or more,
    /// and begin within the line's first 256 bytes; blanks before the first field are skipped.
    /// `- 1131566461 2005.11.09 dn228`.
    case unixColumn = "unix-column.1"

    /// Within the first 256 bytes, with single spaces between: any bytes but a space; 10 digits of Unix seconds; any
    /// bytes but a space, twice; and 26 bytes `YYYY-MM-DD-HH.MM.SS.ffffff`, of which only the punctuation, `SS` and the
    /// fraction count: `SS` is the Unix seconds modulo 60. The time is the Unix seconds and the fraction.
    /// `- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02-M1-N0-C:J12-U11`.
    case blueGene = "bgl.1"

    /// The first byte is `t` or `n` and the fifth `=`; after the first `audit(` within the first 256 bytes: UNIX of 10
    /// digits. `type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e`.
    case audit = "audit.1"

    /// CALENDAR at one of the first 128 bytes, at the line's beginning or after one of: blank `[` `(` `"` `'` `=` `,`
    /// `;` `|` `<`.
    case iso8601Within = "iso8601-within.1"

    /// Docker's json-file: the line begins with `{"log":"` and ends with `"time":"`, 20 to 35 bytes, `"}`. Those bytes begin
    /// with a CALENDAR with a ZONE; 30 bytes are tried first, then the shorter ones, then the longer ones.
    /// `{"log":"ready\n","stream":"stdout","time":"2024-01-02T15:04:05.678901234Z"}`.
    case docker = "docker.1"

    /// JSON lines, `json-KEY.1`: the line begins with `{`. Every place in its first 4096 bytes where `"KEY"` stands
    /// whole, not after a `\`, and is followed by blanks or nothing, `:`, blanks or nothing, `"` or nothing, and at
    /// least ten bytes, which are UNIX if the fifth of them is a digit and CALENDAR otherwise.
    case jsonAtTimestamp = "json-@timestamp.1"
    case jsonTimestamp = "json-timestamp.1"
    case jsonTime = "json-time.1"
    case jsonTs = "json-ts.1"
    case jsonUnderscoreTime = "json-_time.1"
    case jsonAsctime = "json-asctime.1"

    /// `logfmt-KEY.1`: every place in the line's first 4096 bytes where `KEY=` stands whole, at the line's beginning or
    /// after a blank, and is followed by `"` or nothing and at least ten bytes, as in JSON lines.
    case logfmtTime = "logfmt-time.1"
    case logfmtTs = "logfmt-ts.1"
    case logfmtTimestamp = "logfmt-timestamp.1"
}

extension TimeFormat {
    /// ASSUMED can occur: times may depend on the use's `utcOffset`.
    var mayAssumeZone: Bool {
        switch self {
        case .none, .rfc3339, .rfc5424, .commonLog, .docker, .unix, .unixColumn, .blueGene, .audit: false
        default: true
        }
    }

    /// YEARLESS: times depend on the use's `year`.
    var isYearless: Bool {
        switch self {
        case .rfc3164, .klog, .logcat, .proxifier: true
        default: false
        }
    }

    /// Plain numbers, or something anywhere in the line: one such line says little about its stream.
    var isWeak: Bool {
        switch self {
        case .unix, .unixColumn, .hdfs, .iso8601Within: true
        default: false
        }
    }
}

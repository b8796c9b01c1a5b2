// Rules as JSON, for tools that show their words elsewhere.

import Ground
public import Inspection

/// What stands in the catalogue, as text.
public enum RuleText {
    /// One rule: an object on a line.
    public static func json(_ rule: Rule) -> String {
        var writer = JSONWriter()
        write(rule, to: &writer)
        writer.endLine()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// An array of rules, one a line.
    public static func json(_ rules: [Rule]) -> String {
        var writer = JSONWriter()
        writer.array { writer in
            for rule in rules {
                writer.newline()
                write(rule, to: &writer)
            }
            writer.raw("\n")
        }
        writer.endLine()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func write(_ rule: Rule, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", rule.id)
            writer.member("name", rule.name)
            writer.member("title", rule.title)
            writer.member("level", rule.level.name)
            writer.member("fault", rule.faultName)
            writer.member("source", rule.source)
            writer.member("requirement", rule.requirement)
            writer.member("why", rule.why)
            writer.member("detect", rule.detect)
            writer.member("fix", rule.fix)
            writer.member("trigger", rule.trigger)
            writer.member("near_miss", rule.nearMiss)
        }
    }
}

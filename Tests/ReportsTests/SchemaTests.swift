// Reports against the published schema, by an independent validator. Twice: as published, and strictly, where
// every object may only have the fields the schema lists, so that a field cannot be added without it.

import Foundation
import TestSupport
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("The schema")
struct SchemaTests {
    static let validator = """
        import json, sys
        try:
            from jsonschema import Draft202012Validator
        except ImportError:
            sys.exit(77)
        def strict(node):
            if isinstance(node, dict):
                node = {key: value if key == "allOf" else strict(value) for key, value in node.items()}
                if "allOf" in node or ("properties" in node and "additionalProperties" not in node):
                    node["unevaluatedProperties"] = False
                if "allOf" in node:
                    node["allOf"] = [strict_inside(part) for part in node["allOf"]]
                return node
            return [strict(item) for item in node] if isinstance(node, list) else node
        def strict_inside(part):
            part = strict(part)
            part.pop("unevaluatedProperties", None)
            return part
        schema = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(schema)
        closed = strict(schema)
        closed["$defs"]["message_fields"].pop("unevaluatedProperties")
        status = 0
        for path in sys.argv[2:]:
            report = json.load(open(path))
            for kind, one in (("schema", schema), ("strict schema", closed)):
                for error in Draft202012Validator(one).iter_errors(report):
                    print(kind, path.rsplit("/", 1)[-1], error.json_path, error.message[:300])
                    status = 1
        sys.exit(status)
        """

    @Test("every report fulfils the schema, and has no field the schema does not know")
    func reports() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reports-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let schema = folder.appendingPathComponent("report.schema.json")
        try Data(ReportSchema.bytes).write(to: schema)
        var options = ReportOptions()
        options.connections = true
        options.connectionFindings = 1
        options.unseenNames = 1
        let damaged = Fixture.capture("b.pcap", complete: false)
        let several = Fixture.collector(options).finish(
            captures: [Fixture.capture(), damaged], counters: Fixture.counters())
        let empty = ReportCollector().finish(captures: [], counters: TrafficCounters())
        var paths: [String] = []
        let sessions = Fixture.report(entries: SessionReportTests.entries())
        for (name, report) in [
            ("plain", Fixture.report()), ("several", several), ("empty", empty), ("sessions", sessions),
        ] {
            let file = folder.appendingPathComponent("\(name).json")
            try Data(report.renderedBytes("json")).write(to: file)
            paths.append(file.path)
        }
        let (status, output) = try Self.run(["-c", Self.validator, schema.path] + paths)
        if status == 77 || status == 127 {
            #expect(
                ProcessInfo.processInfo.environment["CI"] == nil,
                "python3 with jsonschema is needed to check the schema")
            print(
                "SKIPPED: python3 with the package jsonschema is not here; reports were not checked against the schema")
            return
        }
        #expect(status == 0, "\(output)")
    }

    @Test(
        "the validator is not blind: a report with a wrong or an unknown field fails",
        arguments: [
            ("\"verdict\":\"findings\"", "\"verdict\":\"fine\""),
            ("\"outcome\":", "\"outcome\":\"declined\",\"surprise\":"),
            ("\"certainty\":", "\"certaintly\":"),
        ])
    func notBlind(original: String, replacement: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reports-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let schema = folder.appendingPathComponent("report.schema.json")
        try Data(ReportSchema.bytes).write(to: schema)
        let broken = try Fixture.report().rendered("json").replacing(original, with: replacement)
        let file = folder.appendingPathComponent("broken.json")
        try Data(broken.utf8).write(to: file)
        let (status, _) = try Self.run(["-c", Self.validator, schema.path, file.path])
        #expect(status == 1 || status == 77 || status == 127)
    }

    static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let run = try Program.other(["python3"] + arguments, seconds: 600)
        return (run.status, run.text + run.errors)
    }
}

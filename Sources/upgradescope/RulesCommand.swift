// `upgradescope rules`: what is judged, and why.

import ArgumentParser
import Ground
import Inspection
import Reports

struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "List the rules, or explain one: requirement, why, source, fix, example.")

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, markdown }

    @Argument(help: ArgumentHelp("A rule by its ID or name.", valueName: "id"))
    var id: String?

    @Option(help: "How to print it.")
    var format = Format.text

    func validate() throws {
        if let id { _ = try ruleID(id) }
    }

    func run() throws {
        let rule = id.flatMap { Catalogue.rule($0) }
        let rules = rule.map { [$0] } ?? Catalogue.all
        let text =
            switch format {
            case .text: rule.map(Self.explanation) ?? Self.list(rules)
            case .json: rule.map(RuleText.json) ?? RuleText.json(rules)
            case .markdown: rule.map(Self.markdown) ?? Self.markdownTable(rules)
            }
        try printResult { try $0.write(text) }
    }

    private static func list(_ rules: [Rule]) -> String {
        let width = rules.map(\.id.count).max() ?? 0
        return rules.map { rule in
            "\(rule.id.leftAligned(width))  \(rule.level.name.leftAligned(7))  \(rule.faultName.leftAligned(12))  \(rule.title)\n"
        }.joined()
    }

    private static func explanation(_ rule: Rule) -> String {
        let sections = facts(rule).map { "\($0.title)\n" + indented($0.text) }
        return "\(rule.id) \(rule.name)\n\(rule.title)\n\n\(standing(rule))\n\n" + sections.joined(separator: "\n")
    }

    private static func markdown(_ rule: Rule) -> String {
        let sections = facts(rule).map { "## \($0.title)\n\n" + markdownText($0.text) }
        return "# \(rule.id): \(rule.title)\n\n`\(rule.name)`, \(standing(rule))\n\n" + sections.joined(separator: "\n")
    }

    private static func standing(_ rule: Rule) -> String {
        "\(rule.level.name), at fault: \(rule.faultName), \(rule.source)"
    }

    private static func markdownTable(_ rules: [Rule]) -> String {
        "| ID | level | at fault | what was seen | source |\n|---|---|---|---|---|\n"
            + rules.map { rule in
                let cells = [rule.id, rule.level.name, rule.faultName, rule.title, rule.source]
                return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
            }.joined()
    }

    /// A sentence, and configuration lines after it as code.
    private static func markdownText(_ text: String) -> String {
        let lines = text.split(separator: "\n", maxSplits: 1)
        guard lines.count == 2 else { return text + "\n" }
        return "\(lines[0])\n\n```\n\(lines[1])\n```\n"
    }

    private static func facts(_ rule: Rule) -> [(title: String, text: String)] {
        [
            ("Requirement", rule.requirement), ("Why", rule.why), ("What is looked for", rule.detect),
            ("Fix", rule.fix), ("Example that breaks it", rule.trigger), ("Close, but right", rule.nearMiss),
        ].filter { !$0.1.isEmpty }
    }

    /// Two columns from the left, and wrapped at 100; configuration lines stay whole.
    private static func indented(_ text: String) -> String {
        var result = ""
        guard !text.contains("\n") else {
            return text.split(separator: "\n").map { "  \($0)\n" }.joined()
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var current = ""
            for word in line.split(separator: " ") {
                if !current.isEmpty, current.count + word.count + 1 > 98 {
                    result += "  \(current)\n"
                    current = ""
                }
                current += current.isEmpty ? "\(word)" : " \(word)"
            }
            result += current.isEmpty ? "\n" : "  \(current)\n"
        }
        return result
    }
}

/// The ID after what a user wrote: an ID in any case, or a name.
func ruleID(_ text: String) throws -> String {
    guard let rule = Catalogue.rule(text) else {
        throw ValidationError("'\(text)' is no rule; 'upgradescope rules' lists them")
    }
    return rule.id
}

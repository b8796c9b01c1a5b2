// Words of the rule catalogue and marks of secrets, until the catalogue has them.

import Traffic

struct RuleWords {
    var title: String
    var why: String
}

enum Catalogue {
    static func rule(_ id: String) -> RuleWords? { nil }
}

enum Redaction {
    static func secretRanges(of head: MessageHead) -> [Range<Int>] {
        let secret: Set<FieldName> = [.authorization, .proxyAuthorization, .cookie, .setCookie]
        return head.lines.filter { secret.contains($0.name) && !$0.valueRange.isEmpty }.map {
            Int($0.valueRange.lowerBound)..<Int($0.valueRange.upperBound)
        }
    }
}

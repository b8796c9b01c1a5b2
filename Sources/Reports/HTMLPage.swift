// What every page of ours begins and ends with: no network, no script needed, nothing from the outside in markup. The
// page's own style and script are named by their hashes in the content security policy, so that nothing else can run
// even if an escape were forgotten.

import Crypto
import Ground
import Investigation

package enum HTMLPage {
    /// Everything up to the start of the body.
    package static func begin(title: String, to html: inout HTMLWriter) {
        let style = PackageResources.page_css
        html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        html.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; ")
        html.markup("form-action 'none'; style-src 'sha256-")
        html.text(Base64.text(Array(SHA256.hash(data: style))))
        html.markup("'; script-src 'sha256-")
        html.text(Base64.text(Array(SHA256.hash(data: PackageResources.page_js))))
        html.markup("'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        html.markup("<meta name=\"referrer\" content=\"no-referrer\">\n<title>")
        html.text(title)
        html.markup("</title>\n<style>")
        html.bytes += style
        html.markup("</style>\n</head>\n<body>\n")
    }

    /// The end of `main`, with a line about the page.
    package static func end(_ footer: String, to html: inout HTMLWriter) {
        html.markup("<footer>")
        html.text(footer)
        html.markup("</footer>\n</main>\n<script>")
        html.bytes += PackageResources.page_js
        html.markup("</script>\n</body>\n</html>\n")
    }

    /// A number with its name.
    package static func tile(
        _ style: StaticString, _ name: String, _ count: some BinaryInteger, to html: inout HTMLWriter
    ) {
        html.open("div", class: style)
        html.element("dt", name)
        html.element("dd", grouped(count))
        html.close("div")
    }
}

// The JSON Schema (2020-12) of the report, as `schema` prints it. It lists every field of version 1 and leaves
// room for more: fields may be added within the version.

/// The schema that every JSON report fulfils.
public enum ReportSchema {
    /// The schema's text.
    public static var bytes: [UInt8] { PackageResources.report_schema_json }
}

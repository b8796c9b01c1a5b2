// The JSON Schema (2020-12) of the report about a replay, as `schema --replay` prints it.

/// The schema that every JSON report about a replay fulfils.
public enum ReplaySchema {
    /// The schema's text.
    public static var bytes: [UInt8] { PackageResources.replay_schema_json }
}

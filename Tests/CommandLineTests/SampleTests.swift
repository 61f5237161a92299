import Foundation
import TestSupport
import Testing

/// The recordings in `traces` say what stands beside them.
@Suite struct SampleTests {
  @Test func `A sample's report is the expected one`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("traces/held-lock").path
    let run = try CTrace.run("report", "--format", "json", "held-lock.ctrace", directory: folder)
    #expect(run.status == 0, "\(run.errors)")
    let expected = try String(contentsOfFile: folder + "/expected.json", encoding: .utf8)
    #expect(run.output == expected)
  }
}

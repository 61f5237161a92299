import TestSupport
import Testing

/// What is read of a file that somebody wrote by hand.
@Suite struct HostileReportTests {
  @Test(arguments: 0..<8 as Range<UInt64>)
  func `Every command has an answer to any numbers`(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      try TraceBuilder.hostile(seed: seed, events: 2000).file(eventsPerChunk: 300), to: "t.ctrace")
    for command in [
      ["report"], ["report", "--top", "1000"], ["report", "--format", "json"], ["info"],
      ["export", "-o", "/dev/null"], ["report", "--timeline", "--top", "99"],
      ["report", "--format", "html", "-o", "/dev/null"], ["report", "--format", "markdown"],
    ] {
      let run = try Program([CTrace.path] + command + [file]).result()
      #expect(run.status == 0, "\(command): \(run.errors.suffix(1000))")
      // A part of a whole is no more than that.
      let parts = run.output.matches(of: /(-?\d+) %/).compactMap { Int($0.1) }
      #expect(parts.allSatisfy { (0...999).contains($0) }, "\(command): \(parts)")
    }
  }
}

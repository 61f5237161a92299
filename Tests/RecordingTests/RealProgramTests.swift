import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Programs that nobody here wrote give the same traced and untraced.
  @Suite struct RealPrograms {
    @Test func `pbzip2 compresses to the same bytes`() throws {
      guard Machine.has("pbzip2") else { try Test.cancel("pbzip2 is not installed") }
      let folder = try TemporaryFolder()
      let numbers = (1...600_000).map { "\($0)\n" }.joined()
      try folder.write(numbers.utf8, to: "numbers")
      let bare = try Program.run(
        "sh", "-c", "pbzip2 -p4 -b1 -c numbers | md5sum", directory: folder.path)
      try #require(bare.status == 0)
      let recording = try TestRecording(
        "sh", "-c", "cd \"$0\" && pbzip2 -p4 -b1 -c numbers | md5sum", folder.path)
      #expect(recording.run.status == 0)
      #expect(recording.run.output == bare.output)
      let report = try recording.report()
      let process = try #require(report.processes.last { $0.name == "pbzip2" })
      // Four that compress, one that reads, one that writes, and more of its own.
      #expect(report.threads.filter { $0.pid == process.pid }.count >= 6)
      #expect(report.acquisitions(ofLocksNamed: "") > 0)
      #expect(report.recording.lostEvents == 0)
      // The status of a failure, too.
      let missing = try Program.run("pbzip2", "/no/such/file").status
      #expect(try TestRecording("pbzip2", "/no/such/file").run.status == missing)
    }

    @Test func `memcached answers the same under load, and ends the same`() throws {
      guard Machine.has("memcached") else { try Test.cancel("memcached is not installed") }
      let folder = try TemporaryFolder()
      let client = try Workload.build("memcached_client")
      let user = Machine.isRoot ? ["-u", "root"] : []

      /// Serves on a socket until the client is done; returns both results.
      func serve(_ prefix: [String], _ name: String) throws -> (ProgramResult, ProgramResult) {
        let socket = "\(folder.path)/\(name)"
        let server = try Program(
          prefix + ["memcached", "-t", "4", "-s", socket] + user, directory: folder.path)
        try server.wait(for: "memcached's socket") { access(socket, F_OK) == 0 }
        let answers = try Program([client, socket, "4", "2000"]).result()
        server.send(SIGINT)
        return (try server.result(), answers)
      }

      let (bare, expected) = try serve([], "bare")
      let file = folder.path + "/memcached.ctrace"
      #expect(expected.status == 0, "\(expected.errors)")
      // Where others have the CPUs, a recorder may come too late for rings that fill in 12 ms.
      for attempt in 1... {
        let (traced, answers) = try serve(
          [CTrace.path, "record", "-q", "-o", file, "--"], "traced-\(attempt)")
        #expect(answers.status == 0, "\(answers.errors)")
        #expect(answers.output == expected.output)
        #expect(traced.status == bare.status)
        let json = try CTrace.run("report", "--format", "json", file).output
        let report = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
        #expect(report.threads.count >= 5)
        // Each of four clients' requests takes a lock of the table at least; counts are exact always.
        #expect(report.acquisitions(ofLocksNamed: "") > 8000)
        if report.recording.lostEvents == 0 { break }
        try #require(attempt < 4, "\(report.recording.lostEvents) events were lost")
      }
    }
  }
}

import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Programs that hang: what is told of it while they do, and what the file says of it after.
  @Suite struct Deadlocks {
    /// Records a program until ctrace has told of its deadlock, and ends it then as Ctrl-C does.
    private func hang(
      _ command: [String], with signal: Int32 = SIGINT, options: [String] = []
    ) throws -> (run: ProgramResult, report: Report) {
      let folder = try TemporaryFolder()
      let file = folder.path + "/hangs.ctrace"
      let program = try Program(
        [CTrace.path, "record", "-o", file] + options + ["--"] + command, directory: folder.path)
      try program.wait(for: "word of a deadlock") {
        program.errorsSoFar.contains("keeps the recording")
      }
      program.send(signal)
      let run = try program.result()
      let checked = try Program.run("zstd", "-t", file)
      #expect(checked.status == 0, "\(checked.errors)")
      let json = try CTrace.run("report", "--format", "json", file).output
      return (run, try JSONDecoder().decode(Report.self, from: Data(json.utf8)))
    }

    @Test(arguments: [2, 3])
    func `A ring of threads is told with its locks and calls, while it hangs and after`(
      count: Int
    ) throws {
      let (run, report) = try hang([Workload.build("deadlock"), "ring", "\(count)"])
      #expect(run.status == 128 + SIGINT)
      #expect(run.errors.contains(" hangs in a deadlock: \(count) threads wait for each other\n"))
      for number in 0..<count {
        #expect(run.errors.contains("member-\(number) ("), "\(run.errors)")
        #expect(run.errors.contains(", held by member-\(number) ("))
      }
      #expect(run.errors.contains("      want  deadlock.c:"))
      #expect(report.recording.complete)
      let finding = try #require(report.findings.first)
      #expect(finding.kind == "deadlock" && finding.evidence["threads"] == Int64(count))
      let places = try #require(finding.places)
      #expect(Set(places.map(\.thread)) == Set((0..<count).map { "member-\($0)" }))
      #expect(places.allSatisfy { Array($0.stack.functions.prefix(2)) == ["want", "member"] })
    }

    @Test func `A recording that is to be quiet tells of it, and of nothing else`() throws {
      let (run, report) = try hang([Workload.build("deadlock"), "self"], options: ["--quiet"])
      #expect(report.findings.first?.kind == "deadlock")
      let lines = run.errors.split(separator: "\n")
      #expect(lines.first == "ctrace: deadlock hangs in a deadlock: a thread waits for itself")
      #expect(lines.last == "  Ctrl-C ends the program and keeps the recording.", "\(run.errors)")
    }

    @Test func `It is told once, and another signal does as well`() throws {
      let (run, report) = try hang([Workload.build("deadlock"), "self"], with: SIGTERM)
      #expect(run.status == 128 + SIGTERM)
      #expect(run.errors.contains("waited") && run.errors.contains("for own_mu, held by itself"))
      #expect(run.errors.components(separatedBy: "hangs in a deadlock").count == 2)
      #expect(
        report.findings.first?.text.contains("waits for own_mu, which it holds itself") == true)
    }

    @Test(arguments: [
      ("join", "for the end of joined", 2), ("readers", "for table_rw, held by reader", 2),
      ("shared", "waited", 2),
    ])
    func `Circles through joins, readers and other processes are found too`(
      how: String, words: String, threads: Int
    ) throws {
      let (run, report) = try hang([Workload.build("deadlock"), how])
      #expect(run.errors.contains(words), "\(run.errors)")
      let finding = try #require(report.findings.first)
      #expect(finding.kind == "deadlock" && finding.evidence["threads"] == Int64(threads))
    }

    @Test func `Locks of Python's can be in a circle`() throws {
      let (run, report) = try hang(
        [
          "/usr/bin/python3", "\(Workload.sources)/python/deadlock.py",
        ], with: SIGTERM)
      #expect(run.errors.contains("forwards") && run.errors.contains("backwards"), "\(run.errors)")
      #expect(run.errors.contains("deadlock.py:"))
      #expect(report.findings.first?.kind == "deadlock")
    }

    @Test func `So can the interpreter's lock, with one of C`() throws {
      let (run, report) = try hang(
        ["/usr/bin/python3", "\(Workload.sources)/python/gil_deadlock.py"], with: SIGTERM)
      #expect(run.errors.contains("for GIL, held by keeper"), "\(run.errors)")
      let finding = try #require(report.findings.first)
      #expect(finding.kind == "deadlock" && finding.evidence["threads"] == 2)
    }

    @Test(arguments: ["long", "timed"])
    func `Threads that only wait for long are left alone`(how: String) throws {
      let folder = try TemporaryFolder()
      let run = try Program(
        [CTrace.path, "record", "-o", "waits.ctrace", "--", Workload.build("deadlock"), how],
        directory: folder.path
      ).result()
      #expect(run.status == 0 && run.output.contains("done 1"))
      #expect(!run.errors.contains("deadlock:"), "\(run.errors)")
    }
  }
}

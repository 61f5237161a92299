import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// What a report tells of programs of Python's: the interpreter's lock, and what things are called.
  @Suite struct PythonReports {
    @Test(arguments: Python.all)
    func `What threads held of the interpreter's lock sums to the time that it was wanted`(
      python: Python
    ) throws {
      let recording = try python.record("shares")
      let gils = try recording.report().gil
      let gil = try #require(gils.first)
      #expect(gils.count == 1)
      let wall = try recording.value("wall")
      // Between two holds is only the time that a thread had no CPU when it was its turn.
      let threads = try recording.report().threads
      let runnable = threads.reduce(0) { $0 + $1.runnableNs }
      #expect(gil.heldNs >= wall - wall / 50 - runnable, "\(gil.heldNs) \(wall) \(runnable)")
      #expect(gil.heldNs <= gil.wallNs)
      #expect(gil.threads.reduce(0) { $0 + $1.heldNs } == gil.heldNs)
      #expect(gil.threads.reduce(0) { $0 + $1.waits } == gil.contended)

      let named = Dictionary(uniqueKeysWithValues: gil.threads.map { ($0.name, $0) })
      let (main, burner) = (named["MainThread"], named["burner"])
      let sleeper = try #require(named["sleeper"])
      #expect(min(main?.heldNs ?? 0, burner?.heldNs ?? 0) > sleeper.heldNs * 2)
      #expect(sleeper.starved && main?.starved == false && burner?.starved == false)
      #expect(gil.dropRequests > 0)
      let pair = try #require(gil.pairs.first)
      #expect(
        ["MainThread", "burner", "sleeper"].contains(pair.waiter) && pair.waiter != pair.owner)
      #expect(threads.map(\.daemon).filter { $0 == true }.count == 1)
      #expect(threads.first { $0.daemon == true }?.name == "sleeper")
      #expect(try recording.report().findings.first?.kind == "gil")
    }

    @Test func `Locks that come and go change nothing of the interpreter's`() throws {
      // Of so many, some events may be lost on a busy machine; sums are not.
      let recording = try TestRecording(Python.system.path, Python.workload("churn"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let gil = try #require(try recording.report().gil.first)
      #expect(gil.heldNs <= gil.wallNs, "\(gil.heldNs) \(gil.wallNs)")
      #expect(gil.heldNs > 0 && gil.acquisitions >= 400)
    }

    @Test(arguments: Python.all)
    func `Code that does not let go is named by its line`(python: Python) throws {
      let recording = try python.record("stuck")
      let report = try recording.report()
      let worst = try #require(report.gil.first?.worstHold)
      #expect(worst.thread == "keeper")
      // When the call was over, the thread may have had to wait before it could look at the clock.
      let kept = try recording.value("kept")
      let keeper = report.gil.first?.threads.first { $0.name == "keeper" }
      let waited = try #require(keeper).waitNs.total
      #expect(worst.ns <= kept + kept / 20, "\(worst.ns) \(kept)")
      #expect(worst.ns >= kept - kept / 20 - waited, "\(worst.ns) \(kept) \(waited)")
      #expect(worst.waitedForNs > worst.ns / 2 && worst.waitedForNs <= worst.ns)
      #expect(worst.stack.first?.function == "keep")
      #expect(worst.stack.first?.file.hasSuffix("stuck.py") == true)
      #expect(report.findings.contains { $0.kind == "gil-hold" && $0.text.contains("stuck.py:") })
    }

    @Test(arguments: Python.all)
    func `Things are called by the line that made them and the variable they are in`(
      python: Python
    ) throws {
      let recording = try python.record("names")
      let source = try String(contentsOfFile: Python.workload("names"), encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
      func line(_ text: String) throws -> Int {
        try #require(source.firstIndex { $0.contains(text) }) + 1
      }
      let locks = try recording.report().locks
      for (kind, text, name) in [
        ("python-lock", "threading.RLock()", "lock"), ("python-lock", "cache_lock =", "cache_lock"),
        ("python-lock", "locks[\"users\"] =", "locks[\"users\"]"),
        ("python-lock", "return threading.Lock()", "make"),
        ("python-semaphore", "Semaphore(3)", "slots"), ("python-lock", "Queue(3)", "jobs.mutex"),
      ] {
        let wanted = "names.py:\(try line(text)) \(name)"
        let found = locks.filter { $0.kind == kind && $0.name == wanted }
        let names = locks.map(\.name).filter { $0.hasPrefix("names.py") }
        #expect(found.count == 1, "\(wanted) is not in \(names)")
      }
      let jobs = try recording.queue("names.py:\(try line("Queue(3)")) jobs", kind: "python-queue")
      #expect(jobs.enqueued == 1 && jobs.producers.first?.stack.functions.first == "<module>")
    }
  }
}

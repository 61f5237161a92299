import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// CPython's own tests, where an interpreter has them: each ends in a recording as it does bare.
  @Suite struct PythonSuites {
    /// Those that take some seconds, and those that `tools/test --suites` adds.
    private static let suites: [String] = {
      let short = ["test_queue", "test_thread"]
      guard ProcessInfo.processInfo.environment["CTRACE_TEST_SUITES"] == "all" else { return short }
      return short + [
        "test_threading", "test_threading_local", "test_threadsignals", "test_sched",
        "test_context",
        "test_asyncio", "test_concurrent_futures", "test_multiprocessing_fork",
        "test_multiprocessing_forkserver", "test_multiprocessing_spawn",
        "test_multiprocessing_main_handling",
        "test_audit", "test_sys_settrace", "test_sys_setprofile", "test_inspect",
        "test_faulthandler",
      ]
    }()

    private static let interpreters: [Python] = {
      let all = Python.all.filter { $0.has("test.test_queue") }
      return suites.count > 2 ? all : Array(all.prefix(1)) + Array(all.dropFirst().suffix(1))
    }()
    private static let cases = interpreters.flatMap { python in
      suites.filter { python.has("test.\($0)") }.map { (python, $0) }
    }

    /// How each test of a suite ended, by name.
    private func outcomes(
      of suite: String, _ python: Python, isRecorded: Bool
    ) throws -> [String: String] {
      let folder = try TemporaryFolder()
      let recorder =
        isRecorded
        ? [CTrace.path, "record", "--quiet", "-o", folder.path + "/test.ctrace", "--"] : []
      _ = try Program(
        recorder + [python.path, "-m", "test", "--junit-xml", folder.path + "/results.xml", suite],
        directory: folder.path
      ).result(longest: 1200)
      let text = try String(contentsOfFile: folder.path + "/results.xml", encoding: .utf8)
      var outcomes: [String: String] = [:]
      for test in text.components(separatedBy: "<testcase ").dropFirst() {
        let parts = test.components(separatedBy: "\"")
        let outcome = ["<skipped", "<failure", "<error"].first { test.contains($0) } ?? "ok"
        outcomes[parts[1]] = outcome
      }
      return outcomes
    }

    @Test(arguments: cases)
    func `each test ends as it does bare`(python: Python, suite: String) throws {
      let bare = try outcomes(of: suite, python, isRecorded: false)
      var recorded = try outcomes(of: suite, python, isRecorded: true)
      try #require(bare.count > 3, "\(suite) of \(python)")
      // A test that a busy machine fails is given another chance, as regrtest itself does.
      if recorded != bare { recorded = try outcomes(of: suite, python, isRecorded: true) }
      let different = Set(bare.keys).union(recorded.keys).filter { bare[$0] != recorded[$0] }
      #expect(
        different.isEmpty,
        "\(suite) of \(python): \(different.sorted().prefix(5).map { ($0, bare[$0], recorded[$0]) })"
      )
    }
  }
}

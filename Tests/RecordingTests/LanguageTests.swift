import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Stacks of programs as compilers of other languages, and distributions, make them.
  @Suite struct Languages {
    /// The stacks of the waits for the only contended mutex of a program.
    private func waiters(_ recording: TestRecording) throws -> [WaiterSummary] {
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let locks = try recording.report().locks.filter { $0.kind == "mutex" && $0.contended >= 5 }
      return try #require(locks.first).waiters
    }

    @Test(.enabled(if: Machine.has("rustc"), "Rust is not installed"))
    func `A Rust release program's functions and lines are named`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/contended"
      let built = try Program([
        "rustc", "--edition", "2021", "-O", "-g", "-o", program,
        Workload.sources + "/contended.rs",
      ]).result()
      #expect(built.status == 0, "\(built.errors)")
      let stack = try #require(try waiters(TestRecording(program)).first).stack
      let frame = try #require(stack.first { $0.function.hasSuffix("contended::want_it") })
      #expect(frame.file.hasSuffix("contended.rs"))
      let lines = try lines(of: "contended.rs", containing: "pthread_mutex_lock(mutex())")
      #expect(lines.contains(frame.line))
      #expect(stack.first == frame)
    }

    @Test func `A Swift release program's functions and lines are named`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/contended"
      let built = try Program([
        "swiftc", "-O", "-g", "-o", program, Workload.sources + "/contended.swift",
      ]).result()
      #expect(built.status == 0, "\(built.errors)")
      let stack = try #require(try waiters(TestRecording(program)).first).stack
      let frame = try #require(stack.first)
      #expect(frame.function.contains("wantIt()"))
      #expect(frame.file.hasSuffix("contended.swift"))
      let lines = try lines(of: "contended.swift", containing: "pthread_mutex_lock(swiftMutex)")
      #expect(lines.contains(frame.line))
    }

    @Test func `Lines are those of the calls, with debugging information and without`() throws {
      let program = try Workload.build("held_lock")
      let stack = try #require(try waiters(TestRecording(program)).first).stack
      let frame = try #require(stack.first)
      #expect(frame.function == "want_it")
      #expect(
        try lines(of: "held_lock.c", containing: "pthread_mutex_lock(&held_mu)")
          .contains(frame.line))

      let bare = try Workload.build("held_lock", flags: ["-g0"])
      let bareFrame = try #require(try waiters(TestRecording(bare)).first?.stack.first)
      #expect(bareFrame.function == "want_it")
      #expect(bareFrame.line == 0 && bareFrame.offset > 0)

      let stripped = try Workload.build("held_lock", flags: ["-s"])
      let strippedFrame = try #require(try waiters(TestRecording(stripped)).first?.stack.first)
      #expect(strippedFrame.function.isEmpty)
      #expect(strippedFrame.module.hasPrefix("held_lock") && strippedFrame.offset > 0)
    }

    @Test func `Names are kept when the program is gone`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/gone"
      try FileManager.default.copyItem(atPath: try Workload.build("held_lock"), toPath: program)
      let recording = try TestRecording(program)
      try FileManager.default.removeItem(atPath: program)
      #expect(try waiters(recording).first?.stack.first?.function == "want_it")
    }

    @Test func `A program that was replaced while it ran is not guessed at`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/replaced"
      try FileManager.default.copyItem(atPath: try Workload.build("held_lock"), toPath: program)
      let other = try Workload.build("held_lock", flags: ["-DREPLACED=1", "-O2"])
      let recording = try TestRecording(
        "sh", "-c",
        """
        "$0" & until [ "$(readlink /proc/$!/exe)" = "$0" ]; do :; done
        rm "$0"; cp "$1" "$0"; wait
        """, program, other)
      #expect(try waiters(recording).first?.stack.first?.function.isEmpty == true)
      #expect(
        try recording.report().recording.notes.contains {
          $0.contains("is not the file that was recorded")
        })
    }

    /// The numbers of a workload's lines with a text.
    private func lines(of name: String, containing text: String) throws -> [UInt32] {
      let source = try String(contentsOfFile: Workload.sources + "/" + name, encoding: .utf8)
      return source.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        .filter { $0.element.contains(text) }.map { UInt32($0.offset + 1) }
    }
  }
}

import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// `ctrace record` itself: its options, what it does when something is in its way, and how it ends.
  @Suite struct Recorder {
    @Test func `The program's output, input, arguments and status pass through`() throws {
      let folder = try TemporaryFolder()
      let run = try Program(
        [
          CTrace.path, "record", "-q", "sh", "-c",
          "echo out; echo error >&2; echo \"$1 $2\"; exit 42", "x", "--top", "-o",
        ], directory: folder.path
      ).result()
      #expect(run.status == 42)
      #expect(run.output == "out\n--top -o\n")
      #expect(run.errors == "error\n")
      #expect(folder.names == ["sh.ctrace"])
    }

    @Test func `The first screen comes on stderr, unless it is not wanted`() throws {
      let program = try Workload.build("held_lock")
      let folder = try TemporaryFolder()
      let run = try Program([CTrace.path, "record", program], directory: folder.path).result()
      #expect(run.errors.hasPrefix("ctrace: held_lock exited 0 after "))
      #expect(run.errors.contains("VERDICT  held_mu is the most contended lock"))
      #expect(run.errors.contains("\nNEXT "))
      #expect(!run.output.contains("ctrace"))
      #expect(run.errors.split(separator: "\n").allSatisfy { $0.count <= 80 })
      #expect(!run.errors.contains("\u{1b}"))
    }

    @Test func `An older recording is kept`() throws {
      let folder = try TemporaryFolder()
      for status in [1, 2] {
        let run = try Program(
          [CTrace.path, "record", "-q", "sh", "-c", "exit \(status)"], directory: folder.path
        ).result()
        #expect(run.status == Int32(status))
      }
      #expect(folder.names == ["sh.ctrace", "sh.ctrace.old"])
      func status(_ name: String) throws -> Bool {
        let report = try CTrace.run("report", name, directory: folder.path).output
        return report.hasPrefix("ctrace: sh exited 2")
      }
      #expect(try status("sh.ctrace"))
      #expect(try !status("sh.ctrace.old"))
    }

    @Test func `Signals reach the program`() throws {
      let folder = try TemporaryFolder()
      let recorder = try start(folder)
      recorder.send(SIGTERM)
      let run = try recorder.result()
      #expect(run.status == 21)
      let report = try report(folder)
      #expect(report.recording.exitCode == 21)
      #expect(report.recording.complete)
      let lock = try #require(report.locks.first { $0.name == "endless_mu" })
      #expect(lock.contended == UInt64(try #require(run.values["rounds"])))
    }

    @Test func `A signal that kills the program is told as a shell would`() throws {
      let recording = try TestRecording("sh", "-c", "kill -SEGV $$")
      #expect(recording.run.status == 128 + 11)
      #expect(try recording.report().recording.signal == 11)
      #expect(try recording.report().recording.exitCode == nil)
    }

    @Test func `When the recorder is killed, the program runs on and the file is readable`() throws
    {
      let folder = try TemporaryFolder()
      let recorder = try start(folder)
      try recorder.wait(for: "a chunk of waits in the file") { try waits(folder) > 0 }
      recorder.send(SIGKILL)
      let target = try #require(try pid(of: recorder.outputSoFar))
      #expect(try recorder.result().status == 128 + 9)
      // The program is a child of nobody's now; it goes on, and ends as it should when it is told to.
      #expect(kill(target, 0) == 0)
      let before = try CTrace.run("report", "--format", "json", folder.path + "/t.ctrace")
      let report = try JSONDecoder().decode(Report.self, from: Data(before.output.utf8))
      #expect(!report.recording.complete)
      #expect(report.recording.events > 0)
      let lock = try #require(report.locks.first { $0.kind == "mutex" })
      #expect(lock.contended > 0)
      kill(target, SIGUSR1)
      let deadline = Date(timeIntervalSinceNow: 60)
      while kill(target, 0) == 0, Date() < deadline { usleep(1000) }
      #expect(kill(target, 0) != 0)
      #expect(recorder.outputSoFar.contains("rounds "))
      #expect(try CTrace.run("info", folder.path + "/t.ctrace").status == 0)
      #expect(
        try CTrace.run("export", folder.path + "/t.ctrace", "-o", "/dev/null").status == 0)
    }

    @Test func `Recording ends when its time is over, and the program does not`() throws {
      let folder = try TemporaryFolder()
      let recorder = try start(folder, options: ["--duration", "300ms"])
      // The file has its index when recording is over.
      try recorder.wait(for: "the end of the recording") { try isComplete(folder) }
      recorder.send(SIGUSR1)
      let run = try recorder.result()
      #expect(run.status == 0)
      let rounds = UInt64(try #require(run.values["rounds"]))
      let report = try report(folder)
      #expect(report.recording.exitCode == nil)
      #expect(report.recording.notes.contains { $0.contains("ran on") })
      let lock = try #require(report.locks.first { $0.name == "endless_mu" })
      #expect(lock.contended > 0 && lock.contended < rounds)
      #expect(report.recording.durationNs >= 300_000_000)
    }

    @Test func `A file that is to be small stays small, and says what it left out`() throws {
      let recording = try TestRecording(
        Workload.build("overload"), "20000", options: ["--max-size", "50K"])
      #expect(recording.run.status == 0)
      let size = try Data(contentsOf: URL(fileURLWithPath: recording.file)).count
      #expect(size < 100_000)
      let report = try recording.report()
      #expect(report.recording.notes.contains { $0.contains("takes no more") })
      #expect(try CTrace.run("info", recording.file).status == 0)
    }

    @Test func `Children are left out where they are not wanted`() throws {
      let recording = try TestRecording(
        Workload.build("fork_tree"), options: ["--no-children"])
      #expect(recording.run.status == 33)
      let counts = try recording.report().locks.filter { $0.name == "tree_mu" }.map(\.acquisitions)
      #expect(counts == [10])
    }

    @Test func `Holds are left out where they are not wanted`() throws {
      let recording = try TestRecording(
        Workload.build("held_lock"), options: ["--no-holds", "--min-wait", "0"])
      let lock = try recording.lock("held_mu")
      #expect(lock.acquisitions == 200)
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      #expect(lock.holdNs.total == 0)
    }

    @Test func `Waits that find the rings full are counted to the unit`() throws {
      let folder = try TemporaryFolder()
      let program = try Workload.build("overload")
      let recorder = try Program(
        [CTrace.path, "record", "-q", "-o", folder.path + "/t.ctrace", program, "40000", "wait"],
        directory: folder.path)
      // A recorder that sleeps while its target works: rings of 512 KB fill up.
      try recorder.wait(for: "the program's start") { recorder.outputSoFar.contains("ready") }
      recorder.send(SIGSTOP)
      let target = try #require(try pid(of: recorder.outputSoFar))
      kill(target, SIGUSR1)
      try recorder.wait(for: "the program's end") { recorder.outputSoFar.contains("acquisitions") }
      recorder.send(SIGCONT)
      let run = try recorder.result()
      #expect(run.status == 0, "\(run.errors)")
      let report = try report(folder)
      let lock = try #require(report.locks.first { $0.name == "held_mu" })
      #expect(report.recording.lostEvents > 0)
      #expect(lock.contended == UInt64(try #require(run.values["waits"])))
      let fought = try #require(report.locks.first { $0.name == "fought_mu" })
      #expect(fought.acquisitions == UInt64(try #require(run.values["acquisitions"])))
      let text = try CTrace.run("report", folder.path + "/t.ctrace").output
      #expect(text.split(separator: "\n").prefix(3).contains { $0.contains(" lost") })
    }

    @Test func `Nobody else can read the memory that is shared`() throws {
      guard Machine.isRoot else { try Test.cancel("only root can look as somebody else") }
      let folder = try TemporaryFolder()
      let recorder = try start(folder)
      let descriptors = try Program.run("ls", "-l", "/proc/\(recorder.pid)/fd").output
      let line = try #require(descriptors.split(separator: "\n").first { $0.contains("memfd:") })
      let number = try #require(line.split(separator: " -> ").first?.split(separator: " ").last)
      let path = "/proc/\(recorder.pid)/fd/\(number)"
      #expect(try Program.run("stat", "-L", "-c", "%a", path).output == "600\n")
      let read = try Program(["head", "-c", "8", path], user: Machine.nobody).result()
      #expect(read.status != 0)
      recorder.send(SIGUSR1)
      #expect(try recorder.result().status == 0)
    }

    @Test func `An ordinary user records as root does`() throws {
      guard Machine.isRoot else { try Test.cancel("we are an ordinary user ourselves") }
      let recording = try TestRecording(Workload.build("held_lock"), user: Machine.nobody)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.lock("held_mu").contended == 100)
    }

    // MARK: What is in the way

    @Test func `A program that can't be run is told from one that is not there`() throws {
      let folder = try TemporaryFolder()
      let text = try folder.write(Array("text".utf8), to: "text")
      for (program, status) in [
        ("./missing", 127 as Int32), ("no-such-program-anywhere", 127), (text, 126), ("/", 126),
        ("/etc/passwd/x", 127),
      ] {
        let run = try CTrace.run("record", program, directory: folder.path)
        #expect(run.status == status, "\(program)")
        #expect(run.errors.hasPrefix("ctrace: \(program): "), "\(run.errors)")
        #expect(isOneLine(run.errors))
      }
      // A file that may be executed, but is no program: the shell's 126.
      let program = try Data(contentsOf: URL(fileURLWithPath: Workload.build("held_lock")))
      try folder.write(program.prefix(40), to: "broken")
      chmod(folder.path + "/broken", 0o755)
      let run = try CTrace.run("record", "./broken", directory: folder.path)
      #expect(run.status == 126)
      #expect(isOneLine(run.errors))
      #expect(folder.names == ["broken", "text"])
    }

    @Test func `A file that can't be written is said before anything runs`() throws {
      let folder = try TemporaryFolder()
      for path in ["/proc/nowhere/x.ctrace", "/no/such/folder/x.ctrace", folder.path] {
        let run = try CTrace.run(
          "record", "-o", path, "sh", "-c", "echo ran", directory: folder.path)
        #expect(run.status == 2, "\(path)")
        #expect(run.output.isEmpty)
        #expect(isOneLine(run.errors), "\(run.errors)")
        #expect(run.errors.contains("-o"), "\(run.errors)")
      }
      #expect(folder.names.isEmpty)
    }

    @Test func `A failed start leaves the older recording in its place`() throws {
      let folder = try TemporaryFolder()
      try folder.write(Array("older".utf8), to: "t.ctrace")
      let run = try CTrace.run("record", "-o", "t.ctrace", "./missing", directory: folder.path)
      #expect(run.status == 127)
      #expect(folder.names == ["t.ctrace"])
      #expect(folder.text("t.ctrace") == "older")
    }

    @Test func `A full disk ends the recording, not the program`() throws {
      let run = try CTrace.run(
        "record", "-q", "-o", "/dev/full", Workload.build("held_lock"))
      #expect(run.status == 0)
      #expect(run.values["rounds"] == 100)
      #expect(isOneLine(run.errors), "\(run.errors)")
      #expect(run.errors.contains("No space left"))
    }

    @Test func `A disk that fills up keeps what was written before`() throws {
      guard Machine.isRoot else { try Test.cancel("only root can make a small disk") }
      let folder = try TemporaryFolder()
      let disk = folder.path + "/disk"
      #expect(try Program.run("mkdir", disk).status == 0)
      let mounted = try Program.run(
        "mount", "-t", "tmpfs", "-o", "size=256k", "none", disk)
      guard mounted.status == 0 else { try Test.cancel("no small disk: \(mounted.errors)") }
      defer { _ = try? Program.run("umount", disk) }
      let file = disk + "/t.ctrace"
      let run = try CTrace.run(
        "record", "-q", "-o", file, Workload.build("overload"), "60000")
      #expect(run.status == 0)
      #expect(run.values["waits"] == 480_000)
      #expect(isOneLine(run.errors), "\(run.errors)")
      let info = try CTrace.run("info", file)
      #expect(info.status == 0, "\(info.errors)")
      #expect(try events(file: file) > 0)
    }

    // MARK: Helpers

    /// Records `endless`, and returns when it runs.
    private func start(_ folder: TemporaryFolder, options: [String] = []) throws -> Program {
      let recorder = try Program(
        [CTrace.path, "record", "-q", "-o", folder.path + "/t.ctrace"] + options + [
          try Workload.build("endless")
        ], directory: folder.path)
      try recorder.wait(for: "the program's start") { recorder.outputSoFar.contains("pid ") }
      return recorder
    }

    private func pid(of output: String) throws -> Int32? {
      output.split(separator: "\n").first { $0.hasPrefix("pid ") }.flatMap {
        Int32($0.dropFirst(4))
      }
    }

    private func report(_ folder: TemporaryFolder) throws -> Report {
      let run = try CTrace.run("report", "--format", "json", folder.path + "/t.ctrace")
      return try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
    }

    private func events(_ folder: TemporaryFolder) throws -> Int {
      try events(file: folder.path + "/t.ctrace")
    }

    /// Waits for mutexes in a file that may not be whole yet.
    private func waits(_ folder: TemporaryFolder) throws -> UInt64 {
      let run = try CTrace.run("report", "--format", "json", folder.path + "/t.ctrace")
      let report = try? JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
      return report?.locks.first { $0.kind == "mutex" }?.contended ?? 0
    }

    private func events(file: String) throws -> Int {
      let info = try CTrace.run("info", file).output
      let line = info.split(separator: "\n").first { $0.hasPrefix("events") }
      return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    private func isComplete(_ folder: TemporaryFolder) throws -> Bool {
      try CTrace.run("info", folder.path + "/t.ctrace").output.contains("index         present")
    }
  }
}

/// One line that ends, and says who speaks.
func isOneLine(_ text: String) -> Bool {
  text.hasPrefix("ctrace: ") && text.hasSuffix("\n") && text.count { $0 == "\n" } == 1
}

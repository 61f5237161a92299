import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Programs of Python's, which are to run as they do bare, however they are run.
  @Suite struct PythonPrograms {
    /// Ways to run a program of Python's; each is a command of sh.
    private static let ways: [String] = [
      "exec $PYTHON $PROGRAM -a",
      "exec $PYTHON -c 'import runpy, sys; runpy.run_path(sys.argv[1])' $PROGRAM",
      "exec $PYTHON -m facts -a",
      "exec $PYTHON < $PROGRAM",
      "exec $PYTHON - < $PROGRAM",
      "exec $PYTHON -I -S -E $PROGRAM",
      "exec $PYTHON -X dev -W error $PROGRAM",
      "exec $PYTHON -O -B -u $PROGRAM",
      "$PYTHON -m venv --without-pip venv && exec venv/bin/python $PROGRAM -a",
      "echo 'import queue; print(queue.__name__)' > sitecustomize.py; exec $PYTHON $PROGRAM",
      "exec $PYTHON -m cProfile -o profile $PROGRAM",
      "exec $PYTHON -m trace --count --missing -C counts $PROGRAM",
      "exec $PYTHON -m pdb -c 'break describe' -c 'clear 1' -c continue -c quit $PROGRAM < /dev/null",
      "exec $PYTHON -c 'import sys; sys.addaudithook(lambda *a: None); import queue, facts'",
    ]

    private func run(
      _ way: String, _ python: Python, isRecorded: Bool
    ) throws -> ProgramResult {
      let folder = try TemporaryFolder()
      let environment = [
        "PYTHON": python.path, "PROGRAM": Python.workload("facts"),
        "PYTHONPATH": "\(folder.path):\(Workload.sources)/python", "PYTHONDONTWRITEBYTECODE": "1",
      ]
      let file = try TemporaryFolder()
      let recorder =
        isRecorded
        ? [CTrace.path, "record", "--quiet", "-o", file.path + "/test.ctrace", "--"] : []
      var result = try Program(
        recorder + ["sh", "-c", way], environment: environment, directory: folder.path
      ).result()
      result.output = result.output.replacingOccurrences(of: folder.path, with: "FOLDER")
      result.errors = result.errors.replacingOccurrences(of: folder.path, with: "FOLDER")
      return result
    }

    private func expectNoDifference(_ way: String, _ python: Python) throws {
      let bare = try run(way, python, isRecorded: false)
      let recorded = try run(way, python, isRecorded: true)
      #expect(bare.output.split(separator: "\n").count > 100, "\(way): \(bare.errors)")
      #expect(recorded.status == bare.status, "\(way)")
      let different = zip(
        recorded.output.split(separator: "\n"), bare.output.split(separator: "\n")
      ).filter { $0 != $1 }.prefix(3)
      #expect(recorded.output == bare.output, "\(way): \(different)")
      #expect(recorded.errors == bare.errors, "\(way)")
    }

    @Test(arguments: Python.all)
    func `a program finds nothing different in a recording`(python: Python) throws {
      try expectNoDifference(PythonPrograms.ways[0], python)
    }

    @Test(arguments: ways.dropFirst())
    func `a program finds nothing different, however it is run`(way: String) throws {
      try expectNoDifference(way, .system)
    }

    // MARK: Signals

    @Test(arguments: Python.all)
    func `frames are not read by signal handlers, which come while they change`(
      python: Python
    ) throws {
      let recording = try python.record("wakeups", options: ["--sched", "off"])
      let wakeups = UInt64(try recording.value("wakeups"))
      let sockets = try recording.report().queues.filter { $0.kind == "socket" }
      let socket = try #require(
        sockets.first { $0.enqueued == wakeups }, "\(sockets.map(\.enqueued))")
      #expect(!socket.producers.isEmpty)
      for producer in socket.producers {
        #expect(
          !producer.stack.contains { $0.function.hasSuffix("spin") }, "\(producer.stack.functions)")
      }
      // Who receives does so as ever.
      #expect(socket.consumers.contains { $0.stack.contains { $0.function == "receive" } })
    }

    // MARK: Services

    @Test(arguments: ["flask", "aiohttp"])
    func `a service under load gives the same answers, and its threads and locks are told`(
      framework: String
    ) throws {
      let python = Python.system
      try #require(python.has(framework), "python3-\(framework) is not installed")
      let bare = try Program([python.path, Python.workload("web"), framework]).result()
      #expect(bare.output.hasPrefix("answers 200 good 200\n"), "\(bare.errors)")
      let recording = try python.record("web", [framework])
      #expect(recording.run.output == bare.output)
      #expect(recording.run.errors == bare.errors)
      let report = try recording.report()
      let gil = try #require(report.gil.first)
      #expect(gil.contended > 0 && gil.utilisation > 0 && gil.utilisation <= 1)
      if framework == "flask" {
        // Each request takes it once, and the requests of eight clients wait for each other.
        let lock = try recording.lock("web.py:39 lock", kind: "python-lock")
        #expect(lock.acquisitions == 200 && lock.contended > 0)
        #expect(lock.holders.first?.stack.first?.function.hasSuffix("answer") == true)
      } else {
        let answers = report.tasks.filter {
          $0.name.contains("start (") || $0.name.contains("answer")
        }
        #expect(answers.reduce(0) { $0 + $1.steps } >= 200, "\(report.tasks.map(\.name))")
      }
    }

    @Test(arguments: Python.all)
    func `what programs seldom do comes out the same`(python: Python) throws {
      func run(_ command: [String]) throws -> ProgramResult {
        let folder = try TemporaryFolder()
        return try Program(
          command + [python.path, "-B", Python.workload("unusual")], directory: folder.path
        ).result()
      }
      let bare = try run([])
      let recorded = try run([CTrace.path, "record", "--quiet", "-o", "test.ctrace", "--"])
      #expect(bare.status == 0 && bare.output.hasSuffix("contexts multiprocessing.context\n"))
      #expect(recorded.status == bare.status)
      #expect(recorded.output == bare.output)
      #expect(recorded.errors == bare.errors)
    }

    // MARK: Other interpreters

    /// The interpreters that have a library to link with.
    private static let libraries: [(python: Python, library: String)] = Python.all.compactMap {
      let prefix = ($0.path as NSString).deletingLastPathComponent + "/../lib"
      let library = "\(prefix)/libpython3.\($0.version).so"
      return FileManager.default.fileExists(atPath: library) ? ($0, library) : nil
    }

    @Test(
      .enabled(if: !libraries.isEmpty, "no interpreter here has a library to link with"),
      arguments: libraries)
    func `a program that has Python in it is recorded`(python: Python, library: String) throws {
      let folder = (library as NSString).deletingLastPathComponent
      let program = try Workload.build(
        "embeds_python", flags: [library, "-Wl,-rpath,\(folder)"],
        output: "embeds_python_\(python.version)")
      let code = "import queue; q = queue.Queue(3); q.put(1); q.put(2); q.get(); print(q.qsize())"
      let recording = try TestRecording(
        program, code, environment: ["PYTHONHOME": folder + "/.."])
      #expect(recording.run.status == 0 && recording.run.output == "1\n", "\(recording.run.errors)")
      let queue = try #require(recording.report().queues.first { $0.kind == "python-queue" })
      #expect(queue.enqueued == 2 && queue.dequeued == 1 && queue.depth.max == 2)
      #expect(queue.capacity == 3)
    }

    @Test(
      arguments: [
        ("3.8.18 (default, Nov 28 2026)", 1, nil),
        ("3.13.0 (main, Nov 28 2026)", 1, nil),
        ("3.13.5 (main, Nov 28 2026)", 1, "keeps its locks to itself from 3.13.1 on"),
        ("3.14.0 (main, Nov 28 2026)", 0, "newer than this ctrace knows"),
        ("3.13.1 experimental free-threading build (main, Nov 28 2026)", 0, "without the GIL"),
        ("2.7.18 (default, Nov 28 2026)", 0, nil),
      ] as [(String, Int64, String?)])
    func `of versions that are not known nothing is taken for granted, and the report says so`(
      version: String, hooks: Int64, note: String?
    ) throws {
      let name = version.filter { $0.isLetter || $0.isNumber }
      let program = try Workload.build(
        "pretends_python", flags: ["-rdynamic", "-DVERSION=\"\(version)\""], output: "python\(name)"
      )
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.value("hooks") == hooks)
      let notes = try recording.report().recording.notes
      #expect(notes.count == (note == nil ? 0 : 1), "\(notes)")
      if let note { #expect(notes[0].contains(note)) }
    }
  }
}

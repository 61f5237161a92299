import Foundation
import TestSupport
import Testing
import TraceModel

/// `ctrace export`, seen from outside: its forms, what it leaves out, and that it says so.
@Suite struct ExportTests {
  /// A second in which two threads wait in turn, one of them longer, with names for a profile.
  private func folder() throws -> TemporaryFolder {
    var trace = TraceBuilder(duration: 1_000_000_000)
    let threads = ["alpha", "beta", "gamma"].map { trace.thread($0) }
    let (hot, cold) = (trace.lock("hot_mu"), trace.lock("cold_mu"))
    let ready = trace.lock("ready", kind: .condition)
    let get = trace.stack("pthread_mutex_lock", "cache_get", "main")
    let put = trace.stack("pthread_mutex_unlock", "cache_put", "main")
    for step in 0..<1000 as Range<Int64> {
      let time = step * 1_000_000
      trace.wait(threads[0], hot, from: time, to: time + 400_000, owner: threads[2], stack: get)
      trace.release(threads[2], hot, from: time - 1000, to: time + 390_000, stack: put)
      trace.wait(threads[1], cold, from: time, to: time + 100_000, stack: get)
      trace.wait(threads[2], ready, from: time + 400_000, to: time + 500_000, operation: .wait)
    }
    let folder = try TemporaryFolder()
    try folder.write(try trace.file(eventsPerChunk: 100), to: "x.ctrace")
    return folder
  }

  private func export(
    _ arguments: String..., in folder: TemporaryFolder
  ) throws -> ProgramResult {
    try Program([CTrace.path, "export"] + arguments + ["x.ctrace"], directory: folder.path)
      .result()
  }

  private struct Document {
    var names: [String]
    /// Microseconds.
    var ends: [Double]
    var threads: Set<Int>
    var cut: String?
  }

  private func document(_ text: some Sequence<UInt8>) throws -> Document {
    let parsed = try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any]
    let events = try #require(parsed?["traceEvents"] as? [[String: Any]])
    let slices = events.filter { $0["ph"] as? String == "X" }
    return Document(
      names: slices.compactMap { $0["name"] as? String },
      ends: slices.map { ($0["ts"] as? Double ?? -1) + ($0["dur"] as? Double ?? -1) },
      threads: Set(slices.compactMap { $0["tid"] as? Int }),
      cut: (parsed?["otherData"] as? [String: String])?["cut"])
  }

  @Test func `A file whose name ends in .gz is compressed`() throws {
    let folder = try folder()
    let plain = try export(in: folder)
    #expect(plain.status == 0 && plain.errors.isEmpty)
    for (arguments, text) in [
      (["export", "-o", "x.json.gz", "x.ctrace"], plain.output),
      (
        ["report", "-o", "x.txt.gz", "x.ctrace"],
        try CTrace.run("report", folder.path + "/x.ctrace").output
      ),
    ] {
      #expect(try Program([CTrace.path] + arguments, directory: folder.path).result().status == 0)
      let name = arguments[2]
      #expect(Array(folder.bytes(name).prefix(2)) == [0x1f, 0x8b])
      let unpacked = try Program.run("gzip", "-dc", name, directory: folder.path)
      #expect(unpacked.status == 0)
      if name == "x.json.gz" {
        #expect(unpacked.output == text)
        #expect(folder.bytes(name).count < plain.output.utf8.count / 5)
      } else {
        #expect(unpacked.output.contains("hot_mu"))
      }
    }
    let full = try export("-o", "/dev/full", in: folder)
    #expect(full.status == 2)
  }

  @Test func `A part of the time is a document of that part, which says so`() throws {
    let folder = try folder()
    let whole = try document(try export(in: folder).output.utf8)
    #expect(whole.cut == nil)
    let run = try export("--from", "0.25s", "--to", "500ms", in: folder)
    #expect(run.status == 0)
    let part = try document(run.output.utf8)
    #expect(part.ends.allSatisfy { 250_000...500_000 ~= $0 })
    #expect(abs(part.names.count - whole.names.count / 4) < 8)
    #expect(part.cut == "only 250 ms to 500 ms of 1.0 s")
    #expect(run.errors == "ctrace: exported only 250 ms to 500 ms of 1.0 s\n")
    #expect(
      try document(try export("--from", "990ms", in: folder).output.utf8).names.count {
        $0 == "wait hot_mu"
      }
        == 10)
  }

  @Test func `The threads and locks that cost most can be exported alone`() throws {
    let folder = try folder()
    let run = try export("--top", "1", in: folder)
    #expect(run.status == 0)
    let part = try document(run.output.utf8)
    // Alpha waited longest, for hot_mu, which gamma had.
    #expect(Set(part.names) == ["wait hot_mu", "hold hot_mu", "acquired hot_mu"])
    #expect(part.threads == [101, 103])
    #expect(part.cut?.contains("the 1 of 3 threads that waited longest") == true)
    #expect(run.errors == "ctrace: exported \(part.cut ?? "")\n")
  }

  @Test func `A document can be kept small, and ends earlier then`() throws {
    let folder = try folder()
    let whole = try export(in: folder).output
    for size in [20_000, 100_000, whole.utf8.count - 1] {
      let run = try export("--max-bytes", "\(size)", in: folder)
      #expect(run.status == 0)
      #expect(run.output.utf8.count <= size)
      #expect(run.output.utf8.count > size / 10 * 8)
      let part = try document(run.output.utf8)
      #expect(part.cut?.contains("to have no more than \(size) bytes") == true)
      #expect(run.errors == "ctrace: exported \(part.cut ?? "")\n")
      let window = try export("--from", "100ms", "--max-bytes", "\(size)", in: folder)
      #expect(window.output.utf8.count <= size)
      #expect(try document(window.output.utf8).cut?.hasPrefix("only 100 ms to ") == true)
    }
    let enough = try export("--max-bytes", "\(whole.utf8.count)", in: folder)
    #expect(enough.output == whole && enough.errors.isEmpty)
    let small = try export("--max-bytes", "100", "-o", "small.json", in: folder)
    #expect(small.status == 2 && small.errors.contains("--max-bytes 100"))
    #expect(folder.names == ["x.ctrace"])
  }

  @Test(.enabled(if: Machine.has("go"))) func `pprof shows waits by who waited and by who held`()
    throws
  {
    let folder = try folder()
    for (side, place) in [("waiter", "cache_get"), ("holder", "cache_put")] {
      let name = "\(side).pb.gz"
      #expect(
        try export("--format", "pprof", "--by", side, "-o", name, in: folder).status == 0)
      func pprof(_ option: String...) throws -> String {
        let run = try Program(
          ["go", "tool", "pprof"] + option + [name],
          environment: ["HOME": folder.path], directory: folder.path
        ).result()
        #expect(run.status == 0, "\(run.errors)")
        return run.output
      }
      let top = try pprof("-top", "-unit=ms")
      // 1000 waits of 400 us and 1000 of 100 us; the first are charged up to the releases.
      let time = side == "waiter" ? "500ms" : "390ms"
      #expect(top.contains("\(time)   100%   100%      \(time)   100%  \(place)"), "\(top)")
      #expect(!top.contains("pthread_mutex"))
      let raw = try pprof("-raw")
      #expect(raw.contains("contentions/count delay/nanoseconds"))
      #expect(raw.contains(side == "waiter" ? "1000  400000000" : "1000  390000000"), "\(raw)")
      let traces = try pprof("-traces")
      #expect(traces.contains("lock:  hot_mu"))
      #expect(traces.contains(side == "waiter" ? "thread:  alpha" : "thread:  gamma"), "\(traces)")
    }
    // Into a pipe it is compressed too, and nothing of the kind goes to a terminal.
    let terminal = try Program.run(
      "python3", "-c",
      "import pty, sys; sys.exit(pty.spawn(sys.argv[1:], lambda fd: __import__('os').read(fd, 999)) >> 8)",
      CTrace.path, "export", "--format", "pprof", "x.ctrace", directory: folder.path)
    #expect(terminal.status == 2)
    #expect(terminal.output.contains("choose a file with -o"))
    let piped = try Program.run(
      "sh", "-c", "\"$0\" export --format pprof x.ctrace | gzip -t", CTrace.path,
      directory: folder.path)
    #expect(piped.status == 0)
  }

  @Test func `Collapsed stacks count time or waits, of locks or of everything`() throws {
    let folder = try folder()
    func lines(_ arguments: String...) throws -> [Substring] {
      let run = try Program(
        [CTrace.path, "export", "--format", "collapsed"] + arguments + ["x.ctrace"],
        directory: folder.path
      ).result()
      #expect(run.status == 0)
      return run.output.split(separator: "\n")
    }
    #expect(
      try lines() == [
        "alpha;main;cache_get;[hot_mu] 400000000", "beta;main;cache_get;[cold_mu] 100000000",
      ])
    #expect(
      try lines("--unit", "count", "--all-waits") == [
        "alpha;main;cache_get;[hot_mu] 1000", "beta;main;cache_get;[cold_mu] 1000",
        "gamma;[no stack];[ready] 1000",
      ])
    #expect(try lines("--by", "holder") == ["gamma;main;cache_put;[hot_mu] 390000000"])
    #expect(
      try lines("--from", "0.9995s") == []
        && lines("--to", "100us") == [
          "alpha;main;cache_get;[hot_mu] 100000", "beta;main;cache_get;[cold_mu] 100000",
        ])
  }

  @Test(
    arguments: [
      (["--from", "2s"], "--from is behind the end"), (["--from", "1s"], "--from is behind"),
      (["--from", "5ms", "--to", "5ms"], "--from must be before --to"),
      (["--to", "0"], "--to must be more than 0"), (["--from", "-1s"], "--from"),
      (["--from", "x"], "--from"), (["--to", "1parsec"], "--to"), (["--top", "0"], "--top"),
      (["--top", "-1"], "--top"), (["--top", "x"], "--top"), (["--max-bytes", "0"], "--max-bytes"),
      (["--max-bytes", "many"], "--max-bytes"), (["--format", "xml"], "--format"),
      (["--by", "holder"], "--by does not go with --format chrome"),
      (["--unit", "time"], "--unit does not go"), (["--all-waits"], "--all-waits does not go"),
      (["--format", "pprof", "--top", "3"], "--top does not go with --format pprof"),
      (["--format", "collapsed", "--max-bytes", "1M"], "--max-bytes does not go"),
      (["--format", "pprof", "--unit", "count"], "--unit does not go"),
      (["--format", "pprof", "--by", "lock"], "--by"),
      (
        ["--format", "pprof", "--by", "holder", "--all-waits"], "--all-waits goes with --by waiter"
      ),
    ] as [([String], String)])
  func `Options that make no sense are refused`(arguments: [String], about: String) throws {
    let folder = try folder()
    let run = try Program(
      [CTrace.path, "export"] + arguments + ["-o", "out", "x.ctrace"], directory: folder.path
    ).result()
    #expect(run.status == 2)
    #expect(run.errors.contains(about), "\(run.errors)")
    #expect(folder.names == ["x.ctrace"])
  }
}

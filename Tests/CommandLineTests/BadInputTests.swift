import Foundation
import TestSupport
import Testing

/// One line that ends, says who speaks, and names what it is about.
private func isOneLine(_ text: String, about name: String) -> Bool {
  text.hasPrefix("ctrace: ") && text.hasSuffix("\n") && text.count { $0 == "\n" } == 1
    && text.contains(name)
}

/// What each command answers to input that it can't use: one clear line, the exit code of wrong
/// usage, and nothing half-written.
@Suite struct BadInputTests {
  static let readers = [
    ["report"], ["report", "--format", "json"], ["info"],
    ["export"], ["export", "--format", "pprof"], ["export", "--format", "collapsed"],
  ]

  @Test(arguments: readers)
  func `Files that are no recordings are refused`(command: [String]) throws {
    let folder = try TemporaryFolder()
    let good = try recording()
    try folder.write([], to: "empty")
    try folder.write(good.prefix(20), to: "short")
    try folder.write("#!/bin/sh\necho no\n".utf8, to: "script")
    try folder.write([UInt8](repeating: 0, count: 10000), to: "zeros")
    #expect(
      try Program.run("sh", "-c", "echo x | zstd -q >other.zst", directory: folder.path)
        .status == 0)
    #expect(try Program.run("mkfifo", "fifo", directory: folder.path).status == 0)
    let names = folder.names
    for name in names + ["missing", ".", "/dev/null", "/proc/self/mem"] {
      let run = try run(command + [name], in: folder)
      #expect(run.status == 2, "\(name)")
      #expect(run.output.isEmpty, "\(name)")
      #expect(isOneLine(run.errors, about: name), "\(name): \(run.errors)")
    }
    #expect(folder.names == names)
  }

  @Test func `A file that may not be read is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try recording(), to: "secret.ctrace")
    chmod(path, 0o000)
    let command = [CTrace.path, "report", path]
    let run = try Program(command, user: Machine.isRoot ? Machine.nobody : nil).result()
    #expect(run.status == 2)
    #expect(isOneLine(run.errors, about: "secret.ctrace"), "\(run.errors)")
    #expect(run.errors.contains("Permission denied"))
  }

  @Test(arguments: readers)
  func `A file that is damaged or cut gives an error or what is whole, and nothing half`(
    command: [String]
  ) throws {
    let folder = try TemporaryFolder()
    let good = try recording()
    var places = [0, 4, 8, 12, 20, 30, 60, good.count / 2, good.count - 30, good.count - 1]
    places += stride(from: 100, to: good.count, by: max(1, good.count / 12))
    for place in places {
      var bytes = good
      bytes[place] ^= 0x55
      try folder.write(bytes, to: "x.ctrace")
      let damaged = try run(command + ["x.ctrace"], in: folder)
      #expect([0, 2].contains(damaged.status), "\(place): \(damaged.status) \(damaged.errors)")
      if damaged.status == 2 {
        #expect(isOneLine(damaged.errors, about: "x.ctrace"), "\(damaged.errors)")
      }
      try folder.write(good.prefix(place), to: "x.ctrace")
      let cut = try run(command + ["x.ctrace"], in: folder)
      #expect([0, 2].contains(cut.status), "\(place): \(cut.status) \(cut.errors)")
      #expect(folder.names == ["x.ctrace"])
    }
  }

  @Test func `A result that can't be written leaves nothing behind`() throws {
    let folder = try TemporaryFolder()
    try folder.write(try recording(), to: "x.ctrace")
    for command in [["report"], ["report", "--format", "json"], ["export"]] {
      for path in ["/no/such/folder/out", "/proc/out", "/dev/full"] {
        let run = try run(command + ["x.ctrace", "-o", path], in: folder)
        #expect(run.status == 2, "\(path)")
        #expect(isOneLine(run.errors, about: path), "\(run.errors)")
        #expect(run.errors.contains("-o"))
      }
      // Standard output that takes nothing.
      let full = try Program(
        ["sh", "-c", "exec \"$@\" >/dev/full", "sh", CTrace.path] + command + ["x.ctrace"],
        directory: folder.path
      ).result()
      #expect(full.status == 2)
      #expect(isOneLine(full.errors, about: "standard output"), "\(full.errors)")
    }
    #expect(folder.names == ["x.ctrace"])
  }

  @Test func `A result never replaces the recording that it is made of`() throws {
    let folder = try TemporaryFolder()
    let good = try recording()
    try folder.write(good, to: "x.ctrace")
    for command in [["report"], ["export"]] {
      let run = try run(command + ["x.ctrace", "-o", "./x.ctrace"], in: folder)
      #expect(run.status == 2)
      #expect(isOneLine(run.errors, about: "x.ctrace"), "\(run.errors)")
    }
    #expect(folder.bytes("x.ctrace") == good)
  }

  @Test func `A pipe whose reader has gone is no error worth a word`() throws {
    let folder = try TemporaryFolder()
    try folder.write(try recording(), to: "x.ctrace")
    let run = try Program.run(
      "sh", "-c", "\"$0\" export x.ctrace | head -c 10 >/dev/null", CTrace.path,
      directory: folder.path)
    #expect(run.errors.isEmpty, "\(run.errors)")
  }

  @Test(arguments: [
    ["report", "--no-such-option", "x"], ["report"], ["report", "--top", "none", "x"],
    ["report", "--top", "0", "x"], ["report", "--format", "xml", "x"], ["export", "--format", "x"],
    ["info"], ["no-such-command"], ["info", "a", "b"], ["--no-such-option"],
    ["record", "--max-size", "none", "true"], ["record", "--duration", "-1", "true"],
    ["record", "--no-such-option", "true"], ["record"], ["record", "--"], ["record", ""],
  ])
  func `Wrong usage exits with 2 and says what is wrong`(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try run(arguments, in: folder)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    let first = run.errors.split(separator: "\n").first ?? ""
    #expect(first.hasPrefix("Error: ") || first.hasPrefix("ctrace: "), "\(run.errors)")
    #expect(folder.names.isEmpty)
  }

  @Test(arguments: [[], ["record"], ["report"], ["export"], ["view"], ["info"], ["ci"], ["diff"]])
  func `Help has examples, fits the terminal, and is no error`(command: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try run(command + ["--help"], in: folder)
    #expect(run.status == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("Examples:"))
    #expect(run.output.contains("ctrace \(command.first ?? "record") "))
    for line in run.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
  }

  @Test func `The version and the completions are there`() throws {
    #expect(try CTrace.run("--version").output == "0.1.0\n")
    for shell in ["bash", "zsh", "fish"] {
      let run = try CTrace.run("--generate-completion-script", shell)
      #expect(run.status == 0)
      #expect(run.output.contains("record"))
    }
  }

  // MARK: Helpers

  private func run(_ arguments: [String], in folder: TemporaryFolder) throws -> ProgramResult {
    try Program([CTrace.path] + arguments, directory: folder.path).result()
  }

  /// A small recording.
  private func recording() throws -> [UInt8] {
    var trace = TraceBuilder()
    let (one, other) = (trace.thread("one"), trace.thread("other"))
    let lock = trace.lock("mu")
    let stack = trace.stack("inner", "outer")
    for step in 0..<50 as Range<Int64> {
      trace.wait(one, lock, from: step * 100, to: step * 100 + 50, owner: other, stack: stack)
      trace.release(other, lock, from: step * 100 - 10, to: step * 100 + 50, stack: stack)
    }
    trace.use(one, lock, acquisitions: 50)
    trace.use(other, lock, acquisitions: 50)
    return try trace.file(eventsPerChunk: 20)
  }
}

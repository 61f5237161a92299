internal import TraceAnalysis

/// A side of a comparison.
enum GateSide: String {
  case base
  case head
}

/// A program that is run again and again.
struct GateProgram {
  /// Whose runs these are.
  var side: GateSide
  /// What is executed.
  var arguments: [String]
  /// The same as the user gave it.
  var words: String
  /// Whether a shell is executed, which says by its status that it found no program.
  var isShell: Bool

  /// A program and its arguments.
  init(_ side: GateSide, arguments: [String]) {
    self.side = side
    self.arguments = arguments
    words = GateProgram.words(arguments)
    isShell = false
  }

  /// A command for the shell.
  init(_ side: GateSide, shell command: String) {
    self.side = side
    arguments = ["/bin/sh", "-c", command]
    words = command
    isShell = true
  }

  /// Arguments as a shell takes them.
  static func words(_ arguments: [String]) -> String {
    arguments.map { argument in
      let isPlain =
        !argument.isEmpty
        && argument.utf8.allSatisfy {
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0 & 0xdf)
            || "/._-+=:,@%".utf8.contains($0)
        }
      return isPlain ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }
}

/// Who runs when.
enum RunOrder {
  /// Base, head, head, base, base, head...: neither always follows the other, so that what the machine does
  /// meanwhile, and what the one leaves warm for the other, falls to both alike.
  static func byTurns(_ pairs: Int) -> [GateSide] {
    (0..<pairs).flatMap { $0 % 2 == 0 ? [GateSide.base, .head] : [.head, .base] }
  }
}

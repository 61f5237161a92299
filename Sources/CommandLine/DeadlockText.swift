internal import TraceAnalysis
internal import TraceModel
internal import TraceRecorder

/// A deadlock as a terminal shows it while the program hangs in it.
struct DeadlockText {
  let deadlock: Deadlock
  let program: String
  let style: Style

  /// Calls of a thread that are shown.
  private static let mostCalls = 6

  /// The whole text, ending with a line break.
  var text: String {
    let count = deadlock.members.count
    let who =
      count == 1 ? "a thread waits for itself" : "\(count) threads wait for each other"
    var lines = [style.warning("ctrace: \(program) hangs in a deadlock: \(who)")]
    for (place, member) in deadlock.members.enumerated() {
      let next = deadlock.members[(place + 1) % count]
      let what =
        member.isJoin
        ? "the end of \(name(next))"
        : "\(member.lock), held by \(count == 1 ? "itself" : name(next))"
      lines.append(
        "  \(name(member)) has waited "
          + "\(Duration.nanoseconds(member.waited).brief) for \(what)")
      lines += calls(of: member).map { "      \(call($0))" }
    }
    let behind = deadlock.waitingBehind
    if behind > 0 {
      lines.append("  \(behind) more thread\(behind == 1 ? " waits" : "s wait") behind them")
    }
    lines.append("  Ctrl-C ends the program and keeps the recording.")
    return lines.map { "\($0)\n" }.joined()
  }

  private func name(_ member: Deadlock.Member) -> String {
    "\(member.name.isEmpty ? "thread" : member.name) (\(member.tid))"
  }

  /// The program's own calls: not those that libc begins a thread with.
  private func calls(of member: Deadlock.Member) -> some Sequence<Symbol> {
    member.stack.prefix {
      !["start_thread", "__libc_start_call_main"].contains($0.function)
    }.prefix(DeadlockText.mostCalls)
  }

  private func call(_ symbol: Symbol) -> String {
    let function =
      symbol.function.isEmpty
      ? "\(symbol.module.isEmpty ? "?" : symbol.module)+0x\(String(symbol.offset, radix: 16))"
      : symbol.function
    guard let file = symbol.file.split(separator: "/").last else { return function }
    return "\(function)  \(file):\(symbol.line)"
  }
}

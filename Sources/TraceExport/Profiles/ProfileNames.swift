internal import TraceModel

/// What profiles call threads, locks and frames.
struct ProfileNames {
  private let definitions: TraceDefinitions
  private let locks: LockNames

  init(_ definitions: TraceDefinitions) {
    self.definitions = definitions
    locks = LockNames(definitions)
  }

  func lock(_ lock: LockID) -> String { locks[lock] }

  func kind(_ lock: LockID) -> String {
    definitions.locks[lock]?.kind.name ?? LockKind.unknown.name
  }

  /// The thread's name; its number where it has none.
  func thread(_ thread: ThreadID) -> String? {
    guard let thread = definitions.threads[thread] else { return nil }
    return thread.name.isEmpty ? "thread \(thread.tid)" : thread.name
  }

  /// The frames of a stack, innermost first: from what called the lock on. Never none.
  func frames(_ stack: StackID) -> [Symbol] {
    let frames = definitions.frames(of: stack)
    return frames.isEmpty ? [Symbol(function: "[no stack]")] : frames
  }
}

extension Symbol {
  /// The function, or the place in the module where that is not known.
  var profileName: String {
    if !function.isEmpty { return function }
    let offset = "0x" + String(offset, radix: 16)
    return module.isEmpty ? offset : "\(module)+\(offset)"
  }
}

/// A lock as runs know it.
struct LockName: Hashable, Comparable {
  var name: String
  var kind: String

  static func < (one: LockName, other: LockName) -> Bool {
    (one.name, one.kind) < (other.name, other.kind)
  }
}

extension LockFigures {
  /// Whether anything was done with it: of some locks of tasks only waits are counted.
  var isUsed: Bool { acquisitions > 0 || busyNs > 0 }

  /// Nanoseconds that it was waited for each time it was acquired; nil where it was not.
  var waitPerAcquisition: Double? {
    acquisitions == 0 ? nil : Double(waitNs) / Double(acquisitions)
  }

  /// Nanoseconds that it was held each time it was acquired; nil where it was not, or is not held.
  var holdPerAcquisition: Double? {
    acquisitions == 0 ? nil : heldNs.map { Double($0) / Double(acquisitions) }
  }
}

extension RunFigures {
  func lock(_ name: LockName) -> LockFigures? {
    locks.first { $0.name == name.name && $0.kind == name.kind }
  }
}

extension [RunFigures] {
  /// All locks of all runs.
  var lockNames: [LockName] {
    Set(flatMap { $0.locks.map { LockName(name: $0.name, kind: $0.kind) } }).sorted()
  }
}

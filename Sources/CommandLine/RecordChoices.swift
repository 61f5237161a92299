public import ArgumentParser
public import LinuxSystem
public import TraceRecorder

// What `ctrace record` lets choose is what the recorder does: the words are its own.

extension SchedulingChoice: ExpressibleByArgument {}
extension CounterClock.Choice: ExpressibleByArgument {}

/// Where the depth of the kernel's queues comes from.
enum QueueDepthChoice: String, CaseIterable, ExpressibleByArgument {
  /// Nowhere: the kernel's queues are not recorded.
  case off
  /// What goes in and out of them.
  case calls
  /// The kernel, asked at each operation.
  case kernel
}

/// Numbers of processes as users write them: `4711` or `4711,4712`.
struct ProcessNumbers: ExpressibleByArgument {
  /// At least one, each once.
  var numbers: [Int32]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int32($0) }.filter { $0 > 0 }
    guard numbers.count == parts.count, !numbers.isEmpty else { return nil }
    self.numbers = Array(Set(numbers)).sorted()
  }
}

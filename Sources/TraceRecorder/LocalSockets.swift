internal import CTraceABI
internal import LinuxSystem

/// Which of the queues that local sockets are belong together.
///
/// Each socket is the queue of what is sent to it. Who receives knows its number; who sends often knows
/// only the number of its own end, and says so. The kernel tells which two are connected, as long as
/// they are.
final class LocalSockets {
  private let diagnosis = SocketDiagnosis()
  /// The queue behind the other end of a socket, by that socket's number.
  private var others: [UInt64: UInt64] = [:]
  private var seen: Set<UInt64> = []
  /// The key of the queue that a key stands for.
  func queue(of key: UInt64) -> UInt64 {
    let number = key & (CTRACE_OTHER_END - 1)
    if key & CTRACE_OTHER_END == 0 {
      if seen.insert(number).inserted, let other = find(number) { others[other] = number }
      return key
    }
    if others[number] == nil { others[number] = find(number) ?? number | CTRACE_OTHER_END }
    return key & ~(1 << 48 - 1) | (others[number] ?? number)
  }

  private func find(_ number: UInt64) -> UInt64? {
    UInt32(exactly: number).flatMap(diagnosis.otherEnd).map(UInt64.init)
  }
}

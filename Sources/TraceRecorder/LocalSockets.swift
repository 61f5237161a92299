internal import CTraceABI
internal import LinuxSystem

/// Which of the queues that local sockets are belong together.
///
/// Each socket is the queue of what is sent to it. Who receives knows its number; who sends often knows
/// only the number of its own end, and says so. The kernel tells which two are connected, as long as
/// they are.
final class LocalSockets {
  private let diagnosis = SocketDiagnosis()
  /// The queue behind the other end of a socket, by that socket's number: a number, or that of the socket
  /// itself with the mark of its other end.
  private var others: [UInt64: UInt64] = [:]
  /// The queue that a socket is, by its number.
  private var queues: [UInt64: UInt64] = [:]

  /// The key of the queue that a key stands for.
  func queue(of key: UInt64) -> UInt64 {
    let number = key & (CTRACE_OTHER_END - 1)
    let queue = key & CTRACE_OTHER_END == 0 ? queue(at: number) : queue(behind: number)
    return key & ~(1 << 48 - 1) | queue
  }

  private func queue(at number: UInt64) -> UInt64 {
    if let queue = queues[number] { return queue }
    var queue = number
    if let other = find(number) {
      // Who sends may have sent before there was a socket to receive: the server had yet to accept.
      queue = others[other] ?? number
      others[other] = queue
    }
    queues[number] = queue
    return queue
  }

  private func queue(behind number: UInt64) -> UInt64 {
    if let queue = others[number] { return queue }
    let queue = find(number).map { queues[$0] ?? $0 } ?? number | CTRACE_OTHER_END
    others[number] = queue
    return queue
  }

  private func find(_ number: UInt64) -> UInt64? {
    UInt32(exactly: number).flatMap(diagnosis.otherEnd).map(UInt64.init)
  }
}

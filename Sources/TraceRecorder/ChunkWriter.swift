internal import LinuxSystem
internal import Synchronization
internal import SystemPackage
internal import TraceFile

/// Compresses chunks and writes them to the file on a thread of its own, so that draining never
/// waits for the disk until the disk is far behind.
final class ChunkWriter: Sendable {
  /// What became of the file.
  struct Outcome: Sendable {
    var byteCount: UInt64 = 0
    /// Why writing stopped before the end; the file holds whole chunks up to there.
    var failure: Failure?
    /// Events that were left out because the file had reached its size.
    var eventsBeyondSize: UInt64 = 0
  }

  enum Failure: Hashable, Sendable {
    case system(Errno)
    case format(String)
  }

  private struct State {
    var queue: [Chunk] = []
    var queuedBytes = 0
    var isClosed = false
    var outcome = Outcome()
  }

  /// Payload that may wait for the disk; beyond this the recorder waits too, rings fill, and what
  /// does not fit there is counted as lost.
  private static let mostQueuedBytes = 256 << 20

  private let state = Mutex(State())
  private let signal: Signal
  private let file: FileDescriptor
  private let mostBytes: UInt64?

  /// `mostBytes`: where to stop, leaving the file whole.
  init(file: FileDescriptor, mostBytes: UInt64?) throws(Errno) {
    self.file = file
    self.mostBytes = mostBytes
    signal = try Signal()
  }

  /// Whether the file takes no more events.
  var isFull: Bool {
    state.withLock { $0.outcome.failure != nil || $0.outcome.eventsBeyondSize > 0 }
  }

  /// Hands over a chunk; waits when too much is waiting already.
  func append(_ chunk: Chunk) {
    while state.withLock({ $0.queuedBytes > ChunkWriter.mostQueuedBytes }) {
      signal.waitForRoom()
    }
    state.withLock {
      guard $0.outcome.failure == nil else { return }
      $0.queue.append(chunk)
      $0.queuedBytes += chunk.payload.count
    }
    signal.wake()
  }

  /// Nothing comes after this.
  func close() {
    state.withLock { $0.isClosed = true }
    signal.wake()
  }

  /// What became of the file; final once the thread has ended.
  var outcome: Outcome { state.withLock { $0.outcome } }

  /// The thread's body: writes until closed.
  func run() {
    do {
      var encoder = try TraceFileWriter()
      try write(encoder.header())
      while true {
        let (chunks, isClosed) = state.withLock { state in
          let chunks = state.queue
          state.queue = []
          return (chunks, state.isClosed)
        }
        for chunk in chunks {
          // Definitions are let in beyond the size: without them the events would mean nothing.
          if chunk.header.kind?.hasEvents == true, isSizeReached {
            // What is left out is said to be lost.
            state.withLock { $0.outcome.eventsBeyondSize += UInt64(chunk.header.count) }
            try write(encoder.encode(chunk.withoutEvents()))
          } else {
            try write(encoder.encode(chunk))
          }
          state.withLock { $0.queuedBytes -= chunk.payload.count }
          signal.makeRoom()
        }
        if chunks.isEmpty {
          if isClosed { break }
          signal.wait()
        }
      }
      try write(encoder.finish())
    } catch let error as Errno {
      fail(.system(error))
    } catch {
      fail(.format(String(describing: error)))
    }
  }

  private var isSizeReached: Bool {
    guard let mostBytes else { return false }
    return state.withLock { $0.outcome.byteCount >= mostBytes }
  }

  private func write(_ bytes: [UInt8]) throws {
    let written = state.withLock { $0.outcome.byteCount }
    do { try file.writeWhole(bytes) } catch {
      // What was written of this chunk would only make a reader stumble.
      try? file.resize(to: Int64(written))
      throw error
    }
    state.withLock { $0.outcome.byteCount += UInt64(bytes.count) }
  }

  private func fail(_ reason: Failure) {
    state.withLock {
      $0.outcome.failure = reason
      $0.queue = []
      $0.queuedBytes = 0
    }
    signal.makeRoom()
  }
}

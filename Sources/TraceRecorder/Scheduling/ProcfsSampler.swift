internal import LinuxSystem
internal import TraceFile
internal import TraceModel

/// Samples from /proc what the kernel counts of each thread, where it tells nothing better.
///
/// A sample says how long a thread ran and how long it waited for a CPU since the one before, and not
/// when. Sampling takes a twentieth of a CPU at most: with many threads it becomes rarer.
final class ProcfsSampler {
  private struct Sampled {
    var task: KernelTaskID
    var times: ProcFS.SchedulingTimes
  }

  private static let shortestInterval: Int64 = 10_000_000
  private static let leastIdle: Int64 = 20

  private var builder = SchedulingChunkBuilder(cpu: 0)
  private var threads: [ThreadID: Sampled] = [:]
  private var last: UInt32 = 0
  private var next = Timestamp.zero
  private var oldest: Timestamp?

  /// Samples the threads if it is time to.
  func sample(
    _ streams: [ThreadStream?], clock: () -> Timestamp, catalog: inout Catalog,
    writer: ChunkWriter
  ) {
    let now = clock()
    guard now >= next else { return }
    for case .some(let stream) in streams { sample(stream, at: now, &catalog) }
    let cost = clock() - now
    let pause = max(ProcfsSampler.shortestInterval, cost * ProcfsSampler.leastIdle)
    next = Timestamp(nanoseconds: now.nanoseconds + pause)
    if builder.isFull || oldest.map({ now - $0 > RecordingSession.longestChunk }) == true {
      finish(&catalog, writer)
    }
  }

  /// Samples a thread for the last time, as far as it is still there.
  func end(_ stream: ThreadStream, at now: Timestamp, catalog: inout Catalog) {
    sample(stream, at: now, &catalog)
    threads[stream.thread.id] = nil
  }

  /// Closes the chunk.
  func finish(_ catalog: inout Catalog, _ writer: ChunkWriter) {
    guard builder.count > 0 else { return }
    for chunk in catalog.definitions.seal() { writer.append(chunk) }
    writer.append(builder.seal(lost: 0))
    oldest = nil
  }

  private func sample(_ stream: ThreadStream, at now: Timestamp, _ catalog: inout Catalog) {
    let thread = stream.thread
    guard
      let times = ProcFS.schedulingTimes(pid: stream.process.process.pid, tid: thread.tid)
    else { return }
    guard let before = threads[thread.id] else {
      last += 1
      let task = KernelTask(
        id: KernelTaskID(rawValue: last), tid: thread.tid, start: thread.start)
      catalog.definitions.append(.task(task))
      threads[thread.id] = Sampled(task: task.id, times: times)
      stream.thread.runnableTime = stream.isMain ? nil : times.waited
      return
    }
    let (ran, waited) = (times.ran - before.times.ran, times.waited - before.times.waited)
    threads[thread.id]?.times = times
    stream.thread.runnableTime = (stream.thread.runnableTime ?? 0) + max(waited, 0)
    guard ran > 0 || waited > 0 else { return }
    if oldest == nil { oldest = now }
    builder.appendSample(of: before.task, ran: max(ran, 0), waited: max(waited, 0), at: now)
  }
}

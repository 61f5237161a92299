// A program that tells of itself in Swift: by CTraceProbes, by its metrics and by its spans. It prints
// `name value` lines of what it did, for tests that record it.
import CTraceObservability
import CTraceProbes
import Foundation
import Metrics
import Tracing

@inline(never) func put(_ queue: TracedQueue) { queue.enqueue() }
@inline(never) func take(_ queue: TracedQueue) { queue.dequeue() }

func now() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func say(_ name: String, _ value: Int64) { print("\(name) \(value)") }

@main struct SwiftWords {
  static func main() async throws {
    MetricsSystem.bootstrap(CTraceMetrics())
    InstrumentationSystem.bootstrap(CTraceTracer())
    say("recorded", Probes.isRecorded ? 1 : 0)
    queues()
    let before = now()
    Probes.slice("swift work") {
      let begin = now()
      usleep(3000)
      say("worked_at_least", now() - begin)
    }
    say("worked_at_most", now() - before)
    Probes.instant("swift moment", 5)
    metrics()
    try await spans()
  }

  static func queues() {
    let jobs = TracedQueue("swift jobs", capacity: 3)
    var stayed: Int64 = 0
    var times: [Int64] = []
    for _ in 0..<3 {
      times.append(now())
      put(jobs)
      usleep(5000)
    }
    for time in times {
      stayed += now() - time
      take(jobs)
    }
    say("stayed", stayed)
    let pile = TracedQueue("swift pile")
    let first = pile.enqueue()
    let begin = now()
    usleep(4000)
    let second = pile.enqueue()
    pile.dequeue(second)
    say("first_stay", now() - begin)
    pile.dequeue(first)
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    Probes.name(lock: mutex, "a mutex of Swift's")
    pthread_mutex_lock(mutex)
    pthread_mutex_unlock(mutex)
    let lock = TracedLock("swift lock")
    for _ in 0..<4 {
      lock.acquired()
      lock.released()
    }
  }

  static func metrics() {
    let requests = Counter(label: "requests", dimensions: [("method", "GET")])
    for _ in 0..<10 { requests.increment() }
    let open = Meter(label: "open")
    open.set(7)
    open.decrement(by: 2)
    Metrics.Timer(label: "handled").recordNanoseconds(2_000_000)
  }

  static func spans() async throws {
    let before = now()
    await withSpan("request") { span in
      let begin = now()
      span.addEvent("half way")
      // It goes on in whatever thread is free, and when that is so.
      try? await Task.sleep(nanoseconds: 10_000_000)
      say("spanned_at_least", now() - begin)
    }
    say("spanned_at_most", now() - before)
    do {
      try withSpan("failing") { _ in throw CocoaError(.fileNoSuchFile) }
    } catch {
      say("failed", 1)
    }
  }
}

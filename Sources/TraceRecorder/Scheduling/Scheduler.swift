internal import LinuxSystem
internal import SystemPackage
internal import TraceModel

/// Where a recording has its scheduling from, opened, and why from nowhere better.
struct Scheduler {
  var rings: SchedulerRings?
  var sampler: ProcfsSampler?
  var source = SchedulingSource.off
  /// What stands in the way of something better; empty where nothing does.
  var reason = ""

  /// Nothing is recorded.
  init() {}

  /// Opens the source that was chosen, or the best that the machine allows.
  ///
  /// - Parameters:
  ///   - pids: The processes that recording begins with.
  ///   - includingFutexes: Whether waits for futexes are recorded where the source has them.
  /// - Throws: ``RecorderError/schedulingUnavailable(_:_:)`` when what was chosen is not to be had.
  init(
    _ choice: SchedulingChoice, pids: [Int32], scope: TaskTable.Scope, clock: CounterClock,
    includingFutexes: Bool = false
  ) throws(RecorderError) {
    if choice == .auto || choice == .kernel {
      do throws(Obstacle) {
        guard ProcFS.isInFirstPIDNamespace else { throw Obstacle("it runs in a container") }
        rings = try Scheduler.openTracepoints(pids, scope, clock, includingFutexes)
        source = .kernel
        return
      } catch {
        reason = error.text
        if choice == .kernel { throw .schedulingUnavailable("the kernel's tracepoints", reason) }
      }
    }
    if scope != .everything, choice == .auto || choice == .switches {
      do throws(Errno) {
        rings = try SchedulerRings(.switches, pids: pids, scope: scope, clock: clock)
        source = .switches
        return
      } catch {
        let why = Scheduler.explain(error, "perf_event_paranoid of 2 or less")
        if choice == .switches { throw .schedulingUnavailable("switches", why) }
        reason += "; switches: \(why)"
      }
    }
    if choice == .auto || choice == .procfs {
      sampler = ProcfsSampler()
      source = .procfs
    }
    if choice != .auto { reason = "" }
  }

  private struct Obstacle: Error {
    var text: String
    init(_ text: String) { self.text = text }
  }

  private static func openTracepoints(
    _ pids: [Int32], _ scope: TaskTable.Scope, _ clock: CounterClock, _ includingFutexes: Bool
  ) throws(Obstacle) -> SchedulerRings {
    do throws(Errno) {
      let points = try SchedulerTracepoints(includingFutexes: includingFutexes)
      return try SchedulerRings(.tracepoints(points), pids: pids, scope: scope, clock: clock)
    } catch {
      throw Obstacle(explain(error, "root, or CAP_PERFMON and a readable tracefs"))
    }
  }

  private static func explain(_ error: Errno, _ need: String) -> String {
    switch error {
    case .permissionDenied, .notPermitted: "needs \(need)"
    case .noSuchFileOrDirectory, .noSuchProcess, .notSupported, .operationNotSupportedByDevice:
      "not on this machine (\(error))"
    default: "\(error)"
    }
  }
}

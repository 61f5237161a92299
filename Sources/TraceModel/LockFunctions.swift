/// The functions that locks are made of: what calls them is what a reader of a stack looks for.
enum LockFunctions {
  /// Whole names: libc's own, and what Go's runtime waits with.
  private static let names: Set<String> = [
    "syscall", "clone", "clone3", "futex_wait", "futex_wake", "lll_lock_wait", "lll_lock_wake",
    "runtime.futex", "runtime.futex.abi0", "runtime.futexsleep", "runtime.futexwakeup",
    "runtime.notesleep", "runtime.notetsleep", "runtime.notetsleep_internal",
    "runtime.notetsleepg", "runtime.notewakeup", "runtime.lock2", "runtime.unlock2",
    // Where a thread of a library begins, above which the program has no part in it.
    "start_thread", "completeTaskWithClosure", "completeTaskAndRelease",
  ]

  /// Beginnings of names: libc's internal ones, and the wrappers of C++ libraries, which are mostly
  /// inlined into what calls them.
  private static let beginnings = [
    "__futex_", "__lll_lock", "__lll_cond", "__pthread_", "___pthread_", "pthread_", "__new_sem_",
    "__old_sem_",
    "sem_", "mtx_", "cnd_", "__gthread_", "std::mutex::", "std::timed_mutex::",
    "std::recursive_mutex::", "std::shared_mutex::", "std::shared_timed_mutex::",
    "std::unique_lock<", "std::lock_guard<", "std::scoped_lock<", "std::shared_lock<",
    "std::__mutex_base::", "std::condition_variable::", "std::__condvar::",
    // Of libraries whose locks are libc's, or are recorded as such.
    "uv_mutex_", "uv_rwlock_", "uv_sem_", "uv_cond_", "uv_barrier_", "uv_once", "uv_thread_join",
    "tbb::detail::", "omp_set_", "omp_unset_", "omp_init_", "GOMP_", "gomp_",
    // Of ctrace.h, and the same for Swift.
    "ctrace_", "ctrace::", "CTraceProbes.", "CTraceObservability.",
    // Of libdispatch, and of what stands in front of it in Swift.
    "dispatch_async", "dispatch_sync", "dispatch_barrier_", "dispatch_group_", "dispatch_after",
    "dispatch_apply", "dispatch_queue_create", "dispatch_semaphore_", "dispatch_block_",
    "_dispatch_", "___dispatch_", "_swift_dispatch_", "Dispatch.",
    // Of Swift's concurrency.
    "swift_task_", "_swift_task_", "swift_job_", "swift_defaultActor_", "swift_asyncLet_",
    "swift_continuation_", "swift::AsyncTask::", "swift::runJobInEstablishedExecutorContext",
    "(anonymous namespace)::DefaultActorImpl::", "(anonymous namespace)::ProcessOutOfLineJob::",
    "Swift.Task.", "Swift.TaskGroup.", "Swift.ThrowingTaskGroup.", "Swift.DiscardingTaskGroup.",
    // Of Foundation.
    "Foundation.NSLock.", "Foundation.NSRecursiveLock.", "Foundation.NSCondition.",
    "Foundation.NSConditionLock.", "Foundation.NSLocking.",
    "Foundation.OperationQueue.add", "Foundation.OperationQueue._add",
    "Foundation.OperationQueue._schedule", "Foundation.OperationQueue.wait",
    "Foundation.OperationQueue._operationFinished", "Foundation.Operation.observeValue",
    "Foundation.Operation.waitUntilFinished",
    "std::thread::join", "std::__shared_mutex_pthread::", "std::__glibcxx_rwlock_",
  ]

  /// Libraries in which a function without a name is one of those.
  private static let libraries = [
    "libdispatch.so", "libswiftDispatch.so", "libswift_Concurrency.so", "libFoundation.so",
  ]

  /// What a name of Swift's may say before the name itself, up to a word.
  private static let qualifiers: [(beginning: String, end: String)] = [
    ("static ", ""), ("protocol witness for ", ""), ("closure #", " in "),
  ]

  static func contains(_ symbol: Symbol) -> Bool {
    var function = symbol.function[...]
    guard !function.isEmpty else {
      let file = symbol.module.split(separator: "/").last ?? ""
      return libraries.contains { file.hasPrefix($0) }
    }
    // What glibc calls its own functions among themselves.
    if function.hasPrefix("__GI_") { function = function.dropFirst(5) }
    if names.contains(String(function)) { return true }
    while let name = unqualified(function) { function = name }
    return beginnings.contains { function.hasPrefix($0) } || FutexFunctions.contains(symbol)
  }

  /// A name without the first of its qualifiers; nil where it has none.
  private static func unqualified(_ name: Substring) -> Substring? {
    for (beginning, end) in qualifiers where name.hasPrefix(beginning) {
      let rest = name.dropFirst(beginning.count)
      guard let first = end.first else { return rest }
      var place = rest.firstIndex(of: first)
      while let found = place {
        if rest[found...].hasPrefix(end) { return rest[found...].dropFirst(end.count) }
        place = rest[rest.index(after: found)...].firstIndex(of: first)
      }
      return nil
    }
    return nil
  }
}

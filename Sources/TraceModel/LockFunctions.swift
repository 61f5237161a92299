/// The functions that locks are made of: what calls them is what a reader of a stack looks for.
enum LockFunctions {
  /// Whole names: libc's own, and what Go's runtime waits with.
  private static let names: Set<String> = [
    "syscall", "clone", "clone3", "futex_wait", "futex_wake", "lll_lock_wait", "lll_lock_wake",
    "runtime.futex", "runtime.futex.abi0", "runtime.futexsleep", "runtime.futexwakeup",
    "runtime.notesleep", "runtime.notetsleep", "runtime.notetsleep_internal",
    "runtime.notetsleepg", "runtime.notewakeup", "runtime.lock2", "runtime.unlock2",
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
    "std::thread::join", "std::__shared_mutex_pthread::", "std::__glibcxx_rwlock_",
  ]

  static func contains(_ symbol: Symbol) -> Bool {
    var function = symbol.function[...]
    guard !function.isEmpty else { return false }
    // What glibc calls its own functions among themselves.
    if function.hasPrefix("__GI_") { function = function.dropFirst(5) }
    return names.contains(String(function)) || beginnings.contains { function.hasPrefix($0) }
      || FutexFunctions.contains(symbol)
  }
}

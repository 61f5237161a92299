/// What locks made of futexes are, by the functions that wait in them.
///
/// The kernel knows of a futex no more than its address. The library that waits at it knows what it is,
/// and is on the call stack.
public enum FutexFunctions {
  /// What is waited for by a function whose name begins so and has this in it. The first that fits counts.
  private static let kinds: [(beginning: String, part: String, kind: LockKind)] = [
    // Rust's own, wherever a version of its library keeps them: std::sys::unix::locks::futex_mutex,
    // std::sys::sync::mutex::futex, std::sys_common::thread_parker::futex.
    ("std::sync::barrier::", "", .barrier),
    ("std::sync::poison::once::", "", .once),
    ("std::sync::once::", "", .once),
    ("std::sys", "RwLock::", .rwlock),
    ("std::sys", "Condvar::", .condition),
    ("std::sys", "Mutex::", .mutex),
    ("std::sys", "Once::", .once),
    ("std::sys", "Parker::", .condition),
    // Swift's.
    ("Synchronization._MutexHandle.", "", .mutex),
    ("Synchronization.Mutex.", "", .mutex),
    // glib's. Its reader/writer and recursive locks are libc's.
    ("g_cond_", "", .condition),
    ("g_mutex_", "", .mutex),
    ("g_bit_lock", "", .mutex),
    ("g_pointer_bit_lock", "", .mutex),
    // oneTBB's.
    ("tbb::detail::d1::mutex::", "", .mutex),
    ("tbb::detail::d1::rw_mutex::", "", .rwlock),
    // libc's, where the runtime is not in the program and the kernel records its waits.
    ("__lll_lock_wait", "", .mutex),
    ("lll_mutex_lock", "", .mutex),
    ("__pthread_mutex_", "", .mutex),
    ("pthread_mutex_", "", .mutex),
    ("__pthread_cond_", "", .condition),
    ("pthread_cond_", "", .condition),
    ("__pthread_rwlock_", "", .rwlock),
    ("pthread_rwlock_", "", .rwlock),
    ("__pthread_barrier_", "", .barrier),
    ("pthread_barrier_", "", .barrier),
    ("__pthread_once", "", .once),
    ("pthread_once", "", .once),
    ("__new_sem_", "", .semaphore),
    ("sem_", "", .semaphore),
    // C++20's, where a function of theirs is not inlined or debugging information tells of it. Waits for
    // an atomic are waits at a futex, and nothing more is known of them.
    ("std::counting_semaphore<", "", .semaphore),
    ("std::latch::", "", .barrier),
    ("std::barrier<", "", .barrier),
    ("std::__tree_barrier", "", .barrier),
  ]

  /// Functions that such locks are made of, beyond those in the table.
  private static let beginnings = [
    "std::sys::sync::", "std::sys::pal::", "std::sys::unix::", "std::sys::futex",
    "std::sys_common::thread_park", "std::sys_common::once", "std::sys_common::mutex",
    "std::sys_common::rwlock", "std::sys_common::condvar", "std::sync::",
    "std::thread::park", "std::thread::functions::park", "std::thread::Thread::park",
    "std::thread::Thread::unpark", "std::thread::thread::Thread::", "std::thread::JoinInner",
    "std::thread::JoinHandle", "std::thread::lifecycle::JoinInner", "std::thread::join_handle::",
    "std::sys::thread::",
    // What lets go of a guard.
    "core::ptr::drop_in_place", "core::mem::drop",
    "parking_lot::", "parking_lot_core::", "lock_api::",
    "Synchronization._MutexHandle.", "Synchronization.Mutex.",
    "g_mutex_", "g_cond_", "g_rw_lock_", "g_rec_mutex_", "g_bit_", "g_pointer_bit_", "g_futex_",
    "std::atomic<", "std::atomic_flag::", "std::atomic_ref<", "std::__atomic_", "std::__detail::",
    "std::counting_semaphore<", "std::latch::", "std::barrier<", "std::__tree_barrier",
  ]

  /// What a lock is, by the stack of a wait for it, innermost frame first; nil where that says nothing.
  public static func kind(of stack: [Symbol]) -> LockKind? {
    var found: LockKind?
    // The slow path of glib's mutex is all of it that is left on a stack, and has a name only for those
    // who have debugging information.
    if let first = stack.first, isHidden(first), first.module.hasPrefix("libglib") {
      found = .mutex
    }
    for frame in stack {
      guard let kind = kind(of: frame) else {
        if isHidden(frame) || LockFunctions.contains(frame) { continue }
        break
      }
      // Rust's barriers are made of a condition.
      if found == nil || (found == .condition && kind == .barrier) { found = kind }
    }
    return found
  }

  private static func kind(of frame: Symbol) -> LockKind? {
    var function = plain(frame.function)
    // What glibc calls its own functions among themselves.
    for prefix in ["__GI_", "_"] where function.hasPrefix(prefix + "__") {
      function.removeFirst(prefix.count)
    }
    return kinds.first {
      function.hasPrefix($0.beginning) && ($0.part.isEmpty || function.contains($0.part))
    }?.kind
  }

  /// Whether a function is one that these locks are made of.
  static func contains(_ symbol: Symbol) -> Bool {
    let function = plain(symbol.function)
    return beginnings.contains { function.hasPrefix($0) }
  }

  /// Libraries in which threads wait by functions that have a name only for those who have the library's
  /// debugging information.
  private static let libraries = ["libglib-2.0.so", "libtbb.so", "libgomp", "libuv.so"]

  /// Whether a frame is a nameless function of a library in which threads wait.
  static func isHidden(_ symbol: Symbol) -> Bool {
    symbol.function.isEmpty && libraries.contains { symbol.module.hasPrefix($0) }
  }

  /// A function's name as a path: Rust writes `<path::Type>::method` and `<path::Type as Trait>::method`,
  /// and Swift `$defer #1 <Argument>() in Module.Type.method()`, in older recordings with what the copy
  /// of a generic function is for in front.
  private static func plain(_ function: String) -> String {
    if function.hasPrefix("$defer #") || function.hasPrefix("generic specialization <"),
      let name = function.firstRange(of: "Synchronization.")
    {
      return String(function[name.lowerBound...])
    }
    guard function.hasPrefix("<") else { return function }
    var depth = 0
    for index in function.utf8.indices {
      switch function.utf8[index] {
      case UInt8(ascii: "<"): depth += 1
      // Of an arrow as in `fn() -> T` it is no bracket.
      case UInt8(ascii: ">")
      where function.utf8[function.utf8.index(before: index)] != UInt8(ascii: "-"):
        depth -= 1
      default: break
      }
      guard depth == 0 else { continue }
      let type = function[function.index(after: function.startIndex)..<index]
      let end = type.firstRange(of: " as ")?.lowerBound ?? type.endIndex
      return String(type[..<end] + function[function.index(after: index)...])
    }
    return function
  }
}

import Testing
import TraceModel

/// What a lock made of a futex is, by the functions that wait in it.
@Suite struct FutexFunctionsTests {
  private func kind(_ functions: String...) -> LockKind? {
    FutexFunctions.kind(of: functions.map { Symbol(function: $0, module: "program") })
  }

  @Test func `Rust's names of all times are known`() {
    #expect(
      kind("std::sys::unix::locks::futex_mutex::Mutex::lock_contended", "app::work") == .mutex)
    #expect(
      kind(
        "std::sys::pal::unix::futex::futex_wait",
        "<std::sys::sync::mutex::futex::Mutex>::lock_contended", "app::work") == .mutex)
    #expect(kind("std::sys::sync::rwlock::futex::RwLock::read_contended", "app::work") == .rwlock)
    #expect(kind("std::sys::sync::once::futex::Once::call", "app::work") == .once)
    #expect(
      kind(
        "std::sys_common::thread_parker::futex::Parker::park", "std::thread::park", "app::work")
        == .condition)
  }

  @Test func `The innermost lock is the one that is waited for`() {
    // A condition takes its mutex back.
    #expect(
      kind(
        "std::sys::sync::mutex::futex::Mutex::lock_contended",
        "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout",
        "std::sync::barrier::Barrier::wait", "app::work") == .mutex)
    #expect(
      kind(
        "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout",
        "std::sync::barrier::Barrier::wait", "app::work") == .barrier)
  }

  @Test func `Functions of the program's own tell nothing`() {
    #expect(kind("app::work", "std::sys::sync::mutex::futex::Mutex::lock_contended") == nil)
    #expect(kind("work", "g_mutex_lock") == nil)
    #expect(kind() == nil)
    #expect(kind("<", "<<<") == nil)
  }

  @Test func `Others' locks are known`() {
    #expect(kind("Synchronization._MutexHandle._lock() -> ()", "app.work()") == .mutex)
    #expect(
      kind("generic specialization <Swift.Int, in Synchronization.Mutex.withLock(_:)") == .mutex)
    #expect(kind("$defer #1 <A>() in Synchronization.Mutex.withLock(_:)") == .mutex)
    #expect(kind("std::__atomic_wait_address_v<int>", "work()") == nil)
    #expect(kind("std::counting_semaphore<1>::acquire", "work()") == .semaphore)
    #expect(kind("tbb::detail::d1::rw_mutex::lock_shared", "work()") == .rwlock)
    #expect(kind("__lll_lock_wait", "___pthread_mutex_lock") == .mutex)
    #expect(kind("___pthread_cond_wait") == .condition)
    #expect(kind("__GI___pthread_rwlock_rdlock") == .rwlock)
  }

  @Test func `A nameless function of glib's that waits is its mutex`() {
    let hidden = Symbol(module: "libglib-2.0.so.0", offset: 5)
    let own = Symbol(function: "work", module: "program")
    #expect(FutexFunctions.kind(of: [hidden, own]) == .mutex)
    let condition = Symbol(function: "g_cond_wait", module: "libglib-2.0.so.0")
    #expect(FutexFunctions.kind(of: [condition, hidden, own]) == .condition)
    #expect(FutexFunctions.kind(of: [Symbol(module: "program", offset: 5), own]) == nil)
  }

  @Test func `A stack begins with what the program calls`() {
    func frames(_ symbols: [Symbol]) -> [String] {
      var definitions = TraceDefinitions()
      let process = ProcessID(rawValue: 1)
      let addresses = symbols.indices.map { UInt64($0 + 1) }
      definitions.add(.stack(Stack(id: StackID(rawValue: 1), process: process, frames: addresses)))
      for (address, symbol) in zip(addresses, symbols) {
        definitions.add(.symbol(process: process, address: address, frames: [symbol]))
      }
      return definitions.frames(of: StackID(rawValue: 1)).map(\.function)
    }
    let hidden = Symbol(module: "libglib-2.0.so.0", offset: 5)
    let wait = Symbol(function: "g_cond_wait", module: "libglib-2.0.so.0")
    let own = Symbol(function: "work", module: "program")
    let start = Symbol(function: "start_thread", module: "libc.so.6")
    #expect(frames([hidden, own, start]) == ["work", "start_thread"])
    #expect(frames([wait, hidden, own, start]) == ["work", "start_thread"])
    // A thread of the library's own.
    #expect(frames([wait, hidden, start]) == ["", "start_thread"])
    #expect(frames([wait]) == ["g_cond_wait"])
  }
}

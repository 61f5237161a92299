import TestSupport
import Testing
import TraceAnalysis
import TraceModel

@Suite struct PythonNameTests {
  @Test(arguments: [
    "/usr/lib/python3.11/threading.py", "/home/me/.pyenv/versions/3.8.18/lib/python3.8/queue.py",
    "/usr/lib64/python3.12/concurrent/futures/thread.py", "<frozen importlib._bootstrap>",
    "/usr/lib/python311.zip/threading.py", "/venv/lib/python3.11/site-packages/gevent/lock.py",
    "/usr/lib/python3/dist-packages/gevent/_semaphore.py",
  ])
  func `Files of the standard library, and of what takes its place`(file: String) {
    #expect(PythonLibrary.contains(file: file))
  }

  @Test(arguments: [
    "app.py", "/srv/app.py", "<string>", "", "/venv/lib/python3.11/site-packages/flask/app.py",
    "/usr/lib/python3/dist-packages/yaml.py", "/home/me/python3.11/threading.py",
    "/srv/lib/python3.11", "/srv/lib/python3.x/app.py", "/srv/lib/python3.zip.d/app.py",
    "/srv/gevent/app.py",
  ])
  func `Files of a program`(file: String) {
    #expect(!PythonLibrary.contains(file: file))
  }

  private func functions(
    _ frames: (function: String, file: String, line: UInt32)...
  ) -> [String] {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    var stack = StackID.unknown
    switch frames.count {
    case 2: stack = trace.python(frames[0], frames[1])
    case 3: stack = trace.python(frames[0], frames[1], frames[2])
    default: stack = trace.python(frames[0], frames[1], frames[2], frames[3])
    }
    trace.wait(thread, trace.lock("mu"), from: 0, to: 10, stack: stack)
    return report(trace).locks.first?.waiters.first?.stack.functions ?? []
  }

  private let library = "/usr/lib/python3.11/threading.py"

  @Test func `A stack begins with the program's own code`() {
    #expect(
      functions(
        ("wait", library, 320), ("get", "/usr/lib/python3.11/queue.py", 171),
        ("worker", "/srv/app.py", 9), ("run", library, 975))
        == ["worker", "run"])
    #expect(functions(("worker", "/srv/app.py", 9), ("run", library, 975)) == ["worker", "run"])
    // A thread of the library's own.
    #expect(
      functions(("wait", library, 320), ("_worker", library, 81), ("run", library, 975))
        == ["wait", "_worker", "run"])
  }

  @Test func `Functions of C between them are the library's too`() {
    func symbol(_ function: String, _ file: String, _ module: String = Symbol.pythonModule)
      -> Symbol
    {
      Symbol(function: function, file: file, line: 1, module: module)
    }
    func functions(_ frames: [Symbol]) -> [String] {
      var definitions = TraceDefinitions()
      let process = ProcessID(rawValue: 1)
      let id = StackID(rawValue: 1)
      definitions.add(
        .stack(Stack(id: id, process: process, frames: frames.indices.map { UInt64($0) + 1 })))
      for (place, frame) in frames.enumerated() {
        definitions.add(.symbol(process: process, address: UInt64(place) + 1, frames: [frame]))
      }
      return definitions.frames(of: id).map(\.function)
    }
    let queue = symbol("get", "", "_queue.cpython-311-x86_64-linux-gnu.so")
    let worker = symbol("_worker", "/usr/lib/python3.11/concurrent/futures/thread.py")
    let start = symbol("start_thread", "", "libc.so.6")
    #expect(functions([queue, worker, start]) == ["_worker", "start_thread"])
    #expect(functions([queue, symbol("take", "/srv/app.py"), start]) == ["take", "start_thread"])
    // What the program has written in C itself is its own.
    let own = symbol("lock_it", "", "fast.cpython-311-x86_64-linux-gnu.so")
    #expect(functions([own, worker, start]) == ["lock_it", "_worker", "start_thread"])
    #expect(
      functions([worker, own, symbol("main", "/srv/app.py")]) == ["lock_it", "main"])
  }

  @Test func `A lock without a name is called by the line that made it`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    let site = trace.python(
      ("__init__", "/usr/lib/python3.11/queue.py", 37), ("Cache.__init__", "/srv/app.py", 41))
    for number in [50, 60] as [UInt32] {
      trace.define(
        .lock(
          Lock(
            id: LockID(rawValue: number), process: ProcessID(rawValue: 1), kind: .pythonLock,
            address: UInt64(number), site: site, isInitialised: true,
            name: number == 50 ? "app.py:41 cache_lock" : "")))
      trace.wait(thread, LockID(rawValue: number), from: 0, to: Int64(number))
    }
    #expect(
      report(trace).locks.map(\.name) == ["app.py:41 Cache.__init__", "app.py:41 cache_lock"])
  }
}

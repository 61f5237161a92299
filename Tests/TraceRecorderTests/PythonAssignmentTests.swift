import Foundation
import TraceModel
import Testing

@testable import TraceRecorder

@Suite struct PythonAssignmentTests {
  @Test(arguments: [
    ("cache_lock = threading.Lock()", "cache_lock"),
    ("        self.lock = threading.RLock()", "lock"),
    ("cls.registry_lock=Lock()", "registry_lock"),
    ("self.pool.lock = Lock()", "pool.lock"),
    ("items: threading.Condition = threading.Condition()", "items"),
    ("self.items: Dict[str, int] = make()", "items"),
    ("a, b = Lock(), Lock()", "a, b"),
    (#"locks["a"] = Lock()"#, #"locks["a"]"#),
    ("self.locks[key] = threading.Lock()  # one = each", "locks[key]"),
    ("first = second = Lock()", "first"),
    ("if (found := Lock()).acquire():", "found"),
    ("if found := Lock():", "found"),
    ("[lock := Lock()]", "lock"),
    ("with ThreadPoolExecutor(2) as pool:", "pool"),
    ("    with open(name) as file, Lock() as lock:", nil),
    ("if ready: lock = Lock()", "lock"),
    ("else: self.lock = Lock()", "lock"),
    ("start(lock=Lock())", "lock"),
    ("def run(self, lock=threading.Lock()):", "lock"),
    ("x = {'a': 1, 'b=': Lock()}", "x"),
    (#"say("a = b", Lock())"#, nil), (#"say('it\'s = b', Lock())"#, nil),
    (#"say("""a = "b" = c""", Lock())"#, nil),
    ("größe = Lock()", "größe"), ("_ = Lock()", "_"),
    // No assignments.
    ("return threading.Lock()", nil), ("Lock()", nil), ("", nil), ("   ", nil),
    ("with threading.Lock():", nil), ("if a == Lock():", nil), ("if a != b or c <= Lock():", nil),
    ("x += Lock()", nil), ("# lock = Lock()", nil), ("start(a=1, b=Lock())", nil),
    ("a = 1; b = Lock()", nil), ("(a, b) = Lock(), Lock()", nil),
    ("f(x)[0] = Lock()", nil), ("{1: Lock()}", nil), ("lambda: Lock()", nil), (":", nil),
    ("=", nil),
    ("\"", nil), ("'''", nil), (")=", nil),
    ("a" + String(repeating: "b", count: 60) + " = Lock()", nil),
  ])
  func `The target of a line's assignment`(line: String, target: String?) {
    #expect(PythonAssignment.target(of: line) == target)
  }

  // MARK: Names

  private let folder = NSTemporaryDirectory() + "ctrace-names-\(getpid())-\(UUID().uuidString)"

  /// A file that the recorder may find.
  private func file(_ name: String, _ text: String) throws -> String {
    let path = folder + "/" + name
    let parent = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func frame(_ function: String, _ file: String, _ line: UInt32) -> Symbol {
    Symbol(function: function, file: file, line: line, module: Symbol.pythonModule)
  }

  @Test func `A thing is called by the line and by the variable that it was made for`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let app = try file(
      "app.py",
      """
      import queue
      jobs = queue.Queue(3)
      run(queue.Queue())
      slow = \\
        threading.Lock()

      """)
    let library = try file(
      "lib/python3.11/queue.py", "class Queue:\n  def __init__(self):\n    self.mutex = Lock()\n")
    var names = PythonNames()
    let maker = frame("Queue.__init__", library, 3)
    let native = Symbol(function: "make", module: "x.so")
    func name(_ kind: LockKind, _ stack: Symbol...) -> String? {
      names.name(of: kind, madeIn: stack)
    }
    #expect(name(.pythonQueue, maker, frame("<module>", app, 2)) == "app.py:2 jobs")
    #expect(name(.pythonLock, maker, frame("<module>", app, 2)) == "app.py:2 jobs.mutex")
    #expect(name(.pythonLock, native, frame("<module>", app, 2), native) == "app.py:2 jobs")
    #expect(name(.pythonLock, frame("<module>", app, 5)) == "app.py:5 slow")
    #expect(name(.pythonLock, maker, frame("<module>", app, 3)) == "app.py:3 mutex")
    #expect(name(.pythonQueue, maker, frame("<module>", app, 3)) == nil)
    // Lines that are not there, and stacks without a line of the program's.
    #expect(name(.pythonLock, frame("<module>", app, 99)) == nil)
    #expect(name(.pythonLock, frame("<module>", app, 0)) == nil)
    #expect(name(.pythonLock, frame("f", folder + "/gone.py", 1)) == nil)
    #expect(name(.pythonLock, maker) == nil && names.name(of: .pythonLock, madeIn: []) == nil)
  }

  @Test func `A place is read once for each kind of thing that is made there`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let app = try file("app.py", "jobs = queue.Queue(3)\n")
    var names = PythonNames()
    var asked: [UInt32] = []
    func name(_ kind: LockKind, _ site: UInt32, line: UInt32) -> String? {
      names.name(of: kind, madeAt: StackID(rawValue: site)) {
        asked.append(site)
        return [frame("<module>", app, line)]
      }
    }
    for _ in 0..<3 {
      #expect(name(.pythonQueue, 1, line: 1) == "app.py:1 jobs")
      #expect(name(.pythonQueue, 2, line: 99) == nil)
      #expect(name(.pythonLock, 1, line: 1) == "app.py:1 jobs")
    }
    #expect(asked == [1, 2, 1])
  }

  @Test func `A line goes on from those before it, but not from any number`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let long = String(repeating: "x \\\n", count: 1000)
    let path = try file("app.py", "a = \\\r\n  Lock(\\\r\n)\r\n\n" + long + "end")
    var sources = PythonSources()
    #expect(sources.line(1, of: path) == "a = ")
    #expect(sources.line(3, of: path) == "a =   Lock()")
    #expect(sources.line(4, of: path) == "")
    #expect(sources.line(1005, of: path) == String(repeating: "x ", count: 50) + "end")
    #expect(sources.line(1006, of: path) == nil && sources.line(0, of: path) == nil)
  }

  @Test func `What is no regular file is not read`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try file("app.py", "")
    let fifo = folder + "/fifo.py"
    #expect(mkfifo(fifo, 0o600) == 0)
    let large = try file("large.py", "x = Lock()\n")
    #expect(truncate(large, 11 << 20) == 0)
    var sources = PythonSources()
    for path in [fifo, large, folder, "/dev/zero", ""] {
      #expect(sources.line(1, of: path) == nil, "\(path)")
    }
  }
}

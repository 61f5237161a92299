internal import TraceModel

/// The name that each task of each process goes by, by its number: what tells new tasks from known ones,
/// and whose waits are whose.
///
/// Tasks are numbered as they begin, so that their names lie close together in pages; each takes four
/// bytes. Beyond a number of pages new tasks are not known any more.
struct TaskNames {
  private static let pageBits: Int64 = 8
  /// 16 million tasks, 64 MiB.
  private static let mostPages = 1 << 16

  private struct Page: Hashable {
    var process: ProcessID
    var number: Int64
  }

  private var places: [Page: Int32] = [:]
  /// Names of tasks by the place of their page; 0 for those that have none yet.
  private var names: [UInt32] = []
  private var last = (page: Page(process: .unknown, number: .min), start: 0)

  /// Notes that a task goes by a name, which is not 0; returns the one it had before, 0 where it had none.
  /// Nil where it has the name already, or there is no room.
  @inline(__always)
  mutating func note(_ name: UInt32, of task: Int64, in process: ProcessID) -> UInt32? {
    guard let place = place(of: task, in: process, isNew: true), names[place] != name else {
      return nil
    }
    defer { names[place] = name }
    return names[place]
  }

  /// The name of a task; 0 where it has none.
  @inline(__always)
  mutating func name(of task: Int64, in process: ProcessID) -> UInt32 {
    place(of: task, in: process, isNew: false).map { names[$0] } ?? 0
  }

  @inline(__always)
  private mutating func place(of task: Int64, in process: ProcessID, isNew: Bool) -> Int? {
    let page = Page(process: process, number: task >> TaskNames.pageBits)
    let offset = Int(task & (1 << TaskNames.pageBits - 1))
    if last.page == page { return last.start + offset }
    guard let start = start(of: page, isNew: isNew) else { return nil }
    last = (page, start)
    return start + offset
  }

  private mutating func start(of page: Page, isNew: Bool) -> Int? {
    if let place = places[page] { return Int(place) << TaskNames.pageBits }
    guard isNew, places.count < TaskNames.mostPages else { return nil }
    let start = names.count
    places[page] = Int32(places.count)
    names.append(contentsOf: repeatElement(0, count: 1 << TaskNames.pageBits))
    return start
  }
}

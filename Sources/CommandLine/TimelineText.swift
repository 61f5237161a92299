internal import TraceAnalysis
internal import TraceModel

/// A run in a terminal: threads down, time across, then how many waited for locks and how deep queues were
/// at the same moments.
struct TimelineText {
  let report: Report
  let timeline: RunTimeline
  let style: Style
  /// What a thread is called among the others.
  let threadName: (_ name: String, _ tid: Int32, _ pid: Int32) -> String

  /// The lines, none longer than the terminal is wide.
  var lines: [String] {
    let layout = layout
    let heading = "lock, mostly for"
    let hasNotes = timeline.threads.contains { !blocked($0).before.isEmpty }
    var lines = [
      style.bold(
        layout.line(
          "TIMELINE", axis(layout.strip),
          hasNotes && heading.columns <= layout.note ? heading : ""))
    ]
    for row in rows {
      if let title = row.title { lines.append(style.bold(layout.line(title, "", ""))) }
      let strip = row.strip(layout.strip).map { style.coloured($0.text, $0.colour) }.joined()
      let room = layout.note - row.note.before.columns - row.note.after.columns
      let name = room > 3 ? shortened(row.note.name, to: room) : row.note.name
      lines.append(
        layout.line(
          row.label, strip, row.note.before + name + row.note.after, stripWidth: layout.strip))
    }
    if timeline.otherThreads > 0 {
      let threads = timeline.otherThreads == 1 ? "thread" : "threads"
      lines.insert(
        style.dim("and \(timeline.otherThreads) more \(threads) (--top)"),
        at: timeline.threads.count + 1)
    }
    return lines
  }

  /// What the marks mean, of those that are used.
  var legend: [String] {
    let layout = layout
    let used = Set(
      timeline.threads.flatMap { track in
        (0..<layout.strip).compactMap { state(of: track, in: $0, of: layout.strip) }
      })
    var lines: [(text: String, width: Int)] = []
    for state in Mark.order where used.contains(state) {
      let mark = Mark(state, style)
      let text = "\(style.coloured(mark.text, mark.colour)) \(mark.words)"
      let width = 2 + mark.words.count
      if let last = lines.last, last.width + 3 + width <= style.columns {
        lines[lines.count - 1] = ("\(last.text)   \(text)", last.width + 3 + width)
      } else {
        lines.append((text, width))
      }
    }
    return lines.map(\.text)
  }

  // MARK: Rows

  private var rows: [Row] {
    timeline.threads.map(row) + curves(timeline.waiters, title: "WAITERS")
      + curves(timeline.depths, title: "DEPTH")
  }

  private var layout: Layout {
    let rows = rows
    return Layout(
      labels: rows.map(\.label.columns) + [8],
      notes: rows.map { $0.note.before.columns + $0.note.name.columns + $0.note.after.columns },
      columns: style.columns)
  }

  /// One line of the picture.
  private struct Row {
    /// What stands above it, where it begins a section.
    var title: String?
    var label: String
    /// What stands behind it: a name that may be shortened, and what is around that.
    var note: (before: String, name: String, after: String)
    /// Draws its strip so many columns wide.
    var strip: (Int) -> [Run]
  }

  /// Letters of one colour.
  struct Run {
    var text: String
    var colour: String
  }

  private func row(_ track: ThreadTrack) -> Row {
    let thread = report.threads[track.thread]
    return Row(label: threadName(thread.name, thread.tid, thread.pid), note: blocked(track)) {
      width in
      merged(
        (0..<width).map { column in
          guard let state = state(of: track, in: column, of: width) else {
            return Run(text: " ", colour: "")
          }
          let mark = Mark(state, style)
          return Run(text: mark.text, colour: mark.colour)
        })
    }
  }

  /// What a thread did most in one of so many columns; nil where it did not live.
  private func state(of track: ThreadTrack, in column: Int, of width: Int) -> ThreadState? {
    ThreadPart(merging: range(of: column, width).lazy.compactMap { track.part(at: $0) }).state
  }

  /// The lock that a thread waited for longest, and its holder, as the table of threads has them.
  private func blocked(
    _ track: ThreadTrack
  ) -> (before: String, name: String, after: String) {
    let thread = report.threads[track.thread]
    let part = Double(thread.lockWaitNs) / Double(max(thread.lifetimeNs, 1))
    guard part > 0 else { return ("", "", "") }
    guard part >= 0.01, let block = thread.waitedMostFor else { return (part.percent, "", "") }
    let holder = block.owner.map {
      "\(style.hasUnicode ? " ← " : " <- ")\(shortened($0, to: 15))"
    }
    return ("\(part.percent) ", block.name, holder ?? "")
  }

  private func curves(_ tracks: [CounterTrack], title: String) -> [Row] {
    tracks.enumerated().map { place, track in
      let greatest = track.maxima.max() ?? 0
      let note =
        track.unit == "bytes"
        ? "max \(greatest) B"
        : "max \(greatest)" + (track.capacity.map { $0 < 1 << 32 ? " of \($0)" : "" } ?? "")
      return Row(
        title: place == 0 ? title : nil, label: track.name, note: (note, "", "")
      ) { width in
        merged(
          (0..<width).map { column in
            let value = range(of: column, width).lazy.map { track.maxima[$0] }.max() ?? 0
            return Run(text: bar(value, of: greatest), colour: "36")
          })
      }
    }
  }

  private func bar(_ value: Int64, of greatest: Int64) -> String {
    guard value > 0, greatest > 0 else { return " " }
    let marks = Array(style.hasUnicode ? "▁▂▃▄▅▆▇█" : "_.-=+*%#")
    let place = Double(value) / Double(greatest) * Double(marks.count)
    return String(marks[min(Int(place.rounded(.up)) - 1, marks.count - 1)])
  }

  /// The parts of the timeline that a column shows.
  private func range(of column: Int, _ width: Int) -> Range<Int> {
    let count = timeline.scale.count
    let first = column * count / width
    return first..<max(first + 1, (column + 1) * count / width)
  }

  /// Joins neighbours of one colour, so that the terminal is told of each colour once.
  private func merged(_ runs: [Run]) -> [Run] {
    runs.reduce(into: []) { merged, run in
      if merged.last?.colour == run.colour {
        merged[merged.count - 1].text += run.text
      } else {
        merged.append(run)
      }
    }
  }

  // MARK: Time

  /// Moments at even distances, each written behind the column that it begins in.
  func axis(_ width: Int) -> String {
    let (start, span) = (timeline.scale.start.nanoseconds, timeline.scale.span)
    // A label takes eight columns.
    let step = TimelineText.step(atLeast: span / Int64(max(width, 8)) * 8)
    var axis = ""
    let past = start % step
    let (first, isBeyond) = start.addingReportingOverflow(past == 0 ? 0 : step - past)
    guard !isBeyond else { return axis }
    var time = first
    while time - start < span {
      let column = Int(Double(time - start) / Double(span) * Double(width))
      let label = (style.hasUnicode ? "╷" : "|") + (time == 0 ? "0" : brief(time))
      guard column + label.count <= width else { break }
      if column >= axis.count {
        axis += String(repeating: " ", count: column - axis.count) + label
      }
      let (next, isLast) = time.addingReportingOverflow(step)
      guard !isLast else { break }
      time = next
    }
    return axis
  }

  /// 1, 2 or 5 of a power of ten.
  static func step(atLeast span: Int64) -> Int64 {
    var power: Int64 = 1
    while true {
      for factor in [1, 2, 5] as [Int64] {
        let (step, overflow) = power.multipliedReportingOverflow(by: factor)
        if overflow || step >= span { return overflow ? .max : step }
      }
      let (next, overflow) = power.multipliedReportingOverflow(by: 10)
      if overflow { return .max }
      power = next
    }
  }

  private func brief(_ nanoseconds: Int64) -> String { Duration.nanoseconds(nanoseconds).brief }
}

/// How a state is drawn.
private struct Mark {
  /// The order of the legend.
  static let order: [ThreadState] = [
    .running, .lockWait, .runnable, .queueWait, .idle, .unknown,
  ]

  var text: String
  var colour: String
  var words: String

  init(_ state: ThreadState, _ style: Style) {
    let (block, letter, colour, words) =
      switch state {
      case .running: ("█", "#", "32", "running")
      case .lockWait: ("░", "L", "31", "waiting for a lock")
      case .runnable: ("▒", "r", "33", "runnable, no CPU")
      case .queueWait: ("─", "q", "34", "condition or queue")
      case .idle: ("·", ".", "2", "idle or I/O")
      case .unknown: ("▬", "?", "37", "running or asleep")
      }
    (text, self.colour, self.words) = (style.hasUnicode ? block : letter, colour, words)
  }
}

/// Where the columns are: labels at the left, notes at the right, and the strips between have the rest.
private struct Layout {
  private let label: Int
  let strip: Int
  let note: Int

  init(labels: [Int], notes: [Int], columns: Int) {
    label = min(labels.max() ?? 0, max(10, columns / 5))
    note = min(notes.max() ?? 0, columns * 7 / 20)
    strip = max(10, columns - label - 2 - (note > 0 ? note + 2 : 0))
  }

  /// A line of the three; what is coloured says how wide it is.
  func line(_ label: String, _ strip: String, _ note: String, stripWidth: Int? = nil) -> String {
    let gap = String(repeating: " ", count: max(0, self.strip - (stripWidth ?? strip.count)))
    let line =
      padded(shortened(label, to: self.label), self.label) + "  " + strip + gap + "  "
      + shortened(note, to: self.note)
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.columns))
  }
}

extension ThreadTrack {
  /// What the thread did in a part of the timeline; nil where it did not live.
  func part(at place: Int) -> ThreadPart? {
    parts.indices.contains(place - first) ? parts[place - first] : nil
  }
}

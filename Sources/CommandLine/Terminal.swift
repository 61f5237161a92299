internal import Glibc
internal import SystemPackage

/// What the command writes to people.
enum Terminal {
  /// Writes a text, as far as that can be done.
  static func write(_ text: String, to descriptor: FileDescriptor) {
    _ = try? descriptor.writeAll(text.utf8)
  }

  /// Says on stderr what went wrong.
  static func complain(_ message: String) { write("ctrace: \(message)\n", to: .standardError) }

  /// Whether someone looks at it.
  static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// Columns of the terminal, taken for 40 at the least; 80 where there is none, or where it can't be told.
  static func columns(_ descriptor: FileDescriptor) -> Int {
    var size = winsize()
    guard isTerminal(descriptor), ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 0
    else { return 80 }
    return max(40, Int(size.ws_col))
  }

  /// The value of an environment variable; nil when it is not set, or empty.
  static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}

/// How a text looks: in colour on a terminal whose user does not object (https://no-color.org), and
/// with block characters where the locale has them.
struct Style {
  var hasColour: Bool
  var hasUnicode: Bool
  var columns: Int

  /// What suits a descriptor.
  init(for descriptor: FileDescriptor) {
    let isTerminal = Terminal.isTerminal(descriptor)
    hasColour =
      isTerminal && Terminal.environment("NO_COLOR") == nil
      && Terminal.environment("TERM") != "dumb"
    let locale =
      Terminal.environment("LC_ALL") ?? Terminal.environment("LC_CTYPE")
      ?? Terminal.environment("LANG") ?? ""
    // Into a file or a pipe goes what can be read everywhere and compared; UTF-8 is that by now,
    // except on terminals that say otherwise.
    hasUnicode = !isTerminal || locale.uppercased().contains("UTF")
    columns = Terminal.columns(descriptor)
  }

  /// No colours, block characters, 80 columns.
  init() {
    hasColour = false
    hasUnicode = true
    columns = 80
  }

  func bold(_ text: String) -> String { coloured(text, "1") }
  func dim(_ text: String) -> String { coloured(text, "2") }
  func warning(_ text: String) -> String { coloured(text, "33;1") }

  /// In a colour of ANSI's; none for an empty code.
  func coloured(_ text: String, _ code: String) -> String {
    hasColour && !code.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

/// A line on stderr that tells how far a long operation has come; nothing where nobody looks, and
/// nothing for operations that are over soon.
struct ProgressLine {
  private let label: String
  private let isShown: Bool
  private var isDrawn = false
  private var begun = ContinuousClock.now
  private var lastPercent = -1

  init(_ label: String) {
    self.label = label
    isShown = Terminal.isTerminal(.standardError)
  }

  /// So much is done of so much.
  mutating func update(_ done: UInt64, of total: UInt64) {
    guard isShown, total > 0 else { return }
    let percent = Int(Double(min(done, total)) / Double(total) * 100)
    guard percent != lastPercent, ContinuousClock.now - begun > .milliseconds(400) else { return }
    lastPercent = percent
    isDrawn = true
    Terminal.write("\r\(label) \(percent) %", to: .standardError)
  }

  /// Takes the line away.
  mutating func finish() {
    guard isDrawn else { return }
    isDrawn = false
    Terminal.write("\r\u{1b}[K", to: .standardError)
  }
}

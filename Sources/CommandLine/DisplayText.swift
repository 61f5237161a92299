internal import TraceAnalysis

// What texts look like on a terminal. Names come from programs and files, and may be anything.
extension StringProtocol {
  /// Columns that it takes: two for wide characters, as those of East Asia and pictures, one for others,
  /// whatever marks they carry.
  var columns: Int {
    if utf8.allSatisfy({ $0 < 0x7f && $0 >= 0x20 }) { return utf8.count }
    return reduce(0) { $0 + $1.columns }
  }
}

extension String {
  /// The longest beginning that takes no more columns than that.
  func prefix(columns most: Int) -> String {
    var text = ""
    var columns = 0
    for character in self {
      columns += character.columns
      if columns > most { break }
      text.append(character)
    }
    return text
  }

  /// The longest end that takes no more columns than that.
  func suffix(columns most: Int) -> String {
    var columns = 0
    var count = 0
    for character in reversed() {
      columns += character.columns
      if columns > most { break }
      count += 1
    }
    return String(suffix(count))
  }

  /// Without anything that would do something to a terminal, or to the text around it: control
  /// characters and what turns the direction of writing stand as `\u{…}`, and of the marks that are
  /// heaped on one character a few are left.
  var printable: String {
    if utf8.allSatisfy({ $0 < 0x7f && $0 >= 0x20 }) { return self }
    var text = String.UnicodeScalarView()
    var marks = 0
    for scalar in unicodeScalars {
      if scalar.isUnprintable {
        text.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        continue
      }
      marks = scalar.isMark ? marks + 1 : 0
      // A mark with nothing to stand on would change what is printed before.
      if scalar.isMark, text.isEmpty { text.append(" ") }
      if marks <= 4 { text.append(scalar) }
    }
    return String(text)
  }

  /// With something else in the place of some scalars, as another language wants it.
  ///
  /// Most languages know of code points only: what a mark stands on ends a word or a line there all the same,
  /// though it is another letter.
  func escaped(_ replacement: (Unicode.Scalar) -> String?) -> String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if let other = replacement(scalar) {
        text.append(contentsOf: other.unicodeScalars)
      } else {
        text.append(scalar)
      }
    }
    return String(text)
  }
}

extension Character {
  fileprivate var columns: Int {
    guard !isASCII, let first = unicodeScalars.first else { return 1 }
    // A picture, by itself or by choice, may be several joined into one; two letters make a flag.
    if first.properties.isEmojiPresentation || unicodeScalars.contains("\u{fe0f}") { return 2 }
    return max(1, unicodeScalars.reduce(0) { $0 + $1.columns })
  }
}

extension Unicode.Scalar {
  fileprivate var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: true
    default: value == 0x200d
    }
  }

  fileprivate var isUnprintable: Bool {
    switch properties.generalCategory {
    // What joins characters is harmless, and part of how some are written.
    case .format: value != 0x200d && value != 0x200c
    case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }

  /// Columns that it adds to those before it: none for marks and for what joins letters, the vowels and
  /// ends of Korean syllables among them.
  fileprivate var columns: Int {
    if isMark || properties.generalCategory == .format { return 0 }
    switch value {
    case 0x1160...0x11ff, 0xd7b0...0xd7ff: return 0
    default: return isWide ? 2 : 1
    }
  }

  /// Whether it takes two columns: the wide and full-width characters of Unicode's East Asian Width
  /// (UAX #11), with what is unassigned between them.
  private var isWide: Bool {
    switch value {
    case 0x1100...0x115f, 0x231a...0x231b, 0x2329...0x232a, 0x23e9...0x23ec, 0x23f0, 0x23f3,
      0x25fd...0x25fe, 0x2614...0x2615, 0x2648...0x2653, 0x267f, 0x2693, 0x26a1, 0x26aa...0x26ab,
      0x26bd...0x26be, 0x26c4...0x26c5, 0x26ce, 0x26d4, 0x26ea, 0x26f2...0x26f3, 0x26f5, 0x26fa,
      0x26fd, 0x2705, 0x270a...0x270b, 0x2728, 0x274c, 0x274e, 0x2753...0x2755, 0x2757,
      0x2795...0x2797, 0x27b0, 0x27bf, 0x2b1b...0x2b1c, 0x2b50, 0x2b55, 0x2e80...0x303e,
      0x3041...0x3247, 0x3250...0x4dbf, 0x4e00...0xa4c6, 0xa960...0xa97c, 0xac00...0xd7a3,
      0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6b, 0xff01...0xff60, 0xffe0...0xffe6,
      0x16fe0...0x18d08, 0x1aff0...0x1b2fb, 0x1f004, 0x1f0cf, 0x1f18e, 0x1f191...0x1f19a,
      0x1f200...0x1f320, 0x1f32d...0x1f335, 0x1f337...0x1f37c, 0x1f37e...0x1f393,
      0x1f3a0...0x1f3ca, 0x1f3cf...0x1f3d3, 0x1f3e0...0x1f3f0, 0x1f3f4, 0x1f3f8...0x1f43e,
      0x1f440, 0x1f442...0x1f4fc, 0x1f4ff...0x1f53d, 0x1f54b...0x1f54e, 0x1f550...0x1f567,
      0x1f57a, 0x1f595...0x1f596, 0x1f5a4, 0x1f5fb...0x1f64f, 0x1f680...0x1f6c5, 0x1f6cc,
      0x1f6d0...0x1f6d2, 0x1f6d5...0x1f6df, 0x1f6eb...0x1f6ec, 0x1f6f4...0x1f6fc,
      0x1f7e0...0x1f7f0, 0x1f90c...0x1f93a, 0x1f93c...0x1f945, 0x1f947...0x1f9ff,
      0x1fa70...0x1faff, 0x20000...0x3fffd:
      true
    default: false
    }
  }
}

/// A text that is too long without its middle, so that both its ends can be read.
func shortened(_ text: String, to width: Int) -> String {
  guard text.columns > width else { return text }
  guard width > 3 else { return text.prefix(columns: width) }
  let tail = (width - 2) / 2
  return text.prefix(columns: width - 2 - tail) + ".." + text.suffix(columns: tail)
}

/// What Python has made without the line that it begins with: of `app.py:12 jobs` the name is left.
func withoutFile(_ name: String) -> String {
  guard let space = name.firstIndex(of: " ") else { return name }
  let line = name[..<space]
  guard let colon = line.lastIndex(of: ":"), line[..<colon].hasSuffix(".py"),
    line[colon...].dropFirst().allSatisfy(\.isNumber)
  else { return name }
  return String(name[space...].dropFirst())
}

/// A text that is too long without its first words: of `function file.c:12` the file is left.
func shortenedToLastWord(_ text: String, to width: Int) -> String {
  guard text.columns > width, let last = text.split(separator: " ").last else { return text }
  return shortened(String(last), to: width)
}

/// What a line of Python assigns to: `self.lock = Lock()` to `lock`, and `locks["a"] = Lock()` to
/// `locks["a"]`. It is how a program calls what the line makes.
///
/// The line is read as text: what is no plain assignment has no name, which is better than a wrong one.
enum PythonAssignment {
  private static let longest = 40

  /// The target of a line's assignment; nil where there is none, or it is no name for people.
  static func target(of line: String) -> String? {
    let signs = Array(line.unicodeScalars.prefix(2000))
    var scan = Scan(signs)
    while scan.step() {}
    guard !scan.hasSeveralStatements else { return nil }
    if let end = scan.assignment {
      return name(signs, statement(signs, scan)..<end, scan.annotation)
    }
    if let end = scan.walrus { return word(before: end, in: signs) }
    if let alias = scan.alias { return name(signs, alias, nil) }
    // An argument by name, where there is only one.
    if scan.keywords.count == 1 { return word(before: scan.keywords[0], in: signs) }
    return nil
  }

  /// Where the statement begins that assigns: behind `if x:` and the like on the same line.
  private static func statement(_ signs: [Unicode.Scalar], _ scan: Scan) -> Int {
    guard let colon = scan.annotation, scan.isCompound else { return 0 }
    return colon + 1
  }

  private static func name(
    _ signs: [Unicode.Scalar], _ range: Range<Int>, _ annotation: Int?
  ) -> String? {
    var end = range.upperBound
    if let annotation, range.contains(annotation) { end = annotation }
    var text = String(String.UnicodeScalarView(signs[range.lowerBound..<end]))
      .trimmed
    for owner in ["self.", "cls."] where text.hasPrefix(owner) {
      text = String(text.dropFirst(owner.count))
    }
    guard let first = text.unicodeScalars.first, first == "_" || first.properties.isAlphabetic,
      text.count <= longest, text.unicodeScalars.allSatisfy(isOfName)
    else { return nil }
    return text
  }

  private static func isOfName(_ sign: Unicode.Scalar) -> Bool {
    sign.isOfWord || "._[]\"', -".unicodeScalars.contains(sign)
  }

  /// The word that ends before a place, blanks between them left out.
  private static func word(before end: Int, in signs: [Unicode.Scalar]) -> String? {
    var last = end
    while last > 0, signs[last - 1] == " " { last -= 1 }
    var first = last
    while first > 0, signs[first - 1].isOfWord { first -= 1 }
    return first < last ? name(signs, first..<last, nil) : nil
  }

  /// A walk along a line, past strings and comments.
  private struct Scan {
    private static let compound: Set<String> = [
      "if", "elif", "else", "for", "while", "with", "try", "except", "finally", "class", "def",
      "async", "match", "case",
    ]

    private let signs: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private var afterAs: Int?
    /// Places of the first `=` and of the first `:` outside of all brackets.
    private(set) var assignment: Int?
    private(set) var annotation: Int?
    private(set) var walrus: Int?
    /// Places of `=` within brackets.
    private(set) var keywords: [Int] = []
    /// What stands between `as` and `:`.
    private(set) var alias: Range<Int>?
    /// Or several things of which each has a name.
    private(set) var hasSeveralStatements = false
    private(set) var isCompound = false

    init(_ signs: [Unicode.Scalar]) {
      self.signs = signs
      let words = String(String.UnicodeScalarView(signs)).trimmed.prefix { $0 != " " && $0 != ":" }
      isCompound = Scan.compound.contains(String(words))
    }

    private func sign(_ place: Int) -> Unicode.Scalar {
      signs.indices.contains(place) ? signs[place] : " "
    }

    mutating func step() -> Bool {
      guard place < signs.count else { return false }
      switch signs[place] {
      case "#": return false
      case "\"", "'": skipString()
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth -= 1
      case ";" where depth == 0: hasSeveralStatements = true
      case ":": colon()
      case "=": equals()
      case "a" where isCompound && depth == 0 && isWord("as"):
        hasSeveralStatements = afterAs != nil
        afterAs = place + 2
      default: break
      }
      place += 1
      return true
    }

    private mutating func skipString() {
      let quote = signs[place]
      let isLong = sign(place + 1) == quote && sign(place + 2) == quote
      place += isLong ? 3 : 1
      while place < signs.count {
        if signs[place] == "\\" {
          place += 1
        } else if signs[place] == quote,
          !isLong || (sign(place + 1) == quote && sign(place + 2) == quote)
        {
          place += isLong ? 2 : 0
          return
        }
        place += 1
      }
    }

    private mutating func colon() {
      if sign(place + 1) == "=", depth > 0 || isCompound {
        if walrus == nil { walrus = place }
        place += 1
        return
      }
      guard depth == 0 else { return }
      if let start = afterAs, alias == nil { alias = start..<place }
      if assignment == nil, annotation == nil || isCompound { annotation = place }
    }

    private mutating func equals() {
      if sign(place + 1) == "=" {
        place += 1
        return
      }
      guard !"=!<>+-*/%&|^@".unicodeScalars.contains(sign(place - 1)) else { return }
      if depth > 0 {
        keywords.append(place)
      } else if assignment == nil {
        assignment = place
      }
    }

    private func isWord(_ word: String) -> Bool {
      !sign(place - 1).isOfWord && !sign(place + word.unicodeScalars.count).isOfWord
        && zip(place..., word.unicodeScalars).allSatisfy { sign($0) == $1 }
    }
  }
}

extension Unicode.Scalar {
  /// Whether a name of Python's can have it.
  fileprivate var isOfWord: Bool {
    self == "_" || properties.isAlphabetic || properties.numericType == .decimal
  }
}

extension String {
  /// Without blanks at its ends.
  fileprivate var trimmed: String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

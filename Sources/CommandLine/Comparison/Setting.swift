internal import TraceAnalysis

/// One value of a configuration, as it is written, and where.
struct Setting {
  /// What it is called, such as `gate.alpha`.
  var name: String
  /// The value; nil where it is a list or has keys of its own.
  var text: String?
  /// Whether it is written in quotes.
  var isQuoted = false
  /// Where it stands: `.ctrace.yml:3`, or an option.
  var place: String

  /// Ends the command with what the value should be.
  func wrong(_ allowed: String) -> Failure {
    let given =
      text.map { $0.isEmpty ? "empty" : $0.prefix(60).debugDescription }
      ?? "no value but keys or a list"
    return Failure(message: "\(place): \(name) must be \(allowed); it is \(given)")
  }

  /// A whole number.
  func count(_ range: ClosedRange<Int64>) throws -> Int64 {
    guard !isQuoted, let text, let value = Int64(text), range.contains(value) else {
      throw wrong("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A number.
  private func number(_ isAllowed: (Double) -> Bool, _ allowed: String) throws -> Double {
    guard !isQuoted, let value = plainNumber(text ?? ""), isAllowed(value) else {
      throw wrong(allowed)
    }
    return value
  }

  /// A probability.
  func alpha() throws -> Double {
    try number({ $0 > 0 && $0 < 1 }, "a number between 0 and 1, such as 0.05")
  }

  /// A factor of at least 1.
  func factor() throws -> Double {
    try number({ $0 >= 1 && $0 <= 1000 }, "a factor from 1 to 1000, such as 1.25")
  }

  /// A part of something, such as `0.6` or `60%`.
  func share() throws -> Double {
    let text = text ?? ""
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast().trimmed : text
    guard let number = plainNumber(digits), (0...(isPercent ? 100 : 1)).contains(number) else {
      throw wrong("a share from 0 to 1, or from 0% to 100%, such as 60%")
    }
    return isPercent ? number / 100 : number
  }

  /// A length of time in nanoseconds, such as `500us`.
  func time() throws -> Int64 {
    guard let text, text.last?.isLetter == true, let span = TimeSpan(argument: text),
      span.nanoseconds <= 1 << 60
    else { throw wrong("a time with its unit, such as 500us, 5ms or 2s") }
    return Int64(span.nanoseconds)
  }

  /// Yes or no.
  func flag() throws -> Bool {
    switch (text, isQuoted) {
    case ("true", false): return true
    case ("false", false): return false
    default: throw wrong("true or false")
    }
  }

  /// One of some words.
  func word<Word: RawRepresentable & CaseIterable>(_: Word.Type) throws -> Word
  where Word.RawValue == String {
    guard let text, let word = Word(rawValue: text) else {
      throw wrong(Word.allCases.map(\.rawValue).joined(separator: ", ") + " (one of them)")
    }
    return word
  }

  /// A text that says something.
  func words(_ what: String) throws -> String {
    guard let text, !text.trimmed.isEmpty, text.utf8.count <= 1000 else { throw wrong(what) }
    return text
  }

  /// A day that there is, such as `2027-01-31`.
  func day() throws -> String {
    guard let text, isDay(text) else { throw wrong("a day such as 2027-01-31") }
    return text
  }

  private func isDay(_ text: String) -> Bool {
    guard let match = text.wholeMatch(of: /([0-9]{4})-([0-9]{2})-([0-9]{2})/),
      let year = Int(match.1), let month = Int(match.2), let day = Int(match.3)
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...12).contains(month) && (1...days[month - 1]).contains(day)
  }

  /// A number without the forms that only programs write.
  private func plainNumber(_ text: some StringProtocol) -> Double? {
    guard !text.isEmpty, text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }) else {
      return nil
    }
    return Double(String(text)).flatMap { $0.isFinite ? $0 : nil }
  }
}

extension StringProtocol {
  /// Without blanks around it.
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}

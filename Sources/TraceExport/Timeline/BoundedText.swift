/// Bytes of a name or a frame beyond which it is cut: names come out of files that nobody vouches
/// for, and each may be written with every event that bears it.
let maximumNameSize = 1024

extension String {
  /// The text, cut to about ``maximumNameSize``: names come out of files that nobody vouches for.
  var bounded: String {
    guard utf8.count > maximumNameSize || utf8.contains(0) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard text.utf8.count < maximumNameSize else { return text + "…" }
      // The end of a text to much of what reads it.
      text.unicodeScalars.append(scalar == "\0" ? "\u{fffd}" : scalar)
    }
    return text
  }
}

import TestSupport

/// A message of Protocol Buffers: its fields in order.
private struct Message {
  enum Value {
    case number(UInt64)
    case bytes([UInt8])
  }

  var fields: [(number: Int, value: Value)] = []

  init(_ bytes: [UInt8]) throws {
    var place = 0
    func varint() throws -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: 0, to: 70, by: 7) {
        guard place < bytes.count else { break }
        let byte = bytes[place]
        place += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
      }
      throw TestFailure("a number does not end at byte \(place)")
    }
    while place < bytes.count {
      let head = try varint()
      switch head & 7 {
      case 0: fields.append((Int(head >> 3), .number(try varint())))
      case 2:
        let count = Int(try varint())
        guard place + count <= bytes.count else { throw TestFailure("a field ends too late") }
        fields.append((Int(head >> 3), .bytes(Array(bytes[place..<place + count]))))
        place += count
      default: throw TestFailure("a field of type \(head & 7) at byte \(place)")
      }
    }
  }

  func numbers(_ number: Int) -> [Int64] {
    fields.compactMap {
      guard $0.number == number, case .number(let value) = $0.value else { return nil }
      return Int64(bitPattern: value)
    }
  }

  func bytes(_ number: Int) -> [[UInt8]] {
    fields.compactMap {
      guard $0.number == number, case .bytes(let value) = $0.value else { return nil }
      return value
    }
  }

  func messages(_ number: Int) throws -> [Message] { try bytes(number).map(Message.init) }

  /// Numbers that are packed into one field.
  func packed(_ number: Int) throws -> [Int64] {
    // They look like the numbers of a message in which each has a head: 0x08 says field 1.
    try bytes(number).flatMap { bytes in
      var withHeads: [UInt8] = []
      var isNew = true
      for byte in bytes {
        if isNew { withHeads.append(0x08) }
        withHeads.append(byte)
        isNew = byte < 0x80
      }
      return try Message(withHeads).numbers(1)
    }
  }
}

/// A profile as pprof sees it: see `profile.proto`.
struct ParsedProfile {
  var types: [String] = []
  /// Frames from the leaf on, values and labels.
  var samples: [String] = []
  /// The function, file and line of each, in the order in which samples name them first.
  var locations: [String] = []
  var modules: [String] = []
  var comment = ""
  var defaultType = ""
  var period = ""
  var time: Int64 = 0
  var duration: Int64 = 0

  init(_ bytes: [UInt8]) throws {
    let profile = try Message(bytes)
    let strings = profile.bytes(6).map { String(decoding: $0, as: UTF8.self) }
    guard strings.first == "" else { throw TestFailure("the first string is not empty") }
    func string(_ message: Message, _ field: Int) throws -> String {
      let place = message.numbers(field).last ?? 0
      guard strings.indices.contains(Int(place)) else { throw TestFailure("no string \(place)") }
      return strings[Int(place)]
    }
    func type(_ message: Message) throws -> String {
      "\(try string(message, 1))/\(try string(message, 2))"
    }
    types = try profile.messages(1).map(type)
    modules = try profile.messages(3).map { try string($0, 5) }
    var functions: [Int64: (name: String, file: String)] = [:]
    for function in try profile.messages(5) {
      functions[function.numbers(1)[0]] = (try string(function, 2), try string(function, 4))
    }
    var places: [Int64: (name: String, text: String)] = [:]
    let mappings = Set(try profile.messages(3).flatMap { $0.numbers(1) })
    for location in try profile.messages(4) {
      guard let line = try location.messages(4).first,
        let function = functions[line.numbers(1)[0]],
        mappings.contains(location.numbers(2)[0])
      else { throw TestFailure("a location is nowhere") }
      let text = "\(function.name) \(function.file):\(line.numbers(2).last ?? 0)"
      locations.append(text)
      places[location.numbers(1)[0]] = (function.name, text)
    }
    for sample in try profile.messages(2) {
      let names = try sample.packed(1).map { id -> String in
        guard let place = places[id] else { throw TestFailure("no location \(id)") }
        return place.name
      }
      let labels = try sample.messages(3).map { "\(try string($0, 1))=\(try string($0, 2))" }
      let parts = [names.joined(separator: "<")] + (try sample.packed(2)).map(String.init)
      samples.append((parts + labels.sorted()).joined(separator: " "))
    }
    comment = try string(profile, 13)
    defaultType = try string(profile, 14)
    period = try profile.messages(11).map(type).joined()
    time = profile.numbers(9).last ?? 0
    duration = profile.numbers(10).last ?? 0
  }
}

import CElf

/// The shapes that the entries of a unit have: which attributes, and how each is encoded.
///
/// Format: DWARF 5, section 7.5.3 (.debug_abbrev), the same since DWARF 2.
struct Abbreviations {
  /// One shape.
  struct Shape {
    /// DW_TAG_subprogram and so on.
    var tag: Int
    /// Whether entries follow that belong to this one.
    var hasChildren: Bool
    /// Bytes of all attributes together; nil where that depends on their values.
    var size: UInt64?
    /// Indices of its attributes.
    var attributes: Range<Int>
  }

  /// One attribute of a shape.
  struct Attribute {
    /// DW_AT_low_pc and so on.
    var name: UInt64
    var encoding: AttributeEncoding
  }

  private var shapes: [Shape] = []
  private(set) var attributes: [Attribute] = []
  let format: UnitFormat
  /// The first code, from which compilers count on.
  private var first: UInt64 = 1
  /// Indices of shapes whose codes are out of that order.
  private var unordered: [UInt64: Int] = [:]

  /// Reads the shapes from the start of `bytes` as far as they are sound.
  init(_ bytes: RawSpan, in format: UnitFormat, within allowance: inout Allowance) {
    self.format = format
    var reader = ByteReader(bytes)
    while let code = reader.variable(), code != 0, let tag = reader.variable(),
      let hasChildren = reader.integer(size: 1)
    {
      let start = attributes.count
      var size: UInt64? = 0
      while true {
        guard let name = reader.variable(), let form = reader.variable(), allowance.spend() else {
          return
        }
        if name == 0 && form == 0 { break }
        // Its value stands here, not in the entries.
        if form == UInt64(DW_FORM_implicit_const), reader.variable() == nil { return }
        guard let encoding = AttributeEncoding(form: form, in: format) else { return }
        if let bytes = encoding.fixedSize { size? += UInt64(bytes) } else { size = nil }
        attributes.append(Attribute(name: name, encoding: encoding))
      }
      if shapes.isEmpty { first = code }
      if code != first &+ UInt64(shapes.count) { unordered[code] = shapes.count }
      shapes.append(
        Shape(
          tag: Int(truncatingIfNeeded: tag),
          hasChildren: hasChildren != 0,
          size: size,
          attributes: start..<attributes.count
        )
      )
    }
  }

  /// The shape with a code.
  func shape(_ code: UInt64) -> Shape? {
    let index = code &- first
    if index < UInt64(shapes.count), unordered.isEmpty { return shapes[Int(index)] }
    if let index = unordered[code] { return shapes[index] }
    return index < UInt64(shapes.count) ? shapes[Int(index)] : nil
  }
}

/// How the value of an attribute is encoded, as far as one must know to read numbers and skip the
/// rest.
///
/// Format: DWARF 5, section 7.5.6, and the extensions of GNU that dwz uses.
enum AttributeEncoding: Equatable {
  /// An address of so many bytes.
  case address(Int)
  /// A number of so many bytes.
  case constant(Int)
  /// So many bytes that mean something else.
  case fixed(Int)
  /// A number of seven bits a byte.
  case variable
  /// Bytes after their count, which takes this many bytes itself, or is a `variable` if nil.
  case block(Int?)
  /// Bytes through a zero.
  case string
  /// The form itself stands before the value.
  case indirect

  /// The encoding of a form; nil for an unknown one, after which nothing can be found.
  init?(form: UInt64, in unit: UnitFormat) {
    switch Int(truncatingIfNeeded: form) {
    case DW_FORM_addr: self = .address(unit.addressSize)
    case DW_FORM_flag_present, DW_FORM_implicit_const: self = .fixed(0)
    case DW_FORM_data1: self = .constant(1)
    case DW_FORM_data2: self = .constant(2)
    case DW_FORM_data4: self = .constant(4)
    case DW_FORM_data8: self = .constant(8)
    case DW_FORM_flag, DW_FORM_ref1, DW_FORM_strx1, DW_FORM_addrx1:
      self = .fixed(1)
    case DW_FORM_ref2, DW_FORM_strx2, DW_FORM_addrx2: self = .fixed(2)
    case DW_FORM_strx3, DW_FORM_addrx3: self = .fixed(3)
    case DW_FORM_ref4, DW_FORM_strx4, DW_FORM_addrx4, DW_FORM_ref_sup4:
      self = .fixed(4)
    case DW_FORM_ref8, DW_FORM_ref_sig8, DW_FORM_ref_sup8: self = .fixed(8)
    case DW_FORM_data16: self = .fixed(16)
    case DW_FORM_strp, DW_FORM_sec_offset, DW_FORM_line_strp, DW_FORM_strp_sup,
      DW_FORM_GNU_ref_alt, DW_FORM_GNU_strp_alt:
      self = .fixed(unit.offsetSize)
    case DW_FORM_ref_addr: self = .fixed(unit.version == 2 ? unit.addressSize : unit.offsetSize)
    case DW_FORM_sdata, DW_FORM_udata, DW_FORM_ref_udata, DW_FORM_strx, DW_FORM_addrx,
      DW_FORM_loclistx, DW_FORM_rnglistx, DW_FORM_GNU_addr_index, DW_FORM_GNU_str_index:
      self = .variable
    case DW_FORM_block1: self = .block(1)
    case DW_FORM_block2: self = .block(2)
    case DW_FORM_block4: self = .block(4)
    case DW_FORM_block, DW_FORM_exprloc: self = .block(nil)
    case DW_FORM_string: self = .string
    case DW_FORM_indirect: self = .indirect
    default: return nil
    }
  }

  /// Bytes of the value; nil where it says so itself.
  var fixedSize: Int? {
    switch self {
    case .address(let size), .constant(let size), .fixed(let size): size
    case .variable, .block, .string, .indirect: nil
    }
  }
}

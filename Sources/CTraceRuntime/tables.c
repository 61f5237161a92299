// Reads unwind tables (.eh_frame, as the Linux Standard Base and DWARF 5 describe it) for the rule that
// leads from a place of code to its caller. Only what concerns the stack pointer, the frame pointer and
// the return address is kept. Nothing is read outside of the object that the tables belong to.
#ifdef __x86_64__
#include <string.h>

#include "unwind.h"

/// DWARF's numbers of registers on this CPU.
enum { REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_ADDRESS = 16 };

// MARK: Bytes

/// Bytes being read. What reads beyond their end gets zeros, and leaves `at` NULL.
struct bytes {
  const uint8_t *at;
  const uint8_t *end;
};

static bool has(const struct bytes *bytes, uint64_t count) {
  return bytes->at != NULL && (uint64_t)(bytes->end - bytes->at) >= count;
}

static void skip(struct bytes *bytes, uint64_t count) {
  bytes->at = has(bytes, count) ? bytes->at + count : NULL;
}

static uint64_t read_number(struct bytes *bytes, uint32_t size) {
  uint64_t value = 0;
  if (has(bytes, size))
    for (uint32_t index = 0; index < size; index++)
      value |= (uint64_t)bytes->at[index] << 8 * index;
  skip(bytes, size);
  return value;
}

static uint8_t read_byte(struct bytes *bytes) { return (uint8_t)read_number(bytes, 1); }

static int64_t read_signed(struct bytes *bytes, uint32_t size) {
  uint32_t unused = 64 - 8 * size;
  return (int64_t)(read_number(bytes, size) << unused) >> unused;
}

/// A LEB128 number.
static uint64_t read_leb(struct bytes *bytes, bool is_signed) {
  uint64_t value = 0;
  for (uint32_t shift = 0;; shift += 7) {
    uint8_t byte = read_byte(bytes);
    if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte & 0x80) continue;
    if (is_signed && (byte & 0x40) && shift + 7 < 64) value |= UINT64_MAX << (shift + 7);
    return value;
  }
}

static uint64_t read_unsigned_leb(struct bytes *bytes) { return read_leb(bytes, false); }

static int64_t read_signed_leb(struct bytes *bytes) { return (int64_t)read_leb(bytes, true); }

/// Encodings of pointers in tables.
enum {
  POINTER_FORMAT = 0x0f,
  POINTER_BASE = 0x70,
  BASE_NONE = 0x00,
  BASE_HERE = 0x10,
  BASE_HEADER = 0x30,
  POINTER_OMITTED = 0xff,
  /// 4 bytes with a sign, from the header on: what linkers make the index of.
  POINTER_INDEX = 0x3b,
};

/// `header` is what pointers relative to the data count from.
static uintptr_t read_pointer(struct bytes *bytes, uint8_t encoding, uintptr_t header) {
  if (encoding == POINTER_OMITTED) return 0;
  uintptr_t here = (uintptr_t)bytes->at, value = 0;
  switch (encoding & POINTER_FORMAT) {
    case 0x00: case 0x04: case 0x0c: value = read_number(bytes, 8); break;
    case 0x01: value = read_unsigned_leb(bytes); break;
    case 0x02: value = read_number(bytes, 2); break;
    case 0x03: value = read_number(bytes, 4); break;
    case 0x09: value = (uintptr_t)read_signed_leb(bytes); break;
    case 0x0a: value = (uintptr_t)read_signed(bytes, 2); break;
    case 0x0b: value = (uintptr_t)read_signed(bytes, 4); break;
    default: bytes->at = NULL;
  }
  switch (encoding & POINTER_BASE) {
    case BASE_NONE: return value;
    case BASE_HERE: return value + here;
    case BASE_HEADER: return value + header;
    default: bytes->at = NULL; return 0;
  }
}

// MARK: Entries

/// What an object has mapped.
struct object {
  uintptr_t start;
  uintptr_t end;
  uintptr_t header;
};

static struct bytes bytes_from(const struct object *object, uintptr_t address) {
  bool is_inside = address >= object->start && address < object->end;
  return (struct bytes){is_inside ? (const uint8_t *)address : NULL, (const uint8_t *)object->end};
}

/// Where the entry for an address begins, by the index in .eh_frame_hdr; 0 where there is none.
static uintptr_t find_entry(const struct object *object, uintptr_t address) {
  struct bytes header = bytes_from(object, object->header);
  uint8_t version = read_byte(&header), frame_encoding = read_byte(&header);
  uint8_t count_encoding = read_byte(&header), index_encoding = read_byte(&header);
  read_pointer(&header, frame_encoding, object->header);
  uint64_t count = read_pointer(&header, count_encoding, object->header);
  struct place {
    int32_t code;
    int32_t entry;
  } __attribute__((packed));
  if (version != 1 || index_encoding != POINTER_INDEX || header.at == NULL ||
      count > (uint64_t)(header.end - header.at) / sizeof(struct place))
    return 0;
  const struct place *index = (const struct place *)header.at;
  int64_t wanted = (int64_t)(address - object->header);
  uint64_t low = 0, high = count;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (index[middle].code <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low == 0 ? 0 : object->header + (uintptr_t)(intptr_t)index[low - 1].entry;
}

/// The content of an entry, its length read.
static struct bytes open_entry(const struct object *object, uintptr_t address) {
  struct bytes bytes = bytes_from(object, address);
  uint64_t length = read_number(&bytes, 4);
  if (length == UINT32_MAX) length = read_number(&bytes, 8);
  if (length == 0 || !has(&bytes, length)) return (struct bytes){0};
  bytes.end = bytes.at + length;
  return bytes;
}

/// What functions have in common.
struct common {
  struct bytes instructions;
  uint64_t code_unit;
  int64_t data_unit;
  uint8_t encoding;
  bool has_size;
  bool is_signal;
};

static bool read_common(const struct object *object, uintptr_t address, struct common *common) {
  struct bytes bytes = open_entry(object, address);
  uint64_t number = read_number(&bytes, 4);
  uint8_t version = read_byte(&bytes);
  if (bytes.at == NULL || number != 0 || (version != 1 && version != 3)) return false;
  const char *letters = (const char *)bytes.at;
  while (read_byte(&bytes) != 0) {
  }
  *common = (struct common){.code_unit = read_unsigned_leb(&bytes)};
  common->data_unit = read_signed_leb(&bytes);
  uint64_t address_register = version == 1 ? read_byte(&bytes) : read_unsigned_leb(&bytes);
  if (bytes.at == NULL || address_register != REGISTER_ADDRESS) return false;
  if (*letters == 'z') {
    common->has_size = true;
    uint64_t size = read_unsigned_leb(&bytes);
    struct bytes data = bytes;
    skip(&bytes, size);
    while (*++letters != 0) {
      switch (*letters) {
        case 'R': common->encoding = read_byte(&data); break;
        case 'L': read_byte(&data); break;
        case 'P': read_pointer(&data, read_byte(&data) & 0x7f, 0); break;
        case 'S': common->is_signal = true; break;
        default: return false;
      }
    }
    if (data.at == NULL) return false;
  } else if (*letters != 0) {
    return false;
  }
  common->instructions = bytes;
  return bytes.at != NULL;
}

/// One function, or a part of one.
struct function {
  struct common common;
  struct bytes instructions;
  uintptr_t start;
};

static bool read_function(const struct object *object, uintptr_t address,
                          struct function *function) {
  struct bytes bytes = open_entry(object, find_entry(object, address));
  uintptr_t here = (uintptr_t)bytes.at, back = (uintptr_t)read_number(&bytes, 4);
  struct common *common = &function->common;
  if (bytes.at == NULL || back == 0 || !read_common(object, here - back, common)) return false;
  function->start = read_pointer(&bytes, common->encoding, object->header);
  uintptr_t size = read_pointer(&bytes, common->encoding & POINTER_FORMAT, 0);
  if (common->has_size) skip(&bytes, read_unsigned_leb(&bytes));
  function->instructions = bytes;
  return bytes.at != NULL && address - function->start < size;
}

// MARK: Expressions

/// A value that an expression computes, as far as a rule can say it: an offset from something.
struct value {
  enum {
    FROM_NOTHING,
    FROM_SP,
    FROM_FP,
    STORED_AT_SP,
    STORED_AT_FP,
    FROM_CFA,
    FROM_OTHER,
  } from;
  int64_t offset;
};

static struct value register_value(uint64_t number, int64_t offset, uintptr_t address) {
  switch (number) {
    case REGISTER_SP: return (struct value){FROM_SP, offset};
    case REGISTER_FP: return (struct value){FROM_FP, offset};
    // In entries of a procedure linkage table the frame depends on the place in the entry.
    case REGISTER_ADDRESS: return (struct value){FROM_NOTHING, (int64_t)address + offset};
    default: return (struct value){FROM_OTHER, 0};
  }
}

/// What is stored at a place: no rule knows an offset for the place and another for the value.
static struct value loaded(struct value place) {
  switch (place.from) {
    case FROM_SP: return (struct value){STORED_AT_SP, place.offset};
    case FROM_FP: return (struct value){STORED_AT_FP, place.offset};
    default: return (struct value){FROM_OTHER, 0};
  }
}

static struct value combined(uint8_t operation, struct value left, struct value right) {
  const struct value other = {FROM_OTHER, 0};
  uint64_t one = (uint64_t)left.offset, two = (uint64_t)right.offset;
  if (operation == 0x22) {  // plus
    struct value based = left.from == FROM_NOTHING ? right : left;
    bool is_known = (left.from == FROM_NOTHING || right.from == FROM_NOTHING) &&
                    based.from <= FROM_FP;
    return is_known ? (struct value){based.from, (int64_t)(one + two)} : other;
  }
  if (left.from != FROM_NOTHING || right.from != FROM_NOTHING) return other;
  switch (operation) {
    case 0x1a: return (struct value){FROM_NOTHING, left.offset & right.offset};
    case 0x1c: return (struct value){FROM_NOTHING, (int64_t)(one - two)};
    case 0x24: return (struct value){FROM_NOTHING, two < 64 ? (int64_t)(one << two) : 0};
    case 0x2a: return (struct value){FROM_NOTHING, left.offset >= right.offset};
    default: return other;
  }
}

/// Evaluates the expression that follows, its length first. Of what DWARF has, the operations that
/// compilers and linkers use for frames are known.
static struct value read_expression(struct bytes *bytes, uintptr_t address) {
  const struct value other = {FROM_OTHER, 0};
  struct value values[8] = {{FROM_CFA, 0}};
  uint32_t count = 1;
  uint64_t size = read_unsigned_leb(bytes);
  struct bytes expression = {bytes->at, bytes->at + (has(bytes, size) ? size : 0)};
  skip(bytes, size);
  while (has(&expression, 1)) {
    uint8_t operation = read_byte(&expression);
    if (operation >= 0x30 && operation < 0x50 && count < 8) {  // literals
      values[count++] = (struct value){FROM_NOTHING, operation - 0x30};
    } else if (operation >= 0x70 && operation < 0x90 && count < 8) {  // registers
      values[count++] =
          register_value(operation - 0x70u, read_signed_leb(&expression), address);
    } else if ((operation == 0x08 || operation == 0x09) && count < 8) {  // constants of a byte
      int64_t constant = operation == 0x08 ? read_byte(&expression) : read_signed(&expression, 1);
      values[count++] = (struct value){FROM_NOTHING, constant};
    } else if (operation == 0x06) {  // load
      values[count - 1] = loaded(values[count - 1]);
    } else if (operation == 0x23) {  // plus a constant
      struct value constant = {FROM_NOTHING, (int64_t)read_unsigned_leb(&expression)};
      values[count - 1] = combined(0x22, values[count - 1], constant);
    } else if (count >= 2) {
      values[count - 2] = combined(operation, values[count - 2], values[count - 1]);
      count -= 1;
    } else {
      return other;
    }
  }
  return expression.at == NULL ? other : values[count - 1];
}

// MARK: Instructions

/// A row of the table: what holds at one place of the function.
struct row {
  struct value cfa;
  /// Where the frame pointer is stored; the frame pointer itself where it is kept.
  struct value pointer;
  bool is_pointer_kept;
  /// Where the return address is stored; FROM_NOTHING where there is none.
  struct value address;
};

struct machine {
  const struct common *common;
  struct row row;
  struct row initial;
  struct row saved[4];
  uint32_t saved_count;
  /// The place of the row, and the one that is looked for.
  uintptr_t location;
  uintptr_t wanted;
};

static void set_register(struct machine *machine, uint64_t number, struct value place) {
  if (number == REGISTER_FP) {
    machine->row.pointer = place;
    machine->row.is_pointer_kept = false;
  } else if (number == REGISTER_ADDRESS) {
    machine->row.address = place;
  }
}

static void restore_register(struct machine *machine, uint64_t number) {
  if (number == REGISTER_FP) {
    machine->row.pointer = machine->initial.pointer;
    machine->row.is_pointer_kept = machine->initial.is_pointer_kept;
  } else if (number == REGISTER_ADDRESS) {
    machine->row.address = machine->initial.address;
  }
}

static void keep_register(struct machine *machine, uint64_t number) {
  if (number == REGISTER_FP) machine->row.is_pointer_kept = true;
  if (number == REGISTER_ADDRESS) machine->row.address = (struct value){FROM_OTHER, 0};
}

static int64_t scaled(int64_t units, int64_t unit) {
  return (int64_t)((uint64_t)units * (uint64_t)unit);
}

/// A place at so many units from the canonical frame address.
static struct value at_cfa(const struct machine *machine, int64_t units) {
  return (struct value){FROM_CFA, scaled(units, machine->common->data_unit)};
}

static void set_cfa_register(struct machine *machine, uint64_t number) {
  machine->row.cfa.from = register_value(number, 0, 0).from;
  if (number == REGISTER_ADDRESS) machine->row.cfa.from = FROM_OTHER;
}

/// Goes on to a later place; false where that lies behind the one that is looked for.
static bool advance(struct machine *machine, uint64_t units) {
  machine->location += units * machine->common->code_unit;
  return machine->location <= machine->wanted;
}

/// Carries out instructions until the row for the wanted place stands. False where one of them is
/// not known.
static bool run(struct machine *machine, struct bytes code) {
  const struct value other = {FROM_OTHER, 0};
  struct row *row = &machine->row;
  while (has(&code, 1)) {
    uint8_t instruction = read_byte(&code), operand = instruction & 0x3f;
    uint64_t number;
    switch (instruction & 0xc0) {
      case 0x40:
        if (!advance(machine, operand)) return true;
        continue;
      case 0x80:
        set_register(machine, operand, at_cfa(machine, (int64_t)read_unsigned_leb(&code)));
        continue;
      case 0xc0: restore_register(machine, operand); continue;
    }
    switch (instruction) {
      case 0x00: break;
      case 0x01:  // set_loc
        machine->location = read_pointer(&code, machine->common->encoding, 0);
        if (machine->location > machine->wanted) return true;
        break;
      case 0x02: case 0x03: case 0x04:  // advance_loc1, 2, 4
        if (!advance(machine, read_number(&code, 1u << (instruction - 0x02)))) return true;
        break;
      case 0x05:  // offset_extended
        number = read_unsigned_leb(&code);
        set_register(machine, number, at_cfa(machine, (int64_t)read_unsigned_leb(&code)));
        break;
      case 0x06: restore_register(machine, read_unsigned_leb(&code)); break;
      case 0x07:  // undefined
        set_register(machine, read_unsigned_leb(&code), (struct value){FROM_NOTHING, 0});
        break;
      case 0x08: keep_register(machine, read_unsigned_leb(&code)); break;
      case 0x09:  // register
        number = read_unsigned_leb(&code);
        read_unsigned_leb(&code);
        set_register(machine, number, other);
        break;
      case 0x0a:  // remember_state
        if (machine->saved_count == sizeof machine->saved / sizeof machine->saved[0]) return false;
        machine->saved[machine->saved_count++] = *row;
        break;
      case 0x0b:  // restore_state
        if (machine->saved_count == 0) return false;
        *row = machine->saved[--machine->saved_count];
        break;
      case 0x0c:  // def_cfa
        set_cfa_register(machine, read_unsigned_leb(&code));
        row->cfa.offset = (int64_t)read_unsigned_leb(&code);
        break;
      case 0x0d: set_cfa_register(machine, read_unsigned_leb(&code)); break;
      case 0x0e: row->cfa.offset = (int64_t)read_unsigned_leb(&code); break;
      case 0x0f: row->cfa = read_expression(&code, machine->wanted); break;
      case 0x10:  // expression
        number = read_unsigned_leb(&code);
        set_register(machine, number, read_expression(&code, machine->wanted));
        break;
      case 0x11:  // offset_extended_sf
        number = read_unsigned_leb(&code);
        set_register(machine, number, at_cfa(machine, read_signed_leb(&code)));
        break;
      case 0x12:  // def_cfa_sf
        set_cfa_register(machine, read_unsigned_leb(&code));
        row->cfa.offset = scaled(read_signed_leb(&code), machine->common->data_unit);
        break;
      case 0x13:
        row->cfa.offset = scaled(read_signed_leb(&code), machine->common->data_unit);
        break;
      case 0x14: case 0x15: case 0x16:  // val_offset, val_offset_sf, val_expression
        number = read_unsigned_leb(&code);
        if (instruction == 0x16)
          read_expression(&code, machine->wanted);
        else
          read_unsigned_leb(&code);
        set_register(machine, number, other);
        break;
      case 0x2e: read_unsigned_leb(&code); break;  // GNU_args_size
      default: return false;
    }
  }
  return code.at != NULL;
}

// MARK: Rules

static union rule rule_from(const struct row *row) {
  const union rule unknown = {.word = RULE_UNKNOWN}, end = {.kind = RULE_END};
  static const uint8_t kinds[] = {
      [FROM_SP] = RULE_SP, [FROM_FP] = RULE_FP,
      [STORED_AT_SP] = RULE_STORED_AT_SP, [STORED_AT_FP] = RULE_STORED_AT_FP,
      [FROM_OTHER] = RULE_UNKNOWN,
  };
  if (row->address.from == FROM_NOTHING) return end;
  union rule rule = {.kind = kinds[row->cfa.from], .cfa_offset = row->cfa.offset};
  bool is_usual = row->address.from == FROM_CFA && row->address.offset == -8;
  if (rule.kind == RULE_UNKNOWN || !is_usual || rule.cfa_offset != row->cfa.offset) return unknown;
  if (row->is_pointer_kept) return rule;
  rule.pointer = row->pointer.from == FROM_CFA  ? POINTER_AT_CFA
                 : row->pointer.from == FROM_FP ? POINTER_AT_FP
                                                : POINTER_LOST;
  rule.pointer_offset = row->pointer.offset;
  if (rule.pointer_offset != row->pointer.offset) rule.pointer = POINTER_LOST;
  return rule;
}

static union rule rule_at(const struct object *object, uintptr_t address) {
  const union rule unknown = {.word = RULE_UNKNOWN};
  struct function function;
  if (!read_function(object, address, &function)) return unknown;
  if (function.common.is_signal) return (union rule){.kind = RULE_SIGNAL};
  struct machine machine = {
      .common = &function.common,
      .row = {.cfa = {FROM_OTHER, 0}, .is_pointer_kept = true, .address = {FROM_OTHER, 0}},
      .location = function.start,
      .wanted = address,
  };
  if (!run(&machine, function.common.instructions)) return unknown;
  machine.initial = machine.row;
  return run(&machine, function.instructions) ? rule_from(&machine.row) : unknown;
}

bool read_rule(uintptr_t address, union rule *rule) {
  struct dl_find_object found;
  *rule = (union rule){.word = RULE_UNKNOWN};
  if (!has_tables() || _dl_find_object((void *)address, &found) != 0) return false;
  struct object object = {(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end,
                          (uintptr_t)found.dlfo_eh_frame};
  *rule = rule_at(&object, address);
  return true;
}

#endif

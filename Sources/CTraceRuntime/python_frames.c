// Frames of Python's in stacks.
//
// They are read from the interpreter's own memory, by a layout that the probe has tried, because a thread
// that waits has no right to call the interpreter: it has given up its lock. A thread's own frames do not
// change while it is in a call of C.
//
// In a stack they stand as numbers of places. A place is a code object and an instruction in it; what it
// is called is written to the ring when it is met first.
#include <string.h>

#include "interpreter.h"

static const struct ctrace_python_layout *layout;

always_inline const char *pointer_at(const void *object, uint16_t offset) {
  return *(const char *const *)((const char *)object + offset);
}

always_inline int32_t int_at(const void *object, uint16_t offset) {
  return *(const int32_t *)((const char *)object + offset);
}

always_inline bool is_object(const void *pointer) {
  return (uintptr_t)pointer >= 4096 && (uintptr_t)pointer % sizeof pointer == 0;
}

// MARK: Frames

/// The innermost frame of the thread; NULL where it has none.
static const void *first_frame(const struct ctrace_python_layout *layout) {
  // Threads that the interpreter ends without lose what they have there, at a moment that nobody tells.
  if (!self.holds_gil && !layout->is_running()) return NULL;
  const void *thread = layout->thread_state();
  if (!is_object(thread)) return NULL;
  const void *frame = pointer_at(thread, layout->thread_frame);
  if (layout->indirect_frame != CTRACE_NO_OFFSET && is_object(frame))
    frame = pointer_at(frame, layout->indirect_frame);
  return is_object(frame) ? frame : NULL;
}

static const void *frame_behind(const struct ctrace_python_layout *layout, const void *frame) {
  const void *back = pointer_at(frame, layout->frame_back);
  return is_object(back) ? back : NULL;
}

/// Whether the next frame further out belongs to another call in C.
static bool is_entry(const struct ctrace_python_layout *layout, const void *frame) {
  return layout->frame_entry == CTRACE_NO_OFFSET ||
         (uint8_t)*((const char *)frame + layout->frame_entry) == layout->entry_value;
}

static bool is_shown(const struct ctrace_python_layout *layout, const void *frame) {
  return !(layout->is_entry_hidden && is_entry(layout, frame)) &&
         is_object(pointer_at(frame, layout->frame_code));
}

/// The offset in bytes of the instruction that a frame is at; negative before the first.
static int64_t instruction_of(const struct ctrace_python_layout *layout, const void *frame,
                              const void *code) {
  if (layout->version < 11)
    return (int64_t)int_at(frame, layout->frame_instruction) * (layout->version == 10 ? 2 : 1);
  return pointer_at(frame, layout->frame_instruction) -
         ((const char *)code + layout->code_instructions);
}

// MARK: Lines

/// The bytes of a bytes object.
enum { BYTES_SIZE = 16, BYTES_START = 32 };

struct bytes {
  const uint8_t *next;
  const uint8_t *end;
};

static struct bytes lines_of(const struct ctrace_python_layout *layout, const void *code) {
  const char *object = pointer_at(code, layout->code_lines);
  if (!is_object(object)) return (struct bytes){NULL, NULL};
  const uint8_t *start = (const uint8_t *)object + BYTES_START;
  int64_t size = *(const int64_t *)(object + BYTES_SIZE);
  return (struct bytes){start, start + (size > 0 && size < INT32_MAX ? size : 0)};
}

/// Up to 3.9: pairs of steps in bytes and in lines. See Objects/lnotab_notes.txt there.
static int64_t line_by_steps(struct bytes table, int64_t instruction, int64_t line) {
  int64_t address = 0;
  for (; table.end - table.next >= 2; table.next += 2) {
    address += table.next[0];
    if (address > instruction) break;
    line += (int8_t)table.next[1];
  }
  return line;
}

/// 3.10: ranges of instructions, each with a step to its line. See PEP 626.
static int64_t line_by_ranges(struct bytes table, int64_t instruction, int64_t line) {
  enum { NO_LINE = -128 };
  int64_t end = 0;
  for (; table.end - table.next >= 2; table.next += 2) {
    int8_t step = (int8_t)table.next[1];
    if (step != NO_LINE) line += step;
    end += table.next[0];
    if (instruction < end) return step == NO_LINE ? 0 : line;
  }
  return line;
}

static int64_t signed_number(struct bytes *table) {
  uint64_t value = 0;
  for (uint32_t shift = 0; table->next < table->end && shift < 60; shift += 6) {
    uint8_t byte = *table->next++;
    value |= (uint64_t)(byte & 63) << shift;
    if (!(byte & 64)) break;
  }
  return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/// From 3.11 on: entries of several forms, the first byte of each marked by its highest bit. See
/// Objects/locations.md there.
static int64_t line_by_entries(struct bytes table, int64_t instruction, int64_t line) {
  enum { ONE_LINE = 10, NO_COLUMNS = 13, LONG = 14, NO_PLACE = 15 };
  int64_t end = 0;
  while (table.next < table.end) {
    uint8_t head = *table.next++;
    uint8_t form = head >> 3 & 15;
    if (form == NO_COLUMNS || form == LONG)
      line += signed_number(&table);
    else if (form >= ONE_LINE && form < NO_COLUMNS)
      line += form - ONE_LINE;
    end += ((head & 7) + 1) * 2;
    if (instruction < end) return form == NO_PLACE ? 0 : line;
    while (table.next < table.end && !(*table.next & 0x80)) table.next++;
  }
  return line;
}

static uint32_t line_of(const struct ctrace_python_layout *layout, const void *code,
                        int64_t instruction) {
  struct bytes table = lines_of(layout, code);
  int64_t first = int_at(code, layout->code_first_line);
  int64_t line = layout->version < 10    ? line_by_steps(table, instruction, first)
                 : layout->version == 10 ? line_by_ranges(table, instruction, first)
                                         : line_by_entries(table, instruction, first);
  return line > 0 && line < INT32_MAX ? (uint32_t)line : (uint32_t)(first > 0 ? first : 0);
}

uint32_t read_python_frames(const struct ctrace_python_layout *layout,
                            struct ctrace_python_frame *frames, uint32_t count) {
  uint32_t found = 0;
  const void *frame = first_frame(layout);
  for (; frame != NULL && found < count; frame = frame_behind(layout, frame)) {
    const void *code = pointer_at(frame, layout->frame_code);
    if (!is_shown(layout, frame)) {
      if (found > 0 && is_entry(layout, frame)) frames[found - 1].is_entry = true;
      continue;
    }
    frames[found++] = (struct ctrace_python_frame){
        .code = code,
        .line = line_of(layout, code, instruction_of(layout, frame, code)),
        .is_entry = !layout->is_entry_hidden && is_entry(layout, frame),
    };
  }
  return found;
}

// MARK: Names

/// Writes a character as UTF-8; returns how many bytes, 0 where they have no room.
static size_t write_character(char *to, size_t room, uint32_t character) {
  size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  if (size > room) return 0;
  static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t place = size; place-- > 1; character >>= 6) to[place] = (char)(0x80 | (character & 63));
  to[0] = (char)(marks[size] | character);
  return size;
}

/// Copies a string object as UTF-8, as far as there is room. See Include/cpython/unicodeobject.h of
/// CPython.
static size_t copy_string(char *to, size_t room, const char *string) {
  enum { LENGTH = 16, STATE = 32 };
  if (!is_object(string)) return 0;
  uint32_t state = *(const uint32_t *)(string + STATE);
  uint32_t kind = state >> 2 & 7;
  bool is_compact = state >> 5 & 1, is_ascii = state >> 6 & 1;
  int64_t length = *(const int64_t *)(string + LENGTH);
  if (!is_compact || length < 0 || length > CTRACE_MAX_TEXT) return 0;
  const char *characters = string + (is_ascii ? layout->string_ascii : layout->string_other);
  size_t size = 0;
  for (int64_t index = 0; index < length; index++) {
    uint32_t character = kind == 1   ? ((const uint8_t *)characters)[index]
                         : kind == 2 ? ((const uint16_t *)characters)[index]
                                     : ((const uint32_t *)characters)[index];
    size_t written = write_character(to + size, room - size, character);
    if (written == 0) break;
    size += written;
  }
  return size;
}

// MARK: Places

/// Numbers of places by what they are, in buckets of four. What is read while another thread writes is
/// not believed: the key is that of the place only together with the number.
enum { PLACE_BUCKETS_LOG2 = 13, BUCKET = 4 };
static struct place {
  uint64_t key;
  uint64_t number;
} places[1 << PLACE_BUCKETS_LOG2][BUCKET] __attribute__((aligned(64)));
static uint64_t last_place;

/// What a code object is beside its address, where another may come to live.
always_inline uint64_t function_of(const void *code) {
  return (uintptr_t)pointer_at(code, layout->code_name) * UINT64_C(0x9e3779b97f4a7c15) ^
         (uintptr_t)pointer_at(code, layout->code_lines) ^
         (uint64_t)int_at(code, layout->code_first_line) << 40;
}

always_inline uint64_t place_key(const void *code, int64_t instruction) {
  return ((uintptr_t)code ^ function_of(code)) * UINT64_C(0xd6e8feb86659fd93) +
         (uint64_t)instruction;
}

always_inline uint64_t sealed(uint64_t key, uint64_t number) {
  return key ^ number * UINT64_C(0xd6e8feb86659fd93);
}

/// Writes what a place is called; returns its number, or 0 where the ring is full.
static uint64_t write_place(const void *code, int64_t instruction) {
  char text[CTRACE_MAX_TEXT];
  size_t file = copy_string(text, sizeof text / 2, pointer_at(code, layout->code_file));
  size_t function = copy_string(text + file, sizeof text - file, pointer_at(code, layout->code_name));
  struct ctrace_record_place head = {
      .number = __atomic_add_fetch(&last_place, 1, __ATOMIC_RELAXED),
      .line = line_of(layout, code, instruction),
      .file_size = file,
      .function_size = function,
  };
  uint64_t lost = self.slot->lost;
  write_text(CTRACE_RECORD_PLACE, now(), &head, sizeof head, text, file + function);
  return self.slot->lost == lost ? head.number : 0;
}

static noinline uint64_t learn_place(const void *code, int64_t instruction, uint64_t key,
                                     struct place *bucket) {
  uint64_t number = write_place(code, instruction);
  if (number == 0) return 0;
  struct place *place = &bucket[number % BUCKET];
  for (uint32_t index = 0; index < BUCKET; index++)
    if (__atomic_load_n(&bucket[index].key, __ATOMIC_RELAXED) == 0) place = &bucket[index];
  __atomic_store_n(&place->number, number, __ATOMIC_RELAXED);
  __atomic_store_n(&place->key, sealed(key, number), __ATOMIC_RELAXED);
  return number;
}

/// The number of a place, 0 where it can't be had.
static uint64_t place_of(const void *code, int64_t instruction) {
  uint64_t key = place_key(code, instruction);
  struct place *bucket = places[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PLACE_BUCKETS_LOG2)];
  for (uint32_t index = 0; index < BUCKET; index++) {
    uint64_t number = __atomic_load_n(&bucket[index].number, __ATOMIC_RELAXED);
    if (__atomic_load_n(&bucket[index].key, __ATOMIC_RELAXED) == sealed(key, number) && number != 0)
      return number;
  }
  return learn_place(code, instruction, key, bucket);
}

uint64_t python_place(const void *code, int64_t instruction) {
  if (layout == NULL || !is_recording()) return 0;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint64_t place = place_of(code, instruction);
  leave();
  return place == 0 ? 0 : CTRACE_PYTHON_FRAME | place;
}

// MARK: Stacks

/// Adds frames of Python's: those of one call in C, or all. Returns the one behind them.
static const void *add_frames(struct stack *stack, const void *frame, bool are_all) {
  // While a ring is full places can't be had, and the stack does not grow.
  for (uint32_t depth = 0; frame != NULL && stack->count < CTRACE_MAX_FRAMES && depth < CTRACE_MAX_FRAMES;
       depth++) {
    bool ends = is_entry(layout, frame);
    if (is_shown(layout, frame)) {
      const void *code = pointer_at(frame, layout->frame_code);
      uint64_t place = place_of(code, instruction_of(layout, frame, code));
      if (place != 0) add_to_stack(stack, CTRACE_PYTHON_FRAME | place);
    }
    frame = frame_behind(layout, frame);
    if (ends && !are_all) break;
  }
  return frame;
}

/// Whether the frames of a thread can be read in a call that it is known to be in. A signal handler may have
/// come while the interpreter was changing them, which it does with its lock alone.
static bool are_frames_settled(const struct stack *native) {
  return !self.holds_gil || native->count == 0 || (has_tables() && !native->crosses_signal);
}

bool mix_stack(struct stack *mixed, const struct stack *native) {
  const void *frame = layout == NULL || !are_frames_settled(native) ? NULL : first_frame(layout);
  if (frame == NULL) return false;
  mixed->count = 0;
  mixed->hash = CTRACE_PYTHON_FRAME;
  mixed->by_pointers = native->by_pointers;
  for (uint32_t index = 0; index < native->count && mixed->count < CTRACE_MAX_FRAMES; index++) {
    uintptr_t address = (uintptr_t)native->frames[index];
    if (contains(interpreter.evaluation, address))
      frame = add_frames(mixed, frame, false);
    else if (frame == NULL && contains(interpreter.switcher, address))
      break;
    else if (!contains(interpreter.module, address) && !contains(interpreter.probe, address))
      add_to_stack(mixed, address);
  }
  // The walk through C has a longest length, and may have broken off.
  add_frames(mixed, frame, true);
  mixed->hash ^= mixed->hash >> 29;
  return mixed->count > 0;
}

uint64_t frames_hash(void) {
  const void *frame = layout == NULL ? NULL : first_frame(layout);
  uint64_t hash = this_process.live;
  for (uint32_t depth = 0; frame != NULL && depth < CTRACE_MAX_FRAMES; depth++) {
    const void *code = pointer_at(frame, layout->frame_code);
    if (is_shown(layout, frame))
      hash = (hash ^ place_key(code, (int64_t)(uintptr_t)pointer_at(frame, layout->frame_instruction))) *
             UINT64_C(0x9e3779b97f4a7c15);
    frame = frame_behind(layout, frame);
  }
  return hash ^ hash >> 29;
}

// MARK: Functions with a meaning

enum { MARKS = 512 };
static struct mark {
  const void *code;
  uint8_t role;
  uint8_t lock_kind;
} marks[MARKS];
static uint32_t mark_count;

static struct mark *place_of_mark(const void *code) {
  uint32_t place = (uint32_t)(hash_address((uintptr_t)code) >> 40) % MARKS;
  while (marks[place].code != NULL && marks[place].code != code) place = (place + 1) % MARKS;
  return &marks[place];
}

bool mark_python_code(const void *code, uint8_t role, uint8_t lock_kind) {
  if (mark_count >= MARKS / 2) return false;
  struct mark *mark = place_of_mark(code);
  mark_count += mark->code == NULL;
  mark->role = role;
  mark->lock_kind = lock_kind;
  __atomic_store_n(&mark->code, code, __ATOMIC_RELEASE);
  return true;
}

static const void *present_frame(void) { return layout == NULL ? NULL : first_frame(layout); }

struct ctrace_python_object enter_object(struct ctrace_python_object object) {
  struct ctrace_python_object before = self.entered;
  // One that comes back has its frame.
  if (object.object != NULL && object.frame == NULL) {
    object.inner_role = object.role;
    object.is_native = true;
    object.frame = present_frame();
  }
  self.entered = object;
  return before;
}

bool is_in_native_object(void) {
  return unlikely(self.entered.object != NULL) && self.entered.frame == present_frame();
}

struct ctrace_python_object object_in_use(void) {
  enum { DEEPEST = 8 };
  if (is_in_native_object()) return self.entered;
  struct ctrace_python_object found = {0};
  const void *frame = present_frame();
  for (uint32_t depth = 0; frame != NULL && depth < DEEPEST; frame = frame_behind(layout, frame)) {
    if (!is_shown(layout, frame)) continue;
    const struct mark *mark = place_of_mark(pointer_at(frame, layout->frame_code));
    if (mark->code == NULL) break;
    depth += 1;
    if (mark->role == CTRACE_ROLE_PART) continue;
    if (found.object == NULL) found.inner_role = mark->role;
    found.object = pointer_at(frame, layout->frame_locals);
    found.role = mark->role;
    found.lock_kind = mark->lock_kind;
  }
  return found;
}

void set_python_layout(const struct ctrace_python_layout *given) {
  __atomic_store_n(&layout, given, __ATOMIC_RELEASE);
}

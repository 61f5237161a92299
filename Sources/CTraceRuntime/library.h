// Functions of libraries that a program may have or not, which hooks stand in for.
//
//     #define FUNCTIONS(X) X(void, g_async_queue_push, (void *queue, void *item))
//     LIBRARY_FUNCTIONS(glib, "libglib-2.0.so", FUNCTIONS)
//
// makes `glib_library`, to be listed in library.c, and `REAL_OF(glib, g_async_queue_push, THIS_SITE)`,
// the function as the library has it.
#ifndef CTRACE_RUNTIME_LIBRARY_H
#define CTRACE_RUNTIME_LIBRARY_H

#include "runtime.h"

/// Libraries that call a function whose own library is known to them alone.
enum { CALLERS_KNOWN = 16 };
struct function_of_caller {
  void *map;
  void *found;
  uint32_t generation;
};

struct library_function {
  const char *name;
  /// The one that was there when the program began, which all of it means by the name and which stays.
  void *found;
  struct function_of_caller callers[CALLERS_KNOWN];
};

struct library {
  /// What its file's name begins with.
  const char *file;
  struct library_function *functions;
  uint32_t count;
  bool is_found;
};

/// A name that a module exports, and where it is.
struct symbol {
  const char *name;
  uintptr_t address;
  uintptr_t size;
};

/// Looks a name up in all modules. Unlike dlsym, allocates nothing where it is not there; takes the
/// loader's lock all the same.
bool find_symbol(struct symbol *symbol);

/// Looks for the functions of all libraries that are loaded by now. Takes the loader's lock: where no
/// hook is under way.
void find_library_functions(void);

/// The function for a hook that was called from a place: of a library that the loader keeps to those
/// that asked for it, as its caller has it.
void *find_function_for(struct library_function *function, struct site site);

#define LIBRARY_FUNCTIONS(prefix, file_name, FUNCTIONS)                                       \
  enum { FUNCTIONS(LIBRARY_PLACE) prefix##_count };                                           \
  FUNCTIONS(LIBRARY_TYPE)                                                                     \
  static struct library_function prefix##_functions[] = {FUNCTIONS(LIBRARY_ENTRY)};           \
  struct library prefix##_library = {                                                         \
      .file = file_name, .functions = prefix##_functions, .count = prefix##_count};

#define LIBRARY_PLACE(result, function, parameters) place_of_##function,
#define LIBRARY_TYPE(result, function, parameters) typedef result(*type_of_##function) parameters;
#define LIBRARY_ENTRY(result, function, parameters) {.name = LIBRARY_TEXT(function)},
// A function's name may be a macro that stands for a longer one.
#define LIBRARY_TEXT(text) #text

/// A function of a library as it is known: for use in a hook, whose own frame `site` tells.
#define REAL_OF(prefix, symbol, site)                                                      \
  ((type_of_##symbol)(likely(prefix##_functions[place_of_##symbol].found != NULL)          \
                          ? prefix##_functions[place_of_##symbol].found                    \
                          : find_function_for(&prefix##_functions[place_of_##symbol], site)))

#endif

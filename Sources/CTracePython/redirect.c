// Methods in C: a type's table has a pointer to each. Where that is changed, all calls come by, and everything
// that a program can see of the method is as before.
#include <link.h>
#include <string.h>

#include "probe.h"

/// An address that is looked for among what is mapped.
struct search {
  uintptr_t address;
  bool is_writable;
};

static int look_at_module(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  for (int index = 0; index < info->dlpi_phnum; index++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[index];
    if (search->address - (info->dlpi_addr + header->p_vaddr) >= header->p_memsz) continue;
    if (header->p_type == PT_LOAD) search->is_writable = header->p_flags & PF_W;
    // The dynamic linker takes the right away once it is done.
    if (header->p_type == PT_GNU_RELRO) {
      search->is_writable = false;
      return 1;
    }
  }
  return 0;
}

static bool is_writable(const void *address) {
  struct search search = {(uintptr_t)address, false};
  dl_iterate_phdr(look_at_module, &search);
  return search.is_writable;
}

PyMethodDef *method_in_c(PyObject *type, const char *name) {
  enum { OF_DESCRIPTOR = 40, OF_FUNCTION = 16 };
  PyObject *method = get(type, name);
  if (method == NULL) return NULL;
  size_t place = is_named(method, "method_descriptor")           ? OF_DESCRIPTOR
                 : is_named(method, "cython_function_or_method") ? OF_FUNCTION
                                                                 : 0;
  PyMethodDef *found = place == 0 ? NULL : *(PyMethodDef *const *)((const char *)method + place);
  bool is_it = found != NULL && strcmp(found->name, name) == 0 && is_writable(&found->function);
  Py_DecRef(method);
  return is_it ? found : NULL;
}

PyCFunction redirect(PyMethodDef *method, PyCFunction function) {
  PyCFunction original = method->function;
  __atomic_store_n(&method->function, function, __ATOMIC_RELEASE);
  return original;
}

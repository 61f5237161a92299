// libelf and libdw, and the demanglers that the C++ and Swift runtimes export but no header declares
// for C.

#ifndef CELF_SHIM_H
#define CELF_SHIM_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

// libstdc++, Itanium C++ ABI, "Demangler API". The result is to be freed; NULL when `mangled` is
// not a mangled name.
char *__cxa_demangle(const char *mangled, char *buffer, size_t *size, int *status);

// libswiftCore. The result is to be freed; NULL when `mangled` is not a mangled name. The only
// flags it supports are 0.
char *swift_demangle(const char *mangled, size_t length, char *buffer, size_t *size,
                     uint32_t flags);

#endif

// Loads a library again and again, runs it, and lets go of it; or several in turn.
#include <dlfcn.h>

#include "workload.h"

enum { ROUNDS = 5 };

int main(int count, char **arguments) {
  CHECK(count >= 2);
  CHECK(dlopen("/no/such/library.so", RTLD_NOW) == NULL && dlerror() != NULL);
  for (int round = 0; round < ROUNDS; round++) {
    const char *path = arguments[1 + round % (count - 1)];
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin != NULL);
    void (*run)(void) = (void (*)(void))dlsym(plugin, "plugin_run");
    CHECK(run != NULL);
    run();
    OK(dlclose(plugin));
    CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL);
  }
  say("rounds", ROUNDS);
}

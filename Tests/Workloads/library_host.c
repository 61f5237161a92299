// Loads plugins, each of which keeps its own libraries to itself, and runs them one after the other.
#include <dlfcn.h>

#include "workload.h"

int main(int count, char *arguments[]) {
  for (int index = 1; index < count; index++) {
    void *plugin = dlopen(arguments[index], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin != NULL);
    void (*run)(int) = (void (*)(int))dlsym(plugin, "run");
    CHECK(run != NULL);
    run(index);
  }
  say("plugins", count - 1);
}

#include "cprobes.h"

const struct ctrace_api *ctrace_probes_api(void) { return ctrace_api_pointer; }

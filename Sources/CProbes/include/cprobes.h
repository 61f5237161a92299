// ctrace.h for Swift, which does not see constructors of headers.
#ifndef CTRACE_PROBES_H
#define CTRACE_PROBES_H

#include <ctrace.h>

/// What the runtime offers; NULL where the program is not recorded.
const struct ctrace_api *ctrace_probes_api(void);

#endif

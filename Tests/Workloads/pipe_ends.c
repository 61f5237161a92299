// Writes so many bytes to its output, or reads its input to the end, and says on stderr what it moved.
#include "workload.h"

int main(int count, char *arguments[]) {
  static char bytes[5000];
  int64_t moved = 0;
  if (count > 1) {
    for (int64_t size = atoll(arguments[1]); moved < size;) {
      int64_t part = size - moved < (int64_t)sizeof bytes ? size - moved : (int64_t)sizeof bytes;
      GIVES(part, write(1, bytes, (size_t)part));
      moved += part;
    }
    return 0;
  }
  for (ssize_t part; (part = read(0, bytes, sizeof bytes)) > 0;) moved += part;
  say("moved", moved);
}

// The answer to ctrace.h.
#ifndef CTRACE_RUNTIME_API_H
#define CTRACE_RUNTIME_API_H

/// What ctrace.h says to getpid.
#define CTRACE_QUESTION_1 0x6374726163652e68L
#define CTRACE_QUESTION_2 0x3f6e6565732d6568L

/// Tells the program where it finds the functions of ctrace.h; NULL where nothing is recorded.
void answer_question(void *pointer);

#endif

// A program that has Python in it: runs the code that it is given.
extern void Py_Initialize(void);
extern int PyRun_SimpleString(const char *code);
extern int Py_FinalizeEx(void);

int main(int count, char **arguments) {
  if (count != 2) return 2;
  Py_Initialize();
  int result = PyRun_SimpleString(arguments[1]);
  return Py_FinalizeEx() != 0 || result != 0;
}

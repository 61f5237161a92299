// One of many compile units of a large program: compiled with UNIT from 0 on, and with the debugging
// information of a good part of the standard library. Each function initialises a mutex, and each is
// called by a function of its own, so that a recording refers to three addresses for each.
#include <pthread.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include <unistd.h>

#define JOIN_(left, right) left##right
#define JOIN(left, right) JOIN_(left, right)

// Nothing of one unit is the same as in another, so that the linker keeps all of it.
namespace {

pthread_mutex_t mutexes[75];

inline __attribute__((always_inline)) void prepare(int index) {
  pthread_mutex_init(&mutexes[index], nullptr);
}

template <int index>
__attribute__((noinline)) void place() {
  prepare(index);
  __asm__ volatile("");
}

template <int index>
__attribute__((noinline)) void places() {
  if constexpr (index > 0) places<index - 1>();
  place<index>();
  __asm__ volatile("");
}

struct Word {
  std::string text;
  bool operator<(const Word &other) const { return text < other.text; }
  bool operator==(const Word &other) const { return text == other.text; }
};
struct Hash {
  size_t operator()(const Word &word) const { return std::hash<std::string>()(word.text); }
};
struct Letters : std::regex_traits<char> {};

}  // namespace

extern "C" void JOIN(unit, UNIT)() {
  // What makes the unit large.
  std::map<Word, std::variant<int, Word, std::vector<Word>>> table;
  std::unordered_map<Word, std::function<void(std::deque<Word> &)>, Hash> handlers;
  table[Word{std::to_string(UNIT)}] = std::vector<Word>{{"1"}, {"2"}};
  handlers[Word{"sort"}] = [](std::deque<Word> &words) { std::sort(words.begin(), words.end()); };
  std::deque<Word> words{{"b"}, {"a"}};
  handlers[Word{"sort"}](words);
  std::multimap<Word, std::shared_future<Word>> futures;
  futures.emplace(words[0], std::async(std::launch::deferred, [] { return Word{"c"}; }));
  if (std::regex_match(words[0].text, std::basic_regex<char, Letters>("[x-z]+")))
    std::cout << std::filesystem::path(words[0].text);
  places<74>();
  // The recorder is to keep up: what is measured is what it does afterwards.
  usleep(20000);
}

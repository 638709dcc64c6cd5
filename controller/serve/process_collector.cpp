// Reads /proc.
#include "serve/process_collector.hpp"

#include <prometheus/metric_family.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

namespace apitoken::serve {
namespace {

using prometheus::MetricType;

void add(std::vector<prometheus::MetricFamily>& families, const char* name, const char* help,
         MetricType type, std::optional<double> value) {
  if (!value) return;
  prometheus::ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  families.push_back({name, help, type, {metric}});
}

std::optional<double> cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return {};
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<double> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (!(file >> size >> resident)) return {};
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  double count = -1;  // reading the folder opens one itself
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  return error ? std::nullopt : std::optional(count);
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    if (word == "btime") {
      double seconds = 0;
      return file >> seconds ? std::optional(seconds) : std::nullopt;
    }
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return {};
}

// Field 22 of /proc/self/stat (see proc(5)): clock ticks since boot. Field 2, the command's name,
// may contain blanks and ends with the last ")".
std::optional<double> start_time() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line) || line.rfind(')') == std::string::npos) return {};
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  const auto boot = boot_time();
  if (!(fields >> ticks) || !boot) return {};
  return *boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  add(families, "process_cpu_seconds_total", "User and system CPU time spent, in seconds.",
      MetricType::Counter, cpu_seconds());
  add(families, "process_resident_memory_bytes", "Resident memory, in bytes.", MetricType::Gauge,
      resident_bytes());
  add(families, "process_open_fds", "Number of open file descriptors.", MetricType::Gauge,
      open_descriptors());
  static const auto started = start_time();
  add(families, "process_start_time_seconds", "Start of the process, in seconds since 1970.",
      MetricType::Gauge, started);
  return families;
}

}  // namespace apitoken::serve

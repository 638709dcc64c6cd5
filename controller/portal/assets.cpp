// The files of the front end.
#include "portal/assets.hpp"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace apitoken::portal {
namespace {

constexpr std::string_view kDevelopmentPrefix = "/_/dev";
constexpr std::string_view kIndex = "index.html";

bool takes_gzip(const serve::HttpRequest& request) {
  return request.header("Accept-Encoding").find("gzip") != std::string_view::npos;
}

std::string inflated(std::string_view gzip) {
  std::string out;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  int code = Z_OK;
  while (code == Z_OK) {
    char block[16384];
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(block, sizeof block - stream.avail_out);
  }
  inflateEnd(&stream);
  return out;
}

serve::HttpAnswer answer_of(const Asset& asset, const serve::HttpRequest& request) {
  serve::HttpAnswer answer{.content_type = std::string(asset.type)};
  answer.headers.emplace_back("Vary", "Accept-Encoding");
  if (takes_gzip(request)) {
    answer.headers.emplace_back("Content-Encoding", "gzip");
    answer.body = asset.gzip;
  } else {
    answer.body = inflated(asset.gzip);
  }
  return answer;
}

const Asset* embedded(std::string_view name) {
  const auto assets = embedded_assets();
  const auto found = std::ranges::find(assets, name, &Asset::path);
  return found == assets.end() ? nullptr : &*found;
}

// A relative path without dots at the beginning of a part.
bool is_plain_path(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.front() != '.' &&
         name.find("/.") == name.npos && name.find('\0') == name.npos;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string_view content_type_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".txt", "text/plain; charset=utf-8"},
      {".json", "application/json"},
      {".webmanifest", "application/manifest+json"}};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return {};
}

std::string_view Assets::prefix() const {
  return directory_.empty() ? embedded_prefix() : kDevelopmentPrefix;
}

std::optional<serve::HttpAnswer> Assets::read(std::string_view name) const {
  const auto type = content_type_of(name);
  if (type.empty() || !is_plain_path(name)) return {};
  std::ifstream stream(directory_ + "/" + std::string(name), std::ios::binary);
  if (!stream.is_open()) return {};
  return serve::HttpAnswer{.content_type = std::string(type),
                           .body = std::string(std::istreambuf_iterator<char>(stream), {}),
                           .headers = {{"Cache-Control", "no-store"}}};
}

serve::HttpAnswer Assets::page(const serve::HttpRequest& request) const {
  if (!directory_.empty()) {
    std::ifstream stream(directory_ + "/index.html.in", std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(stream), {});
    replace_all(text, "@ASSETS@", kDevelopmentPrefix);
    return {.content_type = "text/html; charset=utf-8",
            .body = std::move(text),
            .headers = {{"Cache-Control", "no-store"}}};
  }
  const Asset* const index = embedded(kIndex);
  const auto tag = '"' + std::string(index->sha256.substr(0, 32)) + '"';
  serve::HttpAnswer answer;
  if (request.header("If-None-Match") == tag) {
    answer.status = 304;
  } else {
    answer = answer_of(*index, request);
  }
  answer.headers.emplace_back("Cache-Control", "no-cache");
  answer.headers.emplace_back("ETag", tag);
  return answer;
}

std::optional<serve::HttpAnswer> Assets::find(const serve::HttpRequest& request) const {
  auto name = request.path;
  if (!name.starts_with(prefix())) return {};
  name.remove_prefix(prefix().size());
  if (!name.starts_with('/')) return {};
  name.remove_prefix(1);
  if (!directory_.empty()) return read(name);
  const Asset* const asset = name == kIndex ? nullptr : embedded(name);
  if (asset == nullptr) return {};
  auto answer = answer_of(*asset, request);
  answer.headers.emplace_back("Cache-Control", "public, max-age=31536000, immutable");
  return answer;
}

}  // namespace apitoken::portal

#include "app/commands/remembrances/document_work.hpp"

#include "app/commands/remembrances/writes.hpp"
#include "messages/limits.hpp"

#include <utility>

namespace dbproxy {

namespace {

// How many chunks the embedder is given at a time; they have one message of a
// worker.
constexpr std::size_t embedded_texts_max = 16;
constexpr std::size_t embedded_bytes_max = 1U << 20U;

/// The vectors of `chunks`, asked for in groups.
result<embedding_list> embed_chunks(
  const embed_function& embed, const std::vector<std::string>& chunks) {
  embedding_list all;
  std::vector<std::string> group;
  std::size_t bytes = 0;
  auto ask = [&]() -> result<void> {
    auto vectors = embed(group);
    if (!vectors)
      return vectors.error();
    if (vectors->size() != group.size())
      return make_error(
        error_code::internal, "the number of vectors is not that of the texts");
    for (auto& one : *vectors)
      all.push_back(std::move(one));
    group.clear();
    bytes = 0;
    return {};
  };
  for (const auto& chunk : chunks) {
    if (
      group.size() == embedded_texts_max
      || (!group.empty() && bytes + chunk.size() > embedded_bytes_max))
      if (auto done = ask(); !done)
        return done.error();
    group.push_back(chunk);
    bytes += chunk.size();
  }
  if (!group.empty())
    if (auto done = ask(); !done)
      return done.error();
  return all;
}

class document_writer {
public:
  document_writer(document_settings settings, worker_tools tools)
    : settings_(std::move(settings)),
      tools_(std::move(tools)) {}

  result<work_report> operator()(const work_item& item) const {
    work_report report;
    for (const auto& file : item) {
      auto one = write(file.path);
      if (!one)
        return one.error();
      report.push_back(std::move(*one));
    }
    return report;
  }

private:
  result<file_report> write(const std::string& path) const {
    file_report report;
    report.path = path;
    auto text = read_document(path);
    if (!text) {
      report.skipped = text.error().message;
      return report;
    }
    auto document = document_of(path, *text);
    if (!document)
      return document.error();
    auto done = check_message_size(*document);
    if (done)
      done = write_surely(tools_.db, *document, tools_.stop);
    if (done)
      report.parts = static_cast<std::int64_t>(document->chunks.size());
    else if (done.error().code == error_code::invalid_params)
      report.skipped = done.error().message;
    else
      report.failed = to_string(done.error());
    return report;
  }

  result<kb_update_document>
  document_of(const std::string& path, file_text& text) const {
    kb_update_document document;
    document.file_path = path;
    document.metadata =
      document_metadata(settings_, text.sha256, text.content.size());
    document.chunks = chunks_of(
      text.content, {static_cast<std::size_t>(settings_.chunk_bytes),
                     static_cast<std::size_t>(settings_.overlap_bytes)});
    document.content = std::move(text.content);
    if (!settings_.embedder || document.chunks.empty())
      return document;
    auto vectors = embed_chunks(tools_.embed, document.chunks);
    if (!vectors)
      return vectors.error();
    document.embeddings = std::move(*vectors);
    return document;
  }

  document_settings settings_;
  worker_tools tools_;
};

} // namespace

boost::json::object document_metadata(
  const document_settings& settings, const std::string& sha256,
  std::size_t bytes) {
  auto metadata = encode(settings).as_object();
  metadata["sha256"] = sha256;
  metadata["bytes"] = static_cast<std::int64_t>(bytes);
  return metadata;
}

result<file_text> read_document(const std::string& path) {
  return read_text(path, limits::message_bytes_max);
}

work_function document_work(document_settings settings, worker_tools tools) {
  return document_writer{std::move(settings), std::move(tools)};
}

} // namespace dbproxy

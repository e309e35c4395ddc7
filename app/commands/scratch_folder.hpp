// A temporary folder that goes with its owner.
#pragma once

#include "messages/errors.hpp"

#include <filesystem>
#include <string>

namespace dbproxy {

/// Owns a new folder; it and all that is in it are removed at the end of the
/// scope, unless they are to be kept.
class scratch_folder {
public:
  /// `PARENT/NAME-XXXXXX`, where the X become something unused. INTERNAL,
  /// naming the parent, where it cannot be made.
  static result<scratch_folder>
  make(const std::filesystem::path& parent, const std::string& name);

  scratch_folder(scratch_folder&& other) noexcept;
  scratch_folder& operator=(scratch_folder&&) = delete;
  ~scratch_folder();

  const std::filesystem::path& path() const noexcept { return path_; }

  void keep() noexcept { kept_ = true; }

private:
  explicit scratch_folder(std::filesystem::path path)
    : path_(std::move(path)) {}

  std::filesystem::path path_; // empty: moved away
  bool kept_ = false;
};

} // namespace dbproxy

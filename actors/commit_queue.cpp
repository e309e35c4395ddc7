#include "actors/commit_queue.hpp"

#include "messages/limits.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dbproxy {

namespace {

using clock = std::chrono::steady_clock;

} // namespace

commit_queue::commit_queue(
  std::shared_ptr<metrics> figures, std::shared_ptr<contention_hint> hint)
  : figures_(std::move(figures)),
    hint_(std::move(hint)) {}

// -- for the coordinator -----------------------------------------------------

bool commit_queue::push(queued_write_ptr item) {
  const std::lock_guard guard{mutex_};
  if (queue_.size() >= limits::queued_writes_max)
    return false;
  queue_.push_back(std::move(item));
  return true;
}

void commit_queue::extend(queued_write& item, time_point deadline) {
  const std::lock_guard guard{mutex_};
  item.deadline = std::max(item.deadline, deadline);
}

std::vector<queued_write_ptr> commit_queue::remove_late(time_point now) {
  std::vector<queued_write_ptr> late;
  const std::lock_guard guard{mutex_};
  std::erase_if(queue_, [&](const queued_write_ptr& item) {
    if (item->deadline > now)
      return false;
    late.push_back(item);
    return true;
  });
  return late;
}

std::vector<queued_write_ptr> commit_queue::overdue(time_point then) const {
  std::vector<queued_write_ptr> found;
  const std::lock_guard guard{mutex_};
  for (const auto& batch : taken_)
    std::copy_if(
      batch.begin(), batch.end(), std::back_inserter(found),
      [&](const queued_write_ptr& item) { return item->deadline <= then; });
  return found;
}

std::vector<queued_write_ptr> commit_queue::pop_taken() {
  const std::lock_guard guard{mutex_};
  if (taken_.empty())
    return {};
  auto batch = std::move(taken_.front());
  taken_.pop_front();
  return batch;
}

std::vector<queued_write_ptr> commit_queue::recover() {
  std::vector<queued_write_ptr> lost;
  const std::lock_guard guard{mutex_};
  while (!taken_.empty()) {
    auto batch = std::move(taken_.back());
    taken_.pop_back();
    std::erase_if(batch, [&](const queued_write_ptr& item) {
      if (item->write->request_id)
        return false;
      lost.push_back(item);
      return true;
    });
    for (const auto& item : batch)
      item->uncertain = true;
    queue_again(batch);
  }
  return lost;
}

std::pair<std::vector<queued_write_ptr>, std::vector<queued_write_ptr>>
commit_queue::clear() {
  const std::lock_guard guard{mutex_};
  std::pair<std::vector<queued_write_ptr>, std::vector<queued_write_ptr>> all;
  for (const auto& batch : std::exchange(taken_, {}))
    all.first.insert(all.first.end(), batch.begin(), batch.end());
  auto waiting = std::exchange(queue_, {});
  all.second.assign(waiting.begin(), waiting.end());
  return all;
}

void commit_queue::note_direct(const std::string& source) {
  const std::lock_guard guard{mutex_};
  if (hint_)
    note_latest(source);
}

std::size_t commit_queue::queued() const {
  const std::lock_guard guard{mutex_};
  return queue_.size();
}

std::size_t commit_queue::taken() const {
  const std::lock_guard guard{mutex_};
  std::size_t count = 0;
  for (const auto& batch : taken_)
    count += batch.size();
  return count;
}

std::optional<commit_queue::time_point> commit_queue::ready_at(time_point now) {
  const std::lock_guard guard{mutex_};
  if (queue_.empty())
    return {};
  return is_held(count_ahead(), now) ? *held_until_ : now;
}

// -- for the writer ----------------------------------------------------------

queued_batch commit_queue::take() {
  queued_batch out;
  const std::lock_guard guard{mutex_};
  auto now = clock::now();
  auto rows = std::min(order_fairly(now), limits::batch_rows_max);
  if (rows == 0)
    return out;
  held_until_.reset();
  std::vector<queued_write_ptr> batch;
  auto bytes = std::size_t{0};
  out.deadline = queue_.front()->deadline;
  while (batch.size() < rows) {
    auto& next = queue_.front();
    bytes += next->write->bytes;
    if (bytes > limits::batch_bytes_max && !batch.empty())
      break;
    out.deadline = std::min(out.deadline, next->deadline);
    out.entries.push_back(
      {next->write, next->write->request_id.has_value(), next->deadline});
    figures_->record_stage(write_stage::queued, now - next->admitted_at);
    batch.push_back(std::move(next));
    queue_.pop_front();
  }
  shares_.forget(now);
  for (const auto& item : batch)
    shares_.note(item->write->source_instance_id, now);
  note_contention(batch);
  taken_.push_back(std::move(batch));
  return out;
}

void commit_queue::put_back() {
  const std::lock_guard guard{mutex_};
  if (taken_.empty())
    return;
  queue_again(taken_.back());
  taken_.pop_back();
}

std::size_t commit_queue::count_ahead() const {
  return static_cast<std::size_t>(std::count_if(
    queue_.begin(), queue_.end(), [this](const queued_write_ptr& item) {
      return shares_.is_ahead(item->write->source_instance_id);
    }));
}

// True while only those are queued who are ahead. When the time is over, those
// who they are ahead of have stopped writing.
bool commit_queue::is_held(std::size_t ahead, time_point now) {
  if (ahead == 0 || ahead < queue_.size()) {
    held_until_.reset();
    return false;
  }
  if (!held_until_)
    held_until_ = now + hold_max;
  if (now < *held_until_)
    return true;
  shares_.clear();
  held_until_.reset();
  return false;
}

// How many, from the front, the next batch may have.
std::size_t commit_queue::order_fairly(time_point now) {
  auto ahead = count_ahead();
  if (is_held(ahead, now))
    return 0;
  if (ahead == 0 || 2 * ahead > queue_.size())
    return queue_.size();
  std::stable_partition(
    queue_.begin(), queue_.end(), [this](const queued_write_ptr& item) {
      return !shares_.is_ahead(item->write->source_instance_id);
    });
  return queue_.size() - ahead;
}

// Writers contend where a batch, or it and the one shortly before it, are of
// more than one source.
void commit_queue::note_contention(const std::vector<queued_write_ptr>& batch) {
  if (!hint_)
    return;
  const auto& latest = batch.back()->write->source_instance_id;
  auto met =
    std::any_of(batch.begin(), batch.end(), [&](const queued_write_ptr& item) {
      return item->write->source_instance_id != latest;
    });
  if (met)
    hint_->mark();
  note_latest(latest);
}

void commit_queue::note_latest(const std::string& source) {
  auto now = clock::now();
  auto recently = now - last_batch_at_ < contention_hint::validity;
  if (recently && last_source_ != source)
    hint_->mark();
  last_batch_at_ = now;
  if (last_source_ != source)
    last_source_ = source;
}

void commit_queue::queue_again(const std::vector<queued_write_ptr>& batch) {
  queue_.insert(queue_.begin(), batch.begin(), batch.end());
}

} // namespace dbproxy

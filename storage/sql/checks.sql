-- What `find_faults` looks for. A row is one fault, told in its only column;
-- integrity.cpp runs every section whose name begins with "check_".

-- name: check_foreign_keys
SELECT format(
  'foreign_key_check: row %s of %s refers to a row of %s that is not there',
  coalesce("rowid", '?'), "table", "parent")
FROM pragma_foreign_key_check;

-- name: check_message_counts
SELECT format(
  'sessions: %s has message_count %d, but %d to begin with and %d messages',
  id, message_count, message_count_base,
  (SELECT count(*) FROM messages WHERE session_id = sessions.id))
FROM sessions
WHERE message_count <> message_count_base
  + (SELECT count(*) FROM messages WHERE session_id = sessions.id);

-- name: check_ucb_averages
SELECT format(
  'prompt_ucb_stats: %s has avg_reward %g and ucb_score %g, not %g / %d',
  template_id, avg_reward, ucb_score, total_reward, times_used)
FROM prompt_ucb_stats
WHERE times_used > 0 AND (
  abs(avg_reward - total_reward / times_used) > 1e-9 * max(1, abs(avg_reward))
  OR ucb_score <> avg_reward);

-- name: check_ucb_uses
SELECT format(
  'prompt_ucb_stats: %s has %d scores but times_used %d',
  template_id, count(*), coalesce(times_used, 0))
FROM session_scores
LEFT JOIN prompt_ucb_stats USING (template_id)
WHERE template_id IS NOT NULL
GROUP BY template_id
HAVING count(*) > coalesce(times_used, 0);

-- name: check_journal_ids
SELECT format(
  'dbproxy_journal: %d entries have the request id %s', count(*), request_id)
FROM dbproxy_journal
GROUP BY request_id
HAVING count(*) > 1;

-- name: check_journal_results
SELECT format(
  'dbproxy_journal: entry %d has a result that is no JSON', entry)
FROM dbproxy_journal
WHERE NOT json_valid(result);

-- name: check_epoch
SELECT 'dbproxy_meta: the epoch is missing or no positive integer'
WHERE NOT EXISTS (
  SELECT 1 FROM dbproxy_meta
  WHERE key = 'epoch' AND typeof(value) = 'integer' AND value >= 0);

-- name: text_indexes
SELECT name FROM sqlite_schema
WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'
ORDER BY name;

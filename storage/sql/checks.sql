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

-- name: check_chunk_counts
SELECT format(
  'kb_documents: %s has chunk_count %d, but %d chunks', file_path, chunk_count,
  (SELECT count(*) FROM kb_chunks
   WHERE kb_chunks.document = kb_documents.document))
FROM kb_documents
WHERE chunk_count <> (
  SELECT count(*) FROM kb_chunks
  WHERE kb_chunks.document = kb_documents.document);

-- name: check_symbol_counts
SELECT format(
  'code_files: %s of %s has symbol_count %d, but %d symbols', file_path,
  project_id, symbol_count,
  (SELECT count(*) FROM code_symbols
   WHERE code_symbols.file = code_files.file))
FROM code_files
WHERE symbol_count <> (
  SELECT count(*) FROM code_symbols
  WHERE code_symbols.file = code_files.file);

-- name: check_symbol_projects
SELECT format(
  'code_symbols: %s is of project %s, but its file is of %s',
  id, code_symbols.project_id, code_files.project_id)
FROM code_symbols
JOIN code_files USING (file)
WHERE code_symbols.project_id <> code_files.project_id;

-- name: check_json_objects
SELECT format('%s: the %s of %s is no JSON object', record, member, key)
FROM (
  SELECT 'kb_documents' AS record, 'metadata' AS member, file_path AS key,
    metadata AS json
  FROM kb_documents
  UNION ALL
  SELECT 'events', 'metadata', id, metadata FROM events
  UNION ALL
  SELECT 'code_symbols', 'metadata', id, metadata
  FROM code_symbols
  WHERE metadata IS NOT NULL
  UNION ALL
  SELECT 'code_projects', 'language_stats', project_id, language_stats
  FROM code_projects)
WHERE NOT json_valid(json) OR json_type(json) <> 'object';

-- name: text_indexes
SELECT name FROM sqlite_schema
WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'
ORDER BY name;

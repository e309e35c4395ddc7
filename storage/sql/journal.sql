-- The journal of writes, and the epoch. Used by journal.cpp and schema.cpp;
-- every statement touches a few pages, however long the journal is.

-- name: journal_find
SELECT entry, method, fingerprint, result
FROM dbproxy_journal
WHERE request_id = :request_id;

-- name: journal_insert
INSERT INTO dbproxy_journal (
  request_id, source, method, fingerprint, result, committed_at)
VALUES (
  :request_id, :source, :method, :fingerprint, :result, :committed_at);

-- name: journal_settle
DELETE FROM dbproxy_journal
WHERE
  request_id BETWEEN :first AND :last
  AND length(request_id) = length(:last);

-- name: journal_newest
SELECT max(entry) FROM dbproxy_journal;

-- name: journal_oldest
SELECT entry, committed_at FROM dbproxy_journal
ORDER BY entry
LIMIT :limit;

-- name: journal_prune
DELETE FROM dbproxy_journal WHERE entry <= :entry;

-- name: journal_count
SELECT count(*) FROM dbproxy_journal;

-- name: epoch_raise
INSERT INTO dbproxy_meta (key, value) VALUES ('epoch', 1)
ON CONFLICT (key) DO UPDATE SET value = value + 1;

-- name: epoch_read
SELECT value FROM dbproxy_meta WHERE key = 'epoch';

-- Remembered events. The sections in lower case belong to the writes that
-- memory_events.cpp lays out, and to the search.

-- name: events_insert
INSERT INTO events (session_id, subject, embedding, content, metadata)
VALUES (:session_id, :subject, :embedding, :content, :metadata)
RETURNING id;

-- name: events_delete_session
DELETE FROM events WHERE session_id = :session_id;

-- name: EventsList
-- One branch for each index, so that none reads more than it returns.
-- 1000 is limits::search_results_max.
SELECT id, session_id, subject, content, metadata, created_at
FROM events
WHERE
  :session_id IS NOT NULL
  AND session_id = :session_id
  AND (:subject IS NULL OR subject = :subject)
UNION ALL
SELECT id, session_id, subject, content, metadata, created_at
FROM events
WHERE :session_id IS NULL AND :subject IS NOT NULL AND subject = :subject
UNION ALL
SELECT id, session_id, subject, content, metadata, created_at
FROM events
WHERE :session_id IS NULL AND :subject IS NULL
ORDER BY created_at DESC, id DESC
LIMIT coalesce(:limit, 1000);

-- name: events_search_words
-- Every hit of the words is looked up among the events, and not the other way
-- round: CROSS JOIN keeps that order.
SELECT events_fts.rowid
FROM events_fts
CROSS JOIN events ON events.id = events_fts.rowid
WHERE
  events_fts MATCH :query
  AND (:subject IS NULL OR events.subject = :subject)
  AND (:from IS NULL OR events.created_at >= :from)
  AND (:to IS NULL OR events.created_at <= :to)
ORDER BY events_fts.rank, events_fts.rowid
LIMIT :limit;

-- name: events_search_vectors
SELECT id, embedding FROM events
WHERE
  embedding IS NOT NULL
  AND (:subject IS NULL OR subject = :subject)
  AND (:from IS NULL OR created_at >= :from)
  AND (:to IS NULL OR created_at <= :to);

-- name: events_search_hit
SELECT
  id, session_id, subject, content, metadata, created_at, :score AS score
FROM events
WHERE id = :id;

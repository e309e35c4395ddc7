-- Sessions, messages and files. A section is the method of that name; its
-- parameters are the members of the method's struct (messages/sessions.hpp).

-- name: CreateSession
INSERT INTO sessions (
  id, parent_session_id, title, message_count, prompt_tokens,
  completion_tokens, cost, message_count_base)
VALUES (
  :id, :parent_session_id, :title, :message_count, :prompt_tokens,
  :completion_tokens, :cost, :message_count)
RETURNING *;

-- name: UpdateSession
UPDATE sessions
SET
  title = :title,
  prompt_tokens = :prompt_tokens,
  completion_tokens = :completion_tokens,
  summary_message_id = :summary_message_id,
  cost = :cost,
  updated_at = unixepoch()
WHERE id = :id
RETURNING *;

-- name: DeleteSession
DELETE FROM sessions WHERE id = :id;

-- name: DeleteSessionMessages
DELETE FROM messages WHERE session_id = :session_id;

-- name: DeleteSessionFiles
DELETE FROM files WHERE session_id = :session_id;

-- name: CreateMessage
INSERT INTO messages (id, session_id, role, parts, model)
VALUES (:id, :session_id, :role, :parts, :model)
RETURNING *;

-- name: UpdateMessage
UPDATE messages
SET parts = :parts, finished_at = :finished_at, updated_at = unixepoch()
WHERE id = :id;

-- name: DeleteMessage
DELETE FROM messages WHERE id = :id;

-- name: CreateFile
INSERT INTO files (id, session_id, path, content, version)
VALUES (:id, :session_id, :path, :content, :version)
RETURNING *;

-- name: UpdateFile
UPDATE files
SET content = :content, version = :version, updated_at = unixepoch()
WHERE id = :id
RETURNING *;

-- name: DeleteFile
DELETE FROM files WHERE id = :id;

-- name: GetSessionByID
SELECT * FROM sessions WHERE id = :id;

-- name: ListSessions
SELECT * FROM sessions
WHERE parent_session_id IS NULL AND message_count > 0
ORDER BY created_at DESC, rowid DESC;

-- name: GetMessage
SELECT * FROM messages WHERE id = :id;

-- name: ListMessagesBySession
SELECT * FROM messages
WHERE session_id = :session_id
ORDER BY created_at, rowid;

-- name: GetFile
SELECT * FROM files WHERE id = :id;

-- name: GetFileByPathAndSession
SELECT * FROM files
WHERE path = :path AND session_id = :session_id
ORDER BY created_at DESC, rowid DESC
LIMIT 1;

-- name: ListFilesByPath
SELECT * FROM files
WHERE path = :path
ORDER BY created_at DESC, rowid DESC;

-- name: ListFilesBySession
SELECT * FROM files
WHERE session_id = :session_id
ORDER BY created_at, rowid;

-- name: ListLatestSessionFiles
SELECT * FROM files
WHERE
  session_id = :session_id
  AND NOT EXISTS (
    SELECT 1 FROM files AS newer
    WHERE
      newer.path = files.path
      AND newer.session_id = files.session_id
      AND (newer.created_at, newer.rowid) > (files.created_at, files.rowid))
ORDER BY path;

-- name: ListNewFiles
SELECT * FROM files
WHERE NOT EXISTS (
  SELECT 1 FROM files AS other
  WHERE
    other.path = files.path
    AND other.session_id = files.session_id
    AND other.rowid <> files.rowid)
ORDER BY created_at DESC, rowid DESC;

-- The code index. The sections in lower case belong to the writes that
-- code_index.cpp lays out, and to the search.

-- name: CodeUpsertProject
INSERT INTO code_projects (
  project_id, name, root_path, status, created_at, updated_at)
VALUES (:project_id, :name, :root_path, :status, :created_at, :updated_at)
ON CONFLICT (project_id) DO UPDATE SET
  name = excluded.name,
  root_path = excluded.root_path,
  status = excluded.status,
  updated_at = excluded.updated_at;

-- name: code_set_project_status
UPDATE code_projects
SET
  status = :status,
  last_indexed_at = coalesce(:last_indexed_at, last_indexed_at),
  updated_at = :updated_at
WHERE project_id = :project_id
RETURNING 1;

-- name: code_update_language_stats
UPDATE code_projects
SET
  language_stats = (
    SELECT
      json_group_object(
        language, json_object('files', files, 'symbols', symbols))
    FROM (
      SELECT language, count(*) AS files, sum(symbol_count) AS symbols
      FROM code_files
      WHERE project_id = :project_id
      GROUP BY language)),
  updated_at = unixepoch()
WHERE project_id = :project_id
RETURNING 1;

-- name: code_find_project
SELECT 1 FROM code_projects WHERE project_id = :project_id;

-- name: code_replace_file
INSERT INTO code_files (
  project_id, root_path, file_path, language, file_hash, symbol_count)
VALUES (
  :project_id, :root_path, :file_path, :language, :file_hash, :symbol_count)
ON CONFLICT (project_id, file_path) DO UPDATE SET
  root_path = excluded.root_path,
  language = excluded.language,
  file_hash = excluded.file_hash,
  symbol_count = excluded.symbol_count,
  indexed_at = unixepoch()
RETURNING file;

-- name: code_foreign_children
-- Symbols of other files whose parents are in this one.
SELECT children.symbol, parents.id AS parent_id
FROM code_symbols AS parents
JOIN code_symbols AS children ON children.parent = parents.symbol
WHERE parents.file = :file AND children.file <> :file;

-- name: code_delete_symbols
DELETE FROM code_symbols WHERE file = :file;

-- name: code_insert_symbol
-- Returns 1 where the parent is not there.
INSERT INTO code_symbols (
  file, project_id, id, parent, symbol_type, start_line, end_line, start_byte,
  end_byte, name, name_path, embedding, signature, metadata, doc_string,
  source_code)
VALUES (
  :file, :project_id, :id,
  (SELECT symbol FROM code_symbols
   WHERE project_id = :project_id AND id = :parent_id),
  :symbol_type, :start_line, :end_line, :start_byte, :end_byte, :name,
  :name_path, :embedding, :signature, :metadata, :doc_string, :source_code)
RETURNING parent IS NULL AND :parent_id IS NOT NULL;

-- name: code_adopt_child
UPDATE code_symbols
SET
  parent = (
    SELECT parents.symbol FROM code_symbols AS parents
    WHERE parents.project_id = :project_id AND parents.id = :parent_id)
WHERE symbol = :symbol;

-- name: CodeDeleteFile
DELETE FROM code_files
WHERE project_id = :project_id AND file_path = :file_path;

-- name: CodeDeleteProject
DELETE FROM code_projects WHERE project_id = :project_id;

-- name: CodeListProjects
SELECT * FROM code_projects ORDER BY name, project_id;

-- name: CodeListFiles
SELECT * FROM code_files
WHERE project_id = :project_id
ORDER BY file_path;

-- name: CodeFindSymbol
SELECT
  code_symbols.*, file_path, language,
  (SELECT parents.id FROM code_symbols AS parents
   WHERE parents.symbol = code_symbols.parent) AS parent_id
FROM code_symbols
JOIN code_files USING (file)
WHERE
  code_symbols.project_id = :project_id
  AND (code_symbols.name = :name OR code_symbols.name_path = :name)
ORDER BY file_path, start_line, start_byte, symbol;

-- name: CodeFileSymbols
SELECT
  code_symbols.*, file_path, language,
  (SELECT parents.id FROM code_symbols AS parents
   WHERE parents.symbol = code_symbols.parent) AS parent_id
FROM code_files
JOIN code_symbols USING (file)
WHERE code_files.project_id = :project_id AND file_path = :file_path
ORDER BY start_line, start_byte, symbol;

-- name: code_search_words
-- As events_search_words.
SELECT code_symbols_fts.rowid
FROM code_symbols_fts
CROSS JOIN code_symbols ON code_symbols.symbol = code_symbols_fts.rowid
WHERE
  code_symbols_fts MATCH :query
  AND code_symbols.project_id = :project_id
ORDER BY code_symbols_fts.rank, code_symbols_fts.rowid
LIMIT :limit;

-- name: code_search_vectors
SELECT symbol, embedding FROM code_symbols
WHERE project_id = :project_id AND embedding IS NOT NULL;

-- name: code_search_hit
SELECT
  code_symbols.*, file_path, language, :score AS score,
  (SELECT parents.id FROM code_symbols AS parents
   WHERE parents.symbol = code_symbols.parent) AS parent_id
FROM code_symbols
JOIN code_files USING (file)
WHERE symbol = :id;

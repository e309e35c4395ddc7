-- The knowledge base, remembered events and the code index.
--
-- Embeddings are vectors of little-endian binary32, NULL where there is none.
-- They stand before the long texts, so that a scan over vectors need not
-- follow the pages onto which a long row overflows. Where a full-text index
-- refers to a row by number, that number is a named INTEGER PRIMARY KEY:
-- VACUUM may give all others a new one.
--
-- `metadata` and `language_stats` are JSON objects. No CHECK says so: a tool
-- with SQLite 3.40 that does not trust the schema could then not even read
-- it, for the sake of the JSON function. checks.sql finds what is no object.
--
-- Triggers keep each full-text index true, whoever writes; a tool of the kind
-- just named is refused when it writes to an indexed table. The one thing that
-- escapes them is REPLACE on the indexed table itself, which deletes without
-- triggers (unless recursive_triggers is on).

-- Knowledge base ------------------------------------------------------------

CREATE TABLE kb_documents (
  document INTEGER PRIMARY KEY,
  file_path TEXT NOT NULL UNIQUE,
  metadata TEXT NOT NULL DEFAULT '{}',
  chunk_count INTEGER NOT NULL DEFAULT 0
    CHECK (typeof(chunk_count) = 'integer' AND chunk_count >= 0),
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  -- So that a list of documents need not read them.
  content_bytes INTEGER
    GENERATED ALWAYS AS (length(CAST(content AS BLOB))) STORED,
  content TEXT NOT NULL
);

CREATE TABLE kb_chunks (
  chunk INTEGER PRIMARY KEY,
  document INTEGER NOT NULL
    REFERENCES kb_documents (document) ON DELETE CASCADE,
  chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0),
  embedding BLOB CHECK (
    embedding IS NULL
    OR typeof(embedding) = 'blob' AND length(embedding) % 4 = 0),
  content TEXT NOT NULL,
  UNIQUE (document, chunk_index)
);

CREATE VIRTUAL TABLE kb_chunks_fts USING fts5 (
  content,
  content = 'kb_chunks',
  content_rowid = 'chunk',
  tokenize = 'porter unicode61'
);

CREATE TRIGGER kb_chunks_indexed AFTER INSERT ON kb_chunks
BEGIN
  INSERT INTO kb_chunks_fts (rowid, content)
  VALUES (NEW.chunk, NEW.content);
END;

CREATE TRIGGER kb_chunks_unindexed AFTER DELETE ON kb_chunks
BEGIN
  INSERT INTO kb_chunks_fts (kb_chunks_fts, rowid, content)
  VALUES ('delete', OLD.chunk, OLD.content);
END;

-- Not UPDATE OF: a tool may call the row's number "rowid".
CREATE TRIGGER kb_chunks_reindexed AFTER UPDATE ON kb_chunks
WHEN OLD.chunk <> NEW.chunk OR OLD.content IS NOT NEW.content
BEGIN
  INSERT INTO kb_chunks_fts (kb_chunks_fts, rowid, content)
  VALUES ('delete', OLD.chunk, OLD.content);
  INSERT INTO kb_chunks_fts (rowid, content)
  VALUES (NEW.chunk, NEW.content);
END;

-- Remembered events ---------------------------------------------------------

-- A session is no foreign key: events may outlive it, or come before it.
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT,
  subject TEXT NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  embedding BLOB CHECK (
    embedding IS NULL
    OR typeof(embedding) = 'blob' AND length(embedding) % 4 = 0),
  metadata TEXT NOT NULL DEFAULT '{}',
  content TEXT NOT NULL
);

CREATE INDEX events_by_age ON events (created_at);
CREATE INDEX events_by_subject ON events (subject, created_at);
CREATE INDEX events_by_session ON events (session_id, created_at)
WHERE session_id IS NOT NULL;

CREATE VIRTUAL TABLE events_fts USING fts5 (
  subject,
  content,
  content = 'events',
  content_rowid = 'id',
  tokenize = 'porter unicode61'
);

CREATE TRIGGER events_indexed AFTER INSERT ON events
BEGIN
  INSERT INTO events_fts (rowid, subject, content)
  VALUES (NEW.id, NEW.subject, NEW.content);
END;

CREATE TRIGGER events_unindexed AFTER DELETE ON events
BEGIN
  INSERT INTO events_fts (events_fts, rowid, subject, content)
  VALUES ('delete', OLD.id, OLD.subject, OLD.content);
END;

CREATE TRIGGER events_reindexed AFTER UPDATE ON events
WHEN
  OLD.id <> NEW.id
  OR OLD.subject IS NOT NEW.subject
  OR OLD.content IS NOT NEW.content
BEGIN
  INSERT INTO events_fts (events_fts, rowid, subject, content)
  VALUES ('delete', OLD.id, OLD.subject, OLD.content);
  INSERT INTO events_fts (rowid, subject, content)
  VALUES (NEW.id, NEW.subject, NEW.content);
END;

-- Code index ----------------------------------------------------------------

-- `language_stats` is {language: {"files": n, "symbols": n}}.
CREATE TABLE code_projects (
  project_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  root_path TEXT NOT NULL,
  status TEXT NOT NULL,
  language_stats TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  last_indexed_at INTEGER
);

CREATE TABLE code_files (
  file INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL
    REFERENCES code_projects (project_id) ON DELETE CASCADE,
  root_path TEXT NOT NULL,
  file_path TEXT NOT NULL,
  language TEXT NOT NULL,
  file_hash TEXT NOT NULL,
  symbol_count INTEGER NOT NULL DEFAULT 0
    CHECK (typeof(symbol_count) = 'integer' AND symbol_count >= 0),
  indexed_at INTEGER NOT NULL DEFAULT (unixepoch()),
  UNIQUE (project_id, file_path)
);

-- `project_id` is that of the file; it stands here for the sake of the unique
-- ids and of the lookups by name.
CREATE TABLE code_symbols (
  symbol INTEGER PRIMARY KEY,
  file INTEGER NOT NULL REFERENCES code_files (file) ON DELETE CASCADE,
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  parent INTEGER REFERENCES code_symbols (symbol) ON DELETE SET NULL,
  symbol_type TEXT NOT NULL,
  start_line INTEGER NOT NULL CHECK (start_line >= 1),
  end_line INTEGER NOT NULL CHECK (end_line >= start_line),
  start_byte INTEGER NOT NULL CHECK (start_byte >= 0),
  end_byte INTEGER NOT NULL CHECK (end_byte >= start_byte),
  name TEXT NOT NULL,
  name_path TEXT NOT NULL,
  embedding BLOB CHECK (
    embedding IS NULL
    OR typeof(embedding) = 'blob' AND length(embedding) % 4 = 0),
  signature TEXT,
  metadata TEXT,
  doc_string TEXT,
  source_code TEXT,
  UNIQUE (project_id, id)
);

CREATE INDEX code_symbols_by_file ON code_symbols (file);
CREATE INDEX code_symbols_by_name ON code_symbols (project_id, name);
CREATE INDEX code_symbols_by_path ON code_symbols (project_id, name_path);
CREATE INDEX code_symbols_by_parent ON code_symbols (parent)
WHERE parent IS NOT NULL;

CREATE VIRTUAL TABLE code_symbols_fts USING fts5 (
  name,
  name_path,
  signature,
  doc_string,
  source_code,
  content = 'code_symbols',
  content_rowid = 'symbol',
  tokenize = 'porter unicode61'
);

CREATE TRIGGER code_symbols_indexed AFTER INSERT ON code_symbols
BEGIN
  INSERT INTO code_symbols_fts (
    rowid, name, name_path, signature, doc_string, source_code)
  VALUES (
    NEW.symbol, NEW.name, NEW.name_path, NEW.signature, NEW.doc_string,
    NEW.source_code);
END;

CREATE TRIGGER code_symbols_unindexed AFTER DELETE ON code_symbols
BEGIN
  INSERT INTO code_symbols_fts (
    code_symbols_fts, rowid, name, name_path, signature, doc_string,
    source_code)
  VALUES (
    'delete', OLD.symbol, OLD.name, OLD.name_path, OLD.signature,
    OLD.doc_string, OLD.source_code);
END;

CREATE TRIGGER code_symbols_reindexed AFTER UPDATE ON code_symbols
WHEN
  OLD.symbol <> NEW.symbol
  OR OLD.name IS NOT NEW.name
  OR OLD.name_path IS NOT NEW.name_path
  OR OLD.signature IS NOT NEW.signature
  OR OLD.doc_string IS NOT NEW.doc_string
  OR OLD.source_code IS NOT NEW.source_code
BEGIN
  INSERT INTO code_symbols_fts (
    code_symbols_fts, rowid, name, name_path, signature, doc_string,
    source_code)
  VALUES (
    'delete', OLD.symbol, OLD.name, OLD.name_path, OLD.signature,
    OLD.doc_string, OLD.source_code);
  INSERT INTO code_symbols_fts (
    rowid, name, name_path, signature, doc_string, source_code)
  VALUES (
    NEW.symbol, NEW.name, NEW.name_path, NEW.signature, NEW.doc_string,
    NEW.source_code);
END;

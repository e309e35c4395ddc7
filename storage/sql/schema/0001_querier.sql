-- The tables of the Querier, and dbproxy's own: its epoch and its journal.
-- Any SQLite 3.38 or later can read and write them; the rules hold for all.

CREATE TABLE dbproxy_meta (
  key TEXT NOT NULL PRIMARY KEY,
  value NOT NULL
);

INSERT INTO dbproxy_meta (key, value) VALUES ('epoch', 0);

-- One row per write that may be sent again: what it was and what it returned.
-- `committed_at` is in Unix milliseconds, `result` a JSON text.
CREATE TABLE dbproxy_journal (
  entry INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  method TEXT NOT NULL,
  fingerprint INTEGER NOT NULL,
  result TEXT NOT NULL,
  committed_at INTEGER NOT NULL
);

-- Sessions ------------------------------------------------------------------

-- message_count = message_count_base + the session's rows in messages. A
-- parent is no foreign key: it may come later, or be gone.
CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  parent_session_id TEXT,
  title TEXT NOT NULL,
  message_count INTEGER NOT NULL DEFAULT 0
    CHECK (typeof(message_count) = 'integer' AND message_count >= 0),
  prompt_tokens INTEGER NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
  completion_tokens INTEGER NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
  cost REAL NOT NULL DEFAULT 0 CHECK (cost >= 0),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  summary_message_id TEXT,
  message_count_base INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX sessions_top_level ON sessions (created_at)
WHERE parent_session_id IS NULL;

-- dbproxy's own inserts set the base themselves; this is for everybody else's.
CREATE TRIGGER sessions_count_base AFTER INSERT ON sessions
WHEN NEW.message_count_base <> NEW.message_count
BEGIN
  UPDATE sessions SET message_count_base = NEW.message_count
  WHERE id = NEW.id;
END;

-- dbproxy's own updates renew updated_at themselves, so that RETURNING shows
-- it; this, and its like below, is for everybody else's.
CREATE TRIGGER sessions_updated AFTER UPDATE OF
  id, parent_session_id, title, message_count, prompt_tokens,
  completion_tokens, cost, updated_at, created_at, summary_message_id
ON sessions
WHEN NEW.updated_at <> unixepoch()
BEGIN
  UPDATE sessions SET updated_at = unixepoch() WHERE id = NEW.id;
END;

CREATE TABLE messages (
  id TEXT NOT NULL PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  parts TEXT NOT NULL DEFAULT '[]',
  model TEXT,
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  finished_at INTEGER
);

CREATE INDEX messages_by_session ON messages (session_id, created_at);

CREATE TRIGGER messages_updated AFTER UPDATE ON messages
WHEN NEW.updated_at <> unixepoch()
BEGIN
  UPDATE messages SET updated_at = unixepoch() WHERE id = NEW.id;
END;

CREATE TRIGGER messages_counted_in AFTER INSERT ON messages
BEGIN
  UPDATE sessions
  SET message_count = message_count + 1, updated_at = unixepoch()
  WHERE id = NEW.session_id;
END;

CREATE TRIGGER messages_counted_out AFTER DELETE ON messages
BEGIN
  UPDATE sessions
  SET message_count = max(0, message_count - 1), updated_at = unixepoch()
  WHERE id = OLD.session_id;
END;

CREATE TRIGGER messages_counted_over AFTER UPDATE OF session_id ON messages
WHEN NEW.session_id <> OLD.session_id
BEGIN
  UPDATE sessions
  SET message_count = max(0, message_count - 1), updated_at = unixepoch()
  WHERE id = OLD.session_id;
  UPDATE sessions
  SET message_count = message_count + 1, updated_at = unixepoch()
  WHERE id = NEW.session_id;
END;

CREATE TABLE files (
  id TEXT NOT NULL PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  content TEXT NOT NULL,
  version TEXT NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  UNIQUE (path, session_id, version)
);

CREATE INDEX files_by_session ON files (session_id, created_at);

CREATE TRIGGER files_updated AFTER UPDATE ON files
WHEN NEW.updated_at <> unixepoch()
BEGIN
  UPDATE files SET updated_at = unixepoch() WHERE id = NEW.id;
END;

-- Projects ------------------------------------------------------------------

CREATE TABLE projects (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  initialized INTEGER NOT NULL DEFAULT 0 CHECK (initialized IN (0, 1)),
  acp_pid INTEGER,
  acp_port INTEGER,
  last_opened INTEGER,
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch())
);

-- Self-improvement ----------------------------------------------------------

CREATE TABLE prompt_templates (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  section TEXT NOT NULL,
  content TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  UNIQUE (name, version)
);

CREATE INDEX prompt_templates_active ON prompt_templates (section)
WHERE is_active;

CREATE TABLE session_scores (
  id TEXT NOT NULL PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  template_id TEXT REFERENCES prompt_templates (id) ON DELETE SET NULL,
  reward REAL NOT NULL,
  success_score REAL NOT NULL,
  efficiency_score REAL NOT NULL,
  judge_analysis TEXT,
  judge_model TEXT,
  prompt_tokens INTEGER NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
  completion_tokens INTEGER NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
  message_count INTEGER NOT NULL DEFAULT 0 CHECK (message_count >= 0),
  user_corrections INTEGER NOT NULL DEFAULT 0 CHECK (user_corrections >= 0),
  evaluated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  created_at INTEGER NOT NULL DEFAULT (unixepoch())
);

CREATE INDEX session_scores_by_session ON session_scores (session_id);
CREATE INDEX session_scores_by_template ON session_scores (template_id);
CREATE INDEX session_scores_by_age ON session_scores (created_at);

-- How a template has done so far. Outlives the scores that it was made of.
CREATE TABLE prompt_ucb_stats (
  template_id TEXT NOT NULL PRIMARY KEY
    REFERENCES prompt_templates (id) ON DELETE CASCADE,
  times_used INTEGER NOT NULL DEFAULT 0
    CHECK (typeof(times_used) = 'integer' AND times_used >= 0),
  total_reward REAL NOT NULL DEFAULT 0,
  avg_reward REAL NOT NULL DEFAULT 0,
  ucb_score REAL NOT NULL DEFAULT 9999,
  last_used_at INTEGER,
  updated_at INTEGER NOT NULL DEFAULT (unixepoch())
);

CREATE TRIGGER session_scores_counted AFTER INSERT ON session_scores
WHEN NEW.template_id IS NOT NULL
BEGIN
  INSERT INTO prompt_ucb_stats (
    template_id, times_used, total_reward, avg_reward, ucb_score,
    last_used_at, updated_at)
  VALUES (
    NEW.template_id, 1, NEW.reward, NEW.reward, NEW.reward,
    unixepoch(), unixepoch())
  ON CONFLICT (template_id) DO UPDATE SET
    times_used = times_used + 1,
    total_reward = total_reward + NEW.reward,
    avg_reward = (total_reward + NEW.reward) / (times_used + 1),
    ucb_score = (total_reward + NEW.reward) / (times_used + 1),
    last_used_at = unixepoch(),
    updated_at = unixepoch();
END;

CREATE TABLE skills (
  id TEXT NOT NULL PRIMARY KEY,
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  source_session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
  source_template_id TEXT REFERENCES prompt_templates (id) ON DELETE SET NULL,
  task_type TEXT NOT NULL,
  usage_count INTEGER NOT NULL DEFAULT 0
    CHECK (typeof(usage_count) = 'integer' AND usage_count >= 0),
  success_rate REAL NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch())
);

CREATE INDEX skills_active ON skills (task_type) WHERE is_active;
CREATE INDEX skills_by_session ON skills (source_session_id);
CREATE INDEX skills_by_template ON skills (source_template_id);

-- Projects. A section is the method of that name; its parameters are the
-- members of the method's struct (messages/projects.hpp).

-- name: CreateProject
INSERT INTO projects (
  id, name, path, status, initialized, acp_pid, acp_port, last_opened)
VALUES (
  :id, :name, :path, :status, :initialized, :acp_pid, :acp_port, :last_opened)
RETURNING *;

-- name: UpdateProjectStatus
UPDATE projects
SET
  status = :status,
  acp_pid = :acp_pid,
  acp_port = :acp_port,
  updated_at = unixepoch()
WHERE id = :id;

-- name: UpdateProjectLastOpened
UPDATE projects
SET last_opened = :last_opened, updated_at = unixepoch()
WHERE id = :id;

-- name: UpdateProjectName
UPDATE projects
SET name = :name, updated_at = unixepoch()
WHERE id = :id;

-- name: MarkProjectInitialized
UPDATE projects
SET initialized = 1, updated_at = unixepoch()
WHERE id = :id;

-- name: DeleteProject
DELETE FROM projects WHERE id = :id;

-- name: GetProject
SELECT * FROM projects WHERE id = :id;

-- name: GetProjectByPath
SELECT * FROM projects WHERE path = :path;

-- name: ListProjects
SELECT * FROM projects
ORDER BY last_opened DESC NULLS LAST, created_at DESC, rowid DESC;

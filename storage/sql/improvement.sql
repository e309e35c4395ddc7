-- Prompt templates, session scores and skills. A section is the method of
-- that name; its parameters are in messages/improvement.hpp.

-- name: InsertPromptTemplate
INSERT INTO prompt_templates (
  id, name, section, content, version, is_active, is_default)
VALUES (
  :id, :name, :section, :content, :version, :is_active, :is_default)
RETURNING *;

-- name: InsertSessionScore
INSERT INTO session_scores (
  id, session_id, template_id, reward, success_score, efficiency_score,
  judge_analysis, judge_model, prompt_tokens, completion_tokens,
  message_count, user_corrections)
VALUES (
  :id, :session_id, :template_id, :reward, :success_score, :efficiency_score,
  :judge_analysis, :judge_model, :prompt_tokens, :completion_tokens,
  :message_count, :user_corrections)
RETURNING *;

-- name: InsertSkill
INSERT INTO skills (
  id, title, content, source_session_id, source_template_id, task_type)
VALUES (
  :id, :title, :content, :source_session_id, :source_template_id, :task_type)
RETURNING *;

-- name: DeactivateLowestSkill
UPDATE skills
SET is_active = 0, updated_at = unixepoch()
WHERE rowid = (
  SELECT rowid FROM skills
  WHERE is_active
  ORDER BY success_rate, usage_count, rowid
  LIMIT 1);

-- name: IncrementSkillUsage
UPDATE skills
SET usage_count = usage_count + 1, updated_at = unixepoch()
WHERE id = :id;

-- name: GetPromptTemplate
SELECT * FROM prompt_templates WHERE id = :id;

-- name: ListActiveTemplatesBySection
SELECT
  prompt_templates.*,
  coalesce(avg_reward, 0.0) AS avg_reward,
  coalesce(times_used, 0) AS times_used,
  iif(coalesce(times_used, 0) = 0, 9999.0, ucb_score) AS ucb_score
FROM prompt_templates
LEFT JOIN prompt_ucb_stats ON template_id = prompt_templates.id
WHERE section = :section AND is_active
ORDER BY ucb_score DESC, prompt_templates.rowid;

-- name: CountPromptTemplates
SELECT count(*) FROM prompt_templates;

-- name: GetSessionScore
SELECT * FROM session_scores
WHERE session_id = :session_id
ORDER BY created_at DESC, rowid DESC
LIMIT 1;

-- name: CountSessionScores
SELECT count(*) FROM session_scores;

-- name: ListSessionScores
SELECT * FROM session_scores
ORDER BY created_at DESC, rowid DESC
LIMIT :limit;

-- name: GetTokenBaseline
SELECT avg(tokens) FROM (
  SELECT prompt_tokens + completion_tokens AS tokens
  FROM session_scores
  ORDER BY created_at DESC, rowid DESC
  LIMIT :limit);

-- name: GetUCBStats
SELECT * FROM prompt_ucb_stats WHERE template_id = :template_id;

-- name: ListActiveSkillsByType
SELECT * FROM skills
WHERE is_active AND task_type IN (:task_type, 'general')
ORDER BY success_rate DESC, usage_count DESC, rowid
LIMIT :limit;

-- name: ListAllActiveSkills
SELECT * FROM skills
WHERE is_active
ORDER BY success_rate DESC, usage_count DESC, rowid;

-- name: CountActiveSkills
SELECT count(*) FROM skills WHERE is_active;

-- name: ListUCBRanking
SELECT * FROM prompt_ucb_stats
ORDER BY ucb_score DESC, times_used DESC, rowid;

-- name: GetEvaluatorStats
SELECT
  count(*) AS total_evaluations,
  coalesce(avg(reward), 0.0) AS avg_reward,
  (SELECT count(*) FROM skills WHERE is_active) AS active_skills,
  max(evaluated_at) AS last_evaluation
FROM session_scores;

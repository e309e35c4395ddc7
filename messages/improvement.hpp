// Self-improvement: prompt templates, session scores and skills.
#pragma once

#include "messages/method.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbproxy {

// -- records -----------------------------------------------------------------

/// Unique by name and version. Times are Unix seconds.
struct prompt_template {
  std::string id;
  std::string name;
  std::string section;
  std::string content;
  std::int64_t version = 0;
  bool is_active = false;
  bool is_default = false;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const prompt_template&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  prompt_template, (),
  (id, name, section, content, version, is_active, is_default, created_at,
   updated_at))

/// A template with its standing in the selection by upper confidence bound.
struct ranked_template : prompt_template {
  double avg_reward = 0;
  std::int64_t times_used = 0;
  double ucb_score = 0; ///< 9999 where the template is unused

  bool operator==(const ranked_template&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  ranked_template, (prompt_template), (avg_reward, times_used, ucb_score))

struct session_score {
  std::string id;
  std::string session_id;
  std::optional<std::string> template_id;
  double reward = 0;
  double success_score = 0;
  double efficiency_score = 0;
  std::optional<std::string> judge_analysis;
  std::optional<std::string> judge_model;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t message_count = 0;
  std::int64_t user_corrections = 0;
  std::int64_t evaluated_at = 0;
  std::int64_t created_at = 0;

  bool operator==(const session_score&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  session_score, (),
  (id, session_id, template_id, reward, success_score, efficiency_score,
   judge_analysis, judge_model, prompt_tokens, completion_tokens, message_count,
   user_corrections, evaluated_at, created_at))

/// Kept by the schema whenever a score with a template is inserted.
struct prompt_ucb_stat {
  std::string template_id;
  std::int64_t times_used = 0;
  double total_reward = 0;
  double avg_reward = 0;
  double ucb_score = 0;
  std::optional<std::int64_t> last_used_at;
  std::int64_t updated_at = 0;

  bool operator==(const prompt_ucb_stat&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  prompt_ucb_stat, (),
  (template_id, times_used, total_reward, avg_reward, ucb_score, last_used_at,
   updated_at))

struct skill {
  std::string id;
  std::string title;
  std::string content;
  std::optional<std::string> source_session_id;
  std::optional<std::string> source_template_id;
  std::string task_type;
  std::int64_t usage_count = 0;
  double success_rate = 0;
  bool is_active = false;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;

  bool operator==(const skill&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  skill, (),
  (id, title, content, source_session_id, source_template_id, task_type,
   usage_count, success_rate, is_active, created_at, updated_at))

struct evaluator_stats {
  std::int64_t total_evaluations = 0;
  double avg_reward = 0; ///< 0 where there is no evaluation
  std::int64_t active_skills = 0;
  std::optional<std::int64_t> last_evaluation;

  bool operator==(const evaluator_stats&) const = default;
};
BOOST_DESCRIBE_STRUCT(
  evaluator_stats, (),
  (total_evaluations, avg_reward, active_skills, last_evaluation))

// -- writes ------------------------------------------------------------------

struct insert_prompt_template {
  using returns = prompt_template;
  static constexpr auto spec =
    write_method("InsertPromptTemplate", "db.template.created");

  std::string id;
  std::string name;
  std::string section;
  std::string content;
  std::int64_t version = 0;
  bool is_active = false;
  bool is_default = false;
};
BOOST_DESCRIBE_STRUCT(
  insert_prompt_template, (),
  (id, name, section, content, version, is_active, is_default))

struct insert_session_score {
  using returns = session_score;
  static constexpr auto spec =
    write_method("InsertSessionScore", "db.score.created");

  std::string id;
  std::string session_id;
  std::optional<std::string> template_id;
  double reward = 0;
  double success_score = 0;
  double efficiency_score = 0;
  std::optional<std::string> judge_analysis;
  std::optional<std::string> judge_model;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t message_count = 0;
  std::int64_t user_corrections = 0;
};
BOOST_DESCRIBE_STRUCT(
  insert_session_score, (),
  (id, session_id, template_id, reward, success_score, efficiency_score,
   judge_analysis, judge_model, prompt_tokens, completion_tokens, message_count,
   user_corrections))

struct insert_skill {
  using returns = skill;
  static constexpr auto spec = write_method("InsertSkill", "db.skill.created");

  std::string id;
  std::string title;
  std::string content;
  std::optional<std::string> source_session_id;
  std::optional<std::string> source_template_id;
  std::string task_type;
};
BOOST_DESCRIBE_STRUCT(
  insert_skill, (),
  (id, title, content, source_session_id, source_template_id, task_type))

/// The active skill with the lowest success rate, then the lowest usage.
struct deactivate_lowest_skill {
  using returns = void;
  static constexpr auto spec =
    write_method("DeactivateLowestSkill", "db.skill.updated");
};
BOOST_DESCRIBE_STRUCT(deactivate_lowest_skill, (), ())

struct increment_skill_usage {
  using returns = void;
  static constexpr auto spec =
    write_method("IncrementSkillUsage", "db.skill.updated");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(increment_skill_usage, (), (id))

// -- reads -------------------------------------------------------------------

struct get_prompt_template {
  using returns = std::optional<prompt_template>;
  static constexpr auto spec = read_method("GetPromptTemplate");

  std::string id;
};
BOOST_DESCRIBE_STRUCT(get_prompt_template, (), (id))

/// Best first, unused ones before all others.
struct list_active_templates_by_section {
  using returns = std::vector<ranked_template>;
  static constexpr auto spec = read_method("ListActiveTemplatesBySection");

  std::string section;
};
BOOST_DESCRIBE_STRUCT(list_active_templates_by_section, (), (section))

struct count_prompt_templates {
  using returns = std::int64_t;
  static constexpr auto spec = read_method("CountPromptTemplates");
};
BOOST_DESCRIBE_STRUCT(count_prompt_templates, (), ())

/// The newest score of a session.
struct get_session_score {
  using returns = std::optional<session_score>;
  static constexpr auto spec = read_method("GetSessionScore");

  std::string session_id;
};
BOOST_DESCRIBE_STRUCT(get_session_score, (), (session_id))

struct count_session_scores {
  using returns = std::int64_t;
  static constexpr auto spec = read_method("CountSessionScores");
};
BOOST_DESCRIBE_STRUCT(count_session_scores, (), ())

/// Newest first.
struct list_session_scores {
  using returns = std::vector<session_score>;
  static constexpr auto spec = read_method("ListSessionScores");

  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(list_session_scores, (), (limit))

/// The mean of prompt and completion tokens, added, of the newest scores; null
/// where there is none.
struct get_token_baseline {
  using returns = std::optional<double>;
  static constexpr auto spec = read_method("GetTokenBaseline");

  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(get_token_baseline, (), (limit))

struct get_ucb_stats {
  using returns = std::optional<prompt_ucb_stat>;
  static constexpr auto spec = read_method("GetUCBStats");

  std::string template_id;
};
BOOST_DESCRIBE_STRUCT(get_ucb_stats, (), (template_id))

/// Active skills of that type and of the type 'general', best first.
struct list_active_skills_by_type {
  using returns = std::vector<skill>;
  static constexpr auto spec = read_method("ListActiveSkillsByType");

  std::string task_type;
  std::int64_t limit = 0;
};
BOOST_DESCRIBE_STRUCT(list_active_skills_by_type, (), (task_type, limit))

/// Best first.
struct list_all_active_skills {
  using returns = std::vector<skill>;
  static constexpr auto spec = read_method("ListAllActiveSkills");
};
BOOST_DESCRIBE_STRUCT(list_all_active_skills, (), ())

struct count_active_skills {
  using returns = std::int64_t;
  static constexpr auto spec = read_method("CountActiveSkills");
};
BOOST_DESCRIBE_STRUCT(count_active_skills, (), ())

/// Best first.
struct list_ucb_ranking {
  using returns = std::vector<prompt_ucb_stat>;
  static constexpr auto spec = read_method("ListUCBRanking");
};
BOOST_DESCRIBE_STRUCT(list_ucb_ranking, (), ())

struct get_evaluator_stats {
  using returns = evaluator_stats;
  static constexpr auto spec = read_method("GetEvaluatorStats");
};
BOOST_DESCRIBE_STRUCT(get_evaluator_stats, (), ())

/// The methods of this header, for the catalogue.
using improvement_methods = boost::mp11::mp_list<
  insert_prompt_template, insert_session_score, insert_skill,
  deactivate_lowest_skill, increment_skill_usage, get_prompt_template,
  list_active_templates_by_section, count_prompt_templates, get_session_score,
  count_session_scores, list_session_scores, get_token_baseline, get_ucb_stats,
  list_active_skills_by_type, list_all_active_skills, count_active_skills,
  list_ucb_ranking, get_evaluator_stats>;

} // namespace dbproxy

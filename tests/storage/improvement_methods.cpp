// The methods of templates, scores and skills: complete rows, orders, limits
// and the standing of templates.
#define CAF_SUITE storage_improvement_methods
#include "temp_database.hpp"

#include <string>
#include <string_view>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;
using namespace dbproxy::storage_test;

namespace {

struct fixture : method_fixture {
  fixture() {
    must(db.execute("INSERT INTO sessions (id, title)"
                    " VALUES ('s', ''), ('s2', '')"));
  }

  void add_template(std::string_view id, bool is_active = true) {
    call(
      "InsertPromptTemplate",
      R"({"id":")" + std::string{id} + R"(","name":"N-)" + std::string{id}
        + R"(","section":"system","content":"C","version":1,"is_active":)"
        + (is_active ? "true" : "false") + R"(,"is_default":false})");
  }

  void add_score(
    std::string_view id, std::string_view template_id, std::string_view reward,
    int tokens = 0) {
    call(
      "InsertSessionScore",
      R"({"id":")" + std::string{id}
        + R"(","session_id":"s",)"
          R"("template_id":")"
        + std::string{template_id} + R"(","reward":)" + std::string{reward}
        + R"(,"success_score":0,"efficiency_score":0,"prompt_tokens":)"
        + std::to_string(tokens)
        + R"(,"completion_tokens":1,"message_count":0,)"
          R"("user_corrections":0})");
  }

  void add_skill(std::string_view id, std::string_view task_type) {
    call(
      "InsertSkill", R"({"id":")" + std::string{id}
                       + R"(","title":"T","content":"C","task_type":")"
                       + std::string{task_type} + R"("})");
  }

  void set(std::string_view assignment, std::string_view id) {
    must(db.execute(
      "UPDATE " + std::string{assignment} + " WHERE id = '" + std::string{id}
      + "'"));
  }

  std::string ids(
    std::string_view method, std::string_view params = "{}",
    std::string_view key = "id") {
    std::string joined;
    auto list = call(method, params);
    for (const auto& element : list.as_array()) {
      joined += joined.empty() ? "" : " ";
      joined += std::string{element.at(key).as_string()};
    }
    return joined;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(improvement_methods_tests, fixture)

CAF_TEST(a template is inserted and read back whole) {
  auto inserted =
    R"({"id":"t","name":"N","section":"system","content":"C","version":3,
      "is_active":true,"is_default":false,"created_at":"now",
      "updated_at":"now"})";
  CHECK_JSON(
    call("InsertPromptTemplate", R"({"id":"t","name":"N","section":"system",
         "content":"C","version":3,"is_active":true,"is_default":false})"),
    inserted);
  CHECK_JSON(call("GetPromptTemplate", R"("t")"), inserted);
  CHECK_JSON(call("GetPromptTemplate", R"("absent")"), "null");
  CHECK_JSON(call("CountPromptTemplates"), "1");
  CAF_CHECK_EQUAL(
    call.error("InsertPromptTemplate", R"({"id":"u","name":"N",
               "section":"","content":"","version":3,"is_active":false,
               "is_default":true})"),
    "CONFLICT: UNIQUE constraint failed: prompt_templates.name, "
    "prompt_templates.version");
}

CAF_TEST(templates of a section are listed with their standing best first) {
  for (auto id : {"bad", "good", "unused", "unused2"})
    add_template(id);
  add_template("retired", false);
  add_score("c1", "bad", "0.25");
  add_score("c2", "good", "0.5");
  add_score("c3", "good", "1");
  CAF_CHECK_EQUAL(
    ids("ListActiveTemplatesBySection", R"("system")"),
    "unused unused2 good bad");
  CHECK_JSON(
    call("ListActiveTemplatesBySection", R"("system")").as_array()[0],
    R"({"id":"unused","name":"N-unused","section":"system","content":"C",
    "version":1,"is_active":true,"is_default":false,"created_at":"now",
    "updated_at":"now","avg_reward":0.0,"times_used":0,"ucb_score":9999.0})");
  CHECK_JSON(
    call("ListActiveTemplatesBySection", R"("system")").as_array()[2],
    R"({"id":"good","name":"N-good","section":"system","content":"C",
    "version":1,"is_active":true,"is_default":false,"created_at":"now",
    "updated_at":"now","avg_reward":0.75,"times_used":2,"ucb_score":0.75})");
  CHECK_JSON(call("ListActiveTemplatesBySection", R"("other")"), "[]");
}

CAF_TEST(the standing of templates is told and ranked) {
  for (auto id : {"a", "b", "c", "unused"})
    add_template(id);
  add_score("1", "a", "0.5");
  add_score("2", "b", "0.75");
  add_score("3", "c", "0.5");
  add_score("4", "c", "0.5");
  CHECK_JSON(
    call("GetUCBStats", R"("c")"),
    R"({"template_id":"c","times_used":2,"total_reward":1.0,"avg_reward":0.5,
    "ucb_score":0.5,"last_used_at":"now","updated_at":"now"})");
  CHECK_JSON(call("GetUCBStats", R"("unused")"), "null");
  CAF_CHECK_EQUAL(ids("ListUCBRanking", "{}", "template_id"), "b c a");
  CHECK_JSON(
    call("ListUCBRanking").as_array()[0],
    R"({"template_id":"b","times_used":1,"total_reward":0.75,
    "avg_reward":0.75,"ucb_score":0.75,"last_used_at":"now",
    "updated_at":"now"})");
}

CAF_TEST(a score is inserted and read back whole) {
  add_template("t");
  auto inserted = R"({"id":"c","session_id":"s","template_id":"t","reward":-0.5,
      "success_score":0.25,"efficiency_score":0.75,"judge_analysis":"good",
      "judge_model":"large","prompt_tokens":1,"completion_tokens":2,
      "message_count":3,"user_corrections":4,"evaluated_at":"now",
      "created_at":"now"})";
  CHECK_JSON(
    call("InsertSessionScore", R"({"id":"c","session_id":"s",
         "template_id":"t","reward":-0.5,"success_score":0.25,
         "efficiency_score":0.75,"judge_analysis":"good",
         "judge_model":"large","prompt_tokens":1,"completion_tokens":2,
         "message_count":3,"user_corrections":4})"),
    inserted);
  CHECK_JSON(call("GetSessionScore", R"("s")"), inserted);
  CHECK_JSON(call("GetSessionScore", R"("s2")"), "null");
  CHECK_JSON(call("CountSessionScores"), "1");
  CHECK_JSON(
    call("InsertSessionScore", R"({"id":"d","session_id":"s","reward":0,
         "success_score":0,"efficiency_score":0,"prompt_tokens":0,
         "completion_tokens":0,"message_count":0,"user_corrections":0})"),
    R"({"id":"d","session_id":"s","template_id":null,"reward":0.0,
    "success_score":0.0,"efficiency_score":0.0,"judge_analysis":null,
    "judge_model":null,"prompt_tokens":0,"completion_tokens":0,
    "message_count":0,"user_corrections":0,"evaluated_at":"now",
    "created_at":"now"})");
  CHECK_JSON(call("GetSessionScore", R"("s")").at("id"), R"("d")");
}

CAF_TEST(a score needs its session and its template) {
  for (auto ids :
       {R"("session_id":"absent")",
        R"("session_id":"s","template_id":"absent")"})
    CAF_CHECK_EQUAL(
      call.error(
        "InsertSessionScore",
        R"({"id":"c",)" + std::string{ids}
          + R"(,"reward":0,"success_score":0,"efficiency_score":0,
                   "prompt_tokens":0,"completion_tokens":0,"message_count":0,
                   "user_corrections":0})"),
      "CONFLICT: FOREIGN KEY constraint failed");
  CHECK_JSON(call("CountSessionScores"), "0");
}

CAF_TEST(scores are listed newest first up to a limit) {
  add_template("t");
  for (auto id : {"a", "b", "c", "d"})
    add_score(id, "t", "0");
  set("session_scores SET created_at = 1", "c");
  set("session_scores SET created_at = 2", "b");
  CAF_CHECK_EQUAL(ids("ListSessionScores", R"({"limit":9})"), "d a b c");
  CAF_CHECK_EQUAL(ids("ListSessionScores", R"({"limit":2})"), "d a");
  CAF_CHECK_EQUAL(ids("ListSessionScores", "0"), "");
}

CAF_TEST(the token baseline is the mean of the newest scores) {
  CHECK_JSON(call("GetTokenBaseline", "10"), "null");
  add_template("t");
  add_score("a", "t", "0", 99);
  add_score("b", "t", "0", 9);
  add_score("c", "t", "0", 10);
  CHECK_JSON(call("GetTokenBaseline", "2"), "10.5");
  CHECK_JSON(call("GetTokenBaseline", "3"), "40.333333333333336");
  CHECK_JSON(call("GetTokenBaseline", "0"), "null");
}

CAF_TEST(a negative limit is refused by every method that has one) {
  auto refused = "INVALID_PARAMS: field \"limit\" must not be negative, but "
                 "is -1";
  CAF_CHECK_EQUAL(call.error("ListSessionScores", "-1"), refused);
  CAF_CHECK_EQUAL(call.error("GetTokenBaseline", "-1"), refused);
  CAF_CHECK_EQUAL(
    call.error("ListActiveSkillsByType", R"({"task_type":"x","limit":-1})"),
    refused);
}

CAF_TEST(a skill is inserted whole) {
  add_template("t");
  CHECK_JSON(
    call("InsertSkill", R"({"id":"k","title":"T","content":"C",
         "source_session_id":"s","source_template_id":"t","task_type":"y"})"),
    R"({"id":"k","title":"T","content":"C","source_session_id":"s",
    "source_template_id":"t","task_type":"y","usage_count":0,
    "success_rate":0.0,"is_active":true,"created_at":"now",
    "updated_at":"now"})");
  add_skill("plain", "y");
  CHECK_JSON(
    call("ListAllActiveSkills").as_array()[1],
    R"({"id":"plain","title":"T","content":"C","source_session_id":null,
    "source_template_id":null,"task_type":"y","usage_count":0,
    "success_rate":0.0,"is_active":true,"created_at":"now",
    "updated_at":"now"})");
  CAF_CHECK_EQUAL(
    call.error("InsertSkill", R"({"id":"l","title":"","content":"",
               "source_session_id":"absent","task_type":""})"),
    "CONFLICT: FOREIGN KEY constraint failed");
}

CAF_TEST(skills are listed best first) {
  for (auto id : {"a", "b", "c", "d", "general", "retired"})
    add_skill(id, std::string_view{id} == "general" ? "general" : "x");
  add_skill("other", "z");
  set("skills SET success_rate = 0.5", "b");
  set("skills SET success_rate = 0.5, usage_count = 2", "c");
  set("skills SET success_rate = 0.75", "general");
  set("skills SET is_active = 0, success_rate = 1", "retired");
  CAF_CHECK_EQUAL(ids("ListAllActiveSkills"), "general c b a d other");
  CAF_CHECK_EQUAL(
    ids("ListActiveSkillsByType", R"({"task_type":"x","limit":10})"),
    "general c b a d");
  CAF_CHECK_EQUAL(
    ids("ListActiveSkillsByType", R"({"task_type":"x","limit":2})"),
    "general c");
  CAF_CHECK_EQUAL(
    ids("ListActiveSkillsByType", R"({"task_type":"none","limit":2})"),
    "general");
  CHECK_JSON(call("CountActiveSkills"), "6");
}

CAF_TEST(the lowest skill is the one that is deactivated) {
  CHECK_JSON(call("DeactivateLowestSkill"), "null");
  for (auto id : {"rate", "usage", "lowest", "retired"})
    add_skill(id, "x");
  set("skills SET success_rate = 0.5", "rate");
  set("skills SET usage_count = 1", "usage");
  set("skills SET is_active = 0", "retired");
  must(db.execute("UPDATE skills SET updated_at = 5"));
  auto remaining = [this] {
    CHECK_JSON(call("DeactivateLowestSkill"), "null");
    return ids("ListAllActiveSkills");
  };
  CAF_CHECK_EQUAL(remaining(), "rate usage");
  CAF_CHECK_EQUAL(
    row(db, "SELECT group_concat(id) FROM skills WHERE updated_at > 5"),
    "lowest");
  CAF_CHECK_EQUAL(remaining(), "rate");
  CAF_CHECK_EQUAL(remaining(), "");
  CAF_CHECK_EQUAL(remaining(), "");
}

CAF_TEST(the use of a skill is counted) {
  add_skill("k", "x");
  must(db.execute("UPDATE skills SET updated_at = 5"));
  CHECK_JSON(call("IncrementSkillUsage", R"("k")"), "null");
  CHECK_JSON(call("IncrementSkillUsage", R"("k")"), "null");
  CHECK_JSON(call("IncrementSkillUsage", R"("absent")"), "null");
  CHECK_JSON(call("ListAllActiveSkills").as_array()[0].at("usage_count"), "2");
  CHECK_JSON(
    call("ListAllActiveSkills").as_array()[0].at("updated_at"), R"("now")");
  set("skills SET usage_count = 9223372036854775807", "k");
  CAF_CHECK(
    contains(call.error("IncrementSkillUsage", R"("k")"), "CONFLICT: CHECK"));
}

CAF_TEST(the statistics of the evaluator are told) {
  CHECK_JSON(
    call("GetEvaluatorStats"),
    R"({"total_evaluations":0,"avg_reward":0.0,"active_skills":0,
    "last_evaluation":null})");
  add_template("t");
  add_skill("k", "x");
  add_score("a", "t", "0.5");
  add_score("b", "t", "1");
  CHECK_JSON(
    call("GetEvaluatorStats"),
    R"({"total_evaluations":2,"avg_reward":0.75,"active_skills":1,
    "last_evaluation":"now"})");
}

CAF_TEST_FIXTURE_SCOPE_END()

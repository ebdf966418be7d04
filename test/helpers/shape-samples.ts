/** A sound record, or several, of each shape that is known: tests of all shapes go over these. */

/** What a user says, and what an assistant answers. */
export const user = (content: string) => ({ role: "user", content });
export const said = (content: string) => ({ role: "assistant", content });

type Sample = { readonly format: string; readonly file?: string; readonly value: Record<string, unknown> };

const sample = (format: string, value: Record<string, unknown>, file?: string): Sample => ({
  format,
  value,
  ...(file === undefined ? {} : { file }),
});

const ASKED = "Why do leaves fall in autumn?";
const GOOD = "Trees save water in winter.";
const BAD = "They are tired of hanging.";

/** Samples by the shape that they must be taken for. */
export const SHAPE_SAMPLES: readonly Sample[] = [
  sample("trl", { id: "r1", prompt: ASKED, chosen: GOOD, rejected: BAD }),
  sample("trl", { prompt: [user(ASKED)], chosen: [said(GOOD)], rejected: [said(BAD)] }),
  sample("trl", { prompt: ASKED, chosen: [said(GOOD)], rejected: [said(BAD)] }),
  sample("instruction", { instruction: "Answer a child.", input: ASKED, chosen: GOOD, rejected: BAD }),
  sample("instruction", { question: ASKED, chosen: GOOD, rejected: BAD, system: "Be kind to everyone." }),
  sample("instruction", { instruction: ASKED, chosen_response: GOOD, rejected_response: BAD }),
  sample("instruction", { instruction: ASKED, output: [GOOD, BAD] }),
  sample("conversation-pair", {
    conversations: [{ from: "human", value: ASKED }],
    chosen: { from: "gpt", value: GOOD },
    rejected: { from: "gpt", value: BAD },
  }),
  sample("conversation-pair", { messages: [user(ASKED)], chosen: said(GOOD), rejected: said(BAD) }),
  sample("trl", {
    prompt: ASKED,
    chosen: [user(ASKED), said(GOOD)],
    rejected: [user(ASKED), said(BAD)],
    question: ASKED,
    source: "mix",
  }),
  sample("ultrafeedback-full", {
    instruction: ASKED,
    completions: [
      { response: GOOD, "fine-grained_score": 4.5, overall_score: 8, model: "m" },
      { response: BAD, "fine-grained_score": 1.25, overall_score: 9, model: "n" },
    ],
  }),
  sample("ultrafeedback-full", {
    source: "evol_instruct",
    instruction: ASKED,
    models: ["m", "n"],
    completions: [
      {
        response: GOOD,
        annotations: { helpfulness: { Rating: "5", Rationale: "Clear." } },
        overall_score: 8,
      },
      { response: BAD, annotations: { helpfulness: { Rating: "1", Rationale: "Wrong." } }, overall_score: 9 },
    ],
    correct_answers: ["Water."],
  }),
  sample("ultrafeedback-full", {
    instruction: ASKED,
    completions: [
      { response: GOOD, overall_score: 8, principle: "helpfulness", custom_system_prompt: "Be kind." },
      { response: BAD, overall_score: 7, principle: "honesty", custom_system_prompt: "Be terse." },
    ],
  }),
  sample("ranked-answers", {
    prompt: ASKED,
    answers: [
      { answer: BAD, rank: 2, model: "m" },
      { answer: GOOD, rank: 1, model: "n" },
    ],
  }),
  sample("preference-strength", {
    domain: "general",
    context: [user(ASKED)],
    response1: GOOD,
    response2: BAD,
    overall_preference: -2,
  }),
  sample("preference-strength", {
    prompt: ASKED,
    response_1: GOOD,
    response_2: BAD,
    preference_strength: -1,
  }),
  sample("arena-conversations", {
    id: "v2",
    model_a: "m",
    model_b: "n",
    winner: "model_b",
    evaluation_session_id: "s1",
    evaluation_order: 1,
    conversation_a: [user(ASKED), { role: "assistant", content: [{ type: "text", text: BAD }] }],
    conversation_b: [user(ASKED), { role: "assistant", content: [{ type: "text", text: GOOD }] }],
    full_conversation: [{ user: user(ASKED), model_side_a: said(BAD), model_side_b: said(GOOD) }],
    conv_metadata: { sum_user_tokens: 7 },
    category_tag: { "math_v0.1": { math: false } },
    language: "en",
    is_code: false,
    timestamp: "2025-06-01 12:00:00",
  }),
  sample("arena-conversations", {
    id: "v1",
    conversation_a: [
      user(ASKED),
      { role: "assistant", content: [{ type: "text", text: GOOD, image: null }] },
    ],
    conversation_b: [user(ASKED), { role: "assistant", content: [{ type: "text", text: BAD, image: null }] }],
    winner: "both_bad",
  }),
  sample("helpsteer", { prompt: ASKED, response: GOOD, helpfulness: 4, verbosity: 1 }),
  sample("trl-implicit", { chosen: [user(ASKED), said(GOOD)], rejected: [user(ASKED), said(BAD)] }),
  sample("trl-implicit", { chosen: `${ASKED} ${GOOD}`, rejected: `${ASKED} ${BAD}` }),
  sample("hh-rlhf", {
    chosen: `\n\nHuman: ${ASKED}\n\nAssistant: ${GOOD}`,
    rejected: `\n\nHuman: ${ASKED}\n\nAssistant: ${BAD}`,
  }),
  sample("tldr", {
    info: { id: "t3", subreddit: "botany", title: "Leaves", post: "They fell on me today." },
    summaries: [
      { text: " Leaves fell.", policy: "sup1" },
      { text: " It rained.", policy: "sup2" },
    ],
    choice: 0,
  }),
  sample("ultrafeedback", {
    prompt: ASKED,
    chosen: [user(ASKED), said(GOOD)],
    rejected: [user(ASKED), said(BAD)],
    score_chosen: 8,
    score_rejected: 3,
  }),
  sample("distilabel", {
    instruction: ASKED,
    chosen: GOOD,
    rejected: BAD,
    chosen_rating: 5,
    rejected_rating: 2,
  }),
  sample("rewardbench", {
    prompt: ASKED,
    chosen: GOOD,
    chosen_model: "m",
    rejected: BAD,
    rejected_model: "n",
    subset: "refusals",
    id: 7,
  }),
  sample("arena", {
    prompt: JSON.stringify([ASKED]),
    response_a: JSON.stringify([GOOD]),
    response_b: JSON.stringify([BAD]),
    winner_model_a: 1,
    winner_model_b: 0,
    winner_tie: 0,
  }),
  sample("arena-conversations", {
    question_id: "q1",
    conversation_a: [user(ASKED), said(GOOD)],
    conversation_b: [user(ASKED), said(BAD)],
    winner: "model_a",
  }),
  sample("pku-saferlhf", {
    prompt: ASKED,
    response_0: GOOD,
    response_1: BAD,
    better_response_id: 0,
  }),
  sample("shp", {
    history: ASKED,
    human_ref_A: GOOD,
    human_ref_B: BAD,
    labels: 1,
    post_id: "p1",
    domain: "botany",
  }),
  sample("alpaca-eval", { instruction: ASKED, output_1: GOOD, output_2: BAD, preference: 1 }),
  sample("rm-bench", {
    id: 4,
    domain: "chat",
    prompt: ASKED,
    chosen: [GOOD, `${GOOD} They do so each year.`, `**Water.** ${GOOD}`],
    rejected: [BAD, `${BAD} They do so each year.`, `**Tired.** ${BAD}`],
  }),
  sample("rewardbench-2", {
    id: "5",
    prompt: ASKED,
    chosen: [GOOD],
    rejected: [BAD, "Wind."],
    subset: "Focus",
  }),
  sample("rewardbench-2", {
    id: "ties:5",
    prompt: "Name a colour of leaves.",
    chosen: ["Green.", "Yellow.", "Red."],
    rejected: ["Loud.", "Seven."],
    num_correct: 3,
    num_rejected: 2,
    total_completions: 5,
    models: ["m"],
    subset: "Ties",
  }),
  sample("preference-strength", {
    domain: "code",
    language: "python",
    context: [user(ASKED), said("Do you mean trees?"), user("I do.")],
    response1: GOOD,
    response2: BAD,
    overall_preference: 0,
    individual_preference: [{ score: 0, reasoning: "Alike.", feedback1: "Good.", feedback2: "Good, too." }],
  }),
  sample("pandalm", {
    instruction: ASKED,
    input: "Answer in one sentence.",
    response1: GOOD,
    response2: BAD,
    annotator1: 1,
    annotator2: 1,
    annotator3: 0,
  }),
  sample("auto-j", {
    scenario: "explaining",
    label: 0,
    prompt: ASKED,
    "response 1": GOOD,
    "response 2": BAD,
  }),
  sample("prometheus", {
    orig_instruction: ASKED,
    orig_response_A: GOOD,
    orig_response_B: BAD,
    orig_preference: "A",
    orig_criteria: "Is it right?",
    instruction: `Which is better for: ${ASKED}`,
    output: "A is right. [RESULT] A",
  }),
  sample("llmbar", { input: ASKED, output_1: BAD, output_2: GOOD, label: 2 }),
  sample("pool", { id: "i", prompt: ASKED, response_a: GOOD, response_b: BAD }),
  sample("pool", { prompt: ASKED, responses: [GOOD, BAD] }),
  sample("labels", {
    prompt: ASKED,
    chosen: GOOD,
    rejected: BAD,
    id: "i",
    chosen_index: 1,
    score_chosen: 2,
    score_rejected: 1,
    label_source: "t",
    flags: ["none"],
  }),
  sample("ethics", { column1: "I ran. I won.", column2: "I ran. I fell." }, "util_train.csv"),
  sample("ethics-whole", { column1: "I ran. I won.", column2: "I ran. I fell." }, "pairs.csv"),
];

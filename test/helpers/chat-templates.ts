/** Small chat templates of the kinds that today's models bring, and conversations that tell them apart. */
import type { Message } from "../../src/engine/text/template.ts";

const each = (body: string) => `{% for m in messages %}${body}{% endfor %}`;
const opened = (text: string) => `{% if add_generation_prompt %}${text}{% endif %}`;

/** Templates by kind. */
export const CHAT_TEMPLATES: Readonly<Record<string, string>> = {
  // Opens a think block that an answer need not begin with.
  thinks: each("[{{ m['role'] }}] {{ m['content'] }}\n") + opened("[assistant] <think>\n"),
  // As DeepSeek-R1: the reasoning in an answer is left out.
  dropsReasoning: `{{ bos_token }}${each(
    "{% if m.role == 'user' %}<｜User｜>{{ m.content }}{% elif m.role == 'assistant' %}{% set c = m.content %}" +
      "{% if '</think>' in c %}{% set c = c.split('</think>')[-1] %}{% endif %}<｜Assistant｜>{{ c }}<｜end▁of▁sentence｜>{% else %}{{ m.content }}{% endif %}",
  )}${opened("<｜Assistant｜><think>\n")}`,
  // As Qwen3: reasoning of earlier turns is left out, the last turn always has a block.
  lastReasoning:
    each(
      "<|im_start|>{{ m.role }}\n{% set c = m.content %}{% set r = '' %}{% if m.role == 'assistant' %}{% if '</think>' in c %}" +
        "{% set r = c.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}{% set c = c.split('</think>')[-1].lstrip('\n') %}{% endif %}" +
        "{% if loop.last %}<think>\n{{ r.strip('\n') }}\n</think>\n\n{% endif %}{% endif %}{{ c }}<|im_end|>\n",
    ) + opened("<|im_start|>assistant\n"),
  // As Qwen3 with enable_thinking off: the generation prompt has an empty block that conversations have not.
  noThinking:
    each("<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n") +
    opened("<|im_start|>assistant\n<think>\n\n</think>\n\n"),
  // As Gemma: content trimmed, a system message in front of the first user's.
  trims: `{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = messages[0].content + '\n\n' %}{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}{% for m in rest %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ (first if loop.first else '') + (m.content | trim) }}<end_of_turn>\n{% endfor %}${opened("<start_of_turn>model\n")}`,
  // As Llama 3.
  headers: `{{ bos_token }}${each("<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>")}${opened("<|start_header_id|>assistant<|end_header_id|>\n\n")}`,
  // As gpt-oss: the channel is the answer's to write, and the last turn ends otherwise than the others.
  channels:
    each(
      "<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>{{ m.content }}" +
        "{% if loop.last and m.role == 'assistant' %}<|return|>{% else %}<|end|>{% endif %}",
    ) + opened("<|start|>assistant"),
  // As Zephyr, with the model's EOS.
  zephyr: each("<|{{ m.role }}|>\n{{ m.content + eos_token }}\n") + opened("<|assistant|>\n"),
  // Words that merge with what follows them.
  merges: each("{{ m.role }}: {{ m.content }}\n\n") + opened("assistant: "),
};

/** A preference row of conversations. */
export type ChatRow = Readonly<Record<"prompt" | "chosen" | "rejected", readonly Message[]>>;

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

/** With reasoning and without, with earlier turns, with a system message, with answers of several turns and edges of white space. */
export const CHAT_ROWS: readonly ChatRow[] = [
  {
    prompt: [user("Which is larger, seven or nine?")],
    chosen: [assistant("<think>\nNine comes later.\n</think>\nNine.")],
    rejected: [assistant("Seven.")],
  },
  {
    prompt: [
      { role: "system", content: "Answer in one word." },
      user("A colour?"),
      assistant("<think>\nAny.\n</think>\n\nBlue"),
      user("Another?"),
    ],
    chosen: [assistant("Green")],
    rejected: [assistant("<think>\nred?</think>Red")],
  },
  {
    prompt: [user("Count")],
    chosen: [assistant(" a one"), user("more"), assistant("the two")],
    rejected: [assistant("\n\nthe end\n\n")],
  },
];

/**
 * Serves a model, asks it for the log-probabilities of a text, and stops. Node 22.18 and newer run it as it is; `npx tsx` does with Node 20.
 *
 *   node serve.mts models/small
 */
import { argv } from "node:process";
import { serve } from "weak-teacher";

const [, , model = "models/small"] = argv;
const server = await serve({ model, name: "teacher", port: 0 });
try {
  const response = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "teacher", prompt: "Once upon a time", max_tokens: 4, prompt_logprobs: 0 }),
  });
  const { choices } = (await response.json()) as {
    choices: [{ text: string; prompt_logprobs: unknown[] }];
  };
  console.log(
    JSON.stringify({
      status: response.status,
      text: choices[0].text,
      positions: choices[0].prompt_logprobs.length,
    }),
  );
} finally {
  await server.close();
}

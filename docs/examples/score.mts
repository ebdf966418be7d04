/**
 * Loads a model and scores two responses: log π(response | prompt) of each, summed over its tokens, in nats.
 * Node 22.18 and newer run it as it is; `npx tsx` does with Node 20.
 *
 *   node score.mts models/small
 */
import { argv } from "node:process";
import { encodePair, loadModel, loadTokenizer, openRuntime, openScorer } from "weak-teacher/engine";

const [, , folder = "models/small"] = argv;
const runtime = openRuntime({ device: "cpu" });
try {
  const model = await loadModel(runtime, folder);
  const tokenizer = await loadTokenizer(folder);
  const pair = { prompt: "How do I boil an egg?", a: " Eight minutes in boiling water.", b: " No idea." };
  const { prompt, a, b } = encodePair(tokenizer, pair, { maxLength: 128, maxPromptLength: 64 });
  const scorer = await openScorer(runtime, model);
  const [scored] = await scorer.score([{ prompt, responses: [a, b] }]);
  console.log(JSON.stringify({ a: scored?.logps[0], b: scored?.logps[1], tokens: scored?.lengths }));
} finally {
  await runtime.close();
}

/**
 * Stands in for a person who answers the questions of the tutorial: the story with more glad words than sad ones. Reads a questions.jsonl that
 * `weak-teacher ask` wrote and prints it with its answers.
 *
 *   node answer.mjs questions/questions.jsonl > answered.jsonl
 */
import { readFileSync } from "node:fs";

const GLAD =
  /laugh|happy|kind|smile|thank|sun|danced|wonderful|worked together|gave|friends|fixed|sang|best|proud|warm|truth|played|joy|lovely/g;
const SAD =
  /nobody|dark|shouted|threw|fought|cried|sad|broke|lied|ruined|mean|angry|slammed|lost|afraid|nothing|gave up|ran away|hurt|hungry|hated|worst|never|cold|blamed|scared/g;

const mood = (text) => [...text.matchAll(GLAD)].length - [...text.toLowerCase().matchAll(SAD)].length;

for (const line of readFileSync(process.argv[2], "utf8").trim().split("\n")) {
  const question = JSON.parse(line);
  const difference = mood(question.response_a) - mood(question.response_b);
  const answer = difference > 0 ? "a" : difference < 0 ? "b" : "tie";
  console.log(JSON.stringify({ ...question, answer }));
}

/**
 * `npm run layers`: checks src against the house rules of layers-rules.mjs, one line per problem.
 * Exit code 1 when there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkAll, doubledNoMore, isTest, linesPerPlace } from "./layers-rules.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = readdirSync(`${root}src`, { recursive: true })
  .map((name) => `src/${name.replaceAll("\\", "/")}`)
  .filter((path) => /\.tsx?$/.test(path))
  .sort()
  .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));

const problems = [...checkAll(files), ...doubledNoMore(files)];
for (const problem of problems) console.error(problem);
const tests = files.filter((file) => isTest(file.path)).length;
const lines = linesPerPlace(files);
if (process.argv.includes("--rooms"))
  for (const [place, count] of [...lines].sort()) console.log(`${String(count).padStart(6)} ${place}`);
const total = [...lines].reduce((sum, [place, count]) => sum + (place.includes("/") ? 0 : count), 0);
console.log(
  `layers: ${files.length - tests} files and ${tests} tests, ${total} lines without tests, ${problems.length} problems`,
);
process.exitCode = problems.length > 0 ? 1 : 0;

/**
 * Takes a studies' report into the repository: copies report.html, report.json and report.md to docs/results/studies-small, and puts each
 * study's finding and the run's id into the table of docs/papers.md. `node scripts/papers-table.mjs RUNS/studies`.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder] = process.argv.slice(2);
if (folder === undefined || folder === "--help") {
  console.error("usage: node scripts/papers-table.mjs FOLDER-OF-STUDIES");
  process.exit(folder === undefined ? 2 : 0);
}

for (const name of ["report.html", "report.json", "report.md"])
  copyFileSync(join(folder, name), join(root, "docs/results/studies-small", name));

const { studies, runId } = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
const findings = new Map(studies.map(({ id, finding }) => [id, finding]));
const page = join(root, "docs/papers.md");
const rows = readFileSync(page, "utf8")
  .replaceAll(/studies-[0-9a-f]{12}/g, runId)
  .split("\n")
  .map((line) => {
    const [, before, name] = /^(\|[^|]*\| `study ([a-z-]+)` \|[^|]*\|)/.exec(line) ?? [];
    const finding = findings.get(name);
    return finding === undefined ? line : `${before} ${finding.replaceAll("|", "\\|")} |`;
  });
writeFileSync(page, rows.join("\n"));
console.log(`${findings.size} findings of ${runId}`);

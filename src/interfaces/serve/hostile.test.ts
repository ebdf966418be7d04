/** A model folder with a hostile template and a hostile tokenizer, served: who asks for them is refused, everybody else is answered. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { post, type TinyFolders, tinyServer, writeTinyFolders } from "../../../test/helpers/tiny-server.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TeacherServer } from "./server.ts";

/** Doubles a list thirty-odd times where the message says so, and else writes what was said. */
const TEMPLATE =
  "{%- set ns = namespace(l=[1]) -%}{%- if messages[0].content == 'grow' -%}{%- for i in range(40) -%}{%- set ns.l = ns.l + ns.l -%}{%- endfor -%}{%- endif -%}{{ messages[0].content }}{{ ns.l | length }}";

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  const model = await writeTinyFolder(folders.root, "hostile", { seed: 4, chatTemplate: TEMPLATE });
  const file = join(model, "tokenizer.json");
  const tokenizer = JSON.parse(await readFile(file, "utf8"));
  const pattern = { Regex: "(?:(?:qw)+)+z" };
  const pre_tokenizer = {
    type: "Sequence",
    pretokenizers: [{ type: "Split", pattern, behavior: "Isolated", invert: false }, tokenizer.pre_tokenizer],
  };
  await writeFile(file, JSON.stringify({ ...tokenizer, pre_tokenizer }));
  server = await tinyServer(runtime, { model });
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await folders.remove();
});

test("hostile texts and chats are refused with a message, the others beside them answered", async () => {
  const complete = (prompt: string) =>
    post(`${server.url}/v1/completions`, { prompt, max_tokens: 1, temperature: 0 });
  const chat = (content: string) =>
    post(`${server.url}/v1/chat/completions`, { messages: [{ role: "user", content }], max_tokens: 1 });
  const pairs = [{ prompt: "x", a: `${"qw".repeat(40)}x`, b: "z" }];
  const [stands, grows, scored, ...others] = await Promise.all([
    complete(`${"qw".repeat(40)}x`),
    chat("grow"),
    post(`${server.url}/v1/score`, { pairs }),
    ...["a", "b", "c"].map(complete),
    chat("hello"),
  ]);
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect([stands!.status, grows!.status, scored!.status]).toEqual([400, 400, 400]);
  const messageOf = ({ json }: { json: object }) => (json as { error: { message: string } }).error.message;
  expect(messageOf(stands!)).toMatch(/its tokenizer takes longer than 3000 ms for 81 characters/);
  expect(messageOf(grows!)).toMatch(/chat template/);
  expect(messageOf(scored!)).toMatch(/^pairs\.0: .*its tokenizer takes longer/);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

/** Several people at one studio: who is let in, what each may do, what becomes of answers that differ. */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readAnswerBook } from "../../src/pipeline/label/answer-book.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { readTable } from "../helpers/read-table.ts";
import { answer, type TestStudio, testStudio } from "../helpers/studio.ts";
import { tinyPairs, writeTinyQuestions } from "../helpers/tiny-questions.ts";

const TOKENS = { anna: "anna-0123456789abcdef", ben: "ben-0123456789abcdef", dora: "dora-0123456789abcdef" };
const LINES = [
  "# who may come in",
  `anna annotate ${TOKENS.anna}`,
  `ben   annotate ${TOKENS.ben}   # from Monday`,
  "",
  `dora manage ${TOKENS.dora}`,
];

let folder: string;
let studio: TestStudio | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-people-"));
  await writeTokens(LINES);
});
afterEach(async () => {
  await studio?.close();
  studio = undefined;
  await rm(folder, { recursive: true });
});

async function writeTokens(lines: readonly string[], mode = 0o600): Promise<string> {
  const file = join(folder, "tokens.txt");
  await writeFile(file, lines.join("\n"));
  await chmod(file, mode);
  return file;
}
const open = async (more: { overlap?: number; host?: string } = {}) => {
  studio = await testStudio({
    ...{ folders: [folder], annotator: undefined, tokens: join(folder, "tokens.txt") },
    ...more,
  });
  return studio;
};

/** A client that entered with a token. */
async function as(name: keyof typeof TOKENS) {
  const headers = { "content-type": "application/json", "x-weak-teacher": "studio" };
  const body = JSON.stringify({ token: TOKENS[name] });
  const entered = await fetch(`${studio!.origin}/api/enter`, { method: "POST", headers, body });
  const cookie = entered.headers.get("set-cookie")!.split(";")[0]!;
  return async (path: string, sent?: unknown) => {
    const reply = await fetch(`${studio!.origin}${path}`, {
      headers: { ...headers, cookie },
      ...(sent === undefined ? {} : { method: "POST", body: JSON.stringify(sent) }),
    });
    const text = await reply.text();
    return { status: reply.status, text, json: () => JSON.parse(text) as Record<string, never> };
  };
}
const questionsId = async (call: Awaited<ReturnType<typeof as>>) => {
  const { opened } = (await call("/api/studio")).json() as unknown as {
    opened: { id: string; kind: string }[];
  };
  return opened.find(({ kind }) => kind === "questions")!.id;
};

test("tokens: what cannot be used is told line by line, and no token with it", async () => {
  const refusal = async (lines: readonly string[], mode?: number) => {
    await writeTokens(lines, mode);
    return open().then(
      () => "",
      (error: Error) => error.message,
    );
  };
  const wrong = [
    ...["anna annotate short", "ben owner ben-0123456789abcdef", `anna manage ${TOKENS.anna}`],
    ...[
      `Anna annotate ${TOKENS.ben}`,
      `cleo annotate ${TOKENS.anna}`,
      "../x annotate 0123456789abcdef",
      "one",
    ],
  ];
  const told = await refusal(wrong);
  expect(told.match(/line \d/g)).toEqual(["line 1", "line 2", "line 4", "line 5", "line 6", "line 7"]);
  expect(told).not.toContain("0123456789abcdef");
  expect(await refusal(["# nobody"])).toContain("no line names anybody");
  expect(await refusal(LINES, 0o644)).toContain("every user of this machine can read");
  await writeTokens(LINES);
  await expect(testStudio({ folders: [folder], host: "0.0.0.0" })).rejects.toThrow("--tokens");
  await expect(testStudio({ folders: [folder], overlap: 0.2 })).rejects.toThrow("--tokens");
  await expect(open({ overlap: 1.2 })).rejects.toThrow("at most 1");
});

test("without a token nothing is read or written; a token lets its person in, and the role annotate is refused all but answering", async () => {
  await writeTinyQuestions(folder, tinyPairs(6));
  await open();
  expect(studio!.url).not.toContain("ticket");
  const sent = {
    method: "POST",
    headers: { "content-type": "application/json", "x-weak-teacher": "studio" },
  };
  const guess = await fetch(`${studio!.origin}/api/enter`, {
    ...sent,
    body: '{"token":"wrong-0123456789abcdef"}',
  });
  expect([guess.status, guess.headers.get("set-cookie")]).toEqual([401, null]);
  expect((await fetch(`${studio!.origin}/api/studio`)).status).toBe(401);
  const [dora, anna] = [await as("dora"), await as("anna")];
  const id = await questionsId(anna);
  const things = (await dora("/api/studio")).json() as unknown as { opened: { id: string; kind: string }[] };
  const labels = things.opened.find(({ kind }) => kind === "labels")!.id;
  const seen = (await anna("/api/studio")).json() as unknown as { opened: { kind: string }[]; role: string };
  expect([seen.role, seen.opened.map(({ kind }) => kind)]).toEqual(["annotate", ["questions"]]);
  const event = { kind: "answer", uuid: crypto.randomUUID(), place: 0, choice: "left", ms: 1000 };
  expect((await anna(`/api/ask/${id}/events`, { events: [event] })).status).toBe(200);
  const summary = await anna(`/api/ask/${id}/summary`, {});
  expect([summary.status, summary.json()["command"]]).toEqual([200, null]);
  const refused: [string, unknown?][] = [
    [`/api/ask/${id}/fold`, {}],
    [`/api/people/${id}`],
    [`/api/people/${id}/rule`, { rule: "majority" }],
    [`/api/people/${id}/fold`, { rule: "majority" }],
    [`/api/settle/${id}`],
    [`/api/settle/${id}/pairs?from=0`],
    [`/api/settle/${id}/events`, { events: [event] }],
    [`/api/labels/${labels}`],
    [`/api/labels/${labels}/ids`],
    ["/api/run/x"],
    ["/api/run/x/stream"],
    ["/api/run/x/report"],
    [`/api/ask/${id}/pairs/../fold`, {}],
    ["/api/what-comes-next"],
  ];
  for (const [path, body] of refused) {
    const reply = await anna(path, body);
    expect([path, reply.status]).toEqual([path, 403]);
    expect(reply.text).toContain("may answer questions here and nothing else");
  }
  expect((await dora(`/api/people/${id}`)).status).toBe(200);
  expect((await dora(`/api/labels/${labels}`)).status).toBe(200);
});

test("questions are dealt with an overlap, written down, and stay a person's when somebody comes", async () => {
  await writeTinyQuestions(folder, tinyPairs(100));
  await open({ overlap: 0.2 });
  const plans = async () => {
    const [anna, ben, dora] = [await as("anna"), await as("ben"), await as("dora")];
    const id = await questionsId(anna);
    for (const call of [anna, ben]) await call(`/api/ask/${id}`);
    const people = (await dora(`/api/people/${id}`)).json() as unknown as {
      people: { name: string; dealt: number }[];
    };
    return {
      people: people.people,
      dora: (await dora(`/api/ask/${id}`)).json() as unknown as { total: number },
    };
  };
  const { people, dora } = await plans();
  expect(people.map(({ name }) => name)).toEqual(["anna", "ben"]);
  expect(people.reduce((sum, { dealt }) => sum + dealt, 0)).toBe(120);
  // Whoever manages gets all, and some again.
  expect(dora.total).toBeGreaterThanOrEqual(100);
  const dealtFile = join(folder, "questions", "answers", "anna.dealt.json");
  const before = await readFile(dealtFile, "utf8");
  await studio!.close();
  await writeTokens([...LINES, "cleo annotate cleo-0123456789abcdef"]);
  await open({ overlap: 0.2 });
  await plans();
  expect(await readFile(dealtFile, "utf8")).toBe(before);
});

describe.skipIf(chromiumPath === undefined)("in the page (skipped without Chromium)", () => {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(() => browser.close());

  /** A browser of this person's own, who enters by the form. */
  async function enter(name: keyof typeof TOKENS, origin: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    contexts.push(context);
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    await page.goto(origin);
    await page.getByLabel("Your token").fill(TOKENS[name]);
    await page.keyboard.press("Enter");
    await page.getByText(`You are ${name}.`).waitFor();
    return page;
  }
  /** Answers everything: for the response that `mind` says, whichever side it stands. */
  async function answerAll(page: Page, mind: (n: number) => "first" | "other"): Promise<void> {
    while ((await page.locator(".finished").count()) === 0) {
      await page.locator('.pair[data-awake="true"]').waitFor();
      const [left = ""] = await page.locator(".side").allInnerTexts();
      const n = Number(/answer to (\d+)/.exec(left)![1]);
      await answer(page, left.startsWith(mind(n)) ? "1" : "2");
    }
    await page.getByText("all saved").waitFor();
  }
  async function findings(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  test("two people at once, from an address of the network; what they answered two ways is settled blind, and folded by a rule", async () => {
    await writeTinyQuestions(folder, tinyPairs(12));
    const own = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && !one.internal && one.family === "IPv4");
    await open({ host: own === undefined ? "127.0.0.1" : "0.0.0.0" });
    const origin = `http://${own?.address ?? "127.0.0.1"}:${new URL(studio!.origin).port}`;
    const [anna, ben] = await Promise.all([enter("anna", origin), enter("ben", origin)]);
    await Promise.all(
      [anna, ben].map(async (page) => {
        await page.locator('.things a[href^="/ask/"]').click();
        await answerAll(page, (n) => (n % 4 === 0 && page === ben ? "other" : "first"));
      }),
    );
    expect(await ben.getByRole("button", { name: "Fold into labels" }).count()).toBe(0);
    for (const name of ["anna", "ben"]) {
      const book = await readAnswerBook(join(folder, "questions", "answers", `${name}.jsonl`));
      expect(new Set(book.map((event) => (event.kind === "answer" ? event.id : ""))).size).toBe(12);
    }

    const dora = await enter("dora", origin);
    await dora.getByRole("link", { name: "People at questions" }).click();
    await dora.getByText("3 of 12 pairs that several people answered; 0 settled.").waitFor();
    await dora.getByText("anna and ben: 12 pairs, alike in 75 %").waitFor();
    await dora.getByText(/Krippendorff's alpha -?0\.\d\d \[/).waitFor();
    expect(await findings(dora)).toEqual([]);
    await dora.getByLabel("wait until it is settled").check();
    await dora.getByText("3 waiting").waitFor();
    expect(await dora.getByRole("button", { name: "Fold into labels" }).isDisabled()).toBe(true);

    const told: string[] = [];
    dora.on("response", async (reply) => told.push(await reply.text().catch(() => "")));
    await dora.getByRole("link", { name: "Settle them" }).click();
    await dora.getByText("0 of 3").waitFor();
    await answerAll(dora, () => "other");
    expect(told.join("")).not.toMatch(/"(anna|ben)"|"r\d+"/);
    expect(await findings(dora)).toEqual([]);
    await dora.getByRole("link", { name: "Who answered what" }).click();
    await dora.getByText("3 settled").waitFor();
    await dora.getByLabel("wait until it is settled").check();
    await dora
      .getByText("12 answered; answered two ways: 3 settled, 0 by majority, 0 left out, 0 waiting.")
      .waitFor();
    await dora.getByRole("button", { name: "Fold into labels" }).click();
    await dora.getByText("labels of 12 pairs").waitFor();
    const rows = await readTable(join(folder, "questions", "answers.jsonl"));
    const other = rows.filter(({ answer: word, id }) => {
      const [question] = [Number(String(id).slice(1))];
      return word === "b" && question % 4 === 0;
    });
    expect(rows.map(({ answer: word }) => word).filter((word) => word === "a" || word === "b")).toHaveLength(
      12,
    );
    expect(
      other.length +
        rows.filter(({ answer: word, id }) => word === "a" && Number(String(id).slice(1)) % 4 !== 0).length,
    ).toBe(12);
    const facts = JSON.parse(await readFile(join(folder, "questions", "answers.json"), "utf8")) as object;
    expect(facts).toMatchObject({
      rule: "settle",
      people: ["anna", "ben"],
      settledBy: ["dora"],
      settled: 3,
      open: 0,
    });
  });
});

/** `weak-teacher studio`: a page on this machine where people answer the questions of `ask`. */
import { spawn } from "node:child_process";
import type { Command } from "commander";
import { examples, shareNumber, wholeNumber } from "../options.ts";
import { act, type Session, untilInterrupted } from "../session.ts";

type StudioFlags = {
  readonly open?: boolean;
  readonly annotator?: string;
  readonly tokens?: string;
  readonly overlap?: number;
  readonly host: string;
  readonly port: number;
};

/** As in `studio/server.ts`, which help must not load. */
const PORT = 8484;

/** Adds the verb `studio`. */
export function addStudio(program: Command): void {
  program
    .command("studio")
    .description(
      "open a page in the browser: watch runs, read labels, answer the questions of ask, one key an answer",
    )
    .argument(
      "[folders...]",
      "what it may show: runs, labels, folders of questions, or folders that hold some; default this one",
    )
    .option("--open", "open the browser, too")
    .option("--annotator <name>", "whose answers are taken down, default the user's name")
    .option("--tokens <file>", "let in several people, a line for each: NAME annotate|manage TOKEN")
    .option(
      "--overlap <share>",
      "with --tokens: the share of questions that all who annotate get; each of the others goes to one of them; default 1",
      shareNumber,
    )
    .option(
      "--host <address>",
      "address to listen at; with --tokens one that other machines reach, too",
      "127.0.0.1",
    )
    .option("--port <n>", "port to listen at; 0 takes a free one", wholeNumber(0, 65_535), PORT)
    .addHelpText(
      "after",
      examples([
        "studio questions",
        "studio --open",
        "studio work --annotator anna --port 9000",
        "studio questions --tokens people.txt --overlap 0.2 --host 0.0.0.0",
      ]),
    )
    .addHelpText(
      "after",
      "The address that is printed lets in the first browser that opens it; with --tokens everybody enters by theirs. Answers are kept in FOLDER/answers/NAME.jsonl.",
    )
    .action(act(runStudio));
}

async function runStudio(session: Session, folders: readonly string[], flags: StudioFlags): Promise<void> {
  const { studio } = await import("../../library/studio.ts");
  const { annotator, host, port, tokens, overlap } = flags;
  const opened = await studio({
    ...{ annotator, host, port, tokens, overlap, log: session.log },
    folders: folders.length === 0 ? ["."] : folders,
  });
  try {
    session.result(
      { url: opened.url },
      `${opened.url}\nOpen it in a browser${tokens === undefined ? ": it works once" : " and enter with a token"}. Stop with Ctrl-C.`,
    );
    if (flags.open === true) openBrowser(opened.url, session);
    await untilInterrupted(session.signal);
  } finally {
    await opened.close();
  }
}

/** The system's own way; without one the address stands there to be opened by hand. */
function openBrowser(url: string, { log }: Session): void {
  const [file, ...args] =
    process.platform === "darwin"
      ? ["open", url]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", url]
        : ["xdg-open", url];
  const child = spawn(file!, args, { stdio: "ignore", detached: true });
  child.on("error", () => log.warn(`--open: there is no ${file} here. Open the address by hand.`));
  child.unref();
}

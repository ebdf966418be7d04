/** `weak-teacher studio`: a page on this machine where people answer the questions of `ask`. */
import { spawn } from "node:child_process";
import type { Command } from "commander";
import { examples, wholeNumber } from "../options.ts";
import { act, type Session, untilInterrupted } from "../session.ts";

type StudioFlags = {
  readonly open?: boolean;
  readonly annotator?: string;
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
    .option("--host <address>", "a loopback address to listen at", "127.0.0.1")
    .option("--port <n>", "port to listen at; 0 takes a free one", wholeNumber(0, 65_535), PORT)
    .addHelpText(
      "after",
      examples(["studio questions", "studio --open", "studio work --annotator anna --port 9000"]),
    )
    .addHelpText(
      "after",
      "The address that is printed lets in the first browser that opens it. Answers are kept in FOLDER/answers/NAME.jsonl.",
    )
    .action(act(runStudio));
}

async function runStudio(session: Session, folders: readonly string[], flags: StudioFlags): Promise<void> {
  const { studio } = await import("../../library/studio.ts");
  const { annotator, host, port } = flags;
  const opened = await studio({
    ...{ annotator, host, port, log: session.log },
    folders: folders.length === 0 ? ["."] : folders,
  });
  try {
    session.result(
      { url: opened.url },
      `${opened.url}\nOpen it in a browser: it works once. Stop with Ctrl-C.`,
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

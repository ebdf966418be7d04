/** `docs/cli.md`, made from the tree of commands. A test fails when the file is stale; `npx vitest -u` writes it. */
import type { Command } from "commander";

/** The page: the program's help, then each verb's. */
export function cliMarkdown(program: Command): string {
  const verbs = program.commands.map((command) => `## ${command.name()}\n\n${helpBlock(command)}`);
  return [
    "# Commands",
    "Generated from `src/interfaces/cli/program.ts`; do not edit. Write it anew with `npx vitest run test/pages/cli.test.ts -u`.",
    "Results go to stdout, everything else to stderr. The first Ctrl-C saves and stops, the second quits at once; the same",
    "command goes on where it stopped. `NO_COLOR` and `FORCE_COLOR` are honoured. Nothing is sent anywhere, and no",
    "network is used unless a `hub:` source is named.",
    "",
    helpBlock(program),
    ...verbs,
  ]
    .join("\n")
    .replace("\nResults go", "\n\nResults go")
    .replace("# Commands\nG", "# Commands\n\nG");
}

function helpBlock(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}

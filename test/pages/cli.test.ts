import { expect, test } from "vitest";
import { cliMarkdown } from "../../scripts/pages/cli-page.ts";
import { buildProgram } from "../../src/interfaces/cli/program.ts";

test("docs/cli.md is what the commands say of themselves (write it with: npx vitest run test/pages/cli.test.ts -u)", async () => {
  await expect(cliMarkdown(buildProgram())).toMatchFileSnapshot("../../docs/cli.md");
});

test("every verb and every flag says what it does, and every verb that takes flags of its own shows examples", () => {
  const program = buildProgram();
  for (const command of program.commands) {
    expect(command.description(), command.name()).not.toBe("");
    for (const option of command.options) expect(option.description, option.flags).not.toBe("");
    for (const argument of command.registeredArguments)
      expect(argument.description, argument.name()).not.toBe("");
  }
  for (const part of cliMarkdown(buildProgram()).split("\n## ").slice(1)) expect(part).toContain("Examples:");
});

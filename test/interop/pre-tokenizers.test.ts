/** Three hundred texts of awkward characters, cut by the real `tokenizers` and here; twelve of them are pinned beside src/engine/text. */
import { describe } from "vitest";
import { checkParts, type PartsExpected } from "./parts.ts";
import { python, runPython } from "./python.ts";

describe.skipIf(python === undefined)("parts of tokenizer.json against the installed tokenizers", () => {
  if (python === undefined) return;
  checkParts(JSON.parse(runPython("pre_tokenizers.py", ["300", "7"])) as PartsExpected);
});

/** Shell completion, made from the tree of commands itself, so that it cannot fall behind. */
import { Argument, type Command } from "commander";
import { examples } from "./options.ts";
import { act } from "./session.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Adds the verb `completion`. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print the completion script of a shell")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples([
        "completion bash >> ~/.bashrc",
        "completion fish > ~/.config/fish/completions/weak-teacher.fish",
      ]),
    )
    .action(
      act(async (session, shell: (typeof SHELLS)[number]) => {
        const script = completionScript(shell, verbsOf(program));
        session.result({ shell, script }, script);
      }),
    );
}

/** Each verb with its description and flags; common flags are with every verb. */
type Verbs = readonly { name: string; description: string; flags: readonly string[] }[];

function verbsOf(program: Command): Verbs {
  const common = program.options.map((option) => option.long ?? "");
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description().split("\n")[0] ?? "",
    flags: [...command.options.map((option) => option.long ?? ""), ...common, "--help"],
  }));
}

/** The script: verbs first, then the flags of the verb that stands there, then files. */
export function completionScript(shell: (typeof SHELLS)[number], verbs: Verbs): string {
  if (shell === "fish") return fishScript(verbs);
  const cases = verbs.map(({ name, flags }) => `    ${name}) words="${flags.join(" ")}" ;;`).join("\n");
  // zsh runs the bash script through its own adapter.
  const head = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${head}_weak_teacher() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(" ")}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _weak_teacher weak-teacher
`;
}

function fishScript(verbs: Verbs): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  return verbs
    .flatMap(({ name, description, flags }) => [
      `complete -c weak-teacher -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
      ...flags.map(
        (flag) =>
          `complete -c weak-teacher -n ${quote(`__fish_seen_subcommand_from ${name}`)} -l ${flag.slice(2)}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

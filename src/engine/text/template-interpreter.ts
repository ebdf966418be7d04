/**
 * The interpreter of chat templates with bounds on what it makes and does: a template comes with a checkpoint, and a few lines of doubling
 * would fill the memory. Every value is weighed when it is made, what would make a longer text by far is weighed before, and steps and
 * characters looked at are counted. What a template writes within the bounds is what the library alone would write.
 */
import { Environment, Interpreter, type Template } from "@huggingface/jinja";
import { eachNode, type TemplateNode } from "./template-bounds.ts";

/** Characters of a value, with all that is in it; of a rendered conversation too. */
const MAX_VALUE = 2 ** 22;
/** Expressions and statements evaluated; a conversation of a thousand messages takes some hundred thousand. */
const MAX_STEPS = 5_000_000;
/** Characters and elements that operators, filters and methods look at or make. */
const MAX_WORK = 2 ** 28;

/** What is used of the library, typed here because its own declarations do not resolve under Node's module rules. */
type Value = { readonly type: string; readonly value: unknown };
type Evaluator = {
  evaluate(node: TemplateNode | undefined, environment: object): Value;
  run(program: unknown): Value;
};
const LibraryInterpreter = Interpreter as unknown as new (environment: object) => Evaluator;
const LibraryEnvironment = Environment as unknown as new () => { set(name: string, value: unknown): void };
type Frame = { readonly node: TemplateNode; readonly values: Value[] };

/** Writes every way to filter as a filter expression, in place, for these are weighed before they work. */
export function useFilterExpressions(template: Template): void {
  eachNode(template, (node) => {
    const { callee, args, filter, body } = node as { callee?: TemplateNode } & TemplateNode;
    if (node.type === "FilterStatement")
      Object.assign(node, filterExpression({ type: "Program", body }, filter));
    const method =
      callee?.type === "MemberExpression" && callee.computed !== true ? callee.property : undefined;
    if (node.type === "CallExpression" && (method as TemplateNode | undefined)?.value === "replace")
      Object.assign(node, filterExpression(callee!.object, { type: "CallExpression", callee: method, args }));
  });
}

const filterExpression = (operand: unknown, filter: unknown) => ({
  type: "FilterExpression",
  operand,
  filter,
});

/** Renders as the library does. @throws Error saying which bound a template goes beyond */
export function renderBounded(template: Template, items: Readonly<Record<string, unknown>>): string {
  const environment = new LibraryEnvironment();
  const globals = { false: false, true: true, none: null, False: false, True: true, None: null };
  const raise = (message: unknown) => {
    throw new Error(String(message));
  };
  for (const [name, value] of Object.entries({ ...globals, raise_exception: raise, ...items }))
    environment.set(name, value);
  return String(new BoundedInterpreter(environment).run(template.parsed).value);
}

class BoundedInterpreter extends LibraryInterpreter {
  private steps = 0;
  private work = 0;
  private readonly frames: Frame[] = [];
  /** Of lists and mappings, which do not change once they are made. */
  private readonly weights = new WeakMap<object, number>();

  override evaluate(node: TemplateNode | undefined, environment: object): Value {
    if (++this.steps > MAX_STEPS) throw new Error(`it takes more than ${MAX_STEPS} steps`);
    const frame: Frame = { node: node ?? {}, values: [] };
    const value = this.inFrame(frame, () => super.evaluate(node, environment));
    if (value !== undefined) this.weigh(value);
    if (MAKERS.has(String(frame.node.type))) this.charge(value);
    this.tellParent(value);
    return value;
  }

  /** `break` and `continue` leave frames as errors do. */
  private inFrame(frame: Frame, work: () => Value): Value {
    this.frames.push(frame);
    try {
      return work();
    } finally {
      this.frames.pop();
    }
  }

  /** What an operator, filter or method is about to work on. */
  private tellParent(value: Value): void {
    const parent = this.frames.at(-1);
    if (parent === undefined || !looksAt(parent.node)) return;
    parent.values.push(value);
    this.charge(value);
    if (parent.node.type === "FilterExpression") this.check(grownBy(parent, (one) => this.weigh(one)));
  }

  private charge(value: Value): void {
    this.work += sizeOf(value?.value);
    if (this.work > MAX_WORK) throw new Error(`it looks at more than ${MAX_WORK} characters`);
  }

  private check(weight: number): number {
    if (weight > MAX_VALUE) throw new Error(`it makes a value of more than ${MAX_VALUE} characters`);
    return weight;
  }

  /** Characters and members of a value, those of its members included as often as they stand there. */
  private weigh({ value, type }: Value): number {
    if (typeof value === "string") return this.check(value.length);
    const container = Array.isArray(value) || value instanceof Map;
    // A namespace changes; what is put into it was weighed.
    if (!container || type === "NamespaceValue") return 1;
    const known = this.weights.get(value);
    if (known !== undefined) return known;
    let weight = 1;
    for (const member of value instanceof Map ? value.values() : (value as Value[]))
      weight = this.check(weight + 1 + this.weigh(member as Value));
    this.weights.set(value, weight);
    return weight;
  }
}

/** Expressions that make something of what they look at; texts added to one another share their parts. */
const MAKERS = new Set(["FilterExpression", "CallExpression", "MemberExpression"]);

function looksAt(node: TemplateNode): boolean {
  const operator = (node.operator as TemplateNode | undefined)?.value;
  if (node.type === "BinaryExpression") return !["and", "or", "~"].includes(String(operator));
  return MAKERS.has(String(node.type)) || node.type === "TestExpression";
}

const sizeOf = (value: unknown) => (typeof value === "string" || Array.isArray(value) ? value.length : 0);

/** At least the length of what a filter makes of the values it has got so far, where that is more than they are. */
function grownBy({ node, values }: Frame, weigh: (value: Value) => number): number {
  const [operand, first, second] = values;
  const filter = node.filter as TemplateNode;
  const name = String(((filter.callee as TemplateNode | undefined) ?? filter).value);
  const text = operand?.value;
  const members = Array.isArray(text) ? text.length : sizeOf(text);
  if (name === "join") return members * (1 + sizeOf(first?.value));
  if (name === "indent" && typeof text === "string")
    return values.slice(1).reduce((most, { value }) => Math.max(most, linesIn(text) * spaces(value)), 0);
  if (name === "tojson" && operand !== undefined)
    return values.slice(1).reduce((most, { value }) => Math.max(most, weigh(operand) * spaces(value)), 0);
  if (name !== "replace" || typeof text !== "string" || typeof second?.value !== "string") return 0;
  const old = String(first?.value);
  return text.length + timesIn(text, old) * Math.max(0, second.value.length - old.length);
}

const spaces = (value: unknown) => (typeof value === "number" ? value : sizeOf(value));
const linesIn = (text: string) => timesIn(text, "\n") + 1;

function timesIn(text: string, part: string): number {
  if (part === "") return text.length + 1;
  let times = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) times++;
  return times;
}

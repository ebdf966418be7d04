/**
 * Reverse-mode differentiation: walks the graph from a scalar loss to its parameters and asks each op's
 * gradient rule for the adjoints of its inputs.
 */
import { ShapeError } from "../../base/core/errors.ts";
import { formatShape } from "./dims.ts";
import { add, scalar } from "./ops/elementwise.ts";
import { foldScatterAddRows } from "./ops/gather.ts";
import { expand } from "./ops/layout.ts";
import { foldOuterProducts } from "./ops/matmul.ts";
import { apply, applyAll, type Node, type Op, type Tensor } from "./tensor.ts";

/** Options of `gradients`. */
export type GradientOptions = {
  /**
   * Starting value of each gradient, in the order of `wrt`: the result is `base + gradient`. Matrix products
   * and scatters add onto it in place of a separate sum, so gradient accumulation costs nothing.
   */
  readonly bases?: readonly Tensor[];
  /**
   * Layer boundaries, in forward order. The backward pass goes below one only when all weight gradients above it are done;
   * left alone, ONNX Runtime runs all weight gradients last and keeps every layer's values and adjoints for them.
   */
  readonly boundaries?: readonly Tensor[];
  /**
   * Layer boundaries for gradient checkpointing, in forward order: values between two boundaries are not kept
   * for the backward pass but computed again from the boundary (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
   */
  readonly checkpoints?: readonly Tensor[];
};

/**
 * Gradients of a scalar with respect to `wrt`; zeros where the loss does not depend on one.
 * @throws ShapeError unless `loss` has rank 0
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  if (loss.shape.length !== 0)
    throw new ShapeError("gradients", `the loss must be a scalar, got ${formatShape(loss.shape)}.`);
  const adjoints = new Map<Tensor, Tensor>([[loss, scalar(1)]]);
  wrt.forEach((x, i) => {
    const base = options.bases?.[i];
    if (base !== undefined) adjoints.set(x, base);
  });
  const finished = finishedGradients(adjoints, wrt, options.bases);
  const recompute = recomputation(options.checkpoints ?? [], finished);
  const boundaries = new Set(options.boundaries);
  for (const node of reachable(loss, new Set(wrt))) {
    for (const output of node.outputs.filter((tensor) => boundaries.has(tensor) && adjoints.has(tensor)))
      adjoints.set(output, after(adjoints.get(output)!, finished()));
    backward(node, adjoints, recompute);
  }
  return wrt.map((x) => adjoints.get(x) ?? expand(scalar(0), x.shape));
}

/** Gives the gradients that have grown since it was last asked. */
function finishedGradients(
  adjoints: ReadonlyMap<Tensor, Tensor>,
  wrt: readonly Tensor[],
  bases: readonly Tensor[] = [],
): () => Tensor[] {
  const told = new Set<Tensor>(bases);
  return () => {
    const fresh = wrt.flatMap((x) => adjoints.get(x) ?? []).filter((adjoint) => !told.has(adjoint));
    for (const adjoint of fresh) told.add(adjoint);
    return fresh;
  };
}

function backward(node: Node, adjoints: Map<Tensor, Tensor>, recompute: Recompute): void {
  const incoming = node.outputs.map((output) => adjoints.get(output));
  if (incoming.every((adjoint) => adjoint === undefined) || node.op.gradient === undefined) return;
  const again = recompute(node, incoming.find((adjoint) => adjoint !== undefined)!);
  const outgoing = node.op.gradient(again, incoming);
  node.inputs.forEach((x, i) => {
    const adjoint = outgoing[i];
    if (adjoint === undefined || x.dtype !== "float") return;
    const existing = adjoints.get(x);
    adjoints.set(x, existing === undefined ? adjoint : accumulate(existing, adjoint));
  });
}

function accumulate(existing: Tensor, adjoint: Tensor): Tensor {
  return (
    foldOuterProducts(existing, adjoint) ?? foldScatterAddRows(existing, adjoint) ?? add(existing, adjoint)
  );
}

/** Nodes between `from` and the tensors of `stop`, latest first; those that lead to no `stop` are left out. */
function reachable(from: Tensor, stop: ReadonlySet<Tensor>): Node[] {
  const leads = new Map<Node, boolean>();
  const visit = (root: Node) => {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const pending = node.inputs.filter((x) => !leads.has(x.node));
      if (pending.length === 0 || leads.has(node)) {
        stack.pop();
        const wanted = node.inputs.some((x) => leads.get(x.node)) || node.outputs.some((y) => stop.has(y));
        leads.set(node, wanted);
      } else for (const x of pending) stack.push(x.node);
    }
  };
  visit(from.node);
  return [...leads].flatMap(([node, wanted]) => (wanted ? [node] : [])).sort((a, b) => b.id - a.id);
}

type Recompute = (node: Node, adjoint: Tensor) => Node;

/**
 * Clones of forward nodes inside a checkpointed segment, made when the backward pass enters the segment. They also wait for
 * the weight gradients of the segment before: ONNX Runtime would run all of those last, with every layer's values kept for them.
 */
function recomputation(checkpoints: readonly Tensor[], signals: () => Tensor[]): Recompute {
  if (checkpoints.length === 0) return (node) => node;
  const starts = checkpoints.map((tensor) => tensor.node.id);
  const segmentOf = (node: Node) => starts.filter((id) => id < node.id).length;
  const clones = new Map<Node, Node>();
  const barriers = new Map<Tensor, Tensor>();
  return (node, adjoint) => {
    const segment = segmentOf(node);
    // Before the first boundary (embeddings, masks) and after the last (the head) values are kept.
    if (segment === 0 || segment === checkpoints.length) return node;
    const boundary = checkpoints[segment - 1]!;
    if (!barriers.has(boundary)) barriers.set(boundary, after(boundary, [adjoint, ...signals()]));
    const clone = (original: Node): Node => {
      if (original === node || segmentOf(original) === segment) {
        const known = clones.get(original);
        if (known !== undefined) return known;
        const inputs = original.inputs.map((x) =>
          x === boundary ? barriers.get(x)! : clone(x.node).outputs[x.index]!,
        );
        const copy =
          original.inputs.length === 0
            ? original
            : applyAll(original.op, inputs, original.attributes)[0]!.node;
        clones.set(original, copy);
        return copy;
      }
      return original;
    };
    return clone(node);
  };
}

/**
 * `x`, but only once the signals are known. Without it ONNX Runtime would merge the recomputed layer with the
 * first computation, or recompute early, and nothing would be saved.
 */
const afterOp: Op = {
  name: "after",
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
  emit: (node, emit) => {
    const [x, ...signals] = node.inputs;
    const ones = signals.map((signal) => {
      const flat = emit.add("Reshape", [emit.name(signal), emit.ints([-1])]);
      return emit.add("Slice", [flat, emit.ints([0]), emit.ints([1])]);
    });
    const zero = emit.add("Mul", [emit.add("Sum", ones), emit.scalar(0)]);
    emit.add("Add", [emit.name(x!), zero], { outputs: [emit.name(node.outputs[0]!)] });
  },
};

const after = (x: Tensor, signals: Tensor[]): Tensor =>
  signals.length === 0 ? x : apply(afterOp, [x, ...signals]);

/** Which weights of a model may be held in few bits: those of layers and the tables of embeddings that are used for nothing else. */
import { LEAST_BLOCK, type PackedBits, type PackHow } from "../graph/packed.ts";
import { attribute, isParameter, leafName, type Tensor } from "../graph/tensor.ts";

/**
 * How each such weight is packed, by name. Embeddings, and heads over the vocabulary, whose rounding every log-probability feels, keep 8 bits
 * where layers have 4. Vectors, convolutions, a scalar head and what is no multiple of a block stay as they are.
 * @param end - what is computed with the weights: scores, log-probabilities
 * @param isHead - names what keeps 8 bits beside tables
 */
export function packableWeights(
  end: Tensor,
  bits: PackedBits,
  isHead: (name: string) => boolean,
): ReadonlyMap<string, PackHow> {
  const found = new Map<string, PackHow>();
  const other = new Set<string>();
  const nodes = new Set([end.node]);
  for (const node of nodes)
    for (const [place, x] of node.inputs.entries()) {
      nodes.add(x.node);
      if (!isParameter(x)) continue;
      const name = leafName(x);
      const use = node.op.packs?.place === place ? node.op.packs.as : undefined;
      const inOut = use === "layer" && attribute<boolean>(node, "weightIsInOut");
      const [out, inner] = (inOut ? x.shape.toReversed() : x.shape) as [number, number];
      const fits = x.shape.length === 2 && out >= LEAST_BLOCK && inner % LEAST_BLOCK === 0;
      if (!fits || use === undefined || found.get(name)?.inOut === !inOut) other.add(name);
      const narrow = use === "table" || isHead(name) || found.get(name)?.bits === 8 ? 8 : bits;
      found.set(name, { out, inner, inOut, bits: narrow });
    }
  for (const name of other) found.delete(name);
  return found;
}

// A small GPT reads what is typed: who looks at whom, and which word comes next?
import { fill, number, range, shape } from "./kit.js";

export const initial = { text: "mr darcy was not so happy as she", layer: "1", head: "1", mask: "causal", sharp: 1, temperature: 1, top_k: 40, top_p: 1 };
const SHOWN = 10, BARS = 12;
let model;

export async function load() {
  if (model) return model;
  const { sizes, words, arrays } = await (await fetch(new URL("attention.json", import.meta.url))).json();
  const parameters = {};
  for (const [name, { shape: sides, scale, data }] of Object.entries(arrays)) {
    const bytes = Int8Array.from(atob(data), letter => letter.charCodeAt(0)), width = sides.at(-1);
    const rows = range(bytes.length / width).map(i => Float64Array.from(bytes.slice(i * width, (i + 1) * width), value => value * scale[i]));
    parameters[name] = sides.length === 1 ? rows[0] : rows;
  }
  return model = { sizes, words, parameters };
}

export const split = text => text.toLowerCase().match(/[a-z]+(?:['’][a-z]+)?|[.,;!?]/g) ?? [];
const times = (rows, kernel, bias) => rows.map(row => Float64Array.from(kernel[0], (_, j) => row.reduce((sum, x, i) => sum + x * kernel[i][j], bias?.[j] ?? 0)));
const plus = (a, b) => a.map((row, i) => row.map((x, j) => x + b[i][j]));
const gelu = x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
function softmax(z) {
  const top = Math.max(...z), e = z.map(x => Math.exp(x - top)), sum = e.reduce((a, b) => a + b, 0);
  return e.map(x => x / sum);
}
function normalized(rows, gamma, beta) {
  return rows.map(row => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
    return row.map((x, j) => (x - mean) / Math.sqrt(variance + 1e-5) * gamma[j] + beta[j]);
  });
}

// Logits after the last word, and the attention weights by layer and head.
export function forward({ sizes, parameters: p }, ids, { mask, sharp }) {
  const table = p["embedding.table"], d = sizes.dim / sizes.heads, weights = [];
  let x = ids.map((id, t) => table[id].map((value, j) => value + p["positions.positions"][t][j]));
  for (const b of range(sizes.layers)) {
    const of = name => p[`blocks.${b}.${name}`], dense = (rows, name) => times(rows, of(`${name}.kernel`), of(`${name}.bias`));
    const read = normalized(x, of("attention_norm.gamma"), of("attention_norm.beta"));
    const [q, k, v] = ["query", "key", "value"].map(name => dense(read, `attention.${name}`));
    const merged = x.map(row => new Float64Array(row.length));
    weights.push(range(sizes.heads).map(h => q.map((query, i) => {
      const scores = k.map((key, j) => (mask === "causal" && j > i ? -Infinity
        : range(d).reduce((sum, n) => sum + query[h * d + n] * key[h * d + n], 0) / Math.sqrt(d) / sharp));
      const row = softmax(scores);
      row.forEach((share, j) => { for (const n of range(d)) merged[i][h * d + n] += share * v[j][h * d + n]; });
      return row;
    })));
    x = plus(x, dense(merged, "attention.output"));
    const hidden = dense(normalized(x, of("network_norm.gamma"), of("network_norm.beta")), "network.0");
    x = plus(x, dense(hidden.map(row => row.map(gelu)), "network.1"));
  }
  const last = normalized([x.at(-1)], p["norm.gamma"], p["norm.beta"])[0];
  return { weights, logits: table.map(row => row.reduce((sum, value, j) => sum + value * last[j], 0)) };
}

// As nn.sampling.probabilities: temperature, then the k most probable, then the nucleus.
export function probabilities(logits, { temperature, top_k, top_p }) {
  const order = range(logits.length).sort((a, b) => logits[b] - logits[a] || a - b);
  if (!temperature) return logits.map((_, i) => Number(i === order[0]));
  const p = softmax(logits.map(z => (z - logits[order[0]]) / temperature)), kept = order.slice(0, top_k);
  const total = kept.reduce((sum, i) => sum + p[i], 0);
  let mass = 0, count = 0;
  while (count < kept.length && mass < top_p - 1e-12) mass += p[kept[count++]] / total;
  const nucleus = kept.slice(0, count), whole = nucleus.reduce((sum, i) => sum + p[i], 0), result = p.map(() => 0);
  for (const i of nucleus) result[i] = p[i] / whole;
  return result;
}

export async function compute(state) {
  const loaded = await load(), read = split(state.text).slice(-loaded.sizes.context);
  const ids = (read.length ? read : ["the"]).map(word => Math.max(0, loaded.words.indexOf(word)));
  const { weights, logits } = forward(loaded, ids, state);
  logits[0] = -1e30;  // a word that it does not know is never drawn
  return { ids, weights, logits, all: probabilities(logits, { temperature: 1, top_k: logits.length, top_p: 1 }), p: probabilities(logits, state) };
}

export async function build(kit) {
  const { words } = await load(), { strings } = kit, cell = 25, side = 92;
  const matrix = kit.svg(side + SHOWN * cell + 4, side + SHOWN * cell + 4, strings.about), bars = kit.svg(300, BARS * 22 + 30, strings.aboutBars);
  kit.typed("text", 200);
  kit.choice("layer", ["1", "2"], ["1", "2"]);
  kit.choice("head", ["1", "2"], ["1", "2"]);
  kit.choice("mask", ["causal", "none"]);
  kit.slider("sharp", 0.1, 4, 0.1);
  kit.slider("temperature", 0, 2, 0.05);
  kit.slider("top_k", 1, 40, 1);
  kit.slider("top_p", 0.05, 1, 0.05);
  let latest;
  kit.button(strings.draw, () => {
    let left = Math.random();
    const drawn = latest.p.findIndex(share => (left -= share) < 0);
    kit.set({ text: `${kit.state.text.trimEnd()} ${words[Math.max(0, drawn)]}`.slice(-200) });
  });

  return async state => {
    const { ids, weights, p, all } = latest = await compute(state);
    const first = Math.max(0, ids.length - SHOWN), seen = range(ids.length - first).map(i => i + first);
    const rows = weights[Number(state.layer) - 1][Number(state.head) - 1];
    matrix.replaceChildren();
    seen.forEach((i, r) => {
      const at = side + r * cell;
      shape(matrix, "text", { x: side - 6, y: at + 17, "text-anchor": "end" }, words[ids[i]]);
      shape(matrix, "text", { transform: `translate(${at + 17} ${side - 6}) rotate(-60)` }, words[ids[i]]);
      seen.forEach((j, c) => {
        const hidden = state.mask === "causal" && j > i, x = side + c * cell;
        shape(matrix, "rect", { x, y: at, width: cell, height: cell, class: `ex-cell ${hidden ? "ex-zero" : "ex-share"}`, style: `--ink:${10 * rows[i][j]}` });
        if (hidden) shape(matrix, "text", { x: x + cell / 2, y: at + 17, "text-anchor": "middle" }, "–");
      });
    });
    bars.replaceChildren();
    const order = range(all.length).sort((a, b) => all[b] - all[a]).slice(0, BARS), most = Math.max(all[order[0]], p[order[0]]);
    order.forEach((id, n) => {
      const y = n * 22 + 4;
      shape(bars, "text", { x: 96, y: y + 14, "text-anchor": "end" }, words[id]);
      shape(bars, "rect", { x: 102, y: y + 1, width: 140 * all[id] / most, height: 16, class: "ex-outline" });
      shape(bars, "rect", { x: 102, y: y + 4, width: 140 * p[id] / most, height: 10, class: "ex-bar" });
      shape(bars, "text", { x: 298, y: y + 14, "text-anchor": "end" }, p[id] ? `${number(100 * p[id], 1)} %` : "–");
    });
    shape(bars, "text", { x: 4, y: BARS * 22 + 22 }, strings.legend);
    const last = rows.at(-1), best = last.indexOf(Math.max(...last));
    kit.say(fill(strings.said, { word: words[ids.at(-1)], seen: words[ids[best]], share: number(100 * last[best], 0), kept: p.filter(Boolean).length }));
  };
}

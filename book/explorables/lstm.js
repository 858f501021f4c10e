// An LSTM of three units that was trained to say how deep in brackets it is: its gates, letter by letter.
import { fill, number, path, range, shape } from "./kit.js";

export const initial = { text: "a(b(cd)e)f(g)", unit: "1", step: 2 };
const MOST = 16, SHOWN = ["f", "i", "g", "o", "c", "h"];
let weights;

export async function load() {
  return weights ??= await (await fetch(new URL("lstm.json", import.meta.url))).json();
}

// Three inputs: another letter, an opening bracket, a closing one.
export async function compute({ text }) {
  const p = await load(), units = p["0.recurrent_kernel"].length, sigmoid = x => 1 / (1 + Math.exp(-x));
  let h = Array(units).fill(0), c = [...h], depth = 0;
  return [...text].slice(0, MOST).map(letter => {
    const kind = letter === "(" ? 1 : letter === ")" ? 2 : 0;
    depth = Math.max(0, depth + [0, 1, -1][kind]);
    const a = p["0.bias"].map((b, k) => b + p["0.kernel"][kind][k] + h.reduce((sum, one, j) => sum + one * p["0.recurrent_kernel"][j][k], 0));
    const block = n => a.slice(n * units, (n + 1) * units), i = block(0).map(sigmoid), f = block(1).map(sigmoid), g = block(2).map(Math.tanh), o = block(3).map(sigmoid);
    const before = c;
    c = c.map((one, u) => f[u] * one + i[u] * g[u]);
    h = c.map((one, u) => o[u] * Math.tanh(one));
    const says = p["1.bias"][0] + h.reduce((sum, one, u) => sum + one * p["1.kernel"][u][0], 0);
    return { letter, i, f, g, o, c, h, before, says, depth };
  });
}

export async function build(kit) {
  await load();
  const { strings } = kit, left = 74, cell = 20, svg = kit.svg(left + MOST * cell + 6, SHOWN.length * cell + 194, strings.about);
  kit.figures.classList.add("ex-whole");
  kit.typed("text", MOST);
  kit.choice("unit", ["1", "2", "3"], ["1", "2", "3"]);
  const step = kit.slider("step", 1, MOST, 1);

  return async state => {
    const steps = await compute(state), u = Number(state.unit) - 1, at = Math.min(state.step, steps.length) - 1;
    step.max = Math.max(1, steps.length);
    svg.replaceChildren();
    const Y = 24 + SHOWN.length * cell, axes = kit.axes(svg, { box: [left, Y + 26, left + MOST * cell, Y + 136], x: [0, MOST], y: [-0.5, 5], yTicks: [0, 1, 2, 3, 4], yLabel: strings.depth });
    SHOWN.forEach((name, r) => shape(svg, "text", { x: left - 8, y: 24 + r * cell + 15, "text-anchor": "end" }, strings[name]));
    const largest = Math.max(1, ...steps.map(one => Math.abs(one.c[u])));
    steps.forEach((one, t) => {
      const x = left + t * cell;
      shape(svg, "text", { x: x + cell / 2, y: 16, "text-anchor": "middle", class: one.letter === "(" || one.letter === ")" ? "ex-weight" : "" }, one.letter);
      SHOWN.forEach((name, r) => {
        const value = one[name][u], gate = "fio".includes(name), ink = 10 * Math.abs(value) / (name === "c" ? largest : 1);
        shape(svg, "rect", { x, y: 24 + r * cell, width: cell, height: cell, class: `ex-cell ${gate ? "ex-share" : value < 0 ? "ex-minus" : "ex-plus"}`, style: `--ink:${ink}` });
      });
    });
    const column = axes.X, middle = t => column(t) + cell / 2, clip = value => Math.max(-0.5, Math.min(5, value));
    if (steps.length) {
      shape(svg, "path", { d: path(steps.flatMap((one, t) => [[column(t), axes.Y(clip(one.depth))], [column(t + 1), axes.Y(clip(one.depth))]])), class: "ex-curve ex-baseline" });
      steps.forEach((one, t) => shape(svg, "circle", { cx: middle(t), cy: axes.Y(clip(one.says)), r: 4.5, class: "ex-new-dot" }));
      shape(svg, "rect", { x: column(at), y: 4, width: cell, height: Y + 134, class: "ex-ring" });
    }
    shape(svg, "text", { x: left, y: Y + 158 }, strings.legend);
    const now = steps[at];
    kit.say(now ? fill(strings.said, { letter: now.letter, f: number(now.f[u]), before: number(now.before[u]), i: number(now.i[u]), g: number(now.g[u]), c: number(now.c[u]), says: number(now.says), depth: now.depth }) : strings.empty);
  };
}

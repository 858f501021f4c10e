// The tape: values forward, derivatives backward, one operation at a time.
import { fill, number, range, shape } from "./kit.js";

export const initial = { step: 0, graph: "neuron", w: 0.5, x: 2, b: -1.5, y: 1 };
// What is recorded, in order: name, operation, operands, and where it stands.
export const GRAPHS = {
  neuron: [["w", , [], 0, 0], ["x", , [], 0, 1], ["b", , [], 1, 2], ["y", , [], 2, 3], ["wx", "×", ["w", "x"], 1, 0.5], ["z", "+", ["wx", "b"], 2, 1],
    ["a", "σ", ["z"], 3, 1], ["e", "−", ["a", "y"], 4, 2], ["L", "²", ["e"], 5, 2]],
  twice: [["x", , [], 0, 1], ["y", , [], 0, 2.5], ["xy", "×", ["x", "y"], 2, 2], ["xx", "×", ["x", "x"], 2, 0.5], ["L", "+", ["xy", "xx"], 4, 1.25]],
};
const RULES = {
  "×": { value: (p, q) => p * q, local: (p, q) => [q, p] },
  "+": { value: (p, q) => p + q, local: () => [1, 1] },
  "−": { value: (p, q) => p - q, local: () => [1, -1] },
  "σ": { value: p => 1 / (1 + Math.exp(-p)), local: p => { const a = 1 / (1 + Math.exp(-p)); return [a * (1 - a)]; } },
  "²": { value: p => p * p, local: p => [2 * p] },
};

// After `step` steps: the values so far, then the gradients so far, and what the last step did.
export function compute(state) {
  const nodes = GRAPHS[state.graph], values = {}, grads = {}, operations = nodes.filter(([, rule]) => rule);
  for (const [name, rule] of nodes) if (!rule) values[name] = state[name];
  const total = 2 * operations.length + 1;
  let done = null;
  for (const k of range(Math.min(state.step, total))) {
    if (k < operations.length) {
      const [name, rule, operands] = operations[k];
      values[name] = RULES[rule].value(...operands.map(one => values[one]));
      done = { kind: "forward", name, rule, operands };
    } else if (k === operations.length) {
      grads.L = 1;
      done = { kind: "seed", name: "L", operands: [] };
    } else {
      const [name, rule, operands] = operations[total - 1 - k], local = RULES[rule].local(...operands.map(one => values[one]));
      operands.forEach((one, i) => { grads[one] = (grads[one] ?? 0) + grads[name] * local[i]; });
      done = { kind: "backward", name, rule, operands, local };
    }
  }
  return { values, grads, total, done };
}

export function build(kit) {
  const { strings } = kit, wide = 60, high = 56, X = column => 4 + column * 80, Y = row => 6 + row * 66;
  const svg = kit.svg(X(5) + wide + 6, Y(3) + high + 30, strings.about);
  kit.figures.classList.add("ex-whole");
  kit.slider("step", 0, 11, 1);
  kit.button(strings.back, () => kit.set({ step: Math.max(0, kit.state.step - 1) }));
  kit.button(strings.on, () => kit.set({ step: Math.min(compute(kit.state).total, kit.state.step + 1) }));
  kit.choice("graph", Object.keys(GRAPHS));
  for (const key of ["w", "x", "b", "y"]) kit.slider(key, -3, 3, 0.1);

  return state => {
    const nodes = GRAPHS[state.graph], { values, grads, total, done } = compute(state), places = {};
    kit.panel.querySelector("input[type=range]").max = total;
    for (const [name, , , column, row] of nodes) places[name] = [X(column), Y(row)];
    svg.replaceChildren();
    for (const [name, , operands] of nodes) operands.forEach((one, i) => {
      const [x, y] = places[name], [u, v] = places[one], bend = operands[0] === operands[1] ? (i ? 18 : -18) : 0;
      const now = done?.kind === "backward" && done.name === name;
      shape(svg, "path", { d: `M${u + wide} ${v + high / 2}Q${(u + wide + x) / 2} ${(v + y + high) / 2 + bend} ${x} ${y + high / 2}`, class: `ex-curve ${now ? "ex-new" : "ex-baseline"}` });
      if (now) shape(svg, "text", { x: (u + wide + x) / 2, y: (v + y + high) / 2 - 5 + bend, "text-anchor": "middle", class: "ex-weight" }, `×${number(done.local[i])}`);
    });
    for (const [name, rule] of nodes) {
      const [x, y] = places[name], now = done && (done.name === name || done.operands.includes(name) && done.kind === "backward");
      shape(svg, "rect", { x, y, width: wide, height: high, rx: 6, class: `ex-box ${now ? "ex-now" : ""}` });
      shape(svg, "text", { x: x + wide / 2, y: y + 16, "text-anchor": "middle" }, `${name}${rule ? ` (${rule})` : ""}`);
      if (values[name] !== undefined) shape(svg, "text", { x: x + wide / 2, y: y + 33, "text-anchor": "middle" }, number(values[name], 3));
      if (grads[name] !== undefined) shape(svg, "text", { x: x + wide / 2, y: y + 50, "text-anchor": "middle", class: "ex-grad" }, number(grads[name], 3));
    }
    shape(svg, "text", { x: 4, y: Y(3) + high + 20 }, strings.legend);
    if (!done) kit.say(strings.start);
    else if (done.kind === "forward") kit.say(fill(strings.forward, { name: done.name, rule: done.rule, operands: done.operands.join(", "), value: number(values[done.name], 4) }));
    else if (done.kind === "seed") kit.say(strings.seed);
    else kit.say(`${fill(strings.backward, { name: done.name })} ${done.operands.map((one, i) =>
      fill(strings.gets, { one, grad: number(grads[done.name], 4), local: number(done.local[i], 4), part: number(grads[done.name] * done.local[i], 4) })).join("; ")}.${state.step === total ? ` ${strings.done}` : ""}`);
  };
}

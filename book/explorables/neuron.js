// One neuron, two inputs: where is its line, and which logic can it do?
import { fill, number, shape } from "./kit.js";

export const initial = { w1: 1, w2: 1, b: -1.5, task: "AND" };
export const POINTS = [[0, 0], [0, 1], [1, 0], [1, 1]];
const TASKS = { AND: [0, 0, 0, 1], OR: [0, 1, 1, 1], NAND: [1, 1, 1, 0], XOR: [0, 1, 1, 0] };

export function compute({ w1, w2, b, task }) {
  const z = POINTS.map(([x1, x2]) => w1 * x1 + w2 * x2 + b);
  const outputs = z.map(sum => Number(sum >= 0)), targets = TASKS[task];
  return { z, outputs, targets, right: outputs.filter((y, i) => y === targets[i]).length };
}

export function build(kit) {
  const { strings } = kit, size = 300, low = -0.7, high = 1.7, unit = size / (high - low);
  const X = x => (x - low) * unit, Y = y => size - (y - low) * unit;
  const svg = kit.svg(size, size + 20, strings.about);
  shape(svg, "rect", { x: 0, y: 0, width: size, height: size, class: "ex-side ex-negative" });
  const side = shape(svg, "polygon", { class: "ex-side ex-positive" });
  const marks = shape(svg, "g");
  const line = shape(svg, "line", { class: "ex-line" }), hold = shape(svg, "line", { class: "ex-wide" });
  const arrow = shape(svg, "line", { class: "ex-line" }), tip = shape(svg, "circle", { r: 13, class: "ex-handle" });
  shape(svg, "text", { x: 2, y: size + 15 }, strings.axes);
  let foot = [0, 0];

  // Moved, the line keeps its direction; turned, its foot.
  const round = value => Math.round(value * 20) / 20;
  kit.drag(svg, hold, (x, y) => {
    const { w1, w2 } = kit.state;
    kit.set({ b: round(-w1 * (x / unit + low) - w2 * ((size - y) / unit + low)) });
  });
  kit.drag(svg, tip, (x, y) => {
    const d = [x / unit + low - foot[0], (size - y) / unit + low - foot[1]];
    const { w1, w2 } = kit.state, factor = (Math.hypot(w1, w2) || 1) / (Math.hypot(...d) || 1);
    const w = d.map(one => round(one * factor)), keep = [...foot];
    if (w[0] || w[1]) kit.set({ w1: w[0], w2: w[1], b: round(-w[0] * keep[0] - w[1] * keep[1]) });
  });
  kit.choice("task", Object.keys(TASKS), Object.keys(TASKS));
  for (const key of ["w1", "w2", "b"]) kit.slider(key, -3, 3, 0.05);

  return state => {
    const { z, outputs, targets, right } = compute(state), { w1, w2, b } = state;
    const square = w1 * w1 + w2 * w2;
    // Where z is not negative: the corners that are, and where the edges of the square cross z = 0.
    const corners = [[low, low], [high, low], [high, high], [low, high]], inside = [];
    const sum = ([x, y]) => w1 * x + w2 * y + b;
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % 4], s = sum(p), t = sum(q);
      if (s >= 0) inside.push(p);
      if ((s >= 0) !== (t >= 0)) inside.push(p.map((v, k) => v + (q[k] - v) * s / (s - t)));
    });
    side.setAttribute("points", inside.map(([x, y]) => `${X(x)},${Y(y)}`).join(" "));
    for (const one of [line, hold, arrow, tip]) one.style.display = square ? "" : "none";
    if (square) {
      const length = Math.sqrt(square), u = [w1 / length, w2 / length];
      foot = [-b * w1 / square, -b * w2 / square];
      // The arrow stands in the picture even where the foot does not.
      const middle = [0.5, 0.5], along = -(middle[0] - foot[0]) * u[1] + (middle[1] - foot[1]) * u[0];
      foot = [foot[0] - along * u[1], foot[1] + along * u[0]];
      const ends = [-4, 4].map(t => [foot[0] - t * u[1], foot[1] + t * u[0]]);
      for (const one of [line, hold]) ends.forEach(([x, y], i) => {
        one.setAttribute(`x${i + 1}`, X(x));
        one.setAttribute(`y${i + 1}`, Y(y));
      });
      const end = [foot[0] + 0.45 * u[0], foot[1] + 0.45 * u[1]];
      for (const [key, value] of [["x1", X(foot[0])], ["y1", Y(foot[1])], ["x2", X(end[0])], ["y2", Y(end[1])]]) arrow.setAttribute(key, value);
      tip.setAttribute("cx", X(end[0]));
      tip.setAttribute("cy", Y(end[1]));
    }
    marks.replaceChildren();
    POINTS.forEach(([x1, x2], i) => {
      const wrong = outputs[i] !== targets[i];
      if (wrong) shape(marks, "circle", { cx: X(x1), cy: Y(x2), r: 19, class: "ex-marked ex-ring" });
      if (targets[i]) shape(marks, "rect", { x: X(x1) - 9, y: Y(x2) - 9, width: 18, height: 18, class: "ex-positive ex-point" });
      else shape(marks, "circle", { cx: X(x1), cy: Y(x2), r: 10, class: "ex-negative ex-point" });
      shape(marks, "text", { x: X(x1), y: Y(x2) + 35, "text-anchor": "middle" }, `z = ${number(z[i])}`);
    });
    const most = state.task === "XOR" ? strings.never : right === 4 ? strings.all : strings.notyet;
    kit.say(`${fill(strings.right, { right, task: state.task })} ${most}`);
  };
}

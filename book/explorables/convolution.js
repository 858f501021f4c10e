// The window of a convolution: where it stands, what it multiplies, and how many places there are.
import { fill, number, range, shape } from "./kit.js";

export const initial = { filter: "border", stride: 1, padding: "valid", row: 1, column: 1 };
export const IMAGE = [
  [0, 0, 0, 0, 0, 0, 0],
  [0, 7, 9, 9, 9, 8, 0],
  [0, 2, 3, 3, 5, 9, 0],
  [0, 0, 0, 0, 7, 6, 0],
  [0, 0, 0, 3, 9, 1, 0],
  [0, 0, 0, 8, 5, 0, 0],
  [0, 0, 2, 9, 1, 0, 0],
];
export const FILTERS = {
  border: [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
  top: [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
  sum: [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
  one: [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
};

export function compute({ filter, stride, padding, row, column }) {
  const kernel = FILTERS[filter], k = kernel.length, d = IMAGE.length;
  const count = padding === "same" ? Math.ceil(d / stride) : Math.floor((d - k) / stride) + 1;
  const zeros = padding === "same" ? Math.max((count - 1) * stride + k - d, 0) : 0;
  const before = Math.floor(zeros / 2), pixel = (i, j) => IMAGE[i - before]?.[j - before] ?? 0;
  const window = (i, j) => range(k * k).map(n => {
    const u = Math.floor(n / k), v = n % k;
    return [pixel(i * stride + u, j * stride + v), kernel[u][v]];
  });
  const map = range(count).map(i => range(count).map(j => window(i, j).reduce((s, [x, w]) => s + x * w, 0)));
  const at = [row, column].map(place => Math.min(place, count) - 1);
  return { count, zeros, before, size: d + zeros, map, at, terms: window(...at), value: map[at[0]][at[1]] };
}

export function build(kit) {
  const { strings } = kit, cell = 30, big = 9 * cell;
  const left = kit.svg(big + 8, big + 30, strings.about), right = kit.svg(7 * cell + 8, 7 * cell + 30, strings.aboutMap);
  kit.choice("filter", Object.keys(FILTERS));
  kit.choice("padding", ["valid", "same"], ["valid", "same"]);
  kit.slider("stride", 1, 3, 1);
  const places = ["row", "column"].map(key => kit.slider(key, 1, 7, 1));

  return state => {
    const { count, zeros, before, size, map, at, terms, value } = compute(state);
    for (const place of places) place.max = count;
    left.replaceChildren();
    right.replaceChildren();
    const offset = (9 - size) / 2 * cell + 4;
    for (const i of range(size)) for (const j of range(size)) {
      const pixel = IMAGE[i - before]?.[j - before], x = offset + j * cell, y = i * cell + 4;
      shape(left, "rect", { x, y, width: cell, height: cell, class: pixel === undefined ? "ex-cell ex-zero" : "ex-cell", style: `--ink:${pixel ?? 0}` });
      shape(left, "text", { x: x + cell / 2, y: y + 20, "text-anchor": "middle", class: pixel > 5 ? "ex-on-ink" : "" }, pixel ?? 0);
    }
    const [i, j] = at;
    terms.forEach(([, w], n) => {
      const x = offset + (j * state.stride + n % 3) * cell, y = (i * state.stride + Math.floor(n / 3)) * cell + 4;
      if (w) shape(left, "text", { x: x + cell - 3, y: y + 10, "text-anchor": "end", class: "ex-weight" }, w > 0 ? "+" : "−");
    });
    shape(left, "rect", { x: offset + j * state.stride * cell, y: i * state.stride * cell + 4, width: 3 * cell, height: 3 * cell, class: "ex-marked ex-ring" });
    shape(left, "text", { x: big / 2 + 4, y: size * cell + 22, "text-anchor": "middle" }, fill(strings.image, { d: IMAGE.length, p: zeros }));
    const most = Math.max(1, ...map.flat().map(Math.abs));
    map.forEach((line, u) => line.forEach((y, v) => {
      const box = { x: v * cell + 4, y: u * cell + 4, width: cell, height: cell };
      shape(right, "rect", { ...box, class: `ex-cell ${y < 0 ? "ex-minus" : "ex-plus"}`, style: `--ink:${9 * Math.abs(y) / most}` });
      shape(right, "text", { x: box.x + cell / 2, y: box.y + 20, "text-anchor": "middle", class: Math.abs(y) > 0.6 * most ? "ex-on-ink" : "" }, number(y, 0));
      const grip = shape(right, "rect", { ...box, class: "ex-through" });
      grip.addEventListener("click", () => kit.set({ row: u + 1, column: v + 1 }));
    }));
    shape(right, "rect", { x: j * cell + 4, y: i * cell + 4, width: cell, height: cell, class: "ex-marked ex-ring" });
    shape(right, "text", { x: 4, y: count * cell + 22 }, `${count} × ${count}`);
    const size_ = `⌊(${IMAGE.length} + ${zeros} − 3) / ${state.stride}⌋ + 1 = ${count}`;
    const sum = terms.filter(([, w]) => w).map(([x, w]) => `${x}·${w < 0 ? "(−1)" : w}`).join(" + ");
    kit.say(`${sum} = ${number(value, 0)}. ${fill(strings.places, { size: size_ })}`);
  };
}

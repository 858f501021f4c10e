// What a reader has done, kept on this device alone: changed cells, and exercises that passed.
const root = new URL("../../", import.meta.url).pathname;
const key = chapter => `nncourse live ${root} ${chapter}`;
const nothing = () => ({ edits: {}, passed: {} });

export function recall(chapter) {
  try {
    return { ...nothing(), ...JSON.parse(localStorage.getItem(key(chapter))) };
  } catch {
    return nothing();
  }
}

export function keep(chapter, change) {
  const kept = recall(chapter);
  change(kept);
  try {
    if (Object.keys(kept.edits).length + Object.keys(kept.passed).length)
      localStorage.setItem(key(chapter), JSON.stringify(kept));
    else localStorage.removeItem(key(chapter));
  } catch { /* storage is full or forbidden: the page works, and forgets */ }
}

// A short digest, so that a change of the printed cell makes an old edit of another one void.
export function digest(text) {
  let hash = 5381;
  for (const c of text) hash = (hash * 33 ^ c.codePointAt(0)) >>> 0;
  return hash.toString(36);
}

// The reader's answers as a notebook; a grader takes it like any other.
export function notebook(title, answers) {
  const cell = (cell_type, source, metadata = {}) =>
    ({ cell_type, metadata, source, ...cell_type === "code" && { execution_count: null, outputs: [] } });
  return JSON.stringify({
    nbformat: 4, nbformat_minor: 4,
    metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
    cells: [
      cell("markdown", `# Exercises: ${title}\n\nWritten in the pages of the course. Grades come from the grader alone.`),
      cell("code", "import numpy as np\n\nimport nncourse as nn"),
      ...answers.map(({ exercise, code }) => cell("code", code, { nncourse: { exercise } })),
    ],
  }, null, 1);
}

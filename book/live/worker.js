// Python in a worker of its own, so that the page stays quick, and an endless loop can be ended.
let py, kernel, sent = 0;
const say = (type, content = {}) => postMessage({ type, ...content });

// Count what arrives, for whoever waits. `sizes` are those of the files before they are compressed.
function count(name, response) {
  if (!response.ok || !response.body) return response;
  const counting = new TransformStream({
    transform(chunk, out) {
      say("bytes", { bytes: sent += chunk.byteLength, name });
      out.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counting), { status, statusText, headers });
}

const plainFetch = self.fetch.bind(self);
self.fetch = async (request, options) => {
  const response = await plainFetch(request, options);
  return count(String(request.url ?? request).split("/").pop(), response);
};

async function begin({ pyodide, course, kernelUrl }) {
  const { loadPyodide } = await import(`${pyodide}pyodide.mjs`);
  const [bytes, source] = await Promise.all([
    fetch(course).then(answer => answer.arrayBuffer()),
    fetch(kernelUrl).then(answer => answer.text()),
    loadPyodide({ indexURL: pyodide, packages: ["numpy"], checkIntegrity: false }).then(made => { py = made; }),
  ]);
  py.unpackArchive(bytes, "zip", { extractDir: "/course" });
  py.FS.writeFile("/course/live_kernel.py", source);
  py.runPython("import sys; sys.path.insert(0, '/course')");
  kernel = py.pyimport("live_kernel");
  kernel.start((cell, kind, content) => say("output", { cell, kind, content }));
}

async function run({ cell, sources, ran, skipped, all }) {
  const before = all ? all.map(n => [n, sources[n], true])
    : kernel.plan(...[cell, sources, ran, skipped].map(x => py.toPy(x))).toJs();
  for (const [number, code, whole] of [...before, [cell, sources[cell], true]]) {
    say("running", { cell: number, whole, asked: number === cell });
    await py.loadPackagesFromImports(code, { messageCallback: () => {}, checkIntegrity: false });
    if (/\bnn\.plotting\b|\bplot_/.test(code)) await py.loadPackage("matplotlib", { messageCallback: () => {} });
    say("computing", { cell: number });
    const start = performance.now();
    const wrong = kernel.run(number, code)?.toJs({ dict_converter: Object.fromEntries });
    say("ran", { cell: number, whole, wrong, seconds: (performance.now() - start) / 1000 });
    if (wrong) break;
  }
  say("idle");
}

let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  queue = queue.then(() => (data.type === "begin" ? begin(data).then(() => say("ready")) : run(data)))
    .catch(error => say("failed", { said: String(error.message ?? error) }));
};

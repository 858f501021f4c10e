// Run the cells of live chapters under the very Pyodide of the pages; one line of JSON for each.
// Arguments: Pyodide's folder, the kernel, the course as a ZIP file. Each line of the input is JSON:
// what to run first, then a chapter each; "done" is the answer when all its cells have run.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, kernelFile, course] = process.argv.slice(2);
try {
  const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
  const py = await loadPyodide({ indexURL: folder, packages: ["numpy"] });
  py.unpackArchive(new Uint8Array(readFileSync(course)), "zip", { extractDir: "/course" });
  py.FS.writeFile("/course/live_kernel.py", readFileSync(kernelFile));
  py.runPython("import sys; sys.path.insert(0, '/course')");
  const kernel = py.pyimport("live_kernel");
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  py.runPython(JSON.parse((await lines.next()).value));
  for await (const line of lines) {
    const { chapter, cells } = JSON.parse(line);
    const shown = {};
    kernel.start((cell, kind) => { (shown[cell] ??= new Set()).add(kind); });
    for (const { number, code } of cells) {
      await py.loadPackagesFromImports(code, { messageCallback: () => {} });
      const start = process.cpuUsage();
      const wrong = kernel.run(number, code)?.toJs({ dict_converter: Object.fromEntries }) ?? null;
      const seconds = process.cpuUsage(start).user / 1e6;  // of the processor: other work does not count
      console.log(JSON.stringify({ chapter, number, seconds, wrong, shown: [...shown[number] ?? []] }));
    }
    console.log("done");
  }
  process.exit(0);
} catch (error) {
  console.error(String(error.message ?? error).slice(-2000));
  process.exit(1);
}

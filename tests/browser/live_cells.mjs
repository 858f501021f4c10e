// Run the cells of live chapters under the very Pyodide of the pages; one line of JSON for each.
// Arguments: Pyodide's folder, the kernel, the course as a ZIP file, a JSON file: what to run first, the chapters.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, kernelFile, course, chapters] = process.argv.slice(2);
try {
  const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
  const py = await loadPyodide({ indexURL: folder, packages: ["numpy"] });
  py.unpackArchive(new Uint8Array(readFileSync(course)), "zip", { extractDir: "/course" });
  py.FS.writeFile("/course/live_kernel.py", readFileSync(kernelFile));
  py.runPython("import sys; sys.path.insert(0, '/course')");
  const kernel = py.pyimport("live_kernel");
  const told = JSON.parse(readFileSync(chapters));
  py.runPython(told.before);
  for (const { chapter, cells } of told.chapters) {
    const shown = {};
    kernel.start((cell, kind) => { (shown[cell] ??= new Set()).add(kind); });
    for (const { number, code } of cells) {
      await py.loadPackagesFromImports(code, { messageCallback: () => {} });
      const start = process.cpuUsage();
      const wrong = kernel.run(number, code)?.toJs({ dict_converter: Object.fromEntries }) ?? null;
      const seconds = process.cpuUsage(start).user / 1e6;  // of the processor: other work does not count
      console.log(JSON.stringify({ chapter, number, seconds, wrong, shown: [...shown[number] ?? []] }));
    }
  }
  process.exit(0);
} catch (error) {
  console.error(String(error.message ?? error).slice(-2000));
  process.exit(1);
}

// On the map of the chapters: how many exercises of each have passed on this device.
import { recall } from "./store.js";

for (const row of document.querySelectorAll("[data-live-chapter]")) {
  const { liveChapter, liveExercises } = row.dataset;
  const passed = Object.keys(recall(liveChapter).passed).length;
  if (passed) row.textContent = ` · ✓ ${passed} of ${liveExercises} exercises passed on this device`;
}

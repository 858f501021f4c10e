// On the map of the chapters: how many exercises of each have passed on this device.
import { recall } from "./store.js";

const show = () => document.querySelectorAll("[data-live-chapter]").forEach(row => {
  const { liveChapter, liveExercises } = row.dataset;
  const passed = Object.keys(recall(liveChapter).passed).length;
  row.textContent = passed ? ` · ✓ ${passed} of ${liveExercises} exercises passed on this device` : "";
});
show();
addEventListener("storage", show); // passed or forgotten in another tab

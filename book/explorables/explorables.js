// Explorable figures: each is built when the reader comes near. A module of its own tells what it
// starts from, computes (`compute`, held against nncourse by a test), and draws.
import strings from "./strings.js";
import { Kit } from "./kit.js";

const near = new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) {
    near.unobserve(target);
    begin(target);
  }
}, { rootMargin: "800px" });

async function begin(root) {
  const name = root.dataset.explorable;
  try {
    const module = await import(`./${name}.js`);
    const kit = new Kit(root, name, module.initial, strings[name], strings.all);
    kit.draw = await module.build(kit);
    kit.ready();
  } catch (error) {
    root.querySelector(".explorable-body").textContent = strings.all.failed;
    console.info(error);
  }
}

for (const root of document.querySelectorAll(".explorable")) near.observe(root);

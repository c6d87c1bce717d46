/* The strip of steps: one cell a step, ranges of the networks below, later words in another colour. */
const levels = element.querySelector(".levels"), ranges = element.querySelector(".ranges");
const told = element.querySelector("figcaption");

function cell({ sigma, who }, k, begins) {
  const made = document.createElement("i");
  made.title = "Step " + (k + 1) + ": σ " + sigma + ", " + who;
  if (begins !== null && k >= begins) made.className = "later";
  if (k === begins) made.dataset.sigma = "σ " + sigma;
  if (begins !== null && begins > levels.dataset.count / 2) made.classList.add("late");
  return made;
}

function range(who, count) {
  const made = document.createElement("span");
  made.style.flexGrow = count;
  made.textContent = made.title = who;
  return made;
}

function drawStrip(value) {
  const steps = (value && value.steps) || [];
  levels.dataset.count = steps.length;
  levels.replaceChildren(...steps.map((step, k) => cell(step, k, value.begins)));
  const runs = [];
  for (const { who } of steps) {
    if (runs.length && runs[runs.length - 1][0] === who) runs[runs.length - 1][1]++;
    else runs.push([who, 1]);
  }
  ranges.replaceChildren(...runs.map(([who, count]) => range(who, count)));
  told.textContent = (value && value.line) || "";
}

drawStrip(props.value);
watch("value", () => drawStrip(props.value));

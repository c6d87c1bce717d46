/* The comparison: one tile for each picture, filled one after the other. All text goes through textContent. */
const page = element.querySelector(".compare"), side = page.querySelector(".side"), line = page.querySelector(".line");
const bar = page.querySelector(".bar"), fill = page.querySelector(".bar-fill"), spoken = page.querySelector(".spoken");
const notes = page.querySelector(".notes"), state = { run: null, over: null };

function made(tag, name, text) {
  const part = document.createElement(tag);
  part.className = name;
  if (text) part.textContent = text;
  return part;
}

function layTiles(value) {
  if (value.run === state.run) return;
  state.run = value.run;
  notes.replaceChildren();
  side.dataset.count = value.labels.length;
  side.replaceChildren(...value.labels.map((label, k) => {
    const tile = made("li", "tile"), frame = made("div", "frame");
    tile.style.order = value.order.indexOf(k);
    tile.append(frame, made("b", "label", label), made("span", "note"));
    return tile;
  }));
}

function picture(k, png, label) {
  const frame = side.children[k].querySelector(".frame");
  const shown = frame.querySelector("img") || frame.appendChild(document.createElement("img"));
  shown.decoding = "sync";
  shown.alt = label;
  if (shown.getAttribute("src") !== source(png)) shown.src = source(png);
}

function finish(tile, k, label) {
  picture(k, tile.png, label);
  const box = side.children[k];
  if (box.classList.contains("ready")) return;
  box.classList.add("ready");
  box.querySelector(".note").textContent = tile.note;
  const link = download(tile, 0, 1);
  link.setAttribute("aria-label", "Download: " + label);
  link.textContent = "PNG";
  box.append(link);
  tellPainted([tile], true);
}

const busy = () => page.dataset.phase === "painting" || page.dataset.phase === "waiting";

function setBar(step, of) {
  fill.style.transform = "scaleX(" + (of ? step / of : 0) + ")";
  bar.setAttribute("aria-valuemax", of || 1);
  bar.setAttribute("aria-valuenow", step);
  bar.setAttribute("aria-hidden", page.dataset.phase === "painting" ? "false" : "true");
}

/* What was there before stays while nothing of the next comparison has come. */
function halt(text) {
  if (!busy()) return;
  state.over = state.run;
  page.dataset.phase = page.dataset.phase === "waiting" && side.childElementCount ? "done" : "halted";
  line.textContent = spoken.textContent = text;
  setBar(0, 1);
}

function showComparison(value) {
  // A value may come twice, and that of a run that is over may come once more when the next begins.
  if (!value || !value.phase || brush.gone || (value.run && value.run === state.over)) return;
  if (value.phase === "stopped") return halt("Stopped");
  if (value.phase === "refused") return halt(value.why || "Nothing was compared.");
  layTiles(value);
  page.dataset.phase = value.phase;
  if (value.phase === "painting") {
    picture(value.index, value.png, value.labels[value.index]);
    if (value.tile) finish(value.tile, value.index, value.labels[value.index]);
    setBar(value.step, value.of);
    line.textContent = "Picture " + (value.index + 1) + " of " + value.labels.length + "  ·  step " + value.step + " of " + value.of + "  ·  " + value.seconds.toFixed(1) + " s";
    return;
  }
  value.tiles.forEach((tile, k) => finish(tile, k, value.labels[k]));
  notes.replaceChildren(...value.notes.map((text) => made("li", "", text)));
  setBar(1, 1);
  line.textContent = value.tiles.length + " pictures in " + value.seconds.toFixed(1) + " s";
  spoken.textContent = "Done: " + line.textContent + ".";
  state.over = value.run;
}

document.addEventListener("compare-wait", ({ detail: go }) => {
  if (busy()) return;
  takeBrush("compare");
  page.dataset.phase = "waiting";
  line.textContent = "Waiting for a free brush";
  setBar(0, 1);
  go();
});
onBrushGone("compare", halt);
watch("value", () => showComparison(props.value));

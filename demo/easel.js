/* The easel: shows what the server paints. The page's frame never changes its size while pictures stream.
   `element`, `props` and `watch` come from gradio; all text goes through textContent. */
const find = (name) => element.querySelector("." + name);
const sheet = find("sheet"), tiles = find("tiles"), bar = find("bar"), fill = find("bar-fill");
const line = find("line"), spoken = find("spoken"), keep = find("keep"), notes = find("notes");
const replay = find("replay"), slider = find("replay-slider"), soft = find("soft"), plan = find("plan");
const state = { run: null, stopped: null, frames: [], step: 0, of: 0, regions: [], last: null };

function showFrame(pngs, sentence) {
  while (tiles.children.length > pngs.length) tiles.lastChild.remove();
  while (tiles.children.length < pngs.length) {
    const picture = document.createElement("img");
    picture.decoding = "sync";
    picture.width = picture.height = 64;
    tiles.append(picture);
  }
  tiles.dataset.count = pngs.length;
  pngs.forEach((png, k) => {
    const picture = tiles.children[k];
    if (picture.getAttribute("src") !== source(png)) picture.src = source(png);
    picture.alt = (pngs.length > 1 ? "Picture " + (k + 1) + ": " : "") + (sentence || "an unasked-for scene");
  });
}

function say(text) { if (spoken.textContent !== text) spoken.textContent = text; }

function setPhase(phase) {
  sheet.dataset.phase = phase;
  element.querySelector(".easel").classList.toggle("busy", phase === "painting" || phase === "waiting");
  bar.setAttribute("aria-hidden", phase === "painting" ? "false" : "true");
}

function setBar(step, of) {
  fill.style.transform = "scaleX(" + (of ? step / of : 0) + ")";
  bar.setAttribute("aria-valuemax", of || 1);
  bar.setAttribute("aria-valuenow", step);
}

function showNotes(list) {
  notes.replaceChildren(...list.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

/* The painted regions over every picture; the canvases take no clicks. */
function layPlan() {
  sheet.querySelectorAll("canvas").forEach((canvas) => canvas.remove());
  if (!state.regions.length || plan.getAttribute("aria-pressed") !== "true") return;
  for (const picture of tiles.children) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = DOTS;
    canvas.setAttribute("aria-hidden", "true");
    for (const [name, offset] of [["left", "offsetLeft"], ["top", "offsetTop"], ["width", "offsetWidth"]]) canvas.style[name] = picture[offset] + "px";
    sheet.append(canvas);
    drawRegions(canvas, state.regions, null, false);
  }
}

function showRegions(regions) {
  state.regions = regions.map(({ phrase, runs }, ink) => ({ phrase, ink: ink % INKS.length, mask: maskOf(runs) }));
  plan.classList.toggle("ready", regions.length > 0);
  layPlan();
}

const busy = () => sheet.dataset.phase === "painting" || sheet.dataset.phase === "waiting";

/* Whoever brings a way to go on is only let through while nothing is on its way. */
function wait(event) {
  if (event.detail && busy()) return;
  takeBrush("easel");
  setPhase("waiting");
  keep.replaceChildren();
  replay.classList.remove("ready");
  showNotes([]);
  showRegions([]);
  setBar(0, 1);
  element.querySelector(".easel").scrollIntoView({ block: "nearest" });
  line.textContent = "Waiting for a free brush";
  say("Waiting for a free brush.");
  if (event.detail) event.detail();
}

function painting(value) {
  if (value.run === state.stopped) return;
  if (value.run !== state.run) {
    Object.assign(state, { run: value.run, frames: [] });
    say("Painting.");
  }
  const pngs = value.pictures.map((picture) => picture.png);
  state.frames.push(pngs);
  Object.assign(state, { step: value.step, of: value.of });
  setPhase("painting");
  setBar(value.step, value.of);
  showFrame(pngs, value.prompt);
  line.textContent = (value.step ? "Step " + value.step + " of " + value.of + (value.who ? "  ·  " + value.who : "") : "Before the first step: " + value.who) + "  ·  σ " + value.sigma.toFixed(value.sigma < 1 ? 3 : 1)
    + "  ·  " + value.seconds.toFixed(1) + " s";
}

function readyReplay() {
  slider.max = state.frames.length - 1;
  slider.value = slider.max;
  replay.classList.toggle("ready", state.frames.length > 1);
}

function done(value) {
  // A value may come twice.
  if (value.run === state.run && sheet.dataset.phase === "done") return;
  const pngs = value.pictures.map((picture) => picture.png);
  state.run = value.run;
  state.frames.push(pngs);
  state.last = { ...value, frames: state.frames };
  const count = pngs.length, what = count === 1 ? "1 picture" : count + " pictures";
  line.textContent = what + " in " + value.seconds.toFixed(1) + " s";
  say("Done: " + what + " in " + value.seconds.toFixed(1) + " seconds.");
  showDone();
  tellPainted(value.pictures);
}

function showDone() {
  const { pictures, prompt, notes, regions, frames } = state.last;
  state.frames = frames;
  setPhase("done");
  setBar(1, 1);
  showFrame(pictures.map((picture) => picture.png), prompt);
  keep.replaceChildren(...pictures.map((picture, k) => download(picture, k, pictures.length)));
  showNotes(notes || []);
  showRegions(regions || []);
  readyReplay();
}

/* What was there before comes back where nothing of the next picture has come. */
function halt(text) {
  if (!busy()) return;
  state.stopped = state.run;
  const midway = sheet.dataset.phase === "painting";
  if (midway) setPhase("halted");
  else if (state.last) showDone();
  else setPhase("empty");
  if (!midway && !state.last) tiles.replaceChildren();
  line.textContent = text;
  say(text);
  if (midway) readyReplay();
}

function stop(text) {
  const before = state.last ? "; the picture before is still here" : "";
  halt(text + (sheet.dataset.phase === "painting" ? " at step " + state.step + " of " + state.of : before));
}

function show(value) {
  if (!value || !value.phase || brush.gone) return;
  if (value.phase === "painting") painting(value);
  else if (value.phase === "done") done(value);
  else if (value.phase === "stopped") stop("Stopped");
  else if (value.phase === "refused") halt(value.why || "Nothing was painted.");
}

slider.oninput = () => showFrame(state.frames[Number(slider.value)], tiles.firstChild && tiles.firstChild.alt);
soft.onclick = () => {
  const on = tiles.classList.toggle("smooth");
  soft.setAttribute("aria-pressed", on ? "true" : "false");
};
plan.onclick = () => {
  plan.setAttribute("aria-pressed", plan.getAttribute("aria-pressed") === "true" ? "false" : "true");
  layPlan();
};
new ResizeObserver(layPlan).observe(sheet);
document.addEventListener("easel-wait", wait);
onBrushGone("easel", stop);
watch("value", () => show(props.value));

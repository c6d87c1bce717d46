/* Look inside: the maps of a picture, and every choice among them. The value is whole, so nothing is asked again.
   A map's byte b is the share (b / 255)^2 of a place's attention. `element`, `props` and `watch` come from gradio; all
   text goes through textContent. */
const find = (name) => element.querySelector(".inside-" + name);
const view = element.querySelector(".inside"), spoken = element.querySelector(".spoken");
const picture = find("picture"), heat = find("heat"), line = find("line"), strip = find("strip"), words = find("words");
const stepDial = find("step"), dialText = element.querySelector(".inside-dial output");
const pick = { steps: find("steps"), layer: find("layer"), stream: find("stream"), branch: find("branch") };
const flip = { then: find("then"), fixed: find("fixed") };
const now = { value: null, run: null, word: 0, seen: {}, final: null, bytes: {}, drawn: 0, busy: false };
const SHARE = Float32Array.from({ length: 256 }, (_, b) => (b / 255) ** 2);
const HEAT = [[84, 15, 109], [187, 55, 84], [249, 142, 9], [252, 255, 164]];
const INKS_OF_PARTS = ["--accent", "--teal", "--gold", "--quiet", "--edge"];
const TOLD = { words: "with the sentence", "words and picture": "with the sentence and a lent look", picture: "with a lent look alone", nothing: "without the sentence" };
const MAPS = 8;

const percent = (share) => (100 * share).toFixed(share < 0.0995 ? 1 : 0) + " %";
const sigmaText = (sigma) => sigma.toPrecision(sigma < 0.01 ? 1 : 2).replace(/e.*/, "");
const source = (png) => "data:image/png;base64," + png;
const say = (text) => { if (spoken.textContent !== text) spoken.textContent = text; };
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function loaded(png) {
  const image = new Image();
  image.src = source(png);
  return image.decode().then(() => image);
}

/* --- which maps are asked for --- */
const wordedBranches = () => now.value.branches.filter((branch) => branch.maps.length);
const branch = () => wordedBranches()[Number(pick.branch.value) || 0];
const layers = () => (pick.layer.value === "all" ? now.value.layers.map((_, k) => k) : [Number(pick.layer.value)]);
function steps() {
  const chosen = pick.steps.value, all = now.value.sigmas.map((_, k) => k);
  if (chosen === "one") return [Number(stepDial.value)];
  return chosen === "all" ? all : all.filter((k) => now.value.experts[k] === chosen.slice(1));
}

function bytes(which, layer) {
  const key = which.name + " " + layer;
  now.bytes[key] = now.bytes[key] || bytesOf(which.maps[layer]);
  return now.bytes[key];
}

const grid = () => now.value.layers.reduce((a, b) => (b.rows * b.columns > a.rows * a.columns ? b : a));

/* The mean over steps and layers of the shares that a word gets, on the largest grid; streams are added. */
function mapOf(word, chosen) {
  const { rows, columns } = grid(), count = now.value.words.length, streams = now.value.streams.length;
  const total = new Float32Array(rows * columns), which = branch(), used = layers();
  const read = pick.stream.value === "all" ? now.value.streams.map((_, k) => k) : [Number(pick.stream.value)];
  for (const at of used) {
    const layer = now.value.layers[at], size = layer.rows * layer.columns, data = bytes(which, at);
    const mine = new Float32Array(size);
    for (const step of chosen) for (const stream of read) {
      const begin = ((step * streams + stream) * count + word) * size;
      for (let k = 0; k < size; k += 1) mine[k] += SHARE[data[begin + k]];
    }
    for (let y = 0; y < rows; y += 1) for (let x = 0; x < columns; x += 1) {
      const from = Math.floor(y * layer.rows / rows) * layer.columns + Math.floor(x * layer.columns / columns);
      total[y * columns + x] += mine[from] / chosen.length / used.length;
    }
  }
  return total;
}

const largest = (map) => map.reduce((most, value) => Math.max(most, value), 0);
function scaleOf(word, map) {
  if (!flip.fixed.checked || pick.steps.value !== "one") return largest(map);
  return Math.max(...now.value.sigmas.map((_, k) => largest(mapOf(word, [k]))));
}

/* --- drawing --- */
function coloured(map, most) {
  const { rows, columns } = grid(), small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pen = small.getContext("2d"), pixels = pen.createImageData(columns, rows);
  map.forEach((share, k) => {
    const v = most > 0 ? Math.min(1, share / most) : 0, at = v * (HEAT.length - 1);
    const low = HEAT[Math.floor(at)], high = HEAT[Math.min(HEAT.length - 1, Math.floor(at) + 1)];
    for (let c = 0; c < 3; c += 1) pixels.data[4 * k + c] = low[c] + (high[c] - low[c]) * (at % 1);
    pixels.data[4 * k + 3] = 240 * v ** 1.1;
  });
  pen.putImageData(pixels, 0, 0);
  return small;
}

function draw(canvas, shown, map, most) {
  const pen = canvas.getContext("2d"), { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  pen.filter = "grayscale(0.9) brightness(0.72)";
  if (shown) pen.drawImage(shown, 0, 0, width, height);
  pen.filter = "none";
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(coloured(map, most), 0, 0, width, height);
}

const under = () => (flip.then.checked && pick.steps.value === "one" && now.seen[Number(stepDial.value) + 1]) || now.final;

function brightest(map) {
  const { rows, columns } = grid(), at = map.indexOf(largest(map));
  const tall = ["top", "middle", "bottom"][Math.floor(3 * Math.floor(at / columns) / rows)];
  const wide = ["left", "centre", "right"][Math.floor(3 * (at % columns) / columns)];
  return tall === "middle" && wide === "centre" ? "the middle" : tall + " " + wide;
}

function showBig() {
  const value = now.value, map = mapOf(now.word, steps()), most = scaleOf(now.word, map);
  draw(heat, under(), map, most);
  const word = "“" + value.words[now.word] + "”", where = brightest(map), much = percent(largest(map));
  find("most").textContent = percent(most) + " of a place’s attention";
  line.textContent = word + ": brightest in " + where.replace(/^(top|bottom|middle) /, "the $1 ") + ", " + much;
  heat.setAttribute("aria-label", "Map of " + line.textContent + ", over the picture of: " + value.prompt);
  say(line.textContent);
}

function showWords() {
  [...words.children].forEach((chip, word) => {
    const map = mapOf(word, steps());
    draw(chip.firstChild, now.final, map, scaleOf(word, map));
    chip.setAttribute("aria-pressed", word === now.word ? "true" : "false");
  });
}

/* The chosen word along the noise, for the eye; the slider is the way for keys and screen readers. */
function showStrip() {
  const count = now.value.sigmas.length, shown = Math.min(MAPS, count);
  const picked = Array.from({ length: shown }, (_, k) => Math.round(k * (count - 1) / Math.max(1, shown - 1)));
  const maps = picked.map((step) => mapOf(now.word, [step]));
  const most = flip.fixed.checked ? Math.max(...maps.map(largest)) : 0;
  strip.replaceChildren(...picked.map((step, k) => {
    const canvas = document.createElement("canvas"), cell = document.createElement("figure"), told = document.createElement("figcaption");
    canvas.width = canvas.height = 96;
    draw(canvas, now.final, maps[k], most || largest(maps[k]));
    told.textContent = sigmaText(now.value.sigmas[step]);
    cell.classList.toggle("here", pick.steps.value === "one" && step === Number(stepDial.value));
    cell.onclick = () => { pick.steps.value = "one"; stepDial.value = step; refresh(); };
    cell.append(canvas, told);
    return cell;
  }));
}

function barOf(which) {
  const used = layers(), parts = now.value.parts, row = document.createElement("div"), bar = document.createElement("div");
  const asked = steps().filter((step) => which.shares[step][0][0] !== null);
  const name = document.createElement("p"), list = document.createElement("ul");
  row.className = "inside-bar";
  name.textContent = TOLD[which.name] || which.name;
  row.append(name);
  if (!asked.length) { name.textContent += ": not asked here"; return row; }
  bar.className = "inside-stack";
  bar.setAttribute("aria-hidden", "true");
  parts.forEach((part, k) => {
    let share = 0;
    for (const step of asked) for (const layer of used) share += which.shares[step][layer][k] / asked.length / used.length;
    if (share < 5e-4) return;
    const piece = document.createElement("i"), item = document.createElement("li"), swatch = document.createElement("b");
    piece.style.cssText = "flex:" + share + ";background:var(" + INKS_OF_PARTS[k] + ")";
    swatch.style.background = "var(" + INKS_OF_PARTS[k] + ")";
    item.append(swatch, part + " " + percent(share));
    bar.append(piece);
    list.append(item);
  });
  row.append(bar, list);
  return row;
}

function showDial() {
  const value = now.value, step = Number(stepDial.value), one = pick.steps.value === "one";
  stepDial.disabled = !one;
  flip.then.disabled = flip.fixed.disabled = !one;
  const several = new Set(value.experts).size > 1;
  const told = "σ " + sigmaText(value.sigmas[step]) + ", step " + (step + 1) + " of " + value.sigmas.length + (several ? ", " + value.experts[step] : "");
  dialText.textContent = one ? told : "mean of " + steps().length + " steps";
  stepDial.setAttribute("aria-valuetext", told);
}

function paintAll() {
  now.drawn = 0;
  showDial();
  showBig();
  showWords();
  showStrip();
  find("bars").replaceChildren(...now.value.branches.map(barOf));
}
function refresh() {
  if (now.value && !now.drawn) now.drawn = requestAnimationFrame(paintAll);
}

/* --- what comes from the server --- */
function fill(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

function chip(text, word) {
  const button = document.createElement("button"), canvas = document.createElement("canvas"), name = document.createElement("span");
  button.type = "button";
  canvas.width = canvas.height = 96;
  canvas.setAttribute("aria-hidden", "true");
  name.textContent = text;
  button.append(canvas, name);
  button.onclick = () => { now.word = word; refresh(); };
  return button;
}

function setPhase(phase) {
  view.dataset.phase = phase;
  /* The panel of the last picture stays where it is while the next one forms. */
  const first = !words.childElementCount;
  find("right").hidden = find("scale").hidden = strip.hidden = first;
  find("about").hidden = !first;
  heat.hidden = phase !== "done";
  picture.hidden = phase === "empty" || phase === "done";
  find("blank").hidden = !picture.hidden || phase === "done";
}

function wait({ detail: go }) {
  if (now.busy) return;
  takeBrush("inside");
  now.busy = true;
  setPhase(now.value ? "waiting" : "empty");
  if (now.value) {
    heat.hidden = false;
    picture.hidden = true;
  }
  line.textContent = "Waiting for a free brush";
  say("Waiting for a free brush.");
  go();
}

function forming(value) {
  if (value.run === now.halted) return;
  if (value.run !== now.run) Object.assign(now, { run: value.run, seen: {}, value: null });
  setPhase("painting");
  picture.src = source(value.pictures[0].png);
  loaded(value.pictures[0].png).then((image) => { if (value.run === now.run) now.seen[value.step] = image; });
  line.textContent = "Step " + value.step + " of " + value.of + "  ·  σ " + sigmaText(value.sigma);
  if (value.step === 1) say("Painting and listening.");
}

function download(href, name, text) {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.textContent = text;
  return link;
}

async function done(value) {
  const final = await loaded(value.picture.png);
  Object.assign(now, { value, run: value.run, final, bytes: {} });
  const first = value.words.findIndex((word) => word.length > 3);
  now.word = Math.max(0, first);
  words.replaceChildren(...value.words.map(chip));
  stepDial.max = value.sigmas.length - 1;
  stepDial.value = Math.floor(value.sigmas.length / 3);
  const experts = [...new Set(value.experts)];
  fill(pick.steps, [["one", "One, by its noise"], ["all", "All together"], ...(experts.length > 1 ? experts.map((name) => ["=" + name, "Those of " + name]) : [])]);
  fill(pick.layer, [["all", "All together"], ...value.layers.map((layer, k) => [k, layer.name + ", " + layer.rows + " × " + layer.columns])]);
  fill(pick.stream, [["all", "T5 and CLIP"], ...value.streams.map((name, k) => [k, name + " alone"])]);
  fill(pick.branch, wordedBranches().map((which, k) => [k, TOLD[which.name] || which.name]));
  find("told").hidden = wordedBranches().length < 2;
  find("keep").replaceChildren(
    download(source(value.picture.png), value.picture.name, "Download PNG"),
    download("data:application/octet-stream;base64," + value.npz.data, value.npz.name, "Download maps (.npz)"),
  );
  find("notes").replaceChildren(...value.notes.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  setPhase("done");
  now.busy = false;
  refresh();
}

function show(value) {
  if (!value || !value.phase || brush.gone) return;
  if (value.phase === "painting") forming(value);
  else if (value.phase === "done") done(value);
  else if (value.phase === "refused") halt("Nothing was looked into");
  else if (value.phase === "stopped") halt("Stopped");
}

function halt(text) {
  if (!now.busy) return;
  Object.assign(now, { busy: false, halted: now.run });
  setPhase(now.value ? "done" : "empty");
  if (now.value) refresh();
  else line.textContent = text + ".";
  say(text + ".");
}

for (const control of [stepDial, flip.then, flip.fixed, ...Object.values(pick)]) control.addEventListener("input", refresh);
document.addEventListener("inside-wait", wait);
onBrushGone("inside", halt);
watch("value", () => show(props.value));

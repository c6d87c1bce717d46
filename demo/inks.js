/* Eight inks, each a colour and a pattern, so that regions differ in grey too; and how masks are drawn in them.
   Canvases have 640 x 640 dots, 10 to a cell, whatever their size on the page. They are never read back. */
const INKS = [
  ["#d9731a", "slanting lines"], ["#2f7fc9", "dots"], ["#2c9a5f", "a net"], ["#c23a73", "level lines"],
  ["#7a58c4", "rings"], ["#a88a00", "upright lines"], ["#8a5638", "chequers"], ["#4a6a78", "lines slanting back"],
];
const DOTS = 640, CELL = DOTS / GRID, TILE = 40;

function patternPath(ink) {
  const path = new Path2D(), line = (...at) => { path.moveTo(at[0], at[1]); path.lineTo(at[2], at[3]); };
  const ring = (x, y, radius) => { path.moveTo(x + radius, y); path.arc(x, y, radius, 0, 7); };
  if (ink === 0 || ink === 2) [-40, -20, 0, 20, 40].forEach((x) => line(x, 40, x + 40, 0));
  if (ink === 7 || ink === 2) [-40, -20, 0, 20, 40].forEach((x) => line(x, 0, x + 40, 40));
  if (ink === 1) [[10, 10], [30, 30]].forEach(([x, y]) => [1.5, 4.5].forEach((radius) => ring(x, y, radius)));
  if (ink === 3) [7, 20, 33].forEach((y) => line(0, y, 40, y));
  if (ink === 4) ring(20, 20, 12);
  if (ink === 5) [7, 20, 33].forEach((x) => line(x, 0, x, 40));
  if (ink === 6) for (let k = 2; k < 20; k += 4) { line(0, k, 20, k); line(20, k + 20, 40, k + 20); }
  return path;
}

/* A colour on its way to black (0) or white (255). */
function shade(colour, end, share) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return "rgb(" + parts.map((part) => Math.round(part + (end - part) * share)).join(" ") + ")";
}

/* By night the marks are lighter than their ground, by day darker. */
const woven = new Map();
function patternOf(pen, ink, night) {
  const key = ink + (night ? "n" : "d");
  if (!woven.has(key)) {
    const tile = document.createElement("canvas"), stylus = tile.getContext("2d");
    tile.width = tile.height = TILE;
    stylus.strokeStyle = shade(INKS[ink][0], night ? 255 : 0, night ? .5 : .3);
    stylus.lineWidth = ink === 2 ? 3 : 4;
    stylus.stroke(patternPath(ink));
    woven.set(key, tile);
  }
  return pen.createPattern(woven.get(key), "repeat");
}

/* Two paths: the cells of a mask, row by row, and the line around them. */
function shapeOf(mask) {
  const inside = new Path2D(), edge = new Path2D();
  const at = (column, row) => column >= 0 && row >= 0 && column < GRID && row < GRID && mask[row * GRID + column] > 0;
  const draw = (x, y, u, v) => { edge.moveTo(x * CELL, y * CELL); edge.lineTo(u * CELL, v * CELL); };
  for (let row = 0; row < GRID; row++) {
    for (let column = 0, from = -1; column <= GRID; column++) {
      const here = at(column, row);
      if (here && from < 0) from = column;
      if (!here && from >= 0) {
        inside.rect(from * CELL, row * CELL, (column - from) * CELL, CELL);
        from = -1;
      }
      if (here !== at(column - 1, row)) draw(column, row, column, row + 1);
      if (column < GRID && here !== at(column, row - 1)) draw(column, row, column + 1, row);
      if (here && row === GRID - 1) draw(column, GRID, column + 1, GRID);
    }
  }
  return { inside, edge };
}

function drawRegion(pen, region, strong, night) {
  const { inside, edge } = shapeOf(region.mask);
  pen.globalAlpha = strong ? .5 : .3;
  pen.fillStyle = INKS[region.ink][0];
  pen.fill(inside);
  pen.globalAlpha = strong ? .8 : .5;
  pen.fillStyle = patternOf(pen, region.ink, night);
  pen.fill(inside);
  pen.globalAlpha = 1;
  pen.lineCap = "square";
  for (const [style, width] of [["rgb(255 255 255 / .75)", strong ? 9 : 6], [INKS[region.ink][0], strong ? 5 : 3]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.stroke(edge);
  }
}

/* The phrase on a slip of paper in the middle of what is painted; `size` of its letters in dots. */
function drawName(pen, region, size) {
  const box = boundsOf(region.mask), tall = size * 1.6;
  if (!box) return;
  const text = region.phrase.length > 26 ? region.phrase.slice(0, 25) + "…" : region.phrase;
  pen.font = "600 " + size + "px system-ui, sans-serif";
  const wide = pen.measureText(text).width + size, clip = (at, room) => Math.min(DOTS - room - 8, Math.max(8, at));
  const x = clip((box[0] + box[2] + 1) / 2 * CELL - wide / 2, wide), y = clip((box[1] + box[3] + 1) / 2 * CELL - tall / 2, tall);
  pen.beginPath();
  pen.roundRect(x, y, wide, tall, size / 2);
  pen.fillStyle = "rgb(255 252 245 / .92)";
  pen.fill();
  pen.lineWidth = 3;
  pen.strokeStyle = INKS[region.ink][0];
  pen.stroke();
  pen.fillStyle = "#2b2231";
  pen.textBaseline = "middle";
  pen.fillText(text, x + size / 2, y + tall / 2 + 1);
}

/* All regions on a cleared canvas, the one that is painted with on top. */
function drawRegions(canvas, regions, active, night) {
  const pen = canvas.getContext("2d"), size = 13.5 * DOTS / (canvas.clientWidth || 360);
  pen.clearRect(0, 0, DOTS, DOTS);
  const order = regions.filter((region) => region !== active).concat(regions.includes(active) ? [active] : []);
  for (const region of order) drawRegion(pen, region, region === active, night);
  for (const region of order) drawName(pen, region, size);
  return pen;
}

/* A small sample of an ink. */
function swatch(ink) {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = TILE;
  canvas.className = "swatch";
  canvas.setAttribute("aria-hidden", "true");
  pen.fillStyle = shade(INKS[ink][0], 255, .4);
  pen.fillRect(0, 0, TILE, TILE);
  pen.fillStyle = patternOf(pen, ink, false);
  pen.fillRect(0, 0, TILE, TILE);
  return canvas;
}

/* Marks the words that the storybook does not know: a wavy line under them in the sentence itself, and a list below.
   The value is [[start, end, word], ...]; nothing here touches innerHTML with what a visitor wrote. */
const list = element.querySelector(".unknown-words"), lead = element.querySelector(".unknown-lead");
const field = () => document.querySelector("#prompt textarea");

function mirrorOf(area) {
  let mirror = area.parentElement.querySelector(".mirror");
  if (!mirror) {
    mirror = document.createElement("div");
    mirror.className = "mirror";
    mirror.setAttribute("aria-hidden", "true");
    area.parentElement.append(mirror);
    area.addEventListener("scroll", () => { mirror.scrollTop = area.scrollTop; });
    area.addEventListener("input", () => underline(area, kept.filter(([s, e, w]) => area.value.slice(s, e) === w)));
  }
  return mirror;
}

let kept = [];

function underline(area, spans) {
  const mirror = mirrorOf(area), style = getComputedStyle(area), parts = [];
  for (const name of ["font", "letterSpacing", "padding", "borderWidth", "lineHeight"]) mirror.style[name] = style[name];
  mirror.style.left = area.offsetLeft + "px";
  mirror.style.top = area.offsetTop + "px";
  mirror.style.width = area.offsetWidth + "px";
  mirror.style.height = area.offsetHeight + "px";
  let at = 0;
  for (const [start, end, word] of spans) {
    if (area.value.slice(start, end) !== word) continue;
    const mark = document.createElement("u");
    mark.textContent = word;
    parts.push(area.value.slice(at, start), mark);
    at = end;
  }
  mirror.replaceChildren(...parts, area.value.slice(at));
  mirror.scrollTop = area.scrollTop;
}

function show(spans) {
  kept = spans;
  const words = [...new Set(spans.map((span) => span[2]))];
  lead.textContent = words.length ? "Not in the storybook:" : "";
  list.replaceChildren(...words.slice(0, 12).map((word) => {
    const chip = document.createElement("li");
    chip.textContent = word.length > 24 ? word.slice(0, 23) + "…" : word;
    return chip;
  }));
  const area = field();
  if (area) underline(area, spans);
}

watch("value", () => show(props.value || []));
window.addEventListener("resize", () => { const area = field(); if (area) underline(area, kept); });

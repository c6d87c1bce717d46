/* The word box: a click puts a word into the sentence where the cursor is. */
element.addEventListener("click", (event) => {
  const word = event.target.closest("button[data-word]");
  const area = document.querySelector("#prompt textarea");
  if (!word || !area) return;
  const start = area.selectionStart, before = area.value.slice(0, start), after = area.value.slice(area.selectionEnd);
  const piece = (before && !/\s$/.test(before) ? " " : "") + word.dataset.word + (after && !/^[\s,.]/.test(after) ? " " : "");
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, before + piece + after);
  area.selectionStart = area.selectionEnd = start + piece.length;
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

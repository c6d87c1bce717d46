/* The cards: a click, or Enter on one, tells the server which example was chosen. */
element.addEventListener("click", (event) => {
  const card = event.target.closest("button[data-index]");
  if (card) trigger("click", { index: Number(card.dataset.index) });
});

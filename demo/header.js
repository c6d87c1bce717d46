/* The lamp: light or dark, remembered in this browser; without a choice the system's wish is followed. */
const body = document.body, wish = localStorage.getItem("studio-light");
if (wish) body.classList.toggle("dark", wish === "dark");
element.querySelector(".lamp").addEventListener("click", () => {
  const dark = body.classList.toggle("dark");
  localStorage.setItem("studio-light", dark ? "dark" : "light");
});

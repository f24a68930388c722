// Keeps the list fresh: asks every two seconds and puts new notices on top. Pausable (WCAG 2.2.2).
"use strict";
const list = document.getElementById("list");
const fresh = document.getElementById("fresh");
const hold = document.getElementById("hold");
let paused = false;
hold.hidden = false;
fresh.textContent = "New ones appear by themselves.";
hold.addEventListener("click", () => {
  paused = !paused;
  hold.setAttribute("aria-pressed", String(paused));
  fresh.textContent = paused ? "Paused." : "New ones appear by themselves.";
});
async function refresh() {
  if (paused || document.hidden) return;
  try {
    const answer = await fetch("/outbox/list");
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const known = new Set([...list.querySelectorAll("article")].map((a) => a.id));
    const added = [...page.querySelectorAll("article")].filter((a) => !known.has(a.id));
    if (added.length > 0) {
      list.querySelector(".none")?.remove();
      list.prepend(...added);
    }
    fresh.textContent = "New ones appear by themselves.";
  } catch {
    fresh.textContent = "The system does not answer; this list may be old.";
  }
}
setInterval(refresh, 2000);

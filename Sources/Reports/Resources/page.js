"use strict";
// The page is complete without this; here are the filter, the level buttons, and opening what a link names.
document.documentElement.classList.add("js");
const input = document.getElementById("filter");
const shown = document.getElementById("shown");
const levels = [...document.querySelectorAll("button[data-level]")];
const exchanges = [...document.querySelectorAll("details.exchange")];
const texts = exchanges.map((exchange) => exchange.textContent.toLowerCase());

function apply() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = levels.filter((button) => button.ariaPressed === "true").map((button) => button.dataset.level);
  let count = 0;
  exchanges.forEach((exchange, index) => {
    const has = exchange.dataset.levels.split(" ");
    const visible = words.every((word) => texts[index].includes(word))
      && (chosen.length === 0 || chosen.some((level) => has.includes(level)));
    exchange.hidden = !visible;
    if (visible) count += 1;
  });
  shown.textContent = count === exchanges.length ? "" : `${count} of ${exchanges.length} shown`;
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  const exchange = target && target.closest("details.exchange");
  if (!exchange) return;
  exchange.hidden = false;
  exchange.open = true;
  target.scrollIntoView();
}

if (input) {
  input.addEventListener("input", apply);
  for (const button of levels) {
    button.addEventListener("click", () => {
      button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
      apply();
    });
  }
  const toggle = document.getElementById("toggle");
  toggle.addEventListener("click", () => {
    const open = toggle.textContent === "Open all";
    for (const exchange of exchanges) if (!exchange.hidden) exchange.open = open;
    toggle.textContent = open ? "Close all" : "Open all";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
    }
  });
  window.addEventListener("beforeprint", () => { for (const exchange of exchanges) exchange.open = true; });
  addEventListener("hashchange", reveal);
  reveal();
}

// Filters, keys, theme, copying. Everything can be read without it.
(() => {
  "use strict";
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const scenarios = all("details.scenario");
  const search = document.getElementById("search");
  const buttons = all("button[data-filter]");
  const shown = document.getElementById("shown");
  let status = "";

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const scenario of scenarios) {
      const fits = (!status || scenario.dataset.status === status)
        && words.every((word) => scenario.dataset.words.includes(word));
      scenario.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = count === scenarios.length ? "" : `${count} of ${scenarios.length} shown`;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === status));
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      status = button.dataset.filter;
      apply();
    });
  }
  search.addEventListener("input", apply);

  const theme = document.getElementById("theme");
  theme.addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) {
      return;
    }
    const text = button.previousElementSibling;
    const done = () => { button.textContent = "copied"; };
    const select = () => getSelection().selectAllChildren(text);
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text.textContent).then(done, select);
    } else {
      select();
    }
  });

  const open = (target) => {
    if (target && target.matches("details")) {
      target.open = true;
    }
  };
  const follow = () => open(document.getElementById(decodeURIComponent(location.hash.slice(1))));
  addEventListener("hashchange", follow);
  follow();

  const go = (step, wanted) => {
    const list = scenarios.filter((scenario) => !scenario.hidden && wanted(scenario));
    const now = scenarios.indexOf(document.activeElement && document.activeElement.closest("details.scenario"));
    const next = step > 0
      ? list.find((scenario) => scenarios.indexOf(scenario) > now) || list[0]
      : list.findLast((scenario) => scenarios.indexOf(scenario) < now) || list[list.length - 1];
    if (next) {
      next.querySelector("summary").focus();
      next.scrollIntoView({ block: "start" });
    }
  };
  const isRed = (scenario) => scenario.dataset.status === "failed" || scenario.dataset.status === "errored";
  const help = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => help.showModal());
  const keys = {
    j: () => go(1, () => true),
    k: () => go(-1, () => true),
    n: () => go(1, isRed),
    p: () => go(-1, isRed),
    o: () => scenarios.forEach((scenario) => { scenario.open = !scenario.hidden; }),
    c: () => scenarios.forEach((scenario) => { scenario.open = false; }),
    t: () => theme.click(),
    "/": () => search.focus(),
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea");
    if (typing && event.key === "Escape") {
      event.target.value = "";
      apply();
      event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key] && !help.open) {
      event.preventDefault();
      keys[event.key]();
    }
  });
})();

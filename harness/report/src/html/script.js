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
  const forget = () => {
    status = "";
    search.value = "";
    apply();
  };
  const nextStatus = () => {
    const now = buttons.findIndex((button) => button.dataset.filter === status);
    buttons[(now + 1) % buttons.length].click();
  };

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

  // A link may lead into what is closed, or to what the filter hides.
  const follow = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      // The id itself has a percent sign.
    }
    const target = id && document.getElementById(id);
    if (!target) {
      return;
    }
    if (target.closest("[hidden]")) {
      forget();
    }
    for (let inner = target.closest("details"); inner; inner = inner.parentElement.closest("details")) {
      inner.open = true;
    }
    target.scrollIntoView();
  };
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
  const needsALook = (scenario) => !["passed", "skipped"].includes(scenario.dataset.status);
  const help = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => help.showModal());
  const keys = {
    j: () => go(1, () => true),
    k: () => go(-1, () => true),
    n: () => go(1, needsALook),
    p: () => go(-1, needsALook),
    o: () => scenarios.forEach((scenario) => { scenario.open = !scenario.hidden; }),
    c: () => scenarios.forEach((scenario) => { scenario.open = false; }),
    s: nextStatus,
    Escape: forget,
    t: () => theme.click(),
    "/": () => search.focus(),
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea");
    if (typing && event.key === "Escape") {
      forget();
      event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key] && !help.open) {
      event.preventDefault();
      keys[event.key]();
    }
  });
})();

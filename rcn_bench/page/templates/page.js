"use strict";
// Sorting, tabs, and what a row rests on. Without it all trees stand below each other, and links lead to records.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Tables: a button in each column's title sorts by it; what has no value comes last.

for (const table of all("table.sortable")) {
  for (const title of all("thead th[data-numeric]", table)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title.textContent;
    title.replaceChildren(button);
    button.addEventListener("click", () => sort(table, title));
  }
}

function sort(table, title) {
  const at = title.cellIndex;
  const numeric = title.dataset.numeric === "yes";
  const down = title.getAttribute("aria-sort") === "ascending";
  for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [row.cells[at].dataset.order ?? "", row]);
  rows.sort(([one], [other]) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    const order = numeric ? Number(one) - Number(other) : one.localeCompare(other, "en", { numeric: true });
    return down ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
}

// Tabs: one tree at a time; arrows, Home and End move between them. A link into a tree shows it.

const tabs = all('[role="tab"]');

function select(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function show(fragment) {
  const target = document.getElementById(decodeURIComponent(fragment));
  if (!target) return;
  const tree = target.closest(".tree");
  if (tabs.length && tree) select(document.getElementById(`tab-${tree.id}`));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
}

for (const tab of tabs) {
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", tab.hash);
    select(tab);
  });
  tab.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined && event.key !== " ") return;
    event.preventDefault();
    const next = tabs[((to ?? at) + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
}
if (tabs.length) select(tabs[0]);
if (location.hash) show(location.hash.slice(1));
window.addEventListener("hashchange", () => show(location.hash.slice(1)));
window.addEventListener("beforeprint", () => all("details").forEach((each) => (each.open = true)));

// What a row or figure rests on: its runs, and the origins of all records behind it.

const dialog = document.querySelector("dialog");

function rowsOf(table, chosen) {
  const copy = table.cloneNode(false);
  copy.removeAttribute("id");
  copy.append(table.tHead.cloneNode(true), document.createElement("tbody"));
  for (const button of all("thead button", copy)) button.replaceWith(button.textContent);
  for (const row of chosen) {
    const clone = row.cloneNode(true);
    clone.removeAttribute("id");
    copy.tBodies[0].append(clone);
  }
  for (const cell of all(".from", copy)) cell.remove();
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(copy);
  return scroll;
}

function open(link, cell) {
  const { tree, runs, records } = link.dataset;
  const names = runs.split(" ").filter(Boolean);
  const row = link.closest("tr") ?? link.closest("figure");
  const table = link.closest("table");
  const column = cell && table ? table.tHead.rows[0].cells[cell.cellIndex].textContent : "";
  const title = table ? table.caption.textContent.trim() : "";
  document.getElementById("dialog-title").textContent = [title, row.dataset.label].filter(Boolean).join(": ");
  dialog.querySelector(".value").textContent = column ? `${column}: ${cell.title || cell.textContent.trim()}` : "";
  const parts = [["runs", names.map((name) => document.getElementById(`${tree}-runs-${name}`)).filter(Boolean)]];
  const origins = document.getElementById(`${tree}-records`);
  const paths = all("tbody tr", origins);
  const wanted = records.split(" ").filter(Boolean).map(Number);
  const byNumber = new Map(paths.map((each) => [Number(each.dataset.number), each]));
  parts.push(["records", wanted.map((number) => byNumber.get(number)).filter(Boolean)]);
  for (const [part, chosen] of parts) {
    const place = dialog.querySelector(`.${part}`);
    place.replaceChildren();
    if (chosen.length) place.append(rowsOf(document.getElementById(`${tree}-${part}`), chosen));
  }
  dialog.showModal();
  dialog.scrollTop = 0;
}

for (const link of all("a.source")) {
  link.setAttribute("role", "button");
  link.closest("tr")?.classList.add("opens");
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.source");
  if (link) {
    event.preventDefault();
    open(link);
    return;
  }
  const cell = event.target.closest("tr.opens > td, tr.opens > th");
  if (cell && !event.target.closest("a, button") && getSelection().isCollapsed) {
    open(cell.parentElement.querySelector("a.source"), cell);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a.source")) {
    event.preventDefault();
    open(event.target);
  }
});

dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

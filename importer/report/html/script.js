"use strict";
(() => {
  const data = JSON.parse(document.getElementById("embedded").textContent);
  const [
    ID, NAME, OUTCOME, ERRORS, WARNINGS, ROWS, API_ID, MESSAGE, ACTION, PROBLEMS, SOURCES, BODY, MORE, CHANGES, MORE_CHANGES,
  ] = Array(15).keys();
  const SEVERITIES = ["error", "warning", "info"];
  const TONES = { ready: "good", new: "good", changes: "good", "to fix": "bad", valid: "good", created: "good", updated: "good", "to create": "good", "to update": "good", rejected: "bad", failed: "bad", unknown: "warn" };
  const SENT = { update: "The whole customer (only what differs is sent)", none: "What would be sent" };
  const PAGE = 50;
  const OWNER = data.owner;
  const see = (file) => (OWNER ? "." : `: see ${file}.`);
  const at = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  const customers = data.customers;
  const texts = new Array(customers.length);
  const textOf = (n) => (texts[n] ??= [
    customers[n][ID], customers[n][NAME], customers[n][ROWS], customers[n][API_ID], customers[n][MESSAGE],
    ...customers[n][CHANGES].flat().filter(Boolean),
    ...customers[n][PROBLEMS].flatMap((problem) => problem.slice(1, 7)),
    ...customers[n][SOURCES].flatMap((row) => row[2].map((cell) => cell[1])),
  ].join("\n").toLowerCase());

  const body = at("table").tBodies[0];
  let found = [];
  let page = 0;
  let sorted = { by: -1, down: false };

  const facts = (pairs) => make("table", { class: "cells" }, make("tbody", {}, ...pairs));

  const sourceRow = (row, problems) => {
    const [table, number, cells] = row;
    const { name, columns } = data.tables[table];
    const wrong = new Set(problems.filter((p) => p[0] < 2 && p[8] === table && p[9] === number).map((p) => p[3]));
    const lines = cells.map(([column, text]) => {
      const marked = wrong.delete(columns[column]);
      const line = make("tr", {}, make("th", { scope: "row" }, columns[column]), make("td", { class: "mono" }, text));
      if (marked) line.className = "marked";
      return line;
    });
    for (const column of wrong) {
      if (!columns.includes(column)) continue;
      lines.unshift(make("tr", { class: "marked" }, make("th", { scope: "row" }, column), make("td", {}, "(blank)")));
    }
    return [make("h4", {}, `${name}, row ${number}`), facts(lines)];
  };

  const bodyOf = (customer) => {
    if (customer[BODY] === null) return make("p", {}, OWNER ? "Nothing, until it is fixed." : "Nothing is sent, because the customer is rejected.");
    if (customer[BODY] === "") return make("p", {}, OWNER ? "Too long for this page." : "Too long for this page. See payloads.jsonl.");
    if (OWNER) {
      return make("div", {}, ...customer[BODY].flatMap(([title, fields]) => [
        make("h5", {}, title),
        facts(fields.map(([name, text]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, text)))),
      ]));
    }
    return make("pre", { class: "mono", tabindex: "0", "aria-label": "The data that is sent" },
      JSON.stringify(JSON.parse(customer[BODY]), null, 2));
  };

  // Parts between backticks become code.
  const spans = (text) => text.split("`").map((part, n) => (n % 2 ? make("code", {}, part) : part));

  const problemLine = (problem) => {
    const [severity, code, field, column, value, message, hint, place] = problem;
    const where = [place, column].filter(Boolean).join(", ");
    return make("li", {},
      make("span", { class: `pill ${SEVERITIES[severity]}` }, OWNER ? ["to fix", "to review", "info"][severity] : SEVERITIES[severity]), " ",
      make("strong", {}, ...spans(message)), " ", ...spans(hint), " ",
      make("span", { class: "soft small" }, [where, field, code].filter(Boolean).join(" · ")));
  };

  const side = (text, kind) => make("td", {}, text === null ? make("span", { class: "soft" }, "nothing") : make(kind, {}, text));

  // The elements del and ins tell screen readers which side is old and which is new.
  const differences = (customer) => {
    const heads = ["Field", "In WizCommerce", OWNER ? "In your list" : "In the source", "Cell"].map((text) => make("th", { scope: "col" }, text));
    const lines = customer[CHANGES].map(([field, before, after, place]) => make("tr", {},
      make("th", { scope: "row", class: "mono" }, field), side(before, "del"), side(after, "ins"),
      make("td", { class: "soft small" }, place ?? "")));
    const table = make("table", { class: "changes" }, make("caption", { class: "hidden" }, "What differs, field by field"),
      make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
    const more = customer[MORE_CHANGES] ? [make("p", { class: "soft small" }, `${count(customer[MORE_CHANGES], "more field", "more fields")}${see("changes.csv")}`)] : [];
    return [make("h4", {}, "What differs"), make("div", { class: "scroll" }, table), ...more];
  };

  const detail = (customer) => {
    const cell = make("td", { colspan: "6" });
    const list = make("ul", { class: "found" }, ...customer[PROBLEMS].map(problemLine));
    const hidden = customer[ERRORS] + customer[WARNINGS] - customer[PROBLEMS].filter((p) => p[0] < 2).length;
    if (hidden > 0) list.append(make("li", { class: "soft" }, `${count(hidden, "more problem", "more problems")}${see("errors.csv")}`));
    if (customer[PROBLEMS].length) cell.append(list);
    if (customer[MESSAGE]) cell.append(make("p", {}, customer[MESSAGE]));
    if (customer[API_ID]) cell.append(make("p", { class: "small soft" }, `In WizCommerce: ${customer[API_ID]}`));
    const left = make("div", {}, make("h4", {}, OWNER ? "In your list" : "In the source"),
      ...customer[SOURCES].flatMap((row) => sourceRow(row, customer[PROBLEMS])));
    if (customer[MORE]) left.append(make("p", { class: "soft" }, `${count(customer[MORE], "more row", "more rows")} in ${OWNER ? "your list" : "the source"}.`));
    if (customer[CHANGES].length) cell.append(...differences(customer));
    const right = make("div", {}, make("h4", {}, OWNER ? "In WizCommerce" : SENT[customer[ACTION]] ?? "What is sent"), bodyOf(customer));
    cell.append(make("div", { class: "sides" }, left, right));
    return make("tr", { class: "detail" }, cell);
  };

  const toggle = (button, line, customer) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextElementSibling.remove();
    else line.after(detail(customer));
  };

  const lineOf = (n) => {
    const customer = customers[n];
    const button = make("button", { class: "open", type: "button", "aria-expanded": "false" }, customer[ID] || "(no ID)");
    const line = make("tr", {},
      make("th", { scope: "row" }, button),
      make("td", {}, customer[NAME]),
      make("td", {}, make("span", { class: `pill ${TONES[customer[OUTCOME]] ?? ""}` }, customer[OUTCOME])),
      make("td", { class: "n" }, customer[ERRORS] ? customer[ERRORS].toLocaleString("en") : ""),
      make("td", { class: OWNER ? "n" : "n wide" }, customer[WARNINGS] ? customer[WARNINGS].toLocaleString("en") : ""),
      make("td", { class: OWNER ? "small soft" : "wide small soft" }, customer[ROWS]));
    for (const [place, head] of [...at("table").tHead.rows[0].cells].entries()) line.cells[place].dataset.label = head.textContent;
    for (const cell of line.cells) if (!cell.textContent) cell.classList.add("blank");
    button.addEventListener("click", () => toggle(button, line, customer));
    return line;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    body.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(lineOf));
    at("found").textContent = `${found.length.toLocaleString("en")} of ${count(customers.length, "customer", "customers")}`;
    at("page").textContent = `Page ${page + 1} of ${pages}`;
    at("previous").disabled = page === 0;
    at("next").disabled = page === pages - 1;
  };

  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
  const filter = () => {
    const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = at("outcome").value;
    const code = at("code").value;
    found = [...customers.keys()].filter((n) =>
      (!outcome || customers[n][OUTCOME] === outcome)
      && (!code || customers[n][PROBLEMS].some((problem) => problem[1] === code))
      && words.every((word) => textOf(n).includes(word)));
    const { by, down } = sorted;
    if (by >= 0) {
      const numbers = by === ERRORS || by === WARNINGS;
      found.sort((a, b) => (down ? -1 : 1) * (numbers ? customers[a][by] - customers[b][by] : compare(customers[a][by], customers[b][by])) || a - b);
    }
    page = 0;
    show();
  };

  const options = (id, values) => at(id).append(...[...values].sort().map((value) => make("option", { value }, value)));
  options("outcome", new Set(customers.map((customer) => customer[OUTCOME])));
  options("code", new Set(customers.flatMap((customer) => customer[PROBLEMS].map((problem) => problem[1]))));

  let waiting = 0;
  at("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  for (const id of ["outcome", "code"]) at(id).addEventListener("change", filter);
  document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
  at("previous").addEventListener("click", () => { page -= 1; show(); });
  at("next").addEventListener("click", () => { page += 1; show(); });
  for (const button of document.querySelectorAll("th button[data-by]")) {
    button.addEventListener("click", () => {
      const by = Number(button.dataset.by);
      const first = by === ERRORS || by === WARNINGS;
      sorted = { by, down: sorted.by === by ? !sorted.down : first };
      for (const head of at("table").tHead.querySelectorAll("th[aria-sort]")) head.setAttribute("aria-sort", "none");
      button.closest("th").setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      filter();
    });
  }
  // When printed, all sections are open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });

  const known = new Set([...at("code").options].map((option) => option.value));
  for (const button of document.querySelectorAll("button[data-code]")) {
    if (!known.has(button.dataset.code)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      at("code").value = button.dataset.code;
      at("search").value = "";
      at("outcome").value = "";
      filter();
      at("customers").scrollIntoView();
      at("code").focus({ preventScroll: true });
    });
  }
  at("list").hidden = false;
  filter();
})();

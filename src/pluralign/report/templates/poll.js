// What a script adds to the page of a poll: sorting, filters, the question explorer, files to save.
// Without it everything but the explorer's choices is on the page already.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);

  function make(name, content, properties = {}) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    for (const child of [content].flat()) if (child !== null && child !== undefined) element.append(child);
    return element;
  }

  // ---------------------------------------------------------------- sorting tables

  function sortBy(table, column, header) {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const body = table.tBodies[0];
    const keyOf = (row) => {
      const cell = row.cells[column];
      const text = "sort" in cell.dataset ? cell.dataset.sort : cell.firstChild ? cell.textContent.trim() : "";
      if (header.dataset.kind !== "number") return text.toLocaleLowerCase();
      const number = parseFloat(text.replace("−", "-").replace(/,/g, ""));
      return Number.isNaN(number) ? null : number;
    };
    const rows = [...body.rows].map((row) => [keyOf(row), row]);
    rows.sort(([left], [right]) => {
      if (left === null || right === null) return (left === null) - (right === null); // no number: always last
      const order = typeof left === "number" ? left - right : left.localeCompare(right);
      return ascending ? order : -order;
    });
    for (const [, row] of rows) body.append(row);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      if (!header.dataset.kind) return;
      const button = make("button", [...header.childNodes], { type: "button", className: "sort" });
      button.addEventListener("click", () => sortBy(table, column, header));
      header.append(button);
    });
  }

  // ---------------------------------------------------------------- one ranking at a time

  const rankings = [...document.querySelectorAll("details.ranking")];
  const choice = byId("ranking-voice");
  if (choice) {
    rankings[0].parentElement.classList.add("picked");
    const show = () => rankings.forEach((ranking, at) => { ranking.open = String(at) === choice.value; });
    choice.addEventListener("change", show);
    for (const ranking of rankings) { // the choice opens and shuts them now
      ranking.firstElementChild.tabIndex = -1;
      ranking.firstElementChild.addEventListener("click", (event) => event.preventDefault());
    }
    show();
  }
  const closedByReader = new Set();
  window.addEventListener("beforeprint", () => {
    begin();
    if (matching.length <= ON_PAPER) { const from = Math.min(shown, matching.length); shown = Math.max(shown, matching.length); draw(from); }
    for (const each of document.querySelectorAll("details:not([open]):not(.in-question)")) {
      closedByReader.add(each);
      each.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const each of closedByReader) each.open = false;
    closedByReader.clear();
  });

  // ---------------------------------------------------------------- files to save

  function save(name, text, kind) {
    const url = URL.createObjectURL(new Blob([text], { type: kind }));
    const link = make("a", null, { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  const field = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const csv = (rows) => rows.map((row) => row.map(field).join(",") + "\r\n").join("");

  function questionRows() {
    const rows = [["question", "topic", "scale", "text", "option_position", "option", "answerer", "voice", "collective", "share"]];
    for (const one of data().questions) {
      const options = data().options[one[4]];
      const add = (answerer, voice, collective, shares) => shares && shares.forEach((share, at) =>
        rows.push([one[0], one[2], one[3], one[1], at + 1, options[at], answerer, voice, collective, share / 1e4]));
      one[5].forEach((shares, at) => add("people", "", data().peoples[at][0], shares));
      one[6].forEach((said, voice) => {
        if (said.all !== undefined) add("voice", data().voices[voice][0], "", said.all);
        else said.forEach((shares, at) => add("voice", data().voices[voice][0], data().peoples[at][0], shares));
      });
    }
    return rows;
  }

  for (const button of document.querySelectorAll("[data-csv]")) {
    button.addEventListener("click", () => {
      const { study, sheets } = read("sheets-data");
      const name = button.dataset.csv;
      const rows = name === "questions" ? questionRows() : [sheets[name].columns, ...sheets[name].rows];
      save(`${study}-${name}.csv`, csv(rows), "text/csv;charset=utf-8");
    });
  }

  const SPACE = "http://www.w3.org/2000/svg";
  function shape(name, attributes, text) {
    const element = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }
  const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

  // An empty drawing with a title, in the page's own colours and letters.
  function sheet(title, width) {
    const page = getComputedStyle(document.body);
    const face = { "font-family": page.fontFamily, fill: page.color };
    const whole = shape("svg", { xmlns: SPACE });
    whole.append(shape("rect", { width: "100%", height: "100%", fill: page.backgroundColor }),
      shape("text", { x: 16, y: 26, "font-size": 15, "font-weight": 600, ...face }, short(title, 100)));
    const finish = (height) => {
      for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) whole.setAttribute(key, value);
      return new XMLSerializer().serializeToString(whole);
    };
    return { whole, face, finish };
  }

  // One question's bars.
  function barsDrawing(card) {
    const width = 860, left = 240, long = 520;
    const { whole, face, finish } = sheet(card.querySelector("h3").textContent, width);
    let y = 44;
    for (const row of card.querySelectorAll(".bar-row")) {
      whole.append(shape("text", { x: left - 14, y: y + 16, "text-anchor": "end", "font-size": 13, ...face }, short(row.firstChild.textContent, 32)));
      const bar = row.querySelector(".bar");
      const whole100 = bar ? [...bar.children].reduce((sum, part) => sum + parseFloat(part.style.flexGrow), 0) : 0;
      let x = left;
      for (const part of bar ? bar.children : []) {
        const style = getComputedStyle(part), wide = (long * parseFloat(part.style.flexGrow)) / whole100;
        whole.append(shape("rect", { x, y, width: Math.max(0, wide - 1), height: 22, fill: style.backgroundColor }));
        if (part.textContent) whole.append(shape("text", { x: x + wide / 2, y: y + 15, "text-anchor": "middle", "font-size": 11, "font-family": face["font-family"], fill: style.color }, part.textContent));
        x += wide;
      }
      whole.append(shape("text", { x: left + long + 12, y: y + 16, "font-size": 12, ...face }, row.lastChild.textContent));
      y += 28;
    }
    for (const item of card.querySelectorAll(".key li")) {
      const swatch = getComputedStyle(item.firstChild);
      y += 18;
      whole.append(shape("rect", { x: 16, y: y - 10, width: 14, height: 12, fill: swatch.backgroundColor }),
        shape("text", { x: 38, y, "font-size": 12, ...face }, short(`${item.firstChild.textContent}  ${item.lastChild.textContent}`, 110)));
    }
    return finish(y + 16);
  }

  // A table's row pictures, stacked into one drawing that stands alone: colours resolved, names beside the rows.
  const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-size", "font-weight", "font-family", "paint-order"];
  // A picture of the page with its colours written into it, at a place of its own.
  function copied(source, place) {
    const copy = source.cloneNode(true);
    const originals = source.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((element, at) => {
      const style = getComputedStyle(originals[at]);
      for (const name of STYLES) element.style.setProperty(name, style.getPropertyValue(name));
      element.removeAttribute("class");
    });
    for (const [key, value] of Object.entries({ ...place, overflow: "visible" })) copy.setAttribute(key, value);
    for (const name of ["class", "role", "aria-label", "aria-hidden", "focusable"]) copy.removeAttribute(name);
    return copy;
  }

  function drawing(table) {
    const width = 860, left = 240, right = 70;
    const copyOf = (source, y, height) => copied(source, { x: left, y, width: width - left - right, height });
    const { whole, face, finish } = sheet(table.caption.textContent.trim().split(". ")[0].replace(/\.$/, ""), width);
    let y = 44;
    const axis = table.querySelector("tbody .inline-axis svg, thead svg");
    whole.append(copyOf(axis, y, 16));
    y += 24;
    for (const row of table.tBodies[0].rows) {
      const plot = row.querySelector("svg.plot");
      const height = Number(plot.getAttribute("height")) + 8;
      const name = row.querySelector(".name").textContent;
      whole.append(
        shape("text", { x: left - 14, y: y + 17, "text-anchor": "end", "font-size": 13, ...face }, short(name, 32)),
        copyOf(plot, y, height),
        shape("text", { x: width - 10, y: y + 17, "text-anchor": "end", "font-size": 13, ...face }, row.querySelector(".value").textContent),
      );
      y += height;
    }
    for (const line of document.querySelectorAll(".legend dt")) {
      y += 18;
      const named = line.textContent.replace(/\s+/g, " ").trim().replace(/ (floor|ceiling) \S+$/, " ($1)");
      whole.append(shape("text", { x: 16, y, "font-size": 12, ...face }, named));
    }
    return finish(y + 16);
  }

  // The pictures of the cells, trait by trait, a line for each bearer.
  function profileDrawing(table) {
    const width = 860, left = 240, right = 70;
    const { whole, face, finish } = sheet(table.caption.textContent.replace(/\.$/, ""), width);
    let y = 56;
    [...table.tHead.rows[0].cells].slice(1).forEach((trait, at) => {
      whole.append(shape("text", { x: 16, y: y + 14, "font-size": 14, "font-weight": 600, ...face }, trait.textContent));
      y += 24;
      for (const row of table.tBodies[0].rows) {
        const cell = row.cells[at + 1];
        whole.append(
          shape("text", { x: left - 14, y: y + 14, "text-anchor": "end", "font-size": 13, ...face }, short(row.cells[0].firstChild.textContent.trim(), 32)),
          copied(cell.querySelector("svg"), { x: left, y, width: width - left - right, height: 18 }),
          shape("text", { x: width - 10, y: y + 14, "text-anchor": "end", "font-size": 13, ...face }, cell.querySelector(".value").textContent),
        );
        y += 24;
      }
      y += 10;
    });
    return finish(y + 8);
  }

  function mapDrawing(figure) {
    const source = figure.querySelector("svg");
    const [, , across, down] = source.getAttribute("viewBox").split(" ").map(Number);
    const width = 860, height = Math.round((828 * down) / across);
    const { whole, finish } = sheet(`Skill by country: ${figure.closest("details").querySelector("h3").textContent}`, width);
    whole.append(copied(source, { x: 16, y: 44, width: 828, height }));
    return finish(height + 60);
  }

  for (const button of document.querySelectorAll("[data-svg]")) {
    button.addEventListener("click", () => {
      if (button.dataset.svg === "map") {
        const map = document.querySelector("details.ranking[open] figure.map");
        if (map) save("map.svg", mapDrawing(map), "image/svg+xml");
        return;
      }
      const table = button.dataset.svg === "ranking" ? document.querySelector("details.ranking[open] table") : byId(button.dataset.svg);
      if (table) save(`${table.id}.svg`, (table.id === "traits-table" ? profileDrawing : drawing)(table), "image/svg+xml");
    });
  }

  // ---------------------------------------------------------------- question explorer

  let parsed = null;
  const data = () => (parsed ??= read("explorer-data"));
  const STEP = 12, ON_PAPER = 90; // questions shown at a time; and at most printed without being asked for
  const explorer = byId("explorer"), more = byId("more");
  const people = byId("f-people"), topic = byId("f-topic"), sorting = byId("f-sort"), find = byId("f-text");
  let shown = STEP, matching = [], means = "";

  function mean(lists) {
    const known = lists.filter(Boolean);
    return known.length ? known[0].map((_, at) => known.reduce((sum, list) => sum + list[at], 0) / known.length) : null;
  }
  // Shares of the chosen people, or of all of them counting alike.
  const peopleShares = (one) => (people.value === "" ? mean(one[5]) : one[5][Number(people.value)]);
  function voiceShares(one, voice) {
    const said = one[6][voice];
    if (said.all !== undefined) return said.all;
    if (people.value !== "") return said[Number(people.value)];
    return mean(said.filter((_, at) => one[5][at]));
  }
  // The share of answers that would have to change: total variation, in ten-thousandths.
  const apart = (left, right) => (left && right ? left.reduce((sum, share, at) => sum + Math.abs(share - right[at]), 0) / 2 : null);
  const percent = (share) => {
    const value = share / 100;
    return value > 0 && value < 1 ? "<1%" : value > 99 && value < 100 ? ">99%" : `${Math.round(value)}%`;
  };
  const shade = (one, at, size) => (one[3] === "nominal" ? `n${at % 8}` : `c${size < 2 ? 0 : Math.round((7 * at) / (size - 1))}`);

  // How far a voice is from the chosen people; for all peoples the mean over them, not the distance of the means.
  function distance(one, voice) {
    if (people.value !== "") return apart(peopleShares(one), voiceShares(one, voice));
    const said = one[6][voice];
    const each = one[5].map((truth, at) => apart(truth, said.all !== undefined ? said.all : said[at])).filter((value) => value !== null);
    return each.length ? each.reduce((sum, value) => sum + value, 0) / each.length : null;
  }

  function bar(one, shares, options, who) {
    const said = options.map((option, at) => `${option} ${percent(shares[at])}`).join(", ");
    const parts = options.map((option, at) => {
      const text = shares[at] >= 1500 ? `${at + 1} · ${percent(shares[at])}` : shares[at] >= 550 ? String(at + 1) : "";
      const part = make("span", text, { className: shade(one, at, options.length), title: `${option}: ${percent(shares[at])}` });
      part.style.flex = `${shares[at]} 0 0px`;
      return part;
    });
    return make("div", parts, { className: "bar", role: "img", "aria-label": `${who}: ${said}` });
  }

  function barRow(one, options, [who, shares, far]) {
    return make("div", [
      make("span", who, { dir: "auto" }),
      shares ? bar(one, shares, options, who) : make("span", "no answer", { className: "soft" }),
      make("span", far === undefined || far === null ? "" : `${percent(far)} apart`, { className: "apart" }),
    ], { className: far === undefined ? "bar-row people" : "bar-row" });
  }

  function numbers(id, options, answers) {
    const head = make("tr", [make("th", "Option", { scope: "col" }), ...answers.map(([who]) => make("th", who, { scope: "col", className: "num", dir: "auto" }))]);
    const rows = options.map((option, at) => make("tr", [
      make("th", `${at + 1}  ${option}`, { scope: "row", dir: "auto" }),
      ...answers.map(([, shares]) => make("td", shares ? `${(shares[at] / 100).toFixed(1)}%` : "–", { className: "num" })),
    ]));
    const table = make("table", [make("thead", head), make("tbody", rows)]);
    const details = make("details", make("summary", "In numbers, and as a figure to save"), { className: "in-question" });
    const figure = make("button", "Figure as SVG", { type: "button", className: "screen" });
    figure.addEventListener("click", () => save(`${id}.svg`, barsDrawing(figure.closest("article")), "image/svg+xml"));
    details.append(make("div", table, { className: "scroll", tabIndex: 0, role: "region", "aria-label": `${id}: shares in numbers, scrolls sideways` }), figure);
    return details;
  }

  function card(one) {
    const options = data().options[one[4]];
    const truth = peopleShares(one) ?? null;
    const name = people.value === "" ? "All peoples" : data().peoples[Number(people.value)][1];
    const answers = [[name, truth], ...data().voices.map(([, label], voice) => [label, voiceShares(one, voice) ?? null, distance(one, voice)])];
    const rows = answers.map((answer) => barRow(one, options, answer));
    const key = make("ul", options.map((option, at) => make("li", [
      make("i", String(at + 1), { className: shade(one, at, options.length), "aria-hidden": "true" }), make("span", option, { dir: "auto" }),
    ])), { className: "key", "aria-label": "Options" });
    const scale = { nominal: "options without order", ordinal: "ordered options", interval: "numeric scale" }[one[3]] ?? one[3];
    const meta = [one[0], one[2], scale].filter(Boolean).join(" · ");
    return make("article", [
      make("h3", one[1], { dir: "auto" }), make("p", meta, { className: "meta", dir: "auto" }), ...rows, key, numbers(one[0], options, answers),
    ], { className: "question" });
  }

  function disagreement(one) {
    const voices = sorting.value.slice(4) === "" ? data().voices.map((_, voice) => voice) : [Number(sorting.value.slice(4))];
    const found = voices.map((voice) => distance(one, voice)).filter((value) => value !== null);
    return found.length ? found.reduce((sum, value) => sum + value, 0) / found.length : null;
  }

  function draw(from) {
    const upTo = Math.min(shown, matching.length);
    for (let at = from; at < upTo; at += 1) explorer.append(card(matching[at]));
    more.hidden = upTo >= matching.length;
    more.textContent = `Show ${Math.min(STEP, matching.length - upTo)} more`;
    byId("means").textContent = means;
    byId("shown").textContent = matching.length === 0 ? "No question matches." : `${upTo} of ${matching.length} ${matching.length === 1 ? "question" : "questions"} shown. In each bar the options stand from 1 on the left; “apart” is the share of answers that would have to change${people.value === "" ? ", the mean over peoples" : ""}.`;
  }

  function refresh() {
    const wanted = find.value.trim().toLocaleLowerCase();
    matching = data().questions.filter((one) =>
      (topic.value === "" || one[2] === data().topics[Number(topic.value)]) &&
      (!wanted || `${one[0]} ${one[1]} ${data().options[one[4]].join(" ")}`.toLocaleLowerCase().includes(wanted)));
    if (sorting.value !== "order") {
      const sign = sorting.value.startsWith("far") ? -1 : 1;
      matching = matching.map((one) => [disagreement(one), one]).sort(([left], [right]) =>
        left === null || right === null ? (left === null) - (right === null) : sign * (left - right)).map(([, one]) => one);
    }
    const averages = data().voices.map(([, label], voice) => {
      const known = matching.map((one) => distance(one, voice)).filter((value) => value !== null);
      return known.length ? `${label} ${percent(known.reduce((sum, value) => sum + value, 0) / known.length)}` : null;
    }).filter(Boolean);
    means = averages.length && matching.length > 1 ? `Apart on average over these ${matching.length} questions: ${averages.join(", ")}.` : "";
    shown = STEP;
    explorer.replaceChildren();
    draw(0);
  }

  function start() {
    const option = (value, text) => make("option", text, { value });
    if (data().peoples.length !== 1) people.append(option("", "All peoples"));
    data().peoples.forEach(([, name], at) => people.append(option(String(at), at < data().measured ? name : `${name} (no answers of the people)`)));
    topic.append(option("", "All topics"));
    data().topics.forEach((name, at) => name && topic.append(option(String(at), name)));
    sorting.append(option("order", "the survey’s order"), option("far:", "most disagreement"), option("near", "least disagreement"));
    if (data().voices.length > 1) data().voices.forEach(([, label], at) => sorting.append(option(`far:${at}`, `most disagreement: ${label}`)));
    sorting.value = "far:";
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const control of [people, topic, sorting]) control.addEventListener("change", refresh);
    find.addEventListener("input", refresh);
    more.addEventListener("click", () => { const from = shown; shown += STEP; draw(from); explorer.children[from]?.querySelector("summary")?.focus(); });
    refresh();
  }

  let begun = false;
  function begin() {
    if (!begun) { begun = true; start(); }
  }
  // A large run's answers are read only when the reader comes near them.
  if ("IntersectionObserver" in window && byId("explorer-data").textContent.length > 400000) {
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { watcher.disconnect(); begin(); }
    }, { rootMargin: "800px" });
    watcher.observe(byId("questions"));
  } else {
    begin();
  }
})();

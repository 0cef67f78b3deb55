// The page: what is shown follows from one state, and the state stands in the address, so that a link gives it back.
(() => {
  "use strict";
  const { element, count, percent, evidence, linkSentence, caution, bar, numbers } = words;
  const data = JSON.parse(document.getElementById("graph-data").textContent);
  const at = (id) => document.getElementById(id);
  const values = new Map(data.values.map((value) => [value.id, value]));
  const links = new Map(data.links.map((link) => [link.id, link]));
  const titles = Object.fromEntries(data.values.map((value) => [value.id, value.title]));
  const FILTERS = ["q", "case", "context", "group", "least", "rejected"];
  const empty = { q: "", case: "", context: "", group: "", least: "", rejected: "", join: "", view: "", select: "" };
  let state = { ...empty }, shown = [];

  at("filters").hidden = false;
  at("drawing").hidden = false;

  // ---- state and address

  // A link is named by what it joins, so that a permalink survives another build of the same graph.
  const linkName = (link) => `${link.source}>${link.wiser}@${link.contexts.join("|")}`;
  const names = new Map(data.links.map((link) => [linkName(link), link.id]));

  function readAddress() {
    const found = new URLSearchParams(location.hash.slice(1));
    state = { ...empty };
    for (const name of Object.keys(empty)) if (found.has(name)) state[name] = found.get(name);
    if (!data.contexts.includes(state.context)) state.context = "";
    if (!data.cases.some((one) => one.name === state.case)) state.case = "";
    if (!data.groups.some((one) => `${one.attribute}: ${one.group}` === state.group)) state.group = "";
    if (state.select.startsWith("value:") && !values.has(state.select.slice(6))) state.select = "";
    if (state.select.startsWith("link:") && !names.has(state.select.slice(5))) state.select = "";
  }

  function writeAddress() {
    const pairs = Object.entries(state).filter(([, value]) => value);
    const hash = new URLSearchParams(pairs).toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  const selectedId = () => {
    if (state.select.startsWith("value:")) return `v:${state.select.slice(6)}`;
    if (state.select.startsWith("link:")) return `e:${names.get(state.select.slice(5))}`;
    return "";
  };
  const selectionOf = (id) => (id.startsWith("v:") ? `value:${id.slice(2)}` : id ? `link:${linkName(links.get(id.slice(2)))}` : "");

  // ---- filters

  const fold = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  const texts = new Map(data.values.map((value) => [value.id, fold([value.title, value.summary, value.description, ...value.policies].join("\n"))]));

  function filtered() {
    const wanted = fold(state.q.trim()).split(/\s+/).filter(Boolean);
    const matches = (id) => wanted.every((word) => texts.get(id).includes(word));
    const allowed = state.case ? new Set(data.cases.find((one) => one.name === state.case).contexts) : null;
    const found = data.links.filter((link) => {
      const seen = evidence(link, state.group);
      return (
        (link.kept || state.rejected) && seen && seen.total >= Number(state.least || 0) &&
        (!state.context || link.contexts.includes(state.context)) &&
        (!allowed || link.contexts.some((context) => allowed.has(context))) &&
        (!wanted.length || matches(link.source) || matches(link.wiser))
      );
    });
    return { found, matches: wanted.length ? matches : () => false };
  }

  // ---- everything that is drawn

  const stage = drawing.create({
    box: at("graph"), stage: at("stage"), panel: at("panel"), paper: at("paper"), tip: at("tip"), direction: at("direction"),
    describe: (id) => {
      if (id.startsWith("v:")) {
        const value = values.get(id.slice(2));
        return { heading: value.title, text: value.summary || value.description || standing(value) };
      }
      const link = links.get(id.slice(2));
      const note = caution(link, state.group, data.thin);
      return { heading: link.contexts.join(", "), text: linkSentence(link, titles, state.group) + (note ? ` ${note}` : "") };
    },
    onSelect: (id, byKey) => select(id, byKey),
    onFocus: (id) => say(sentence(id)),
  });

  function refresh() {
    for (const name of ["case", "context", "group", "least"]) if (at(name)) at(name).value = state[name];
    if (at("rejected")) at("rejected").checked = Boolean(state.rejected);
    if (at("join")) { at("join").checked = Boolean(state.join); at("join").disabled = Boolean(state.context); }
    if (at("query").value !== state.q) at("query").value = state.q;
    document.body.classList.toggle("only-tables", state.view === "table");
    at("view").setAttribute("aria-pressed", String(state.view === "table"));

    const { found, matches } = filtered();
    shown = found;
    const ends = new Set(found.flatMap((link) => [link.source, link.wiser]));
    const wisdom = new Map([...ends].map((id) => [id, 0]));
    for (const link of found) if (link.kept) wisdom.set(link.wiser, wisdom.get(link.wiser) + Math.max(0, link.likelihood));
    const most = Math.max(0.001, ...wisdom.values());
    const result = stage.show(sections(found).map(({ heading, contexts, links: inside }) => {
      const within = new Set(inside.flatMap((link) => [link.source, link.wiser]));
      const winning = contexts.filter((context) => data.winners[context]);
      const first = new Set(winning.map((context) => data.winners[context]));
      const sure = new Set(winning.filter((context) => !shaky(context)).map((context) => data.winners[context]));
      return {
        heading,
        values: data.values.filter((value) => within.has(value.id)).map((value) => ({
          id: value.id, title: value.title, tint: wisdom.get(value.id) / most, first: first.has(value.id), shaky: first.has(value.id) && !sure.has(value.id), match: matches(value.id),
        })),
        links: inside.map((link) => {
          const seen = evidence(link, state.group);
          return {
            id: link.id, source: link.source, wiser: link.wiser, kept: link.kept, total: seen.total, entropy: seen.entropy,
            thin: seen.total < data.thin, against: Boolean(state.group) && seen.wiser * 2 < seen.total, label: `${seen.wiser} of ${seen.total}`,
          };
        }),
      };
    }));
    at("nothing").hidden = found.length > 0;
    for (const row of document.querySelectorAll("#links tbody tr")) row.hidden = !found.includes(links.get(row.dataset.link));
    for (const row of document.querySelectorAll("#values tbody tr")) row.hidden = !ends.has(row.dataset.value);
    const filters = FILTERS.some((name) => state[name]);
    say(
      `${filters ? "Showing" : "All"} ${count(found.length, "link")} between ${count(ends.size, "value")}` +
      (result.left ? `; the ${result.drawn} with most judgements are drawn, the tables have all` : "") + ".",
    );
    if (selectedId() && !visible(selectedId())) state.select = "";
    panel();
    stage.choose(selectedId());
    writeAddress();
  }

  // Contexts apart, as they were asked; or all in one drawing, where that is wanted or only one is left.
  function sections(found) {
    if (state.context) return [{ heading: "", contexts: [state.context], links: found }];
    if (state.join || data.contexts.length < 2) return [{ heading: "", contexts: data.contexts, links: found }];
    const judged = (list) => list.reduce((sum, link) => sum + link.total, 0);
    return data.contexts
      .map((context) => ({ heading: context, contexts: [context], links: found.filter((link) => link.contexts.includes(context)) }))
      .filter((section) => section.links.length)
      .sort((a, b) => judged(b.links) - judged(a.links));
  }

  const visible = (id) => (id.startsWith("v:") ? shown.some((link) => [link.source, link.wiser].includes(id.slice(2))) : shown.some((link) => `e:${link.id}` === id));
  const say = (text) => { at("status").textContent = text; };

  function sentence(id) {
    if (id.startsWith("v:")) {
      const value = values.get(id.slice(2));
      return `${value.title}. ${standing(value)}`;
    }
    const link = links.get(id.slice(2));
    return `${link.contexts.join(", ")}: ${linkSentence(link, titles, state.group)}`;
  }

  function standing(value) {
    const into = shown.filter((link) => link.wiser === value.id).length, out = shown.filter((link) => link.source === value.id).length;
    return `Found wiser than ${count(into, "value")}, less wise than ${count(out, "value")}.`;
  }

  function select(id, moveFocus = false) {
    state.select = selectionOf(id);
    panel();
    stage.choose(selectedId());
    writeAddress();
    if (moveFocus) at("panel").querySelector("button, h2")?.focus();
  }

  // ---- the panel

  function panel() {
    const id = selectedId();
    const content = id.startsWith("v:") ? valuePanel(values.get(id.slice(2))) : id ? linkPanel(links.get(id.slice(2))) : overview();
    at("panel").replaceChildren(...content.flat());
    at("panel").classList.toggle("open", Boolean(id));
    at("panel").scrollTop = 0;
  }

  const back = () => element("button", { type: "button", class: "back", onclick: () => { select(""); at("graph").focus(); } }, "← Overview");

  function overview() {
    const contexts = data.contexts.filter((context) => data.winners[context] && shown.some((link) => link.kept && link.contexts.includes(context)));
    const help = element("details", { class: "help" },
      element("summary", {}, element("h2", {}, "How to read it")),
      element("p", { class: "lead" }, "An arrow leads from a value to one that people found wiser. The wider the line, the more people were asked; the fainter, the less they agreed."),
      legend());
    help.open = helpOpen;
    help.addEventListener("toggle", () => { helpOpen = help.open; });
    return [
      help,
      contexts.length ? element("h3", {}, state.context ? "First here" : "First in each context") : "",
      element("ul", { class: "list" }, contexts.filter((context) => !state.context || context === state.context).map((context) =>
        element("li", {}, element("button", { type: "button", onclick: () => select(`v:${data.winners[context]}`) }, titles[data.winners[context]], element("small", {}, [context, ...certainty(context)].join(" · ")))))),
    ];
  }

  // How sure the first place is: by how many people, and how often it would be first with others of the same crowd.
  const firstPlace = (context) => values.get(data.winners[context]).standings.find((one) => one.context === context);
  function certainty(context) {
    const found = firstPlace(context);
    if (!found) return [];
    return [
      found.people === null ? null : count(found.people, "person", "people"),
      found.win === null ? null : `first in ${percent(found.win)} of resamples`,
    ].filter(Boolean);
  }
  const shaky = (context) => { const win = firstPlace(context)?.win; return win !== null && win !== undefined && win < 0.5; };

  let helpOpen = window.matchMedia("(min-width: 60.01rem)").matches;

  function legend() {
    const line = (width, fade, dash) => picture(`<line x1="3" y1="12" x2="70" y2="12" stroke-width="${width}" stroke-opacity="${fade}" stroke-dasharray="${dash}"/>`);
    const entries = [
      [line(1.1 + Math.sqrt(2) * 0.85, 1, "7 4"), `fewer than ${data.thin} judgements`],
      [line(1.1 + Math.sqrt(20) * 0.85, 1, ""), "20 judgements, all agree"],
      [line(1.1 + Math.sqrt(100) * 0.85, 1, ""), "100 judgements, all agree"],
      [line(1.1 + Math.sqrt(100) * 0.85, 0.4, ""), "100 judgements, opinions divided"],
      [picture('<rect class="tint" x="14" y="3" width="44" height="18" rx="4"/>'), "the deeper, the more often found wiser"],
      [picture('<rect class="first" x="14" y="4" width="44" height="16" rx="4"/>'), "first in a context"],
    ];
    if (Object.keys(data.winners).some(shaky)) entries.push([picture('<rect class="first" stroke-dasharray="5 3" x="14" y="4" width="44" height="16" rx="4"/>'), "first, but in fewer than half of the resamples"]);
    if (data.links.some((link) => !link.kept)) entries.push([line(2.5, 0.8, "2 4"), "below the thresholds of the graph"]);
    return element("div", { class: "legend" }, entries.flatMap(([image, text]) => [image, element("span", {}, text)]));
  }

  function picture(shapes) {
    const parsed = new DOMParser().parseFromString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 74 24" aria-hidden="true">${shapes}</svg>`, "image/svg+xml");
    return document.importNode(parsed.documentElement, true);
  }

  function valuePanel(value) {
    const into = shown.filter((link) => link.wiser === value.id), out = shown.filter((link) => link.source === value.id);
    const places = value.standings.filter((one) => !state.context || one.context === state.context);
    return [
      back(),
      element("h2", {}, value.title),
      element("p", {}, value.description || value.summary || "Nothing more is known about this value."),
      value.policies.length ? [element("h3", {}, "Attends to"), element("ul", {}, value.policies.map((policy) => element("li", {}, policy)))] : [],
      places.length ? [element("h3", {}, "Where it stands"), numbers(places.slice(0, 12).map((one) => [one.context ?? "All contexts", place(one)]))] : [],
      into.length ? [element("h3", {}, "Found wiser than"), linkList(into, "source")] : [],
      out.length ? [element("h3", {}, "Less wise than"), linkList(out, "wiser")] : [],
    ].flat();
  }

  function place(one) {
    const parts = [`rank ${one.rank}`];
    if (one.people !== null) parts.push(count(one.people, "person", "people"));
    if (one.win !== null) parts.push(`first in ${percent(one.win)} of resamples`);
    return parts.join(", ");
  }

  const linkList = (list, end) => element("ul", { class: "list" }, list.map((link) => {
    const seen = evidence(link, state.group);
    return element("li", {}, element("button", { type: "button", onclick: () => select(`e:${link.id}`, true) },
      titles[link[end]], element("small", {}, `${seen.wiser} of ${count(seen.total, "judgement")} · ${link.contexts.join(", ")}`)));
  }));

  function linkPanel(link) {
    const note = caution(link, state.group, data.thin);
    return [
      back(),
      element("h2", {}, `Is “${titles[link.wiser]}” wiser?`),
      element("p", {}, linkSentence(link, titles, state.group)),
      note ? element("p", {}, element("strong", {}, note)) : null,
      ...bar(link),
      numbers([
        ["Context", link.contexts.join(", ")],
        ["People", link.people],
        ["Likelihood, −1 to 1", link.likelihood.toFixed(2)],
        ["Entropy of the votes", `${link.entropy.toFixed(2)} of 2 bits`],
        ["Entropy as published", Math.abs(link.statedEntropy - link.entropy) > 0.001 ? `${link.statedEntropy.toFixed(2)} bits` : null],
        ["Comparisons shown", link.impressions !== link.total ? link.impressions : null],
        ["Kept in resamples", link.survival === null ? null : percent(link.survival)],
        ["Below the thresholds", link.kept ? null : link.failed.join(", ")],
      ]),
      link.groups.length ? [element("h3", {}, "By group: wiser of all"), numbers(link.groups.map((one) => [`${one.attribute}: ${one.group}`, `${one.wiser} of ${one.total}`]))] : null,
      element("h3", {}, "The two values"),
      element("ul", { class: "list" }, [[link.wiser, "found wiser"], [link.source, "compared with"]].map(([id, role]) =>
        element("li", {}, element("button", { type: "button", onclick: () => select(`v:${id}`, true) }, titles[id], element("small", {}, role))))),
    ].flat().filter(Boolean);
  }

  // ---- controls

  function change(name, value) { state[name] = value; refresh(); }
  let typing = 0;
  at("query").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => change("q", event.target.value), 160);
  });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["case", "context", "group", "least"]) at(name)?.addEventListener("change", (event) => change(name, event.target.value));
  at("rejected")?.addEventListener("change", (event) => change("rejected", event.target.checked ? "1" : ""));
  at("join")?.addEventListener("change", (event) => change("join", event.target.checked ? "1" : ""));
  at("view").addEventListener("click", () => change("view", state.view === "table" ? "" : "table"));
  at("clear").addEventListener("click", () => { for (const name of FILTERS) state[name] = ""; refresh(); at("query").focus(); });
  at("fit").addEventListener("click", () => stage.fit());
  at("closer").addEventListener("click", () => stage.zoomBy(1.3));
  at("farther").addEventListener("click", () => stage.zoomBy(1 / 1.3));
  at("share").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link to this view is copied.");
    } catch {
      say("The address line holds the link to this view.");
    }
  });
  const THEMES = ["system", "light", "dark"];
  function theme(name) {
    if (name === "system") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = name;
    at("theme").textContent = `Theme: ${name}`;
    stage.restyle();
  }
  at("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % 3]));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => stage.restyle());
  window.addEventListener("hashchange", () => { readAddress(); refresh(); });
  window.pluralignGraph = { cy: stage.cy, shown: () => shown.map((link) => link.id) };

  readAddress();
  refresh();
})();

// The conversation: choosing voices, asking, listening to several replies at once.
(() => {
  const $ = (id) => document.getElementById(id);
  const SUGGESTIONS = ["Is divorce acceptable?", "How important is God in your life?", "Can most people be trusted?",
    "If jobs are scarce, should men be hired before women?", "Is it good to have a strong leader?"];
  let voices = new Map();
  let chosen = [];
  let talk = fresh();
  let running = null;
  const groups = new Map();  // steerable panel -> the group it is asked to speak for

  function fresh() {
    return { id: crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2), created: new Date().toISOString(), voices: [], turns: [] };
  }

  // --- talking to the server ---------------------------------------------------------------------------------------

  function headers() {
    const key = sessionStorage.getItem("pluralign.key");
    return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  }

  async function ask(path, body, signal) {
    const answer = await fetch(path, { method: body ? "POST" : "GET", headers: headers(), body: body ? JSON.stringify(body) : undefined, signal });
    if (!answer.ok) {
      const said = await answer.json().catch(() => null);
      const error = new Error(said && said.error ? said.error.message : `The server answered ${answer.status}.`);
      error.status = answer.status;
      throw error;
    }
    return answer;
  }

  /** Pieces of a reply as they come. Throws what the server says went wrong. */
  async function* stream(body, signal) {
    const answer = await ask("/v1/chat/completions", { ...body, stream: true }, signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const event = JSON.parse(line.slice(6));
        if (event.error) throw new Error(event.error.message);
        for (const choice of event.choices) {
          yield { text: choice.delta.content || "", finish: choice.finish_reason, told: event.pluralign, voices: choice.pluralign && choice.pluralign.voices };
        }
      }
    }
  }

  // --- voices ------------------------------------------------------------------------------------------------------

  async function loadVoices() {
    try {
      const listed = (await (await ask("/v1/models")).json()).data;
      voices = new Map(listed.map((voice) => [voice.id, voice]));
    } catch (error) {
      problem(error.message);
      if (error.status === 401) openSettings();
      return;
    }
    problem("");
    const kept = chosen.filter((id) => voices.has(id));
    const wished = new URLSearchParams(location.search).getAll("voice").filter((id) => voices.has(id));
    const first = [...voices.values()].find((voice) => voice.default) || [...voices.values()][0];
    choose(kept.length ? kept : wished.length ? wished.slice(0, MOST) : first ? [first.id] : []);
  }

  function choose(ids) {
    chosen = ids;
    const strip = $("strip");
    strip.style.setProperty("--count", String(Math.max(1, chosen.length)));
    strip.replaceChildren(...chosen.map((id, slot) => {
      const voice = voices.get(id);
      return make("li", { class: `voice v${slot}` },
        make("h3", {}, make("span", { class: "swatch", "aria-hidden": "true" }), voice.title),
        make("code", {}, voice.id),
        ...overall(voice, showCard),
        groupField(voice),
        make("p", { class: "row" }, make("button", { type: "button", onclick: () => showCard(id), "aria-label": `Whose view is this? ${voice.title}` }, "Whose view is this?")));
    }));
  }

  /** Where a panel lets one voice speak for a group, the group is asked for. */
  function groupField(voice) {
    if (!voice.panel || voice.panel.kind !== "steerable") return null;
    const id = `group-${voice.id.replace(/[^\w-]/g, "_")}`;
    const known = [...new Set(voice.panel.members.map((one) => one.collective && one.collective.name).filter(Boolean))];
    return make("p", { class: "group-field" }, make("label", { for: id }, "Your group"),
      make("input", { id, value: groups.get(voice.id) || "", list: `${id}-known`, maxlength: "200", autocomplete: "off", placeholder: known[0] || "",
        oninput: (event) => { groups.set(voice.id, event.target.value.trim()); problem(""); } }),
      make("datalist", { id: `${id}-known` }, ...known.map((name) => make("option", { value: name }))));
  }

  /** How the server is told who should answer. */
  function nameOf(voice) { return voice.group ? `${voice.id}/${voice.group}` : voice.id; }

  function showChoices() {
    const wanted = $("find").value.trim().toLowerCase();
    // Voices of files and panels first, then the survey's peoples by region, and last who speaks for nobody.
    const regions = [...new Set([...voices.values()].map((voice) => voice.region).filter(Boolean))].sort();
    const groups = new Map(["Voices", "Panels", ...regions, "Nobody in particular"].map((name) => [name, []]));
    for (const voice of voices.values()) {
      const text = `${voice.title} ${voice.id} ${voice.region || ""}`.toLowerCase();
      if (wanted && !text.includes(wanted)) continue;
      const group = voice.panel ? "Panels" : voice.collective ? voice.region || "Voices" : "Nobody in particular";
      groups.get(group).push(voice);
    }
    $("choices").replaceChildren(...[...groups].filter(([, members]) => members.length).map(([name, members]) => make("fieldset", { class: "group" }, make("legend", {}, name),
      ...members.map((voice) => {
        const id = `choice-${voice.id.replace(/[^\w-]/g, "_")}`;
        const box = make("input", { type: "checkbox", id, value: voice.id, checked: chosen.includes(voice.id),
          onchange: () => { choose(box.checked ? [...chosen, voice.id] : chosen.filter((one) => one !== voice.id)); countChoices(); } });
        return make("div", { class: "choice" }, box, make("label", { for: id }, voice.title, make("small", { class: "soft" }, voice.id)),
          voice.collective ? badge(voice.profile) : voice.panel ? make("span", { class: "soft" }, voice.panel.kind) : null);
      }))));
    countChoices();
  }

  /** No fifth voice can be chosen. */
  function countChoices() {
    const boxes = [...$("choices").querySelectorAll("input")];
    for (const box of boxes) box.disabled = !box.checked && chosen.length >= MOST;
    $("picked").textContent = boxes.length ? `${chosen.length} of at most ${MOST} chosen.` : "No voice is called that.";
  }

  /** A voice's card; ``from``: the panel's whose member it is, to go back to. */
  async function showCard(id, from = null) {
    const voice = voices.get(id);
    const back = from ? [make("p", { class: "row" }, make("button", { type: "button", onclick: () => showCard(from.id) }, `Back to ${from.title}`))] : [];
    $("card-heading").textContent = `Whose view is this?${voice ? ` ${voice.title}` : ""}`;
    $("card-body").replaceChildren(make("p", {}, "Looking it up …"));
    if ($("card").open) $("card-body").focus();  // what was chosen in it is gone
    else $("card").showModal();
    try {
      const card = await (await ask(`/pluralign/voices/${encodeURIComponent(id)}`)).json();
      $("card-heading").textContent = `Whose view is this? ${card.title}`;
      $("card-body").replaceChildren(...back, ...cardOf(card, (member) => showCard(member, card)));
    } catch (error) {
      $("card-body").replaceChildren(...back, make("p", { class: "problem" }, error.message));
    }
    $("card-body").scrollTop = 0;
  }

  // --- turns -------------------------------------------------------------------------------------------------------

  /** Put a turn on the page; gives what is written into as its replies come. */
  function showTurn(turn) {
    const ids = Object.keys(turn.replies);
    const about = make("p", { class: "about" });
    const cells = new Map(ids.map((id, slot) => {
      const said = make("div", { class: "said" });
      const by = make("div");
      const end = make("p", { class: "end" }, endOf(turn.replies[id]));
      const faith = make("div");
      const voice = turn.voices[id] || { id, title: id, collective: null };
      const card = voices.has(id) ? make("button", { type: "button", onclick: () => showCard(id), "aria-label": `Whose view is this? ${voice.title}` }, "Whose view is this?") : null;
      const root = make("article", { class: `reply v${slot}`, "aria-label": `${voice.title} replies` },
        make("h3", {}, make("span", { class: "swatch", "aria-hidden": "true" }), voice.title), by, said, end, faith, make("p", { class: "row" }, card));
      const cell = { root, said, end, faith, by };
      showSaid(cell, turn.replies[id]);
      return [id, cell];
    }));
    const polled = make("div");
    const root = make("li", { class: "turn" }, make("p", { class: "asked" }, turn.user), about,
      make("div", { class: "replies", style: { "--count": String(ids.length) } }, ...[...cells.values()].map((cell) => cell.root)), polled);
    $("turns").append(root);
    $("empty").hidden = true;
    const parts = { root, about, cells, polled };
    showTopic(turn, parts);
    return parts;
  }

  /** What was said so far: a panel's reply part by part, each under the names of those whose view it is. */
  function showSaid(cell, reply) {
    const note = spokenBy(reply.told);
    cell.by.replaceChildren(...(note ? [note] : []));
    if (!reply.parts || !reply.parts.length) { cell.said.textContent = reply.text; return; }
    const titles = new Map(reply.told.voices.map((one) => [one.id, one.title]));
    const shown = reply.parts.map((part) => {
      const { names, text } = plainPart(part, titles);
      return make("div", { class: "part" }, ...part.voices.map((id) => make("button", { type: "button", class: "who",
        onclick: () => showCard(id), "aria-label": `Whose view is this? ${titles.get(id) || id}` }, titles.get(id) || names)), make("p", {}, text));
    });
    cell.said.replaceChildren(...shown);
  }

  function endOf(reply) {
    if (reply.error) return reply.error;
    return { length: "Cut off at the longest reply.", content_filter: "The model refused.", stopped: "You stopped it." }[reply.finish] || "";
  }

  function topicOf(turn, id) { return turn.topic && turn.topic.voices[nameOf(turn.voices[id] || { id })]; }

  function showTopic(turn, parts) {
    if (!turn.topic) return;
    const nearest = Object.values(turn.topic.voices).find((one) => one.topic);
    if (!turn.topic.available) {
      parts.about.replaceChildren("This server cannot tell what a question is about, so nothing is said of the voices on its topic.");
    } else if (!nearest) {
      parts.about.replaceChildren("No question of the survey is like this one: nobody knows how faithful these voices are on it.");
    } else {
      parts.about.replaceChildren("About ", make("strong", {}, nearest.topic), `, to judge by the survey's question “${nearest.questions[0].text}”`);
    }
    for (const [id, cell] of parts.cells) {
      const note = onTopic(turn.voices[id] || { collective: null }, topicOf(turn, id));
      cell.faith.replaceChildren(...(note ? [note] : []));
    }
    if (nearest) {
      const body = make("div", { class: "replies", style: { "--count": String(parts.cells.size) } });
      const details = make("details", { class: "polled", ontoggle: () => { if (details.open && !body.childElementCount) poll(turn, body); } },
        make("summary", {}, "The survey's question, polled: the people beside the voice"), make("p", {}, nearest.questions[0].text), body);
      parts.polled.replaceChildren(details);
    }
  }

  async function poll(turn, body) {
    const ids = Object.keys(turn.replies);
    const cells = ids.map((_, slot) => make("div", { class: `reply v${slot}` }, "Asking …"));
    body.replaceChildren(...cells);
    await Promise.all(ids.map(async (id, slot) => {
      const about = topicOf(turn, id);
      try {
        if (!about || !about.topic) throw new Error("This voice's survey has no such question.");
        cells[slot].replaceChildren(pollTable(await (await ask("/pluralign/poll", { model: nameOf(turn.voices[id] || { id }), question: about.questions[0].id })).json(), slot, turn.voices[id] ? turn.voices[id].title : id));
      } catch (error) {
        cells[slot].replaceChildren(make("p", { class: "end" }, error.message));
      }
    }));
    say("The answers are there.");
  }

  async function send(text) {
    const ids = [...chosen];
    const turn = { user: text, asked: new Date().toISOString(), topic: null, voices: {}, replies: {} };
    for (const id of ids) {
      const { title, collective, profile, panel } = voices.get(id);
      turn.voices[id] = { id, title, collective, profile, panel, group: panel && panel.kind === "steerable" ? groups.get(id) : "" };
      turn.replies[id] = { text: "", finish: null };
    }
    const before = talk.turns;
    talk = { ...talk, voices: ids, turns: [...before, turn] };
    const parts = showTurn(turn);
    parts.root.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    running = new AbortController();
    busy(true);
    say(`${ids.map((id) => voices.get(id).title).join(", ")} ${ids.length === 1 ? "is" : "are"} answering.`);
    const topic = ask("/pluralign/topic", { text: text.slice(0, 4000), models: ids.map((id) => nameOf(turn.voices[id])) }, running.signal)
      .then(async (answer) => { turn.topic = await answer.json(); showTopic(turn, parts); }).catch(() => {});
    const seed = Math.floor(Math.random() * 2 ** 31);
    await Promise.all([topic, ...ids.map((id) => listen(id, before, turn, parts.cells.get(id), seed))]);
    running = null;
    busy(false);
    save();
    say("All replies are there.");
  }

  async function listen(id, before, turn, cell, seed) {
    const reply = turn.replies[id];
    const messages = [];
    for (const earlier of before) {
      if (!earlier.replies[id] || !earlier.replies[id].text) continue;
      messages.push({ role: "user", content: earlier.user }, { role: "assistant", content: earlier.replies[id].text });
    }
    messages.push({ role: "user", content: turn.user });
    cell.said.classList.add("waiting");
    cell.root.setAttribute("aria-busy", "true");
    try {
      const voice = turn.voices[id];
      const several = voice.panel && voice.panel.kind === "overton" ? voice.panel.members.length : 1;
      const body = { model: nameOf(voice), messages, seed, max_tokens: setting("length", 256) * several };
      const temperature = setting("temperature", null);
      for await (const { text, finish, told, voices: whose } of stream(temperature === null ? body : { ...body, temperature }, running.signal)) {
        reply.text += text;
        reply.finish = finish || reply.finish;
        reply.told = told || reply.told;
        if (whose) {
          const last = (reply.parts ||= []).at(-1);
          if (last && last.voices.join() === whose.join()) last.text += text;
          else reply.parts.push({ voices: whose, text });
        }
        showSaid(cell, reply);
      }
    } catch (error) {
      if (error.name === "AbortError") reply.finish = "stopped";
      else reply.error = error.message;
    }
    cell.said.classList.remove("waiting");
    cell.root.removeAttribute("aria-busy");
    cell.end.textContent = endOf(reply);
  }

  // --- kept in this browser ----------------------------------------------------------------------------------------

  function all() {
    try { return JSON.parse(localStorage.getItem("pluralign.chats") || "[]"); } catch { return []; }
  }

  function keep(talks) {
    for (let count = talks.length; count >= 0; count -= 1) {
      try { localStorage.setItem("pluralign.chats", JSON.stringify(talks.slice(0, count))); return; } catch { /* full: drop the oldest */ }
    }
  }

  function save() {
    if (talk.turns.length) keep([talk, ...all().filter((one) => one.id !== talk.id)].slice(0, 200));
  }

  function open(one) {
    talk = one;
    $("turns").replaceChildren();
    $("empty").hidden = one.turns.length > 0;
    for (const turn of one.turns) showTurn(turn);
    const kept = one.voices.filter((id) => voices.has(id));
    if (kept.length) choose(kept);
  }

  function showSaved() {
    const talks = all();
    $("conversations").replaceChildren(...talks.map((one) => {
      const title = one.turns[0].user.slice(0, 80);
      return make("li", {},
        make("button", { type: "button", class: "open", onclick: () => { if (!running) open(one); $("shelf").close(); } }, title,
          make("small", { class: "soft" }, ` ${one.created.slice(0, 10)}, ${one.turns.length} question${one.turns.length === 1 ? "" : "s"}`)),
        make("button", { type: "button", "aria-label": `Delete ${title}`, onclick: () => { keep(all().filter((other) => other.id !== one.id)); showSaved(); } }, "Delete"));
    }));
    if (!talks.length) $("conversations").replaceChildren(make("li", {}, "None yet."));
    $("forget").hidden = !talks.length;
  }

  function markdown() {
    const lines = [`# Conversation of ${talk.created.slice(0, 10)}`, ""];
    for (const turn of talk.turns) {
      lines.push(`## ${turn.user}`, "");
      for (const [id, reply] of Object.entries(turn.replies)) {
        const voice = turn.voices[id];
        const about = topicOf(turn, id);
        const told = (measured, where) => `${verdict(measured).text}${measured ? `: ${three(measured.distance.value)} from how ${whom(voice)} answered, uniform answers ${three(measured.floors.uniform)}` : ""} (${where})`;
        lines.push(`**${voice.title}** (\`${id}\`)`, "", ...reply.text.split("\n").map((line) => `> ${line}`), "");
        if (reply.told && reply.told.chosen_by) lines.push(`- Answered by ${reply.told.voices.map((one) => one.title).join(" and ")} for ${reply.told.group}`);
        if (voice.collective) lines.push(`- ${told(voice.profile, "all topics")}`);
        if (voice.collective && about && about.topic) lines.push(`- ${told(about.measured, about.topic)}`);
        lines.push("");
      }
    }
    return lines.join("\n");
  }

  function download(text, type, ending) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    make("a", { href: url, download: `conversation-${talk.created.slice(0, 10)}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    $("download").close();
  }

  // --- the page ----------------------------------------------------------------------------------------------------

  function say(text) { $("status").textContent = text; }
  function problem(text) { $("problem").textContent = text; }

  function busy(is) {
    $("send").disabled = is;
    $("stop").hidden = !is;
    $("send").hidden = is;
    if (!is) $("question").focus({ preventScroll: true });
  }

  function setting(name, otherwise) {
    const kept = localStorage.getItem(`pluralign.${name}`);
    const value = kept === null || kept === "" ? NaN : Number(kept);
    return Number.isFinite(value) ? value : otherwise;
  }

  function openSettings() {
    $("temperature").value = setting("temperature", "") ?? "";
    $("length").value = setting("length", 256);
    $("key-field").hidden = $("key-note").hidden = document.body.dataset.keyed !== "true";
    $("key").value = sessionStorage.getItem("pluralign.key") || "";
    if (!$("options").open) $("options").showModal();
  }

  function grow() {
    const box = $("question");
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, innerHeight * 0.4)}px`;
  }

  function submit() {
    const text = $("question").value.trim();
    if (!text || running) return;
    if (!chosen.length) { problem("Choose a voice first."); return; }
    const open = chosen.map((id) => voices.get(id)).find((voice) => voice.panel && voice.panel.kind === "steerable" && !groups.get(voice.id));
    if (open) {
      problem(`Say which group “${open.title}” should speak for.`);
      $(`group-${open.id.replace(/[^\w-]/g, "_")}`).focus();
      return;
    }
    problem("");
    $("question").value = "";
    grow();
    send(text);
  }

  $("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("question").addEventListener("input", grow);
  $("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
  });
  $("stop").addEventListener("click", () => { if (running) running.abort(); });
  $("new").addEventListener("click", () => { if (running) running.abort(); talk = fresh(); $("turns").replaceChildren(); $("empty").hidden = false; $("question").focus(); });
  $("choose").addEventListener("click", () => { $("find").value = ""; showChoices(); $("picker").showModal(); });
  $("find").addEventListener("input", showChoices);
  $("find").addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  $("saved").addEventListener("click", () => { showSaved(); $("shelf").showModal(); });
  $("forget").addEventListener("click", () => { if (confirm("Delete all saved conversations?")) { keep([]); showSaved(); } });
  $("export").addEventListener("click", () => { if (talk.turns.length) $("download").showModal(); else problem("There is nothing to export yet."); });
  $("as-text").addEventListener("click", () => download(markdown(), "text/markdown;charset=utf-8", "md"));
  $("as-data").addEventListener("click", () => download(JSON.stringify(talk, null, 1), "application/json", "json"));
  $("settings").addEventListener("click", openSettings);
  for (const name of ["temperature", "length"]) $(name).addEventListener("change", () => localStorage.setItem(`pluralign.${name}`, $(name).value));
  $("options").addEventListener("close", () => {
    if (document.body.dataset.keyed !== "true") return;
    sessionStorage.setItem("pluralign.key", $("key").value.trim());
    loadVoices();
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
  $("suggestions").append(...SUGGESTIONS.map((text) => make("li", {}, make("button", { type: "button", onclick: () => { $("question").value = text; submit(); } }, text))));
  loadVoices();
})();
